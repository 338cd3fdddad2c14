"""The dense CfC recurrence (`dynamics/cfc.py`) behind one door."""

from caudal.dynamics import cfc
from caudal.kernels import lazy
from caudal.kernels.precision import own_dtype
from caudal.kernels.recurrence import Call, define
from caudal.kernels.reference import reference


def no_compiled_form(call: Call) -> str | None:
    """Reason why the compiled loops of a CfC cannot run its activation, or None."""
    return "the exact gelu has no compiled form" if call.settings["activation"] == "gelu" else None


cfc_scan = define(
    "cfc_scan",
    [own_dtype(lazy.numba("cfc", no_compiled_form)), own_dtype(lazy.triton("cfc")), own_dtype(reference(cfc))],
)
