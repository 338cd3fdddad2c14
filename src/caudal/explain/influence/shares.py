"""Exact shares of steps: of a net that is linear in its state an answer is the sum of what each step put into it.

    v_T = sum_k w_k prod_{j > k} q_j,    w_k = (1 - q_k) u_k,    q_k = exp(-k_k dt_k)

With the weights `r` of a readout (of the last step, or of the mean over steps) one sweep back through time carries
`R_k = r_k + q_{k+1} R_{k+1}`, and the share of step k is `R_k w_k`: no reference to choose, no samples, and the shares
and the bias are the answer up to rounding. Without step k its weight is gone and its elapsed time is passed on to the
next step, which moves the answer by what that step's state moves, times `R`: no second run of the net.

A decision between more than two outputs is asked by its log odds, which are no linear function of the outputs. Their
gradient, averaged over the straight way from the outputs without any step, divides them without a rest.
"""

from typing import NamedTuple

import torch
from numpy.polynomial.legendre import leggauss
from torch import Tensor

from caudal.dynamics import liquid_ssm
from caudal.errors import InputError
from caudal.explain.influence.target import Question
from caudal.nn import LiquidSSM, MinGRU, Readout
from caudal.nn.baselines.sequence import with_dt
from caudal.nn.layer import Layer
from caudal.nn.pairing import doubled, shifted

_ORDER, _PANELS = 8, 64


def is_state_linear(model: Layer) -> bool:
    """Whether the answers of a net are linear in its state, given its inputs.

    Example:
        >>> is_state_linear(Readout(LiquidSSM(3, 4), 2)), is_state_linear(LiquidSSM(3, 4, layers=2))
        (True, False)
    """
    layer = model.layer if isinstance(model, Readout) else model
    return isinstance(layer, MinGRU) or (isinstance(layer, LiquidSSM) and layer.layers == 1)


class Shares(NamedTuple):
    """What each step put into the number asked for.

    Attributes:
        values: `(batch, time)` float64; they and `rest` add up to the number.
        rest: `(batch,)`, the number without any step: that of the bias.
    """

    values: Tensor
    rest: Tensor


def step_shares(question: Question) -> Shares:
    """The share of each step in the number asked for, in float64.

    Arguments:
        question: about a net that `is_state_linear`.

    Raises:
        InputError: the answers of the net are no sum over steps.

    Example:
        >>> from caudal.explain import ask
        >>> question = ask(Readout(LiquidSSM(3, 4), 2), torch.randn(5, 9, 3), torch.rand(5, 9))
        >>> shares = step_shares(question)
        >>> torch.allclose(shares.values.sum(1) + shares.rest, question.values().double(), atol=1e-5)
        True
    """
    with torch.no_grad():
        sweep = _swept(question)
        rest = sweep.bias.expand(len(question), -1)
        slope = _mean_slope(question, rest, sweep.shares.sum(1))
        return Shares((sweep.shares * slope[:, None]).sum(2), question.of(rest))


def answers_without_steps(question: Question) -> Tensor | None:
    """The number asked for without each step, `(batch, time)` float64, its elapsed time passed on; see the module.

    None where it has no closed form: under a pairing other than `"hold"`, where inputs act at other steps too, and for
    a question about the first step that counts. Without a step that does not count, or comes later, nothing changes.
    """
    layer = _layer(question.model)
    if layer.pairing != "hold" or bool((question.mask.int().argmax(1) == question.at).any()):
        return None
    with torch.no_grad():
        sweep = _swept(question)
        steps = torch.arange(question.mask.shape[1], device=question.mask.device)
        inside = question.mask & (steps <= question.at[:, None])
        is_last = (steps == question.at[:, None])[..., None]
        # The state after the next step, had it begun where this one did and lasted as long as both.
        follows, dt = _following(inside), question.dt.double()
        flow = _flow(layer, _at(question.x.double(), follows), dt + dt.gather(1, follows), None)
        moved = flow.target + flow.left * (sweep.before - flow.target) - _at(sweep.after, follows)
        weights = _at(sweep.weights.flatten(2), follows).view_as(sweep.weights)
        later = torch.where(is_last, 0, torch.einsum("btou,btu->bto", weights, moved))
        shown = (sweep.opened * sweep.after) @ sweep.map.t()
        change = later - sweep.pool[..., None] * shown
        if is_mean(question.model):
            count = inside.sum(1)[:, None, None]
            whole = (sweep.shares.sum(1)[:, None] + change) * count / (count - 1).clamp_min(1)
        else:
            before = _at(shown, _preceding(inside))
            whole = sweep.shares.sum(1)[:, None] + torch.where(is_last, change + before, change)
        rows = torch.arange(len(question), device=steps.device).repeat_interleave(len(steps))
        numbers = question.rows(rows).of((whole + sweep.bias).flatten(0, 1)).view(len(question), -1)
        return torch.where(inside, numbers, question.of(sweep.shares.sum(1) + sweep.bias)[:, None])


def is_mean(model: Layer) -> bool:
    """Whether a readout averages over steps."""
    return isinstance(model, Readout) and model.pool == "mean"


def _layer(model: Layer) -> LiquidSSM | MinGRU:
    layer = model.layer if isinstance(model, Readout) else model
    if isinstance(layer, LiquidSSM | MinGRU) and is_state_linear(model):
        return layer
    fault = f"holds a {type(layer).__name__}, whose answer is no sum over steps"
    raise InputError(
        "influence", "model", fault, 'Pass `method="path"`, or a net of one `LiquidSSM` block or a MinGRU.'
    )


class _Flow(NamedTuple):
    """Targets, and what is left of the way to them, `(batch, time, units)` each."""

    target: Tensor
    left: Tensor


def _flow(layer: LiquidSSM | MinGRU, x: Tensor, dt: Tensor, mask: Tensor | None) -> _Flow:
    """Of inputs and times as they act, in float64."""
    if isinstance(layer, MinGRU):
        params, settings = liquid_ssm.Params(layer.weight.double(), layer.bias.double()), layer.settings()
        x = with_dt(x, dt)
    else:
        weight, bias, rate = layer.parts()[0].params()
        params = liquid_ssm.Params(weight.double(), bias.double(), None if rate is None else rate.double())
        settings = layer.settings()
    gates = liquid_ssm.gates(x, params, settings)
    return _Flow(gates.target, 1 - liquid_ssm.gain(gates, dt, mask, settings))


class _Sweep(NamedTuple):
    """One way through the net and back, in float64.

    Attributes:
        shares: `(batch, time, outputs)`, what each step put into each output.
        bias: `(outputs,)`.
        map: `(outputs, units)` of the readout.
        opened: `(batch, time, units)`, the output gate, ones without.
        pool: `(batch, time)`, weight of each step's outputs in the answer.
        before, after: `(batch, time, units)`, states of each step.
        weights: `(batch, time, outputs, units)`, weight of each step's state in the answer, later steps included.
    """

    shares: Tensor
    bias: Tensor
    map: Tensor
    opened: Tensor
    pool: Tensor
    before: Tensor
    after: Tensor
    weights: Tensor


def _swept(question: Question) -> _Sweep:
    model, layer = question.model, _layer(question.model)
    x, dt, mask = torch.where(question.mask[..., None], question.x, 0).double(), question.dt.double(), question.mask
    pool = _pooling(question)
    if layer.pairing == "event":
        x, dt, doubled_mask = doubled(x, dt, mask)
        mask = mask if doubled_mask is None else doubled_mask
        pool = torch.stack((torch.zeros_like(pool), pool), 2).flatten(1)
    elif layer.pairing == "previous":
        x, _ = shifted(x, mask, torch.zeros_like(x[:, 0]))
    flow = _flow(layer, x, torch.where(mask, dt, 0), mask)
    put = (1 - flow.left) * flow.target
    states = [torch.zeros_like(put[:, 0])]
    for t in range(put.shape[1]):
        states.append(flow.left[:, t] * states[-1] + put[:, t])
    whole = torch.stack(states, 1)
    weight = model.map.weight.double() if isinstance(model, Readout) else torch.eye(layer.units).to(put)
    bias = model.map.bias.double() if isinstance(model, Readout) else weight.new_zeros(len(weight))
    opened, carry, carried = _opened(layer, x), weight.new_zeros(len(put), *weight.shape), []
    for t in reversed(range(put.shape[1])):
        carry = carry + pool[:, t, None, None] * opened[:, t, None] * weight
        carried.append(carry)
        carry = carry * flow.left[:, t, None]
    weights = torch.stack(carried[::-1], 1)
    shares = torch.einsum("btou,btu->bto", weights, put)
    if layer.pairing == "event":
        shares = shares.view(len(shares), -1, 2, shares.shape[2]).sum(2)
    return _Sweep(shares, bias, weight, opened, pool, whole[:, :-1], whole[:, 1:], weights)


def _pooling(question: Question) -> Tensor:
    """Weight of the outputs of each step in the answer, `(batch, time)`."""
    steps = torch.arange(question.mask.shape[1], device=question.mask.device)
    if not is_mean(question.model):
        return (steps == question.at[:, None]).double()
    inside = (question.mask & (steps <= question.at[:, None])).double()
    return inside / inside.sum(1, keepdim=True).clamp_min(1)


def _opened(layer: LiquidSSM | MinGRU, x: Tensor) -> Tensor:
    gate = layer.parts()[0].gate if isinstance(layer, LiquidSSM) else None
    if gate is None:
        return x.new_ones(*x.shape[:2], layer.units)
    return torch.sigmoid(x @ gate.weight.double().t() + gate.bias.double())


def _mean_slope(question: Question, start: Tensor, change: Tensor) -> Tensor:
    """Gradient of the number by the outputs `(batch, outputs)`, its mean over the straight way from `start`."""
    nodes, weights = (torch.tensor(part, dtype=start.dtype, device=start.device) for part in leggauss(_ORDER))
    places = (torch.arange(_PANELS, device=start.device)[:, None] + (nodes + 1) / 2).flatten() / _PANELS
    rows = torch.arange(len(start), device=start.device).repeat_interleave(len(places))
    points = (start[:, None] + places[:, None] * change[:, None]).flatten(0, 1)
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        (slopes,) = torch.autograd.grad(question.rows(rows).of(points).sum(), points)
    share = weights.repeat(_PANELS) / (2 * _PANELS)
    return (slopes.view(len(start), len(places), -1) * share[:, None]).sum(1)


def _at(values: Tensor, index: Tensor) -> Tensor:
    """`values (batch, time, n)` at the steps `index (batch, time)`."""
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[2]))


def _following(counts: Tensor) -> Tensor:
    """Step that counts next after each step `(batch, time)`; the last one where none does."""
    time = counts.shape[1]
    places = torch.where(counts, torch.arange(time, device=counts.device), time - 1)
    least = places.flip(1).cummin(1).values.flip(1)
    return torch.cat((least[:, 1:], least[:, -1:]), 1)


def _preceding(counts: Tensor) -> Tensor:
    """Step that counted last before each step `(batch, time)`; the first one where none did."""
    places = torch.where(counts, torch.arange(counts.shape[1], device=counts.device), 0)
    most = places.cummax(1).values
    return torch.cat((torch.zeros_like(most[:, :1]), most[:, :-1]), 1)
