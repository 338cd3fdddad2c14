"""Elapsed times that are in another unit than they should be."""

import numpy as np

from caudal.data import Encoder, Sequences
from caudal.doctor.leaks import Symptom

_FAR = 10.0
# What a gap becomes when its unit is taken for another.
_RATIOS = {
    60.0: "seconds and minutes, or minutes and hours",
    3600.0: "seconds and hours",
    1000.0: "milliseconds and seconds",
    1440.0: "minutes and days",
    86400.0: "seconds and days",
    24.0: "hours and days",
    7.0: "days and weeks",
}
_NEAR, _USUAL, _OFTEN_MEANT = 0.1, 3.0, 24.0
_FEW_SERIES, _FEW_GAPS = 3, 4
_EPOCHS = {
    "ns": (1e18, "nanoseconds"),
    "us": (1e15, "microseconds"),
    "ms": (1e12, "milliseconds"),
    "s": (1e9, "seconds"),
}


def unlike_training(encoder: Encoder, data: Sequences) -> list[Symptom]:
    """A typical gap far from that of the training."""
    later = (data.dt[:, 1:] / encoder.scaler.gap)[data.mask[:, 1:]]
    later = later[later > 0]
    if not later.size:
        return []
    typical = float(np.median(later))
    if 1 / _FAR <= typical <= _FAR:
        return []
    text = f"The typical gap is {typical:.3g} times that of the training data (here in {data.time_unit})."
    remedy = "The unit of time differs: bring the times to that of the training, or train again."
    return [Symptom("time", "dt", text, remedy, int(later.size))]


def mixed_units(data: Sequences) -> list[Symptom]:
    """Series whose gaps are those of all others times 60, 1,000, 24, ...: two units in one column."""
    gaps = np.where(data.mask & (np.arange(data.steps) > 0) & (data.dt > 0), data.dt, np.nan)
    some = np.isfinite(gaps).any(axis=1)
    if some.sum() < 4:
        return []
    typical = np.nanmedian(gaps[some], axis=1)
    ratio = typical / np.median(typical)
    for size, words in _RATIOS.items():
        for times, far in ((f"{size:g} times", ratio), (f"1/{size:g} of", 1 / ratio)):
            odd = np.abs(far / size - 1) < _NEAR
            # A wide spread of gaps is no mix of units: nobody may stand between the two.
            if not odd.any() or not (odd | ((far < _USUAL) & (far > 1 / _USUAL))).all():
                continue
            count, first = int(odd.sum()), data.ids[some][np.argmax(odd)]
            # The median of two or three gaps may be short or long by chance.
            few = count < 2 or (count < _FEW_SERIES and np.isfinite(gaps[some][odd]).sum() < _FEW_GAPS * count)
            if few and size <= _OFTEN_MEANT:
                continue
            text = f"The gaps of {count} of {len(odd)} series are {times} those of the others, first series {first!s}."
            remedy = f"They look like {words} mixed: convert their times. If they were sampled so, all is well."
            # Hours beside days, and days beside weeks, are often meant.
            return [Symptom("time", "dt", text, remedy, count, "serious" if size > _OFTEN_MEANT else "mild")]
    return []


def stamps(data: Sequences) -> list[Symptom]:
    """Unix times whose unit is not what `time_unit` says."""
    recipe = data.recipe
    if recipe is None or recipe.time is None or recipe.datetimes:
        return []
    start = float(np.median(data.start))
    for unit, (least, words) in _EPOCHS.items():
        if least <= start < 4 * least and data.time_unit not in (unit, "unit"):
            text = f"`{recipe.time}` looks like Unix time in {words}, and `time_unit` says {data.time_unit}."
            remedy = f"Pass `time_unit={unit!r}`, or a column of datetimes."
            return [Symptom("time", recipe.time, text, remedy, len(data))]
    return []
