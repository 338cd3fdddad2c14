"""Backends whose code is loaded on first use, so that `import caudal` stays light."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor

from caudal.extras import is_installed
from caudal.kernels.recurrence import Backend, Call, Passes

T = TypeVar("T")
_MOST_SYNAPSES = 8192
_MOST_UNITS = 1024


def cpu_refusal(call: Call) -> str | None:
    """Reason why the compiled CPU kernels cannot run a call, or None."""
    if call.x.device.type != "cpu":
        return f"x is on {call.x.device}, and this backend runs on the CPU"
    if call.x.dtype not in (torch.float32, torch.float64):
        return f"x is {call.x.dtype}, and this backend computes float32 and float64"
    if any(t.dtype != call.x.dtype for t in (call.dt, *call.state, *call.params)):
        return "dt, state or parameters differ from x in dtype"
    if not can_compile():
        return "the package numba is not installed"
    return None


@cache
def can_compile() -> bool:
    """Whether Numba is installed. Where it is not, plain PyTorch runs, and the first use says so on standard error."""
    if is_installed("numba"):
        return True
    remedy = '`pip install "caudal[kernels]"` compiles the loops of the cells for this processor'
    print(f"caudal: plain PyTorch runs the cells, which takes 3 to 40 times as long; {remedy}", file=sys.stderr)
    return False


def loop(function: Callable[..., T]) -> Callable[..., T]:
    """A loop over arrays of NumPy, compiled on first call where Numba is installed, and as it stands elsewhere."""
    if not can_compile():
        return function
    compiled: Callable[..., T] = importlib.import_module("caudal.kernels.cpu.jit").kernel(function)
    return compiled


def numba(place: str, refusal: Callable[[Call], str | None] = lambda call: None) -> Backend:
    """Backend `"numba"` whose `forward` and `backward` stand in `caudal.kernels.cpu.<place>`.

    Arguments:
        place: name of the file, or `file.CELL` where a file holds several cells.
        refusal: reason of its own not to run a call, beyond device and dtype.
    """

    def can(call: Call) -> str | None:
        return cpu_refusal(call) or refusal(call)

    return Backend("numba", can, *_passes("cpu", place))


def interpreted() -> bool:
    """Whether Triton's kernels run in its interpreter, on any device: `TRITON_INTERPRET=1` in the environment."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def gpu_refusal(call: Call) -> str | None:
    """Reason why the Triton kernels cannot run a call, or None."""
    if importlib.util.find_spec("triton") is None:
        return "the package triton is not installed"
    if call.x.device.type != "cuda" and not interpreted():
        return f"x is on {call.x.device}, and this backend runs on CUDA devices"
    dtypes = {t.dtype for t in (call.x, call.dt, *call.state, *call.params)}
    if any(t.device != call.x.device for t in (call.dt, *call.state, *call.params, *call.graph)):
        return "dt, state, parameters or graph are not on the device of x"
    if not dtypes <= {torch.float32, torch.bfloat16, torch.float16} and dtypes != {torch.float64}:
        names = ", ".join(sorted(str(d) for d in dtypes))
        return f"it was given {names}, and this backend computes float32 (also for half precision) or float64"
    return None


def triton(place: str, refusal: Callable[[Call], str | None] = lambda call: None) -> Backend:
    """Backend `"triton"` whose `forward` and `backward` stand in `caudal.kernels.cuda.<place>`.

    Arguments:
        place: name of the file, or `file.CELL` where a file holds several cells.
        refusal: reason of its own not to run a call, beyond device and dtype.
    """

    def can(call: Call) -> str | None:
        return gpu_refusal(call) or refusal(call)

    def auto(call: Call) -> str | None:
        if call.x.device.type == "cuda" and not interpreted():
            return None
        return "Triton's interpreter is on (TRITON_INTERPRET=1), which runs only when asked for by name"

    return Backend("triton", can, *_passes("cuda", place), auto)


def crowded(call: Call) -> str | None:
    """Reason why the synapses of a wired call do not fit the registers of one Triton program, or None."""
    _, sensory, _, recurrent, *_ = call.graph
    for kind, synapses in (("sensory", sensory), ("recurrent", recurrent)):
        if synapses.numel() > _MOST_SYNAPSES:
            return f"it has {synapses.numel()} {kind} synapses, and one program holds {_MOST_SYNAPSES}"
    if max(call.state[0].shape[1], call.x.shape[2]) > _MOST_UNITS:
        return f"it has more than {_MOST_UNITS} units or inputs, and one program holds no more"
    return None


def _passes(device: str, place: str) -> Passes:
    """Forward and backward of a cell, loaded when first called."""
    module, _, cell = place.partition(".")

    def load() -> Passes:
        file = importlib.import_module(f"caudal.kernels.{device}.{module}")
        passes: Passes = getattr(file, cell) if cell else Passes(file.forward, file.backward)
        return passes

    def forward(call: Call) -> list[Tensor]:
        return load().forward(call)

    def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
        return load().backward(call, grads, states)

    return Passes(forward, backward)
