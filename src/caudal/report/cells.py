"""A trained layer as plain numbers, for the equations in `static/cells.js` that a page runs in a browser."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias, cast

import torch
from torch import Tensor, nn

from caudal.errors import InputError
from caudal.explain.trace.run import trace
from caudal.nn import CTRNN, GRU, LRC, LSTM, LTC, CfC, LiquidSSM, Readout, Stack, WiredCfC
from caudal.nn.layer import Layer
from caudal.nn.wired import graph_tensors

Json: TypeAlias = "float | str | bool | list[Json] | dict[str, Json] | None"
Description: TypeAlias = dict[str, Json]


class _Cell(NamedTuple):
    """What a page needs of one layer without layers inside."""

    params: Description
    settings: Description


def described(layer: Layer) -> Description | None:
    """Equations and effective parameters of a layer as JSON values; None where a page has no equations for it.

    Example:
        >>> described(LTC(2, 3))["kind"], described(Readout(GRU(2, 3), 1))["layer"]["units"]
        ('LTC', 3)
    """
    head: Description = {"kind": type(layer).__name__, "inputs": layer.inputs, "outputs": layer.outputs}
    head["pairing"] = layer.pairing
    with torch.no_grad():
        if isinstance(layer, Readout):
            inner = described(layer.layer)
            parts: Description = {"layer": inner, "pool": layer.pool, **_map(layer.map, "")}
            return None if inner is None else head | parts
        if isinstance(layer, Stack):
            inside = [described(part) for part in layer._parts()]
            return None if None in inside else head | {"layers": cast("list[Json]", inside)}
        describe = _CELLS.get(type(layer))
        cell = None if describe is None else describe(layer)
    if cell is None:
        return None
    return head | {"units": cast(int, layer.units), "params": cell.params} | cell.settings


def recorded(layer: Layer, x: Tensor, dt: Tensor, gap: float) -> Description:
    """Outputs, states and time constants of one series `(1, time, inputs)` as JSON values.

    Arguments:
        layer: what answers.
        x, dt: its inputs and elapsed times.
        gap: what one unit of `dt` is, for the time constants.

    Raises:
        InputError: no layer inside keeps a state.
    """
    with torch.no_grad():
        outputs, _ = layer(x, dt=dt)
    waiting = [trace(layer, x, dt=dt)]
    while waiting:
        part = waiting.pop(0)
        name = next((name for name in part.signals if name in ("states", "state_0")), None)
        if name is not None:
            tau = part.signals.get("tau_sys")
            taus: Json = None if tau is None else _rows(tau.values[0] * gap)
            return {"outputs": _rows(outputs[0]), "states": _rows(part.signals[name].values[0]), "taus": taus}
        waiting += part.parts
    fault = f"is a {type(layer).__name__}, which keeps no state that could be shown"
    raise InputError("studio", "model", fault, "Pass a recurrent network.")


def _rows(values: Tensor) -> list[Json]:
    return [numbers(line) for line in values]


def numbers(tensor: Tensor) -> list[Json]:
    """A tensor as a flat list, with the digits that its dtype holds."""
    values: list[float] = tensor.detach().double().flatten().tolist()
    return list(values) if tensor.dtype == torch.float64 else [float(f"{value:.9g}") for value in values]


def _named(names: Iterable[str], tensors: Iterable[Tensor | None]) -> Description:
    return {name: numbers(tensor) for name, tensor in zip(names, tensors, strict=True) if tensor is not None}


def _map(linear: nn.Linear | None, prefix: str) -> Description:
    return {} if linear is None else _named((f"{prefix}weight", f"{prefix}bias"), (linear.weight, linear.bias))


def _graph(layer: LTC | LRC | CTRNN | WiredCfC) -> Description:
    names = ("sensory_ptr", "sensory_source", "ptr", "source")
    return {name: list(part.tolist()) for name, part in zip(names, graph_tensors(layer), strict=True)}


def _ltc(layer: LTC) -> _Cell | None:
    if layer.solver != "fused":
        return None
    params = layer.params()
    ends = ("input_scale", "input_shift", "output_scale", "output_shift")
    named = _named(params._fields, params) | _named(ends, (getattr(layer, name) for name in ends))
    return _Cell(named, {"graph": _graph(layer), "substeps": layer.substeps, "eps": layer.eps})


def _ctrnn(layer: CTRNN) -> _Cell:
    params = layer.params()
    named = _named((*params._fields, "output_scale", "output_shift"), (*params, layer.output_scale, layer.output_shift))
    return _Cell(named, {"graph": _graph(layer), "substeps": layer.substeps})


def _lrc(layer: LRC) -> _Cell:
    params = layer.params()
    named = _named((*params._fields, "output_scale", "output_shift"), (*params, layer.output_scale, layer.output_shift))
    settings: Description = {"substeps": layer.substeps, "solver": layer.solver, "elastance": layer.elastance}
    return _Cell(named, settings | {"graph": _graph(layer)})


def _cfc(layer: CfC) -> _Cell:
    params = layer.params()
    dense: list[Json] = [_named(("weight", "bias"), pair) for pair in params.dense]
    named = _map(layer.entry, "entry_") | {"dense": dense} | _named(("a", "w_tau"), params.decay or (None, None))
    return _Cell(named, {"mode": layer.mode, "activation": layer.activation})


def _wired_cfc(layer: WiredCfC) -> _Cell:
    params = layer.params()
    named = _named(params._fields[:4], params[:4]) | _named(("a", "w_tau"), params.decay or (None, None))
    graph = _graph(layer) | {"current": list(layer.current.tolist())}
    return _Cell(named, {"graph": graph, "mode": layer.mode})


def _liquid_ssm(layer: LiquidSSM) -> _Cell:
    blocks: list[Json] = []
    for block in layer.parts():
        params = block.params()
        blocks.append(_named(params._fields, params) | _map(block.gate, "gate_") | _map(block.mix, "mix_"))
    return _Cell({}, {"blocks": blocks, "decay": layer.decay, "target": layer.target})


def _gated(layer: GRU | LSTM) -> _Cell:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return _Cell(_named(names, (getattr(layer, name) for name in names)), {})


_CELLS: dict[type[Layer], Callable[..., _Cell | None]] = {
    LTC: _ltc,
    LRC: _lrc,
    CTRNN: _ctrnn,
    CfC: _cfc,
    WiredCfC: _wired_cfc,
    LiquidSSM: _liquid_ssm,
    GRU: _gated,
    LSTM: _gated,
}
