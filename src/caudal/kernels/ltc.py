"""The LTC recurrence (`dynamics/ltc.py`) behind one door."""

from caudal.dynamics import ltc
from caudal.kernels import lazy
from caudal.kernels.recurrence import define
from caudal.kernels.reference import reference

ltc_scan = define("ltc_scan", [lazy.numba("ltc"), lazy.triton("ltc", lazy.crowded), reference(ltc)])
