"""Exact work of one step of every layer: scalar operations of its equation by kind, and the numbers that must move.

The equation is counted as its file of `dynamics/` (of a baseline: as its layer) writes it, with three rules. A sum of n
terms is n - 1 additions, wherever its parts are added up. What follows from the parameters alone (`softplus` of a raw
weight, `g v_leak`) is folded, as every kernel folds it. Negation, adding 0 and multiplying by 1 are free.

`caudal.energy.counter` counts the same by running it, and knows none of these formulas.
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from caudal.errors import InputError
from caudal.nn.baselines import Transformer
from caudal.nn.bidirectional import Bidirectional
from caudal.nn.counts_baselines import BASELINES, memory, transformer
from caudal.nn.counts_liquid import LIQUID
from caudal.nn.layer import Layer, leaves
from caudal.nn.mixed import MixedMemory
from caudal.nn.readout import Readout
from caudal.nn.stack import Stack
from caudal.nn.work import Operations as Operations

_FORMULAS: dict[type[nn.Module], Callable[[Any], Operations]] = {**LIQUID, **BASELINES}


def operations(net: Layer, steps: float = 1.0) -> Operations:
    """Work of one step of one series.

    Arguments:
        net: any layer of `caudal.nn`.
        steps: of a typical series; attention alone depends on it, and reads the mean number of steps before.

    Raises:
        InputError: the layer is not one of caudal's own.

    Example:
        >>> from caudal.nn import LSTM
        >>> work = operations(Readout(LSTM(3, 4), 2))
        >>> work.macs, work.multiplies, work.sigmoids, work.tanhs, work.divisions
        (140.0, 8.0, 12.0, 8.0, 0.0)
    """
    return _work(net, steps)._replace(ends=float(net.inputs + 1 + net.outputs))


def live_parameters(net: nn.Module) -> int:
    """Trained numbers that can change an output: one per synapse that exists, and no bias that cancels.

    The bias of the keys of an attention adds the same to every score of a step, which the softmax takes away again.

    Example:
        >>> from caudal.nn import LSTM, LTC
        >>> live_parameters(LSTM(3, 4)), live_parameters(LTC(2, 3))
        (160, 79)
    """
    total = sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)
    return total - sum(part.units * part.layers for part in net.modules() if isinstance(part, Transformer))


def _work(net: Layer, steps: float) -> Operations:
    if isinstance(net, Readout):
        return _work(net.layer, steps).plus(_decision(net))
    if isinstance(net, Stack):
        parts = [_work(part, steps) for part in net.layers]  # type: ignore[arg-type]  # a ModuleList forgets its kind
        return Operations(*map(sum, zip(*parts, strict=True)))
    if isinstance(net, Bidirectional):
        return _work(net.forward_layer, steps).plus(_work(net.backward_layer, steps))
    if isinstance(net, MixedMemory):
        gates = memory(net.inputs, net.size, biases=1)
        weights = sum(p.numel() for p in (*net.input_map.parameters(), *net.recurrent_map.parameters()))
        # The forget gate's +1; output and memory are held beside what the liquid layer holds.
        extra = Operations(adds=net.size, weights=weights, state=(4 if net.form == "stacked" else 2) * net.size)
        return gates.plus(extra).plus(_work(net.liquid, steps))
    if isinstance(net, Transformer):
        return _filled(net, transformer(net, steps))
    for kind, formula in _FORMULAS.items():
        if isinstance(net, kind):
            return _filled(net, formula(net))
    raise InputError("operations", "net", f"is a {type(net).__name__}, which is not counted", "Count another layer.")


def _decision(net: Readout) -> Operations:
    read = net.layer.outputs
    weights = sum(p.numel() for p in net.map.parameters())
    decision = Operations(macs=net.outputs * read, weights=weights)
    if net.pool == "last":
        return decision
    # mean <- (mean k + y) / (k + 1), guarded against k + 1 = 0.
    return decision.plus(Operations(macs=read, adds=1, divisions=read, comparisons=1, state=2 * (read + 1)))


def _filled(net: Layer, work: Operations) -> Operations:
    """What the formula leaves open: every parameter is read once, every number of the state read and written."""
    weights = work.weights or sum(parameter.numel() for parameter in net.parameters())
    state = work.state or 2 * getattr(net, "substeps", 1) * sum(part.numel() for part in leaves(net.initial_state(1)))
    return Operations(*map(float, work._replace(weights=weights, state=state)))
