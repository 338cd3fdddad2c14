"""Pictures of one decision as SVG text, each with a title and a description for those who do not see it."""

from caudal.explain.pictures.circuit import circuit as circuit
from caudal.explain.pictures.heat import heat as heat
from caudal.explain.pictures.lines import lines as lines
from caudal.explain.pictures.raster import png as png
