"""How much each input, elapsed time, step, neuron or synapse moved an output, and how far the answer adds up."""

from dataclasses import replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.explain.influence.masks import (
    check_wired,
    ends,
    held_scores,
    is_wired,
    mean_states,
    neurons_of,
    spread_neurons,
)
from caudal.explain.influence.path import MOST, Along, integrate, miss
from caudal.explain.influence.record import Influence, On
from caudal.explain.influence.target import Question, synapses_of, wired_layers

Method = Literal["path", "gradient", "removal", "occlusion", "halved"]
METHODS: dict[str, tuple[str, ...]] = {
    "inputs": ("path", "gradient", "occlusion"),
    "dt": ("path", "gradient", "occlusion"),
    "everything": ("path", "gradient", "occlusion"),
    "steps": ("path", "occlusion", "removal"),
    "neurons": ("removal", "path", "gradient", "halved"),
    "synapses": ("removal", "path", "gradient", "halved"),
}
_FLOATS = 2e7
_GROUPS = 16


class Found(NamedTuple):
    """Values `(series, ...)`, the output without what was looked at `(series,)`, and points used."""

    values: Tensor
    reference: Tensor
    points: int = 0


class Baseline(NamedTuple):
    """What counts as nothing: inputs, and elapsed time; the training mean and typical gap of scaled data."""

    x: Tensor | float = 0.0
    dt: Tensor | float = 1.0


def influence(
    question: Question,
    on: On = "inputs",
    method: Method | None = None,
    *,
    baseline: Baseline | None = None,
    tolerance: float = 0.01,
    most: int = MOST,
) -> Influence:
    """Influence on the number asked for.

    | on | path (adds up) | gradient | occlusion | removal |
    |---|---|---|---|---|
    | `"inputs"` | inputs grow from the baseline | slope times distance | one cell at its baseline | |
    | `"dt"` | gaps grow from the baseline | likewise | one gap at its baseline | |
    | `"everything"` | both at once; `dt` is the last input | likewise | likewise | |
    | `"steps"` | the sum over a step of `"everything"` | | all of a step at its baseline | the step is not there |
    | `"neurons"` | all neurons grow from absent | likewise | | all synapses of one neuron are cut |
    | `"synapses"` | all synapses grow from absent | likewise | | one synapse is cut |

    Removal is the real thing, done to the real net on its fast kernels, once for each synapse: it measures each one in
    the presence of all others, so its values need not add up. `"halved"` (neurons, synapses) comes near it in 16
    gradients, however many there are: a sixteenth at a time stands at half strength, and is read there. A path integral
    adds up, and divides what several do together among them. A step that is removed passes its elapsed time on to the
    next. A neuron of a net without a wiring cannot be cut; it is held at its mean over the given series instead.

    Arguments:
        question, on: see `ask`; what to look at.
        method: the first of the table's row that has an entry, but removal for neurons and synapses, if left out.
        baseline: of inputs and elapsed times; zeros and ones without.
        tolerance, most: of a path integral: relative miss to reach, and most points to spend on it.

    Raises:
        InputError: `on` or `method` is unknown, or the net has no wiring and synapses were asked for.

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
    method = METHODS[on][0] if method is None else method  # type: ignore[assignment]  # the table holds methods
    if method not in METHODS[on]:
        raise InputError("influence", "method", f"is {method!r}", f"On {on} there are {', '.join(METHODS[on])}.")
    if on == "synapses":
        check_wired("influence", question.model)
    baseline = baseline or Baseline()
    if on in ("neurons", "synapses"):
        result = _circuit(question, on, method, tolerance, most)
    else:
        result = _series(question, on, method, baseline, tolerance, most)
    return _record(question, on, method, result)


def _series(question: Question, on: str, method: str, baseline: Baseline, tolerance: float, most: int) -> Found:
    moved = "everything" if on == "steps" else on
    x0, dt0 = _start(question, moved, baseline)
    if method == "removal":
        return _without_steps(question, baseline)
    if method == "occlusion":
        result = _occluded(question, moved, x0, dt0, on == "steps")
    else:
        result = _along_inputs(question, x0, dt0, tolerance, most if method == "path" else 0)
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


def _along_inputs(question: Question, x0: Tensor, dt0: Tensor, tolerance: float, most: int) -> Found:
    """Path integral from the baseline, or the gradient at the end where `most` is 0; `dt` is the last input."""

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
    return _integrated(question, gradient, value, reference, rows, tolerance, most)


def _integrated(
    question: Question,
    gradient: Along,
    value: Along,
    reference: Tensor,
    rows: int,
    tolerance: float,
    most: int,
) -> Found:
    if most:
        done = integrate(gradient, value, (reference, question.values()), rows, tolerance=tolerance, most=most)
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


def _circuit(question: Question, on: str, method: str, tolerance: float, most: int) -> Found:
    if on == "neurons" and not is_wired(question.model):
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
    return _integrated(question, gradient, value, reference, rows, tolerance, most if method == "path" else 0)


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


def _record(question: Question, on: str, method: str, result: Found) -> Influence:
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
    numbers = (result.values, output, result.reference, miss(result.values, output - result.reference))
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
        method == "path",
        question.series,
        f"{type(question.model).__name__}({question.model.inputs} inputs, {question.model.outputs} outputs)",
        result.points,
    )
