"""The oracle as a backend: any dynamics file, run as plain torch on any device and dtype."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from caudal.kernels.recurrence import Backend, Call


def reference(dynamics: ModuleType) -> Backend:
    """Backend `"reference"` of a dynamics file that holds `Settings`, `unpack`, `scan` and `scan_backward`."""
    settings_of: Callable[..., Any] = dynamics.Settings

    def forward(call: Call) -> list[Tensor]:
        state, params, graph = dynamics.unpack(call.state, call.params, call.graph)
        states = dynamics.scan(call.x, call.dt, call.mask, state, params, graph, settings_of(**call.settings))
        return list(states)

    def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
        state, params, graph = dynamics.unpack(call.state, call.params, call.graph)
        adjoint = dynamics.scan_backward(
            dynamics.State(*grads),
            dynamics.State(*states),
            call.x,
            call.dt,
            call.mask,
            state,
            params,
            graph,
            settings_of(**call.settings),
        )
        return [adjoint.x, adjoint.dt, *adjoint.state, *adjoint.params]

    return Backend("reference", lambda call: None, forward, backward)


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
