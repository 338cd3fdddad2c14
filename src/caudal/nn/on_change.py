"""One step of a stream, computed only when something happened; `caudal.data.changes` states the rule."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from caudal import shapes
from caudal.errors import InputError
from caudal.nn.layer import Layer, State


class OnChangeState(NamedTuple):
    """What a stream carries under send on change.

    Attributes:
        layer: state of the layer after the last computed step.
        sent: `(batch, inputs)`, the inputs of that step.
        waited: `(batch,)`, time since that step.
        answer: `(batch, outputs)`, what it answered.
    """

    layer: State
    sent: Tensor
    waited: Tensor
    answer: Tensor


def step_on_change(
    net: Layer,
    x: Tensor,
    thresholds: float | Sequence[float],
    dt: Tensor | float | None = None,
    state: OnChangeState | None = None,
) -> tuple[Tensor, OnChangeState, Tensor]:
    """One step of a layer for those series of a batch in which an input moved; the others keep answer and state.

    The first step is always computed. The elapsed times of steps that are not computed add up and reach the layer with
    the next one that is. A series in which nothing moved costs a comparison for each input.

    Arguments:
        net: any layer.
        x: inputs `(batch, input)`, as the layer reads them: from an estimator, scaled and filled by its encoder.
        thresholds: by how much an input must move since the last computed step, in its unit; one for all or one each.
        dt: time since the previous step `(batch,)`, or a number; 1 when left out.
        state: what the previous step returned; None begins.

    Returns:
        `y (batch, outputs)`, the new state, and `(batch,)` bool, which series were computed.

    Raises:
        InputError: a threshold is below 0 or no number, or there is not one for each input.
        ShapeError, DtypeError, NonFiniteError, TimeError: as in `Layer.step`.

    Example:
        >>> from caudal.nn import LiquidSSM
        >>> net, x = LiquidSSM(1, 4), torch.tensor([[0.5], [0.5]])
        >>> y, state, _ = step_on_change(net, x, 0.1)
        >>> later, state, computed = step_on_change(net, x + torch.tensor([[0.05], [0.5]]), 0.1, dt=2.0, state=state)
        >>> computed.tolist(), torch.equal(later[0], y[0]), state.waited.tolist()
        ([False, True], True, [2.0, 0.0])
    """
    least = _checked(thresholds, net.inputs, x)
    elapsed = dt if isinstance(dt, Tensor) else x.new_full(x.shape[:1], 1.0 if dt is None else dt)
    # A value that is no number moves by nothing, so it would pass in silence.
    shapes.check_step(type(net).__name__, x, elapsed, net.inputs)
    shapes.check_values(type(net).__name__, x, elapsed)
    if state is None:
        y, layer = net.step(x, elapsed)
        begun = OnChangeState(layer, x, torch.zeros_like(elapsed), y)
        return y, begun, torch.ones(len(x), dtype=torch.bool, device=x.device)
    waited = state.waited + elapsed
    moved = ((x - state.sent).abs() > least).any(1)
    rows = moved.nonzero()[:, 0]
    if len(rows) == len(x):
        y, layer = net.step(x, waited, state.layer)
        return y, OnChangeState(layer, x, torch.zeros_like(waited), y), moved
    if not len(rows):
        return state.answer, state._replace(waited=waited), moved
    answered, after = net.step(x[rows], waited[rows], _rows(state.layer, rows))
    y = state.answer.index_copy(0, rows, answered)
    sent = state.sent.index_copy(0, rows, x[rows])
    layer = _merged(state.layer, after, rows)
    return y, OnChangeState(layer, sent, torch.where(moved, 0, waited), y), moved


def _checked(thresholds: float | Sequence[float], inputs: int, x: Tensor) -> Tensor:
    least = torch.as_tensor(thresholds, dtype=x.dtype, device=x.device)
    fault = None
    if least.dim() > 1 or least.numel() not in (1, inputs):
        fault = f"holds {least.numel()} numbers; there are {inputs} inputs"
    elif not bool((least >= 0).all()):
        fault = f"is {thresholds!r}; expected numbers of at least 0"
    if fault is not None:
        raise InputError("step_on_change", "thresholds", fault, "Pass one number, or one for each input.")
    return least


def _rows(state: State, rows: Tensor) -> State:
    """The state of some series of a batch."""
    parts = [part[rows] if isinstance(part, Tensor) else _rows(part, rows) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def _merged(state: State, after: State, rows: Tensor) -> State:
    """The state with that of some series replaced."""
    parts = [
        part.index_copy(0, rows, new) if isinstance(part, Tensor) else _merged(part, new, rows)
        for part, new in zip(state, after, strict=True)
    ]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
