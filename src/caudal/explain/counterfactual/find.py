"""The least change on values and on timing that turns a decision, within the range of the data."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from caudal.data import Encoder, Sequences
from caudal.errors import InputError
from caudal.explain.counterfactual.bounds import Bounds
from caudal.explain.counterfactual.encoding import Encoding
from caudal.explain.counterfactual.goal import Goal, goal
from caudal.explain.counterfactual.record import Change, Counterfactual
from caudal.explain.counterfactual.search import SearchSpace, by_entry, by_gradient, by_sum
from caudal.explain.counterfactual.sparse import least
from caudal.nn import Readout

_PER_ENTRY = 0.5
_MOST_SUMMED = 12
_MOST_SINGLE = 24


class _Result(NamedTuple):
    """Outcome of a search: the change `(time, input + 1)` in spreads or None, and how close the best candidate came."""

    change: Tensor | None
    proven: bool
    closest: float
    narrow: bool = False


def counterfactual(
    model: Readout,
    encoder: Encoder,
    data: Sequences,
    row: int = 0,
    *,
    bounds: Bounds | None = None,
    target: str | int | float | bool | None = None,
    threshold: float | None = None,
    change: Literal["auto", "both", "values", "gaps"] = "auto",
    inputs: Sequence[str] | None = None,
    hold: Sequence[str] = (),
    restarts: int = 8,
    steps: int = 120,
    seed: int = 0,
) -> Counterfactual:
    """The least change that turns one decision.

    Cheap is what changes few numbers by little: half a standard deviation for each number touched, and the sum of the
    changes in standard deviations. Candidates come from proximal gradients, from single entries and from greedy sums;
    each is thinned until restoring any single change loses the turn, then shrunk. Every number is asked of the model as
    it is printed: rounded away from the old value, on the grid of the data (whole numbers stay whole), and turned with
    a lead, a probability of 0.55 against the nearest rival; where no lead can be had, a bare turn is given as `narrow`.
    What is left is asked of the real encoder and model. Only values that were observed change, and none leaves the
    range of the data; categories, static features and the conventional gap of the first step stay. Nothing is said
    about whether the change could happen: features that depend on one another are moved apart.

    Arguments:
        model: a trained readout.
        encoder: fitted with it.
        data: series that hold the row.
        row: which series.
        bounds: ranges and spreads, of the training series where you have them; those of `data` when left out.
        target: the class wanted; any other than the decision when left out.
        threshold: of a regression of one output, the number to cross, in its own unit; of two classes the probability
            of the last from which on it is decided for, 0.5 when left out.
        change: values, gaps between steps, or both; `"auto"` for values, and both where no values turn it.
        inputs: names that may change; every number when left out. Naming a category frees it, between 0 and 1.
        hold: names that may not change.
        restarts, steps: of the search by gradients.
        seed: of its starts.

    Raises:
        InputError: the row is out of range, a name is unknown, nothing may change, the model is no readout of a
            decision, it reads other channels than the encoder makes, or the target is the decision already.
        DataError: the series have other inputs than the encoder was fitted on.

    Source: Wachter, Mittelstadt and Russell 2018 (arXiv 1711.00399), with sparse groups, a proof of minimality entry
    by entry, and the elapsed times as entries.

    Example:
        >>> from caudal.data import from_arrays
        >>> from caudal.nn import LTC
        >>> data = from_arrays(np.random.default_rng(0).normal(size=(20, 2, 5)), [0, 1] * 10)
        >>> result = counterfactual(Readout(LTC(2, 4), 2), Encoder.fit(data), data, 3, restarts=2, steps=5)
        >>> result.found == bool(result.changes)
        True
    """
    _check(model, encoder, data, row)
    encoding = Encoding.of(encoder, data, row, next(model.parameters()).dtype)
    code = None if target is None else _code(data, target)
    wanted, scores = goal(model, encoding, code, threshold, len(data.classes))
    limits = bounds or Bounds.of(data)
    # Values that were measured can be acted on more often than the times of measuring.
    widths = ("values", "both") if change == "auto" else (change,)
    spaces = [_space(wanted, limits, _free(encoding, width, inputs, hold)) for width in widths]
    spaces = [space for space in spaces if bool(space.free.any())]
    if not spaces:
        raise InputError("counterfactual", "inputs", "leaves nothing that may change", "Free an input, or the gaps.")
    space, result = spaces[0], _searched(spaces[0], restarts, steps, seed)
    needs_gaps = result.change is None and len(spaces) > 1
    if needs_gaps:
        space, result = spaces[1], _searched(spaces[1], restarts, steps, seed)
    return replace(_record(space, data, row, scores, result), needs_gaps=needs_gaps)


def counterfactuals(
    model: Readout, encoder: Encoder, data: Sequences, rows: Sequence[int], **options: object
) -> list[Counterfactual]:
    """One counterfactual for each of several series; arguments and errors as in `counterfactual`."""
    return [counterfactual(model, encoder, data, row, **options) for row in rows]  # type: ignore[arg-type]


def _check(model: object, encoder: Encoder, data: Sequences, row: int) -> None:
    if not isinstance(model, Readout):
        fault = f"is a {type(model).__name__}; expected a Readout"
        raise InputError("counterfactual", "model", fault, "Pass the net of an estimator, `model.net_`.")
    if data.task in ("forecast", "imitate") or (data.task == "regress" and model.outputs > 1):
        fault = f"is asked to {data.task} {model.outputs} outputs, which is no single decision"
        raise InputError("counterfactual", "model", fault, "Use a classifier, or a regression of one output.")
    if data.classes and model.outputs != len(data.classes):
        fault = f"has {model.outputs} outputs; the data name {len(data.classes)} classes"
        raise InputError("counterfactual", "model", fault, "Pass the data that it was trained to read.")
    if len(encoder.channels) != model.inputs:
        fault = f"makes {len(encoder.channels)} channels; the model reads {model.inputs}"
        raise InputError("counterfactual", "encoder", fault, "Pass the encoder that was fitted with this model.")
    if not -len(data) <= row < len(data):
        fault = f"is {row}; there are {len(data)} series"
        raise InputError("counterfactual", "row", fault, f"Pass 0 to {len(data) - 1}.")


def _code(data: Sequences, target: str | int | float | bool) -> int:
    if target not in data.classes:
        fault = f"is {target!r}; the classes are {', '.join(map(repr, data.classes)) or 'none'}"
        raise InputError("counterfactual", "target", fault, "Name one of them.")
    return data.classes.index(target)


def _free(encoding: Encoding, change: str, inputs: Sequence[str] | None, hold: Sequence[str]) -> Tensor:
    """Which entries may change, `(time, input + 1)`."""
    names = encoding.data.names
    for argument, given in (("inputs", inputs or ()), ("hold", hold)):
        unknown = [name for name in given if name not in names]
        if unknown:
            fault = f"names {unknown[0]!r}; the inputs are {', '.join(names)}"
            raise InputError("counterfactual", argument, fault, "Static features cannot change.")
    if change not in ("auto", "both", "values", "gaps"):
        raise InputError(
            "counterfactual", "change", f"is {change!r}", 'Pass "both", "values" or "gaps", or leave it out.'
        )
    numbers = [feature.name for feature in encoding.data.features if feature.kind == "number"]
    allowed = [name in (numbers if inputs is None else inputs) and name not in hold for name in names]
    free = torch.zeros(len(encoding.gaps), len(names) + 1, dtype=torch.bool)
    if change != "gaps":
        free[:, :-1] = encoding.observed & torch.tensor(allowed)
    if change != "values":
        free[1:, -1] = True
    return free


def _space(wanted: Goal, limits: Bounds, free: Tensor) -> SearchSpace:
    encoding = wanted.encoding
    spread = torch.tensor([*limits.spread, limits.gap_spread], dtype=torch.float64)
    low = torch.tensor([*limits.low, max(limits.gap_low, 0.0)], dtype=torch.float64)
    high = torch.tensor([*limits.high, limits.gap_high], dtype=torch.float64)
    current = torch.cat((encoding.values, encoding.gaps[:, None]), 1)
    grid = np.zeros(len(spread)) if limits.step is None else np.append(limits.step, limits.gap_step)
    step = torch.tensor(grid)
    # What float32 adds to a decimal number is no part of the grid.
    offset = torch.where(step > 0, low - step * torch.round(low / step.clamp_min(1e-300)), 0).round(decimals=5)
    # What lies outside the range already may stay there; it may not go further.
    furthest = ((low - current) / spread).clamp_max(0), ((high - current) / spread).clamp_min(0)
    return SearchSpace(wanted, free, *furthest, spread, step, offset)


def _searched(space: SearchSpace, restarts: int, steps: int, seed: int) -> _Result:
    """The cheapest change that turns the decision with a lead; without one where only that can be had."""
    with torch.random.fork_rng(devices=[]):
        candidates = [*by_gradient(space, restarts, steps, seed), *by_sum(space, _MOST_SUMMED)]
        single = by_entry(space)
        candidates += [single[k] for k in single.abs().sum((1, 2)).argsort()[:_MOST_SINGLE].tolist()]
    result = _cheapest(space, torch.stack(candidates))
    if result.change is not None:
        return result
    bare = replace(space, goal=replace(space.goal, lead=0.0))
    result = _cheapest(bare, torch.stack(candidates))
    space.goal.tried = bare.goal.tried
    return result._replace(narrow=result.change is not None)


def _cheapest(space: SearchSpace, candidates: Tensor) -> _Result:
    """The cheapest candidate after thinning, whether it is proven minimal, and the best margin of all."""
    margins = space.margins(candidates)
    best: tuple[float, Tensor, bool] | None = None
    # Thinning costs; candidates that start close are thinned first, and a few are enough.
    order = torch.where(margins > 0, _cost(candidates), torch.inf).argsort()
    for k in order[: min(6, int((margins > 0).sum()))].tolist():
        if best is not None and space.is_spent:
            break
        change, proven = least(space, space.printed(candidates[k]))
        change = space.printed(change)
        cost = float(_cost(change[None])) + (0 if proven else 2 * _PER_ENTRY)
        if best is None or cost < best[0]:
            best = (cost, change, proven)
    closest = float(margins.max())
    return _Result(None, False, closest) if best is None else _Result(best[1], best[2], closest)


def _cost(change: Tensor) -> Tensor:
    return change.abs().sum((1, 2)) + _PER_ENTRY * (change != 0).sum((1, 2))


def _record(space: SearchSpace, data: Sequences, row: int, scores: Tensor, result: _Result) -> Counterfactual:
    wanted, encoding, change = space.goal, space.goal.encoding, result.change
    values, gaps = encoding.values.clone(), encoding.gaps.clone()
    if change is not None:
        values, gaps = _exact(change, *space.raw(change), values, gaps)
    series = encoding.changed(values, gaps)
    real = encoding.real(series)
    like = next(wanted.model.parameters())
    with torch.no_grad():
        new_scores = wanted.model.series(torch.tensor(real.x).to(like), dt=torch.tensor(real.dt).to(like))[0][0]
    turned = change is not None and float(wanted.of(new_scores[None], 0.0)) > 0
    nearest = int(torch.where(_others(wanted, new_scores), new_scores, -torch.inf).argmax())
    moved = change if turned and change is not None else torch.zeros_like(space.low)
    named, threshold = list(map(str, data.classes)), None
    aim = wanted.target if wanted.target >= 0 else nearest
    if wanted.decision >= 0:
        labels = (named[wanted.decision], named[aim])
        shown = [float(torch.softmax(outputs.double(), 0)[wanted.decision]) for outputs in (scores, new_scores)]
    else:
        numbers = [
            float(encoding.encoder.scaler.restore(outputs.double().numpy())[0]) for outputs in (scores, new_scores)
        ]
        edge = float(encoding.encoder.scaler.restore(np.array([wanted.threshold]))[0])
        threshold = edge
        labels, shown = (f"{numbers[0]:.4g}", f"{'above' if wanted.sign > 0 else 'below'} {edge:.4g}"), numbers
    return Counterfactual(
        found=turned,
        id=str(data.ids[row]),
        before=labels[0],
        after=labels[1],
        score_before=shown[0],
        score_after=shown[1],
        changes=_changes(encoding, moved, values, gaps, data.time_unit),
        distance=float(moved.abs().sum()),
        minimal=turned and result.proven,
        reached=None if turned else result.closest,
        series=series if turned else encoding.data,
        tried=wanted.tried,
        threshold=threshold,
        narrow=turned and result.narrow,
    )


def _exact(change: Tensor, values: Tensor, gaps: Tensor, *before: Tensor) -> tuple[Tensor, Tensor]:
    """Values and gaps whose changed numbers are the printed ones to the last bit."""
    moved = (change[:, :-1] != 0, change[:, -1] != 0)
    parts = []
    for after, old, which in zip((values, gaps), before, moved, strict=True):
        # The last bits of a sum are no figures: what is next to nothing beside the change is 0.
        pairs = zip(after[which].tolist(), old[which].tolist(), strict=True)
        numbers = [0.0 if abs(new) < 1e-9 * abs(new - was) else float(f"{new:.10g}") for new, was in pairs]
        parts.append(old.masked_scatter(which, torch.tensor(numbers, dtype=old.dtype)))
    return parts[0], parts[1]


def _others(wanted: Goal, scores: Tensor) -> Tensor:
    """Every output but that of the decision."""
    mask = torch.ones_like(scores, dtype=torch.bool)
    if wanted.decision >= 0:
        mask[wanted.decision] = False
    return mask


def _changes(encoding: Encoding, change: Tensor, values: Tensor, gaps: Tensor, unit: str) -> tuple[Change, ...]:
    data, changes = encoding.data, []
    for step, k in torch.nonzero(change).tolist():
        size = abs(float(change[step, k]))
        if k == data.inputs:
            changes.append(Change("gap", step, "", float(encoding.gaps[step]), float(gaps[step]), unit, size))
            continue
        feature = data.features[k]
        before, after = float(encoding.values[step, k]), float(values[step, k])
        changes.append(Change("value", step, feature.name, before, after, feature.unit, size))
    return tuple(changes)
