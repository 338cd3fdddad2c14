"""The LRC recurrence (`dynamics/lrc.py`) behind one door."""

from caudal.dynamics import lrc
from caudal.kernels import lazy
from caudal.kernels.recurrence import define
from caudal.kernels.reference import reference

lrc_scan = define("lrc_scan", [lazy.numba("lrc"), lazy.triton("lrc", lazy.crowded), reference(lrc)])
