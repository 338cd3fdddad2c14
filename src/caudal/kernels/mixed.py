"""The memory cell (`dynamics/lstm.py`) and mixed memory (`dynamics/mixed.py`) behind one door each."""

from caudal.dynamics import lstm, mixed
from caudal.kernels import lazy
from caudal.kernels.cfc import no_compiled_form
from caudal.kernels.precision import own_dtype
from caudal.kernels.recurrence import Call, define
from caudal.kernels.reference import reference


def _none_yet(call: Call) -> str | None:
    return "this recurrence has no Triton kernel"


_triton = lazy.triton("mixed", _none_yet)
lstm_scan = define("lstm_scan", [own_dtype(lazy.numba("lstm")), _triton, own_dtype(reference(lstm))])
mixed_scan = define(
    "mixed_scan", [own_dtype(lazy.numba("mixed", no_compiled_form)), _triton, own_dtype(reference(mixed))]
)
