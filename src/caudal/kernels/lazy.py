"""Backends whose code is loaded on first use, so that `import caudal` stays light."""

import importlib
import importlib.util
from collections.abc import Callable

import torch
from torch import Tensor

from caudal.kernels.recurrence import Backend, Call


def cpu_refusal(call: Call) -> str | None:
    """Reason why the compiled CPU kernels cannot run a call, or None."""
    if call.x.device.type != "cpu":
        return f"x is on {call.x.device}, and this backend runs on the CPU"
    if call.x.dtype not in (torch.float32, torch.float64):
        return f"x is {call.x.dtype}, and this backend computes float32 and float64"
    if any(t.dtype != call.x.dtype for t in (call.dt, *call.state, *call.params)):
        return "dt, state or parameters differ from x in dtype"
    if importlib.util.find_spec("numba") is None:
        return "the package numba is not installed"
    return None


def numba(module: str, refusal: Callable[[Call], str | None] = lambda call: None) -> Backend:
    """Backend `"numba"` whose `forward` and `backward` stand in `caudal.kernels.cpu.<module>`.

    Arguments:
        module: name of the file.
        refusal: reason of its own not to run a call, beyond device and dtype.
    """

    def can(call: Call) -> str | None:
        return cpu_refusal(call) or refusal(call)

    def forward(call: Call) -> list[Tensor]:
        states: list[Tensor] = importlib.import_module(f"caudal.kernels.cpu.{module}").forward(call)
        return states

    def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
        loaded = importlib.import_module(f"caudal.kernels.cpu.{module}")
        gradients: list[Tensor] = loaded.backward(call, grads, states)
        return gradients

    return Backend("numba", can, forward, backward)
