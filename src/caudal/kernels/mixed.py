"""The memory cell (`dynamics/lstm.py`) and mixed memory (`dynamics/mixed.py`) behind one door each."""

from caudal.dynamics import lstm, mixed
from caudal.kernels import lazy
from caudal.kernels.cfc import no_compiled_form
from caudal.kernels.precision import own_dtype
from caudal.kernels.recurrence import define
from caudal.kernels.reference import reference

lstm_scan = define("lstm_scan", [own_dtype(lazy.numba("lstm")), own_dtype(reference(lstm))])
mixed_scan = define("mixed_scan", [own_dtype(lazy.numba("mixed", no_compiled_form)), own_dtype(reference(mixed))])
