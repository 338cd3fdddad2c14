"""Export: a trained step as C, the same to the bit on a server and on an 8-bit chip, with its proof; and as ONNX."""

from caudal.export.accuracy import Lost as Lost
from caudal.export.accuracy import lost as lost
from caudal.export.aware import Tuned as Tuned
from caudal.export.aware import tune as tune
from caudal.export.onnx_file import onnx as onnx
from caudal.export.package import Export as Export
from caudal.export.package import c as c
from caudal.export.place import Exported as Exported
from caudal.export.plan import Plan as Plan
from caudal.export.program import Program as Program
from caudal.export.read import describe as describe
from caudal.export.runner import Runner as Runner
from caudal.export.targets import TARGETS as TARGETS
from caudal.export.targets import Measured as Measured
from caudal.export.targets import footprint as footprint
from caudal.export.targets import measure as measure
from caudal.export.torch_file import aoti as aoti
from caudal.export.torch_file import executorch as executorch
from caudal.export.torch_file import torch_program as torch_program
from caudal.export.twin import Twin as Twin
from caudal.export.verify import Verdict as Verdict
from caudal.export.verify import verify as verify
