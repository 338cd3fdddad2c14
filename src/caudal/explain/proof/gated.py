"""Steps over sets of the cells made of products of sigmoids and tanh: CfC, CT-RNN, liquid state space, LSTM."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from caudal.dynamics import ctrnn, liquid_ssm
from caudal.dynamics.cfc_heads import Activation, Decay, Mode
from caudal.dynamics.wired import targets
from caudal.errors import InputError
from caudal.explain.proof.affine import (
    SLACK,
    Affine,
    Line,
    Symbols,
    along,
    ends,
    plus,
    product,
    radius,
    sampled_line,
    scaled,
    shifted,
    sigmoid_line,
    tanh_line,
    through,
    wide,
)
from caudal.explain.proof.reach import StateSet, within


def activated(form: Affine, activation: Activation, symbols: Symbols) -> Affine:
    """Backbone activation over a set.

    Raises:
        InputError: no strip is known for the activation.
    """
    low, high = ends(form)
    if activation == "tanh":
        return along(form, tanh_line(low, high), symbols)
    if activation == "lecun_tanh":
        line = tanh_line(0.666 * low, 0.666 * high)
        return along(form, Line(1.7159 * 0.666 * line.slope, 1.7159 * line.offset, 1.7159 * line.error), symbols)
    if activation == "relu":
        gap = high - low
        slope = torch.where(gap > 1e-9, (high.relu() - low.relu()) / gap.clamp_min(1e-9), (low > 0).to(low))
        gaps = torch.stack((low.relu() - slope * low, high.relu() - slope * high))
        crosses = (low < 0) & (high > 0)
        least = torch.where(crosses, gaps.amin(0).clamp(max=0.0), gaps.amin(0))
        most = gaps.amax(0)
        return along(form, Line(slope, (least + most) / 2, (most - least) / 2 + SLACK), symbols)
    raise InputError(
        "verify", "model", f"has a backbone of {activation}", 'Train with activation="lecun_tanh", "tanh" or "relu".'
    )


def closed_form(pre: list[Affine], dt: Affine, mode: Mode, decay: Decay | None, symbols: Symbols) -> Affine:
    """New state of a CfC from the forms of its heads; every error of a neuron enters its own state once.

    Raises:
        InputError: the mode is `pure`.
    """
    if decay is not None:
        raise InputError("verify", "model", "is a CfC in pure mode", 'Train with mode="default" or "no_gate".')
    f1, f2, t_a, t_b = pre
    steep, steep_error = product(t_a, wide(dt, len(t_a.centre)))
    time = plus(steep, t_b)
    time = symbols.widen(time, steep_error) if bool((radius(dt) > 0).any()) else time
    first_line, second_line, gate = tanh_line(*ends(f1)), tanh_line(*ends(f2)), sigmoid_line(*ends(time))
    straight = [
        Affine(form.centre * line.slope + line.offset, form.parts * line.slope)
        for form, line in ((f1, first_line), (f2, second_line), (time, gate))
    ]
    first, second, t = straight
    blend = second if mode == "no_gate" else plus(second, scaled(first, -torch.ones_like(first.centre)))
    linear, error = product(t, blend)
    # h = (1 - t) g1 + t g2: the strips of both targets enter as the targets do, weighted by the same t.
    shut, open_ = (torch.sigmoid(end) for end in ends(time))
    if mode == "no_gate":
        error = error + first_line.error + second_line.error * open_
    else:
        error = error + torch.maximum(*((1 - at) * first_line.error + at * second_line.error for at in (shut, open_)))
    error = error + gate.error * torch.maximum(*(end.abs() for end in ends(blend)))
    return symbols.widen(plus(first, linear), error)


def hull(mode: Mode, units: int) -> tuple[Tensor, Tensor]:
    """Interval that a CfC never leaves, whatever its input."""
    most = torch.full((units,), 2.0 if mode == "no_gate" else 1.0, dtype=torch.float64)
    return -most, most


def share_line(dt: Affine, tau: Tensor) -> Line:
    """`d / (tau + d)` along the chord over the times; the curve is concave, so it bulges above."""
    low, high = ends(dt)
    at_low, at_high = low / (tau + low), high / (tau + high)
    is_wide = high - low > 1e-9
    slope = torch.where(is_wide, (at_high - at_low) / (high - low).clamp_min(1e-9), tau / (tau + low).square())
    top = ((tau / slope).sqrt() - tau).clamp(low, high)
    bulge = (top / (tau + top) - at_low - slope * (top - low)).clamp_min(0)
    return Line(slope, at_low - slope * low + bulge / 2, bulge / 2 + SLACK)


def ctrnn_advance(
    reach: StateSet,
    u: Affine,
    dt: Affine,
    params: ctrnn.Params,
    graph: ctrnn.Graph,
    substeps: int,
    symbols: Symbols,
) -> StateSet:
    """One step of a CT-RNN over sets: a straight leak, and a drive through tanh."""
    d = scaled(dt, dt.centre.new_full((1,), 1 / substeps))
    units, tau = len(params.tau), params.tau
    sensory = _matrix(params.sensory_w, graph.sensory_source, graph.sensory_ptr, len(u.centre))
    recurrent = _matrix(params.w, graph.source, graph.ptr, units)
    sensory_sum, time = shifted(through(u, sensory), params.b), share_line(d, tau)
    share = Affine(wide(d, units).centre * time.slope + time.offset, wide(d, units).parts * time.slope)
    ends_of_share = [end / (tau + end) for end in ends(d)]
    for _ in range(substeps):
        pull = plus(sensory_sum, through(reach.form, recurrent))
        line = tanh_line(*ends(pull))
        drive = Affine(tau * (pull.centre * line.slope + line.offset), tau * pull.parts * line.slope)
        way = plus(drive, scaled(reach.form, -torch.ones_like(tau)))
        moved, error = product(share, way)
        error = error + time.error * torch.maximum(*(end.abs() for end in ends(way)))
        error = error + ends_of_share[1] * tau * line.error
        new = symbols.widen(plus(reach.form, moved), error)
        low = torch.minimum(*((1 - at) * reach.low - at * tau for at in ends_of_share))
        high = torch.maximum(*((1 - at) * reach.high + at * tau for at in ends_of_share))
        reach = within(new, low, high, symbols)
    return reach


def lstm_advance(
    h: Affine, c: Affine, x: Affine, weights: tuple[Tensor, Tensor, Tensor], symbols: Symbols
) -> tuple[Affine, Affine]:
    """One step of an LSTM over sets; `x` with the elapsed time as its last entry."""
    w_ih, w_hh, bias = weights
    units = len(h.centre)
    pre = shifted(plus(through(x, w_ih), through(h, w_hh)), bias)
    i, f, g, o = (Affine(pre.centre[k : k + units], pre.parts[:, k : k + units]) for k in range(0, 4 * units, units))
    i, f, o = (along(part, sigmoid_line(*ends(part)), symbols) for part in (i, f, o))
    g = along(g, tanh_line(*ends(g)), symbols)
    remembered, remembered_error = product(f, c)
    new, new_error = product(i, g)
    c = symbols.widen(plus(remembered, new), remembered_error + new_error)
    shown, error = product(o, along(c, tanh_line(*ends(c)), symbols))
    return symbols.widen(shown, error), c


def _matrix(w: Tensor, source: Tensor, ptr: Tensor, sources: int) -> Tensor:
    matrix = w.new_zeros(len(ptr) - 1, sources)
    matrix[targets(ptr), source.long()] = w
    return matrix


def liquid_ssm_advance(
    reach: StateSet,
    x: Affine,
    dt: Affine,
    params: liquid_ssm.Params,
    settings: liquid_ssm.Settings,
    symbols: Symbols,
) -> StateSet:
    """One step of a liquid state space over sets: `v' = u + q (v - u)` with `q = exp(-k dt)`."""
    pre = through(x, params.weight, params.bias)
    units = len(pre.centre) // 2
    a, z = (Affine(pre.centre[at], pre.parts[:, at]) for at in (slice(units), slice(units, None)))
    u = along(z, tanh_line(*ends(z)), symbols) if settings.target == "tanh" else z
    left = _left(a, dt, params, symbols)
    way, error = product(left, plus(reach.form, scaled(u, -torch.ones_like(u.centre))))
    new = symbols.widen(plus(u, way), error)
    # A weighted mean of old state and target, by every weight that may be.
    least, most = (end.clamp(0, 1) for end in ends(left))
    u_low, u_high = ends(u)
    low = torch.minimum(*(q * reach.low + (1 - q) * u_low for q in (least, most)))
    high = torch.maximum(*(q * reach.high + (1 - q) * u_high for q in (least, most)))
    return within(new, low, high, symbols)


# Bounds the second derivative of exp(-c sigmoid(a)) and (1 - sigmoid(a))^c for any c: (y^2 + y) exp(-y) at its top.
_LEFT_BEND = 0.85


def _left(a: Affine, dt: Affine, params: liquid_ssm.Params, symbols: Symbols) -> Affine:
    """What is left of the way to the target, `exp(-k dt)`, each neuron by one curve where the time is known."""

    def rate(argument: Tensor) -> Tensor:
        return softplus(argument) if params.rate is None else params.rate * torch.sigmoid(argument)

    if not bool((radius(dt) > 0).any()):
        line = sampled_line(lambda argument: torch.exp(-rate(argument) * dt.centre), *ends(a), _LEFT_BEND)
        return along(a, line, symbols)
    if params.rate is None:
        speed = along(a, sampled_line(rate, *ends(a), 0.25), symbols)
    else:
        line = sigmoid_line(*ends(a))
        speed = along(a, Line(params.rate * line.slope, params.rate * line.offset, params.rate * line.error), symbols)
    lapse, error = product(speed, wide(dt, len(a.centre)))
    lapse = symbols.widen(lapse, error)
    low, high = ends(lapse)
    bend = float(torch.exp(-low.min()).clamp_min(1))
    return along(lapse, sampled_line(lambda y: torch.exp(-y), low, high, bend), symbols)
