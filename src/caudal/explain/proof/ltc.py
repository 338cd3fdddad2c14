"""The fused LTC step over sets.

With `N = c_m (v - y) + D (sum_j w_j s_j (e_rev_j - y) + g_leak (v_leak - y) - eps y)` and
`P = c_m + D (den + eps)`, the new state is `y + N / P` for any constant `y`. Taking for `y` the step of the centres
makes `N` small, so that replacing `1 / P` by its value at the centre errs in second order only.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from caudal.dynamics import ltc
from caudal.dynamics.wired import targets
from caudal.explain.proof.affine import (
    SLACK,
    Affine,
    Symbols,
    ends,
    plus,
    product,
    radius,
    scaled,
    shifted,
    sigmoid_line,
    take,
    through,
    wide,
)
from caudal.explain.proof.reach import StateSet, within


def highest(values: Tensor, low: Tensor, high: Tensor, to: Tensor, size: int) -> Tensor:
    """Highest weighted average at each target, `(size,)`.

    Arguments:
        values: `(terms,)`, what is averaged.
        low, high: `(terms,)` ends of the weights, at least 0; each target has some weight above 0 at its low ends.
        to: `(terms,)` int64 target of each term.
        size: number of targets.

    Example:
        >>> terms, low, high = torch.tensor([0.0, 1.0]), torch.tensor([1.0, 1.0]), torch.tensor([1.0, 3.0])
        >>> highest(terms, low, high, torch.tensor([0, 0]), 1).item()
        0.75
    """
    zeros = values.new_zeros(size)
    weight = high
    answer = zeros.index_add(0, to, weight * values) / zeros.index_add(0, to, weight)
    for _ in range(len(values) + 1):
        weight = torch.where(values > answer[to], high, low)
        better = zeros.index_add(0, to, weight * values) / zeros.index_add(0, to, weight)
        if bool((better <= answer).all()):
            break
        answer = torch.maximum(answer, better)
    return answer


def lowest(values: Tensor, low: Tensor, high: Tensor, to: Tensor, size: int) -> Tensor:
    """Lowest weighted average at each target; see `highest`."""
    return -highest(-values, low, high, to, size)


class Gates(NamedTuple):
    """Gates of one kind of synapses over a set.

    Attributes:
        form: the straight part, `(synapses,)` entries.
        error: `(synapses,)` how far a gate may lie from it.
        low, high: `(synapses,)` intervals.
        w, e_rev, to: of the synapses.
    """

    form: Affine
    error: Tensor
    low: Tensor
    high: Tensor
    w: Tensor
    e_rev: Tensor
    to: Tensor


def gates(values: Affine, low: Tensor, high: Tensor, kind: tuple[Tensor, ...], source: Tensor, ptr: Tensor) -> Gates:
    """Gates of synapses that read `values`, known to lie in `[low, high]`.

    Arguments:
        kind: `w, mu, sigma, e_rev` of the synapses.
    """
    w, mu, sigma, e_rev = kind
    at = source.long()
    before = shifted(scaled(take(values, at), sigma), -sigma * mu)
    own_low, own_high = ends(before)
    at_low, at_high = sigma * (low[at] - mu), sigma * (high[at] - mu)
    known_low = torch.maximum(own_low, torch.minimum(at_low, at_high))
    known_high = torch.maximum(torch.minimum(own_high, torch.maximum(at_low, at_high)), known_low)
    line = sigmoid_line(known_low, known_high)
    form = Affine(before.centre * line.slope + line.offset, before.parts * line.slope)
    return Gates(form, line.error, torch.sigmoid(known_low), torch.sigmoid(known_high), w, e_rev, targets(ptr))


def _onto(to: Tensor, weight: Tensor, units: int) -> Tensor:
    """Matrix `(units, synapses)` that adds weighted synapses onto their targets."""
    matrix = weight.new_zeros(units, len(to))
    matrix[to, torch.arange(len(to))] = weight
    return matrix


def substep(
    reach: StateSet, kinds: tuple[Gates, ...], d: Affine, params: ltc.Params, eps: float, symbols: Symbols
) -> StateSet:
    """One fused step over sets; `kinds` are the gates at its start, `d` its length as a form of one entry."""
    units = len(params.c_m)
    v, conductance = reach.form, params.g_leak + eps
    den, num = conductance.clone(), params.g_leak * params.v_leak
    for kind in kinds:
        pull = kind.w * kind.form.centre
        den = den.index_add(0, kind.to, pull)
        num = num.index_add(0, kind.to, pull * kind.e_rev)
    y = (params.c_m * v.centre + d.centre * num) / (params.c_m + d.centre * den)

    # Pull towards the potentials, and the sum of conductances, both still to be taken times d.
    pull_form = Affine(params.g_leak * (params.v_leak - y) - eps * y, v.parts[:0])
    sum_form, pull_error, sum_error = Affine(conductance, v.parts[:0]), 0 * y, 0 * y
    least = most = conductance
    for kind in kinds:
        away = kind.e_rev - y[kind.to]
        pull_form = plus(pull_form, through(kind.form, _onto(kind.to, kind.w * away, units)))
        sum_form = plus(sum_form, through(kind.form, _onto(kind.to, kind.w, units)))
        pull_error = pull_error.index_add(0, kind.to, kind.w * away.abs() * kind.error)
        sum_error = sum_error.index_add(0, kind.to, kind.w * kind.error)
        least = least.index_add(0, kind.to, kind.w * kind.low)
        most = most.index_add(0, kind.to, kind.w * kind.high)
    d_low, d_high = ends(d)
    pulled, top_error = product(wide(d, units), pull_form)
    top, top_error = plus(scaled(shifted(v, -y), params.c_m), pulled), top_error + d_high * pull_error
    summed, bottom_error = product(wide(d, units), sum_form)
    bottom, bottom_error = shifted(summed, params.c_m), bottom_error + d_high * sum_error
    far = radius(bottom) + bottom_error
    least = torch.maximum(params.c_m + d_low * least, bottom.centre - far)
    most = torch.minimum(params.c_m + d_high * most, bottom.centre + far)
    swing = torch.maximum((1 / least - 1 / bottom.centre).abs(), (1 / most - 1 / bottom.centre).abs())
    size = top.centre.abs() + radius(top) + top_error
    error = top_error / bottom.centre + size * swing + SLACK * (1 + y.abs())
    new = symbols.widen(shifted(scaled(top, 1 / bottom.centre), y), error)
    return within(new, *_averages(reach, kinds, (d_low, d_high), params, eps), symbols)


def _averages(
    reach: StateSet, kinds: tuple[Gates, ...], d: tuple[Tensor, Tensor], params: ltc.Params, eps: float
) -> tuple[Tensor, Tensor]:
    """Range of the step as a weighted average, gates, time and state independent of each other."""
    units, neurons = len(params.c_m), torch.arange(len(params.c_m))
    zero = torch.zeros_like(params.c_m)

    def weights(end: Tensor, at: str) -> Tensor:
        fixed = [params.c_m, end * params.g_leak, zero + end * eps]
        return torch.cat([*fixed, *(end * kind.w * getattr(kind, at) for kind in kinds)])

    low, high = weights(d[0], "low"), weights(d[1], "high")
    to = torch.cat([neurons, neurons, neurons, *(kind.to for kind in kinds)])
    rest = [params.v_leak, zero, *(kind.e_rev for kind in kinds)]
    least = lowest(torch.cat([reach.low, *rest]), low, high, to, units)
    most = highest(torch.cat([reach.high, *rest]), low, high, to, units)
    return least - SLACK * (1 + least.abs()), most + SLACK * (1 + most.abs())


def advance(
    reach: StateSet,
    u: Affine,
    dt: Affine,
    params: ltc.Params,
    graph: ltc.Graph,
    settings: ltc.Settings,
    symbols: Symbols,
) -> StateSet:
    """One step over sets.

    Arguments:
        reach: states before the step.
        u: inputs, scaled and shifted as the layer does.
        dt: elapsed time, a form of one entry.
    """
    d = scaled(dt, dt.centre.new_full((1,), 1 / settings.substeps))
    sensory = gates(u, *ends(u), params[:4], graph.sensory_source, graph.sensory_ptr)
    for _ in range(settings.substeps):
        recurrent = gates(reach.form, reach.low, reach.high, params[4:8], graph.source, graph.ptr)
        reach = substep(reach, (sensory, recurrent), d, params, settings.eps, symbols)
    return reach
