"""Triton, or stand-ins that let these files be imported where it is not installed.

Triton decides when a kernel is defined whether its interpreter runs it: `TRITON_INTERPRET=1` must stand in the
environment before these files are first loaded.
"""

from importlib import import_module
from typing import Any

from caudal.kernels.backends import interpreted


def _as_written(function: Any) -> Any:
    return function


try:
    tl: Any = import_module("triton.language")
    kernel: Any = import_module("triton").jit
    constexpr: Any = tl.constexpr
except ImportError:
    # Definitions are all that is reached without Triton: every backend refuses before it launches one.
    tl, kernel, constexpr = None, _as_written, _as_written


def _total(values: Any, axis: int) -> Any:
    return tl.reduce(values, axis, tl.standard._sum_combine)


# The interpreter patches all of Triton anew at each call of a decorated function, its own `tl.sum` among them, which
# takes milliseconds; a plain function inside a kernel runs just as well.
inlined: Any = _as_written if interpreted() else kernel
"""Marks a helper that kernels call."""
total: Any = _total if tl is None or interpreted() else tl.sum
"""Sum of a block along an axis."""
