"""What is wrong with a model or its data, and what to do about it, in words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.data import Encoder, Sequences
from caudal.nn import GRU, GRUD, LSTM, CfC, Readout
from caudal.train.examples import Examples, examples
from caudal.train.losses import answer, loss

_ROWS = 256
_FLAT, _FULL, _OFTEN = 1e-6, 0.99, 0.95
_SAME = 0.9999
# Cells whose outputs are bounded by 1: at the bound, what gates or heads say no longer depends on the input.
_BOUNDED = (CfC, LSTM, GRU, GRUD)


@dataclass(frozen=True)
class Symptom:
    """One thing that is wrong.

    Attributes:
        code: a stable word: `"nan"`, `"gradient"`, `"dead"`, `"saturated"`, `"time"`, `"overlap"`, `"leak"`.
        where: the parameter, feature, series or part at fault.
        message: what was found, as a sentence.
        remedy: what to do, as a sentence.
        count: how many.
    """

    code: str
    where: str
    message: str
    remedy: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.code}: {self.message} {self.remedy}"


def doctor(
    model: Readout | None, data: Sequences, encoder: Encoder | None = None, *, other: Sequences | None = None
) -> tuple[Symptom, ...]:
    """Examine a model on data, and data for leaks; nothing found is an empty tuple.

    It looks for parameters and gradients that are NaN or infinite, units whose output never changes (dead) or stands at
    its bound nearly always (saturated; cells with bounded outputs), elapsed times in another unit than the model was
    trained in, features that give the target away, and series that are in two parts at once. At most 256 series pass
    through the model; every series is examined for leaks.

    Arguments:
        model: trained or not; None examines the data alone.
        data: the series, with the target where it is known.
        encoder: that the model was trained with; None fits one, and then the unit of time cannot be judged.
        other: another part (validation or test) that must share no series with `data`.

    Returns:
        the symptoms, those of the model first.

    Raises:
        DataError: the data do not have the inputs that the encoder was fitted on.

    Example:
        >>> from caudal.data import from_arrays
        >>> x = np.random.default_rng(0).normal(size=(20, 2, 4))
        >>> x[:, 1] = np.array([0.0, 1.0] * 10)[:, None]
        >>> print(doctor(None, from_arrays(x, [0, 1] * 10))[0].message)
        The feature 'x1' tells the target apart without a model, in 20 of 20 series.
    """
    found = []
    if model is not None:
        paired = isinstance(model.layer, GRUD)
        fitted = encoder or Encoder.fit(data, indicators="all" if paired else "auto")
        batch = examples(fitted, data.select(slice(0, _ROWS)), paired=paired)
        found += [*_numbers(model), *_units(model, batch), *_gradients(model, batch)]
    if encoder is not None:
        found += _clock(encoder, data)
    found += _giveaways(data)
    if other is not None:
        found += _overlap(data, other)
    return tuple(found)


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
    found = []
    dead = torch.nonzero(seen.amax(0) - seen.amin(0) < _FLAT)[:, 0].tolist()
    if dead:
        text = f"{len(dead)} of {seen.shape[1]} units never change their output, first unit {dead[0]}."
        remedy = "Use fewer units or a lower `lr`, or check that the inputs vary."
        found.append(Symptom("dead", f"unit {dead[0]}", text, remedy, len(dead)))
    if isinstance(model.layer, _BOUNDED):
        share = (seen.abs() > _FULL).double().mean(0)
        full = [unit for unit in torch.nonzero(share > _OFTEN)[:, 0].tolist() if unit not in dead]
        if full:
            text = f"{len(full)} of {seen.shape[1]} units stand at their bound nearly always, first unit {full[0]}."
            remedy = "Their gates no longer listen: lower `lr`, add `weight_decay`, and scale the inputs."
            found.append(Symptom("saturated", f"unit {full[0]}", text, remedy, len(full)))
    return found


def _clock(encoder: Encoder, data: Sequences) -> list[Symptom]:
    later = (data.dt[:, 1:] / encoder.scaler.gap)[data.mask[:, 1:]]
    later = later[later > 0]
    if not later.size:
        return []
    typical = float(np.median(later))
    if 0.1 <= typical <= 10:
        return []
    text = f"The typical gap is {typical:.3g} times that of the training data (here in {data.time_unit})."
    remedy = "The unit of time differs: measure `dt` in the unit of training, or train again."
    return [Symptom("time", "dt", text, remedy, int(later.size))]


def _giveaways(data: Sequences) -> list[Symptom]:
    if data.target is None or data.target_mask is None or data.task == "forecast":
        return []
    found = []
    for k, feature in enumerate(data.features):
        share = _alike(*_pairs(data, k), classes=bool(data.classes))
        if share:
            text = f"The feature {feature.name!r} tells the target apart without a model, in {share} series."
            remedy = "If it is the target or is known only after it, leave it out of `features`."
            found.append(Symptom("leak", feature.name, text, remedy))
    return found


def _pairs(data: Sequences, k: int) -> tuple[NDArray[Any], NDArray[Any], int, int]:
    """Values of a feature with the targets beside them: at each step, or the last observed value of each series."""
    target, known = np.asarray(data.target), np.asarray(data.target_mask)
    seen = data.observed[:, :, k]
    if data.task in ("classify_steps", "imitate"):
        one = target if target.ndim == 2 else target[:, :, 0]
        both = seen & (known if known.ndim == 2 else known[:, :, 0])
        return data.values[:, :, k][both], one[both], int(both.any(axis=1).sum()), len(data)
    some = seen.any(axis=1)
    last = data.steps - 1 - np.argmax(seen[:, ::-1], axis=1)
    values = data.values[np.arange(len(data)), last, k]
    one = target if target.ndim == 1 else target[:, 0]
    return values[some], one[some], int(some.sum()), len(data)


def _alike(values: NDArray[Any], target: NDArray[Any], held: int, series: int, *, classes: bool) -> str:
    """`"n of m"` where a feature explains the target (or the class explains it) nearly fully, else `""`."""
    if len(values) < 8 or len(np.unique(target)) < 2:
        return ""
    x, y = values.astype(np.float64), target.astype(np.float64)
    spread = np.square(x - x.mean()).sum()
    if spread <= 1e-12 * max(np.square(x).sum(), 1e-30):
        return ""
    if classes:
        within = sum(np.square(x[y == c] - x[y == c].mean()).sum() for c in np.unique(y))
        means = [x[y == c].mean() for c in np.unique(y)]
        strength = (1 - within / spread) if len(np.unique(np.round(means, 9))) == len(means) else 0.0
        # A class of one series is told apart by anything.
        if min(np.unique(y, return_counts=True)[1]) < 2:
            return ""
    else:
        strength = float(np.corrcoef(x, y)[0, 1] ** 2)
    return f"{held} of {series}" if strength > _SAME else ""


def _overlap(data: Sequences, other: Sequences) -> list[Symptom]:
    found = []
    remedy = "Split again with `caudal.data.split`, which keeps series and groups whole."
    if data.group is not None and other.group is not None:
        shared = np.intersect1d(data.group, other.group)
        what, named = "groups", [str(one) for one in shared]
    else:
        what, named = "ids", [str(one) for one in np.intersect1d(data.ids, other.ids)]
    if data.recipe is None and what == "ids":
        named = []  # arrays are numbered from 0 in every part; their names say nothing
    if named:
        text = f"{len(named)} {what} are in both parts, first {named[0]!r}."
        found.append(Symptom("overlap", named[0], text, remedy, len(named)))
    twins = _contents(data) & _contents(other)
    if twins and not named:
        text = f"{len(twins)} series are in both parts, value by value."
        found.append(Symptom("overlap", "values", text, "Drop the copies, or split again.", len(twins)))
    return found


def _contents(data: Sequences) -> set[bytes]:
    """The bytes of each series of at least two steps; shorter ones may well be equal by chance."""
    return {
        data.values[row, :n].tobytes() + data.observed[row, :n].tobytes()
        for row, n in enumerate(data.lengths.tolist())
        if n > 1 and data.observed[row, :n].any()
    }
