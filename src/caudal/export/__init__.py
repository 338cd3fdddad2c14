"""Export: a trained step as C, the same to the bit on a server and on an 8-bit chip, with its proof; and as ONNX."""

from caudal.export.accuracy import Lost as Lost
from caudal.export.accuracy import lost as lost
from caudal.export.c.package import Export as Export
from caudal.export.c.package import c as c
from caudal.export.c.runner import Runner as Runner
from caudal.export.c.targets import TARGETS as TARGETS
from caudal.export.c.targets import Measured as Measured
from caudal.export.c.targets import footprint as footprint
from caudal.export.c.targets import measure as measure
from caudal.export.c.verify import Verdict as Verdict
from caudal.export.c.verify import verify as verify
from caudal.export.files import Exported as Exported
from caudal.export.graph.onnx_graph import onnx as onnx
from caudal.export.graph.torch_step import aoti as aoti
from caudal.export.graph.torch_step import executorch as executorch
from caudal.export.graph.torch_step import torch_program as torch_program
from caudal.export.plan.plan import Plan as Plan
from caudal.export.plan.read import describe as describe
from caudal.export.program.program import Program as Program
from caudal.export.program.twin import Twin as Twin
from caudal.export.quantization_aware import Tuned as Tuned
from caudal.export.quantization_aware import tune as tune
