"""The oracle as a backend: any dynamics file, run as plain torch on any device and dtype."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

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
            dynamics.State(*grads), dynamics.State(*states),
            call.x, call.dt, call.mask, state, params, graph, settings_of(**call.settings),
        )  # fmt: skip
        return [adjoint.x, adjoint.dt, *adjoint.state, *adjoint.params]

    return Backend("reference", lambda call: None, forward, backward)
