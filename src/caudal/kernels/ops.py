"""One op pair per recurrence of `dynamics`: scan and reverse-time scan, over the backends that can run it."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from caudal.dynamics import cfc, cfc_wired, ctrnn, liquid_ssm, lrc, lstm, ltc, mixed
from caudal.kernels.backends import crowded, numba, triton
from caudal.kernels.recurrence import Backend, Call, define


def _reference(dynamics: ModuleType) -> Backend:
    """Backend `"reference"`, plain torch on any device and dtype.

    The dynamics file holds `Settings`, `unpack`, `scan` and `scan_backward`.
    """
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


def _without_autocast(backend: Backend) -> Backend:
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


def _gelu(call: Call) -> str | None:
    return "the exact gelu has no compiled form" if call.settings["activation"] == "gelu" else None


def _no_triton(call: Call) -> str | None:
    return "this recurrence has no Triton kernel"


def _define_in_dtype(name: str, *backends: Backend) -> Callable[..., list[Tensor]]:
    return define(name, [_without_autocast(backend) for backend in backends])


ltc_scan = define("ltc_scan", [numba("wired.LTC"), triton("wired.LTC", crowded), _reference(ltc)])
lrc_scan = define("lrc_scan", [numba("wired.LRC"), triton("wired.LRC", crowded), _reference(lrc)])
ctrnn_scan = define("ctrnn_scan", [numba("wired.CTRNN"), triton("wired.CTRNN", crowded), _reference(ctrnn)])
cfc_wired_scan = _define_in_dtype(
    "cfc_wired_scan", numba("wired.CFC_WIRED"), triton("wired.CFC_WIRED", crowded), _reference(cfc_wired)
)
cfc_scan = _define_in_dtype("cfc_scan", numba("cfc", _gelu), triton("cfc"), _reference(cfc))
liquid_ssm_scan = _define_in_dtype(
    "liquid_ssm_scan", numba("liquid_ssm"), triton("liquid_ssm", _no_triton), _reference(liquid_ssm)
)
lstm_scan = _define_in_dtype("lstm_scan", numba("memory.LSTM"), triton("memory", _no_triton), _reference(lstm))
mixed_scan = _define_in_dtype(
    "mixed_scan", numba("memory.MIXED", _gelu), triton("memory", _no_triton), _reference(mixed)
)
