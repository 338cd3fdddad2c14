"""The CT-RNN recurrence (`dynamics/ctrnn.py`) behind one door."""

from caudal.dynamics import ctrnn
from caudal.kernels import lazy
from caudal.kernels.recurrence import define
from caudal.kernels.reference import reference

ctrnn_scan = define("ctrnn_scan", [lazy.numba("ctrnn"), lazy.triton("ctrnn", lazy.crowded), reference(ctrnn)])
