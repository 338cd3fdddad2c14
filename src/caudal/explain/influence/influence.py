"""How much each input, elapsed time, step, neuron or synapse moved an output, and how far the answer adds up."""

from dataclasses import replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.explain.influence.masks import (
    check_wired,
    dense_units,
    ends,
    held_scores,
    is_wired,
    mean_states,
    neurons_of,
    spread_neurons,
    state_paths,
)
from caudal.explain.influence.path import MOST, Along, integrate, miss
from caudal.explain.influence.record import Influence, On
from caudal.explain.influence.references import References
from caudal.explain.influence.shares import answers_without_steps, is_state_linear, step_shares
from caudal.explain.influence.swap import affordable, can_swap, swapped
from caudal.explain.influence.target import Question, synapses_of, wired_layers

Method = Literal["path", "gradient", "removal", "occlusion", "halved", "swap", "shares"]
METHODS: dict[str, tuple[str, ...]] = {
    "inputs": ("path", "gradient", "occlusion", "swap"),
    "dt": ("path", "gradient", "occlusion", "swap"),
    "everything": ("path", "gradient", "occlusion", "swap"),
    "steps": ("path", "occlusion", "removal", "swap", "shares"),
    "neurons": ("removal", "path", "gradient", "halved", "swap"),
    "synapses": ("removal", "path", "gradient", "halved", "swap"),
}
_FLOATS = 2e7
_GROUPS = 16
# A difference smaller than this share of the output is not worth the points that its own relative error would take.
_NEXT_TO_NOTHING = 0.01
# Points on the path from each of several references: their errors average out.
_MOST_OF_MANY = 512


class Found(NamedTuple):
    """Values `(series, ...)`, the output without what was looked at `(series,)`, points used, spread of the values."""

    values: Tensor
    reference: Tensor
    points: int = 0
    spread: Tensor | None = None


class Effort(NamedTuple):
    """How exact a path integral is to be: relative miss, most points, and the share of an output that is no matter."""

    tolerance: float
    most: int
    floor: float = 0.0


class Baseline(NamedTuple):
    """One point that counts as nothing: inputs, and elapsed time; the training mean and typical gap of scaled data."""

    x: Tensor | float = 0.0
    dt: Tensor | float = 1.0


def influence(
    question: Question,
    on: On = "inputs",
    method: Method | None = None,
    *,
    baseline: Baseline | References | None = None,
    tolerance: float = 0.01,
    most: int = MOST,
) -> Influence:
    """Influence on the number asked for.

    | on | path (adds up) | gradient | occlusion, swap | removal |
    |---|---|---|---|---|
    | `"inputs"` | inputs grow from the baseline | slope times distance | one cell at its baseline | |
    | `"dt"` | gaps grow from the baseline | likewise | one gap at its baseline | |
    | `"everything"` | both at once; `dt` is the last input | likewise | likewise | |
    | `"steps"` | the sum over a step of `"everything"` | | all of a step at its baseline | the step is not there |
    | `"neurons"` | all neurons grow from absent | likewise | one carries another series | all its synapses are cut |
    | `"synapses"` | all synapses grow from absent | likewise | one carries another series | one synapse is cut |

    Against `References` every value is the mean over the real series, and its spread over them is kept. `"swap"` needs
    them: it puts in what another series has, for an input, a gap, a step, a neuron or a synapse, and is the usual
    way then for the last two. It asks what would have been, where removal asks what the net with a hole in it does: a
    synapse that decides by being shut carries nothing, and removal calls it idle.

    Removal is done to the real net on its fast kernels, once for each synapse. Swap and removal measure each one in
    the presence of all others, so their values need not add up. `"halved"` (neurons, synapses) comes near it in 16
    gradients, however many there are: a sixteenth at a time stands at half strength, and is read there. A path integral
    adds up, and divides what several do together among them. `"shares"` (steps) are the usual way where a net is linear
    in its state: exact, without a reference, they and the bias are the answer; see `step_shares`. A step that is
    removed passes its elapsed time on to the next. A neuron of a net without a wiring cannot be cut; it is held at its
    mean over the given series instead.

    Arguments:
        question, on: see `ask`; what to look at.
        method: path of inputs, gaps and steps if left out; of neurons and synapses swap against references, else
            removal.
        baseline: of inputs and elapsed times: a point, or real series; zeros and ones if left out.
        tolerance, most: of a path integral: relative miss to reach, and most points to spend on it.

    Raises:
        InputError: `on` or `method` is unknown, the net has no wiring and synapses were asked for, or a swap has no
            references, or none of this net can be swapped.

    Source: path integrals: Sundararajan, Taly and Yan, ICML 2017 (arXiv 1703.01365).

    Example:
        >>> from caudal.explain import ask
        >>> from caudal.nn import LTC, Readout
        >>> question = ask(Readout(LTC(2, 3), 2), torch.randn(4, 5, 2))
        >>> attribution = influence(question, "everything")
        >>> attribution.values.shape, attribution.is_flagged
        ((4, 5, 3), False)
    """
    if on not in METHODS:
        raise InputError("influence", "on", f"is {on!r}; there are {', '.join(METHODS)}", "Name one of them.")
    baseline = baseline or Baseline()
    method = _usual(question, on, baseline) if method is None else method
    if method not in METHODS[on]:
        raise InputError("influence", "method", f"is {method!r}", f"On {on} there are {', '.join(METHODS[on])}.")
    if on == "synapses":
        check_wired("influence", question.model)
    if method == "shares":
        baseline, shares = Baseline(), step_shares(question)
        result = Found(shares.values.to(question.x.dtype), shares.rest.to(question.x.dtype))
    elif on in ("neurons", "synapses"):
        result = _circuit(question, on, method, baseline, Effort(tolerance, most))
    elif isinstance(baseline, References):
        result = _over_references(
            question, on, method, baseline, Effort(tolerance, min(most, _MOST_OF_MANY), _NEXT_TO_NOTHING)
        )
    else:
        result = _series(question, on, _unswapped(method, baseline), baseline, Effort(tolerance, most))
    return _record(question, on, method, result, baseline)


def _usual(question: Question, on: str, baseline: Baseline | References) -> Method:
    """The method where none was asked for."""
    if on == "steps" and is_state_linear(question.model):
        return "shares"
    if on not in ("neurons", "synapses"):
        return "path"
    swaps = isinstance(baseline, References) and (can_swap(question.model) or not is_wired(question.model))
    return "swap" if swaps else "removal"


def _unswapped(method: str, baseline: Baseline | References) -> str:
    """The method, refused where it swaps and there is nothing to swap with."""
    if method == "swap" and not isinstance(baseline, References):
        fault = 'is "swap", and there is no other series to take from'
        raise InputError("influence", "method", fault, "Pass `baseline=references(question, others)`.")
    return method


def _over_references(question: Question, on: str, method: str, background: References, effort: Effort) -> Found:
    """Values against each reference, as their mean and standard deviation over the references."""
    count = background.count
    row = torch.arange(len(question), device=question.x.device).repeat_interleave(count)
    baseline = Baseline(background.x.flatten(0, 1), background.dt.flatten(0, 1))
    way = "occlusion" if method == "swap" else method
    result = _series(question.rows(row), on, way, baseline, effort)
    values = result.values.view(len(question), count, *result.values.shape[1:])
    reference = result.reference.view(len(question), count).mean(1)
    return Found(values.mean(1), reference, result.points, values.std(1, correction=0))


def _series(question: Question, on: str, method: str, baseline: Baseline, effort: Effort) -> Found:
    moved = "everything" if on == "steps" else on
    x0, dt0 = _start(question, moved, baseline)
    if method == "removal":
        return _without_steps(question, baseline)
    if method == "occlusion":
        result = _occluded(question, moved, x0, dt0, on == "steps")
    else:
        result = _along_inputs(question, x0, dt0, effort if method == "path" else None)
    values = result.values
    if moved == "inputs":
        values = values[..., :-1]
    elif moved == "dt":
        values = values[..., -1]
    elif on == "steps":
        values = values.sum(2) if values.dim() == 3 else values
    return result._replace(values=values)


def _start(question: Question, moved: str, baseline: Baseline) -> tuple[Tensor, Tensor]:
    """Inputs and elapsed times at the start of the path; what does not move stays, and so does the padding."""
    x0, dt0 = (
        torch.as_tensor(value, dtype=question.x.dtype, device=question.x.device).expand_as(like)
        for value, like in ((baseline.x, question.x), (baseline.dt, question.dt))
    )
    x0 = torch.where(question.mask[..., None], x0, 0) if moved != "dt" else question.x
    dt0 = torch.where(question.mask, dt0, 0) if moved != "inputs" else question.dt
    return x0, dt0


def _along_inputs(question: Question, x0: Tensor, dt0: Tensor, effort: Effort | None) -> Found:
    """Path integral from the baseline, or the gradient at the end without an effort; `dt` is the last input."""

    def gradient(row: Tensor, at: Tensor) -> Tensor:
        asked = question.rows(row)
        x = torch.lerp(x0[row], asked.x, at[:, None, None]).requires_grad_()
        dt = torch.lerp(dt0[row], asked.dt, at[:, None]).requires_grad_()
        slopes = torch.autograd.grad(asked.value(x, dt).sum(), (x, dt), materialize_grads=True)
        parts = (slopes[0] * (asked.x - x0[row]), (slopes[1] * (asked.dt - dt0[row]))[..., None])
        return torch.cat(parts, 2)

    def value(row: Tensor, at: Tensor) -> Tensor:
        asked = question.rows(row)
        x, dt = torch.lerp(x0[row], asked.x, at[:, None, None]), torch.lerp(dt0[row], asked.dt, at[:, None])
        return asked.values(x=x, dt=dt)

    reference = question.values(x=x0, dt=dt0)
    rows = max(1, int(_FLOATS / (question.x[0].numel() * 64)))
    return _integrated(question, gradient, value, reference, rows, effort)


def _integrated(
    question: Question,
    gradient: Along,
    value: Along,
    reference: Tensor,
    rows: int,
    effort: Effort | None,
) -> Found:
    if effort is not None:
        full = question.values()
        least = effort.floor * torch.maximum(full.abs(), reference.abs())
        tolerance, most = effort.tolerance, effort.most
        done = integrate(gradient, value, (reference, full), rows, tolerance=tolerance, most=most, least=least)
        return Found(done.values, reference, done.points)
    series = torch.arange(len(question), device=question.x.device)
    parts = [gradient(index, torch.ones_like(reference[index])) for index in torch.split(series, rows)]
    return Found(torch.cat(parts), reference, 1)


def _occluded(question: Question, moved: str, x0: Tensor, dt0: Tensor, steps: bool) -> Found:
    """Output minus the output with one cell (or all of one step) at its baseline."""
    batch, time, inputs = question.x.shape
    cells = time if steps else time * (inputs + 1)
    full, reference = question.values(), question.values(x=x0, dt=dt0)
    values = full.new_zeros(batch, cells)
    use_x, use_dt = moved != "dt", moved != "inputs"
    # Only cells that count and that differ from their baseline can change anything.
    moves = torch.cat([(question.x != x0) & use_x, ((question.dt != dt0) & use_dt)[..., None]], 2)
    live = (moves.any(2) if steps else moves.flatten(1)).nonzero()
    for part in torch.split(live, 1024):
        row, cell = part.unbind(1)
        t, c = (cell, None) if steps else (cell // (inputs + 1), cell % (inputs + 1))
        asked, at = question.rows(row), torch.arange(len(row))
        x, dt = asked.x.clone(), asked.dt.clone()
        if c is None:
            x[at, t], dt[at, t] = x0[row, t], dt0[row, t]
        else:
            is_x = c < inputs
            x[at[is_x], t[is_x], c[is_x]] = x0[row[is_x], t[is_x], c[is_x]]
            dt[at[~is_x], t[~is_x]] = dt0[row[~is_x], t[~is_x]]
        values[row, cell] = full[row] - asked.values(x=x, dt=dt)
    return Found(values if steps else values.view(batch, time, inputs + 1), reference)


def _without_steps(question: Question, baseline: Baseline) -> Found:
    """Output minus the output with one step absent, its elapsed time passed on to the next that counts."""
    full = question.values()
    values = torch.zeros_like(question.dt)
    time = question.dt.shape[1]
    x0, dt0 = _start(question, "everything", baseline)
    closed = answers_without_steps(question) if is_state_linear(question.model) else None
    if closed is not None:
        moved = torch.where(question.mask & (question.mask.sum(1, keepdim=True) > 1), full[:, None] - closed, 0)
        return Found(moved.to(full.dtype), question.values(x=x0, dt=dt0))
    for t in range(time):
        row = (question.mask[:, t] & (question.mask.sum(1) > 1)).nonzero()[:, 0]
        if not len(row):
            continue
        asked = question.rows(row)
        mask, dt = asked.mask.clone(), asked.dt.clone()
        mask[:, t] = False
        steps = torch.arange(time, device=mask.device)
        later, earlier = mask & (steps > t), mask & (steps < t)
        follows, following = later.any(1), later.int().argmax(1)
        dt[follows, following[follows]] += dt[follows, t]
        dt[:, t] = 0
        before = torch.where(earlier, steps, -1).amax(1)
        at = torch.where(asked.at == t, torch.where(before < 0, following, before), asked.at)
        values[row, t] = full[row] - replace(asked, at=at).values(mask=mask, dt=dt)
    return Found(values, question.values(x=x0, dt=dt0))


def _circuit(question: Question, on: str, method: str, baseline: Baseline | References, effort: Effort) -> Found:
    wired = is_wired(question.model)
    if _unswapped(method, baseline) == "swap" and isinstance(baseline, References):
        return _swapped(question, on, baseline)
    if on == "neurons" and not wired:
        return _held_at_mean(question, method)
    source, target = (end.to(question.x.device) for end in ends(question.model))
    count = len(source) if on == "synapses" else len(neurons_of(question.model))

    def spread(parts: Tensor) -> Tensor:
        return parts if on == "synapses" else spread_neurons(parts, source, target)

    none = question.x.new_zeros(count)
    reference, full = question.values(synapses=spread(none)), question.values()
    if method == "removal":
        lacking = 1 - torch.eye(count, dtype=none.dtype, device=none.device)
        each = [full - question.values(synapses=spread(strength)) for strength in lacking]
        return Found(torch.stack(each, 1), reference)

    def slope(row: Tensor, parts: Tensor) -> Tensor:
        parts = parts.clone().requires_grad_()
        value = question.rows(row).value(synapses=spread(parts))
        return torch.autograd.grad(value.sum(), parts)[0]

    def gradient(row: Tensor, at: Tensor) -> Tensor:
        return slope(row, at[:, None].expand(-1, count))

    def value(row: Tensor, at: Tensor) -> Tensor:
        return question.rows(row).values(synapses=spread(at[:, None].expand(-1, count)))

    substeps = max(getattr(layer, "substeps", 1) for _, layer, _ in wired_layers(question.model))
    rows = max(1, int(_FLOATS / (question.x.shape[1] * substeps * len(source) * 8)))
    if method == "halved":
        return Found(_halved(slope, none.new_ones(len(question), count), rows), reference, _GROUPS)
    return _integrated(question, gradient, value, reference, rows, effort if method == "path" else None)


def _swapped(question: Question, on: str, background: References) -> Found:
    """Output minus the mean output with one part of the net carrying what it carries in the references."""
    full = question.values()[:, None, None]
    background = affordable(question, background)
    if is_wired(question.model):
        if not can_swap(question.model):
            fault = 'is "swap", and a cell of this net has no step whose synapses could carry something else'
            raise InputError("influence", "method", fault, 'Pass `method="removal"`: each is cut.')
        scores = swapped(question, background, on)
        row = torch.arange(len(question)).repeat_interleave(scores[0, ..., 0].numel())
        values = full - question.rows(row).of(scores.flatten(0, 2)).view(scores.shape[:3])
    else:
        values = full - _states_swapped(question, background)
    row = torch.arange(len(question)).repeat_interleave(background.count)
    asked = question.rows(row)
    reference = asked.values(x=background.x.flatten(0, 1), dt=background.dt.flatten(0, 1))
    return Found(values.mean(1), reference.view(len(question), -1).mean(1), 0, values.std(1, correction=0))


def _states_swapped(question: Question, background: References) -> Tensor:
    """The number asked for with each unit held, step by step, at its state in a reference."""
    units, count, batch = dense_units(question.model), background.count, len(question)
    row = torch.arange(batch).repeat_interleave(count)
    others = replace(question.rows(row), x=background.x.flatten(0, 1), dt=background.dt.flatten(0, 1))
    path = state_paths(others)
    each = torch.arange(len(row)).repeat_interleave(units)
    unit = torch.arange(units).repeat(len(row))
    asked = question.rows(row[each])
    return asked.of(held_scores(asked, unit, path[each, :, unit])).view(batch, count, units)


def _halved(slope: Along, whole: Tensor, rows: int) -> Tensor:
    """Slope by each entry where it and a sixteenth of the others stand at half strength; `whole` is all ones."""
    order = torch.randperm(whole.shape[1], generator=torch.Generator().manual_seed(0)).to(whole.device)
    values = torch.zeros_like(whole)
    for chosen in (order[group::_GROUPS] for group in range(min(_GROUPS, len(order)))):
        parts = whole.index_fill(1, chosen, 0.5)
        blocks = torch.split(torch.arange(len(whole), device=whole.device), rows)
        values[:, chosen] = torch.cat([slope(index, parts[index]) for index in blocks])[:, chosen]
    return values


def _held_at_mean(question: Question, method: str) -> Found:
    """Output minus the output with one unit held at its mean."""
    if method != "removal":
        fault = f"is {method!r}, and the net has no wiring whose strength could grow"
        raise InputError("influence", "method", fault, 'Pass `method="removal"`: each unit is held at its mean.')
    mean = mean_states(question)
    batch, units = len(question), len(mean)
    row = torch.arange(batch, device=mean.device).repeat_interleave(units)
    unit = torch.arange(units, device=mean.device).repeat(batch)
    asked = question.rows(row)
    at_mean = asked.of(held_scores(asked, unit, mean[unit])).view(batch, units)
    full = question.values()
    return Found(full[:, None] - at_mean, at_mean.mean(1))


def _record(question: Question, on: str, method: str, result: Found, baseline: Baseline | References) -> Influence:
    axes: tuple[tuple[str, tuple[str, ...]], ...]
    if on in ("inputs", "everything"):
        inputs = (*question.inputs, "dt") if on == "everything" else question.inputs
        axes = (("step", question.steps), ("input", inputs))
    elif on in ("dt", "steps"):
        axes = (("step", question.steps),)
    elif on == "neurons":
        axes = (("neuron", neurons_of(question.model)),)
    else:
        axes = (("synapse", synapses_of(question.model, question.inputs)),)
    output = question.values()
    floor = _NEXT_TO_NOTHING if isinstance(baseline, References) else 0.0
    least = floor * torch.maximum(output.abs(), result.reference.abs())
    numbers = (result.values, output, result.reference, miss(result.values, output - result.reference, least))
    values, end, start, deltas = (tensor.detach().double().cpu().numpy() for tensor in numbers)
    return Influence(
        on,
        method,
        values,
        tuple(name for name, _ in axes),
        tuple(labels for _, labels in axes),
        question.unit,
        question.targets,
        end,
        start,
        deltas,
        method in ("path", "shares"),
        question.series,
        f"{type(question.model).__name__}({question.model.inputs} inputs, {question.model.outputs} outputs)",
        result.points,
        spread=None if result.spread is None else result.spread.double().cpu().numpy(),
        references=baseline.names if isinstance(baseline, References) else (),
        alike=tuple(baseline.alike.tolist()) if isinstance(baseline, References) else (),
    )
