"""What is wrong with a model or its data, and what to do about it, in words."""

import numpy as np
import torch
from torch import Tensor

from caudal.data import Encoder, Sequences
from caudal.data.account import without_past
from caudal.doctor import leaks, times
from caudal.doctor.leaks import Severity, Symptom
from caudal.nn import GRU, GRUD, LSTM, CfC, Readout
from caudal.train.batches import Examples, examples
from caudal.train.losses import answer, loss

_ROWS = 256
_FLAT, _FULL, _OFTEN = 1e-6, 0.99, 0.95
_FEW = 5
_FAR = 10.0
_FEW_GROUPS = 5
# Cells whose outputs are bounded by 1: at the bound, what gates or heads say no longer depends on the input.
_BOUNDED = (CfC, LSTM, GRU, GRUD)
_REMEDIES = {
    "short_history": "Or give more rows.",
    "window": "Name another with `window`.",
    "ahead": "Fill in those that are past.",
    "irregular": "If they should be regular, repair the times.",
    "zone": "If that is not so, name the zone with `time_zone`.",
    "clock_change": "If they are not in that order, correct the times.",
    "sorted": "Check that the times are right.",
    "duplicates": "Drop the copies, and look for what made them.",
    "equal_times": "Check that each row has its own time.",
    "constant": "Leave it out with `drop`.",
    "empty": "Fill it in, or leave it out.",
    "gap": "Correct the date, or give the parts their own names.",
    "unseen": "Train with series that have them.",
    "unlabelled": "Fill in the target, or accept that those steps teach nothing.",
    "single_series": "Cut windows of it, and divide those by time.",
    "rare_class": "Collect more series of it, or join it with another class.",
    "missing_sensitive": "Fill it in; who is missing is in no group.",
    "short": "Pass a smaller window, or accept that they teach nothing.",
    "left_out": "Nothing need be done if it was meant to be left out.",
    "flip": "Correct the cell, or name the `task` if each step has a target of its own.",
    "owner": "Name it as `group`, so that no split tears it apart, or leave it out with `drop`.",
    "spelling": "Write them in one way, unless both are meant.",
    "row_order": "Leave it out with `drop` unless it was measured.",
    "calendar": "Turn it into days since a date, or leave it out with `drop`.",
    "total": "Take those rows out.",
    "sentinel": "Leave those cells empty, unless the value was measured.",
    "no_past": "Leave those series out, or fill them in.",
    "accents": "Nothing need be done.",
    "repeated": "Leave one of them out with `drop`.",
}
_SERIOUS = ("flip", "total", "owner", "spelling", "row_order", "sentinel")


def examine(
    model: Readout | None, data: Sequences, encoder: Encoder | None = None, *, other: Sequences | None = None
) -> tuple[Symptom, ...]:
    """Examine a model on data, and data for leaks; nothing found is an empty tuple.

    It looks for parameters and gradients that are NaN or infinite, units whose output never changes (dead) or stands at
    its bound nearly always (saturated; cells with bounded outputs); elapsed times in another unit than the model was
    trained in, than the other series, or than `time_unit` says; inputs that give the target away, series that stand
    there twice or in two parts at once, classes of too few series; and it passes on what was found when the table was
    read. At most 256 series pass through the model; every series is examined for leaks.

    Arguments:
        model: trained or not; None examines the data alone.
        data: the series, with the target where it is known.
        encoder: that the model was trained with; None fits one, and then time is not compared with the training.
        other: another part (validation or test) that must share no series with `data`.

    Returns:
        the symptoms, those of the model first.

    Raises:
        DataError: the data do not have the inputs that the encoder was fitted on.

    Example:
        >>> from caudal.data import from_arrays
        >>> x = np.random.default_rng(0).normal(size=(20, 2, 4))
        >>> x[:, 1] = np.array([0.0, 1.0] * 10)[:, None]
        >>> print(examine(None, from_arrays(x, [0, 1] * 10))[0].message)
        The feature 'x1' tells the target apart without a model, in 20 of 20 series.
    """
    symptoms = []
    if model is not None:
        paired = isinstance(model.layer, GRUD)
        fitted = encoder or Encoder.fit(data, indicators="all" if paired else "auto")
        batch = examples(fitted, data.select(slice(0, _ROWS)), paired=paired)
        symptoms += [*_numbers(model), *_units(model, batch), *_gradients(model, batch)]
    if encoder is not None:
        symptoms += unlike_training(encoder, data)
    symptoms += [*times.stamps(data), *times.mixed_units(data), *leaks.giveaways(data), *leaks.copies(data)]
    if other is not None:
        symptoms += leaks.overlaps(data, other)
    return (*symptoms, *_rare(data), *_few_groups(data), *_findings(data))


def _numbers(model: Readout) -> list[Symptom]:
    sick = [name for name, value in model.named_parameters() if not value.isfinite().all()]
    if not sick:
        return []
    text = f"{len(sick)} parameters hold NaN or infinity, first {sick[0]!r}."
    remedy = "Train again with a lower `lr` and with `clip` above 0."
    return [Symptom("nan", sick[0], text, remedy, len(sick))]


def _gradients(model: Readout, batch: Examples) -> list[Symptom]:
    if batch.target is None or _numbers(model):
        return []
    device = next(model.parameters()).device
    total, weight = loss(answer(model, whole := batch.rows(torch.arange(len(batch)), device)), whole)
    named = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    slopes = torch.autograd.grad(total / weight.clamp_min(1e-12), [value for _, value in named], allow_unused=True)
    sick = [name for (name, _), g in zip(named, slopes, strict=True) if g is not None and not g.isfinite().all()]
    if total.isfinite() and not sick:
        return []
    where = sick[0] if sick else "loss"
    text = f"The loss is {total.item():.4g}, and {len(sick)} gradients hold NaN or infinity, first at {where!r}."
    return [
        Symptom("gradient", where, text, "Look for huge inputs or gaps; lower `lr`; shorten the series.", len(sick))
    ]


def _units(model: Readout, batch: Examples) -> list[Symptom]:
    if _numbers(model):
        return []
    device = next(model.parameters()).device
    whole = batch.rows(torch.arange(len(batch)), device)
    with torch.no_grad():
        y, _ = model.layer(whole.x, dt=whole.dt, lengths=whole.lengths)
    steps = torch.arange(y.shape[1], device=device) < whole.lengths[:, None]
    seen: Tensor = y[steps]
    if len(seen) < 2:
        return []
    symptoms = []
    dead = torch.nonzero(seen.amax(0) - seen.amin(0) < _FLAT)[:, 0].tolist()
    if dead:
        text = f"{len(dead)} of {seen.shape[1]} units never change their output, first unit {dead[0]}."
        remedy = "Use fewer units or a lower `lr`, or check that the inputs vary."
        symptoms.append(Symptom("dead", f"unit {dead[0]}", text, remedy, len(dead), _of(len(dead), seen.shape[1])))
    if isinstance(model.layer, _BOUNDED):
        share = (seen.abs() > _FULL).double().mean(0)
        full = [unit for unit in torch.nonzero(share > _OFTEN)[:, 0].tolist() if unit not in dead]
        if full:
            text = f"{len(full)} of {seen.shape[1]} units stand at their bound nearly always, first unit {full[0]}."
            remedy = "Their gates no longer listen: lower `lr`, add `weight_decay`, and scale the inputs."
            severity = _of(len(full), seen.shape[1])
            symptoms.append(Symptom("saturated", f"unit {full[0]}", text, remedy, len(full), severity))
    return symptoms


def _of(count: int, units: int) -> Severity:
    """A few sick units are a waste; when most are, the network is."""
    return "serious" if 2 * count > units else "mild"


def _rare(data: Sequences) -> list[Symptom]:
    """Classes of fewer series than a score can be trusted on."""
    if data.task != "classify" or data.target is None:
        return []
    counts = np.bincount(data.target, minlength=len(data.classes))
    # A class without a series may be known from another part; a single one was found when the table was read.
    rare = (counts > 1) & (counts < _FEW)
    if not rare.any():
        return []
    least = int(np.argmin(np.where(rare, counts, counts.max() + 1)))
    text = f"Class {data.classes[least]} has {counts[least]} series only."
    remedy = "No score of it can be trusted: collect more, or join classes. `caudal.data.folds` cross-validates."
    return [Symptom("few", str(data.classes[least]), text, remedy, int(rare.sum()), "mild")]


def _few_groups(data: Sequences) -> list[Symptom]:
    """Groups too few for a part of them to speak for others; a time axis along which every series has one step."""
    symptoms = []
    if data.recipe is not None and data.recipe.group is not None and data.group is not None:
        count = len(np.unique(data.group))
        if count < _FEW_GROUPS:
            where = data.recipe.group
            text = f"`{where}` has {count} groups, and a fifth of them is what a model is tested on."
            remedy = "Read its score as that of those few: collect more groups, or cross-validate over them."
            symptoms.append(Symptom("few_groups", where, text, remedy, count, "mild"))
    name = None if data.recipe is None or data.recipe.time is None else data.recipe.series
    if name is not None and data.steps == 1 and np.ptp(data.start) > 0:
        text = f"`{name}` differs in every row, so each of {len(data)} series has one step and no past."
        remedy = "If it numbers the rows, name the column that says whom they belong to."
        symptoms.append(Symptom("single_steps", name, text, remedy, len(data), "mild"))
    return symptoms


def unlike_training(encoder: Encoder, data: Sequences) -> list[Symptom]:
    """Symptoms of series that are unlike those of the training: in their gaps, or in inputs empty or far away."""
    symptoms = times.unlike_training(encoder, data)
    for k, name in enumerate(encoder.names[: data.inputs]):
        seen = data.observed[:, :, k]
        is_category = data.features[k].kind == "category"
        if not seen.any():
            if name not in encoder.indicators and not is_category:
                text = f"The input {name!r} is empty in every row, and was never empty in training."
                symptoms.append(Symptom("dead_input", name, text, "Look at its sensor, or at the name of the column."))
            continue
        mean, std = encoder.scaler.mean[k], encoder.scaler.std[k]
        typical = float(np.median(data.values[:, :, k][seen])) - mean
        if not is_category and std != 1.0 and abs(typical) > _FAR * std:
            text = f"The input {name!r} lies {abs(typical) / std:.3g} standard deviations from its mean in training."
            symptoms.append(Symptom("unlike", name, text, "Look at its unit, or train again on such series."))
    return symptoms


def _findings(data: Sequences) -> list[Symptom]:
    """What was found when the table was read."""
    return [
        Symptom(
            finding.code,
            finding.column,
            finding.message,
            _REMEDIES.get(finding.code, "See the row."),
            finding.count,
            "serious" if finding.code in _SERIOUS else "mild",
        )
        for finding in (*data.findings, *without_past(data))
    ]
