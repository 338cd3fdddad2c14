"""The wired CfC recurrence (`dynamics/cfc_wired.py`) behind one door."""

from caudal.dynamics import cfc_wired
from caudal.kernels import lazy
from caudal.kernels.precision import own_dtype
from caudal.kernels.recurrence import define
from caudal.kernels.reference import reference

cfc_wired_scan = define(
    "cfc_wired_scan",
    [
        own_dtype(lazy.numba("cfc_wired")),
        own_dtype(lazy.triton("cfc_wired", lazy.crowded)),
        own_dtype(reference(cfc_wired)),
    ],
)
