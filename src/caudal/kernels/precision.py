"""Recurrences run in the dtype of their parameters, also inside `torch.autocast`."""

from dataclasses import replace

import torch
from torch import Tensor

from caudal.kernels.recurrence import Backend, Call


def own_dtype(backend: Backend) -> Backend:
    """The same backend with autocast off inside it.

    An op body is run with the caller's autocast still on: its matrix products would come back in half precision,
    while the op has promised states of the parameters' dtype.
    """

    def forward(call: Call) -> list[Tensor]:
        with torch.autocast(call.x.device.type, enabled=False):
            return backend.forward(call)

    def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
        with torch.autocast(call.x.device.type, enabled=False):
            return backend.backward(call, grads, states)

    return replace(backend, forward=forward, backward=backward)
