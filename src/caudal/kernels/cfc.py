"""The dense CfC recurrence (`dynamics/cfc.py`) behind one door."""

from caudal.dynamics import cfc
from caudal.kernels.precision import own_dtype
from caudal.kernels.recurrence import define
from caudal.kernels.reference import reference

cfc_scan = define("cfc_scan", [own_dtype(reference(cfc))])
