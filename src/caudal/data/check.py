"""What must hold of `Sequences`, whoever makes them."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from caudal.errors import DataError

if TYPE_CHECKING:
    from caudal.data.sequences import Sequences

_OWNER = "Sequences"
_TARGET_AXES = {"classify": 1, "classify_steps": 2, "regress": 2, "forecast": 3, "imitate": 3}


def check_sequences(data: "Sequences") -> None:
    """Refuse a value whose parts disagree.

    Raises:
        DataError: names the part, the fault and the remedy.
    """
    _check_block(data)
    _check_time(data)
    _check_target(data)
    _check_people(data)


def _fail(argument: str, fault: str, remedy: str = "Build it with `from_frame` or `from_arrays`.") -> DataError:
    return DataError(_OWNER, argument, fault, remedy)


def _check_shape(name: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise _fail(name, f"has shape {array.shape}; expected {shape}")


def _check_kind(name: str, array: NDArray[Any], kinds: str, words: str) -> None:
    if array.dtype.kind not in kinds:
        raise _fail(name, f"has dtype {array.dtype}; expected {words}")


def _check_block(data: "Sequences") -> None:
    values = data.values
    if values.dtype not in (np.float32, np.float64) or values.ndim != 3:
        raise _fail("values", f"is {values.dtype} of shape {values.shape}; expected floats of (batch, time, input)")
    batch, time, size = values.shape
    if batch == 0 or time == 0:
        raise _fail("values", f"has shape {values.shape}: there is no series or no step", "Select at least one series.")
    if len(data.features) != size:
        raise _fail("features", f"names {len(data.features)} inputs; values hold {size}")
    names = [feature.name for feature in (*data.features, *data.statics)]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise _fail("features", f"hold the name {twice[0]!r} more than once", "Give each input its own name.")
    _check_shape("lengths", data.lengths, (batch,))
    _check_kind("lengths", data.lengths, "i", "an integer type")
    if data.lengths.min() < 1 or data.lengths.max() > time:
        at = int(np.argmax((data.lengths < 1) | (data.lengths > time)))
        raise _fail("lengths", f"holds {data.lengths[at]} for series {at}; expected 1 to {time}", "Drop empty series.")
    _check_shape("observed", data.observed, values.shape)
    _check_kind("observed", data.observed, "b", "bool")
    if not np.isfinite(values).all():
        at3 = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise _fail("values", f"hold NaN or infinity at (series, step, input) {at3}", "Put 0, and False in `observed`.")
    if np.any(data.observed, where=~data.mask[:, :, None]) or np.any(values, where=~data.observed):
        raise _fail("values", "hold something in padding or in a cell that was not observed", "Put 0 and False there.")


def _check_time(data: "Sequences") -> None:
    batch, time, _ = data.values.shape
    _check_shape("dt", data.dt, (batch, time))
    _check_kind("dt", data.dt, "f", "float64")
    bad = ~np.isfinite(data.dt) | (data.dt < 0)
    if bad.any():
        series, step = (int(i) for i in np.argwhere(bad)[0])
        raise _fail(
            "dt",
            f"holds {data.dt[series, step]:g} at series {series}, step {step}; elapsed times are finite and at least 0",
            "Sort each series by time and pass the differences.",
        )
    if np.any(data.dt, where=~data.mask):
        raise _fail("dt", "holds something in the padding", "Put 0 after the last step of each series.")
    _check_shape("start", data.start, (batch,))
    if not np.isfinite(data.start).all():
        raise _fail("start", "holds NaN or infinity", "Pass the time of the first step of each series.")


def _check_target(data: "Sequences") -> None:
    if data.task not in _TARGET_AXES:
        raise _fail("task", f"is {data.task!r}; expected one of {', '.join(_TARGET_AXES)}", "Name one of them.")
    if (data.target is None) != (data.target_mask is None):
        raise _fail("target_mask", "must be given together with `target`")
    if (data.task == "forecast") != (data.ahead is not None):
        raise _fail("ahead", "is given for forecasts, and only for them")
    if data.target is None or data.target_mask is None:
        return
    classify = data.task.startswith("classify")
    shape = {
        "classify": (len(data),),
        "classify_steps": (len(data), data.steps),
        "regress": (len(data), len(data.outputs)),
        "forecast": (len(data), 0 if data.ahead is None else data.ahead.shape[-1], len(data.outputs)),
        "imitate": (len(data), data.steps, len(data.outputs)),
    }[data.task]
    _check_shape("target", data.target, shape)
    _check_shape("target_mask", data.target_mask, shape)
    _check_kind("target", data.target, "i" if classify else "f", "int64" if classify else "floats")
    counted = data.target[data.target_mask]
    if classify and counted.size and (counted.min() < 0 or counted.max() >= len(data.classes)):
        raise _fail("target", f"holds a position outside the {len(data.classes)} classes")
    if not classify and not np.isfinite(counted).all():
        raise _fail("target", "holds NaN or infinity where `target_mask` is True", "Put False in `target_mask` there.")


def _check_people(data: "Sequences") -> None:
    batch = len(data)
    _check_shape("ids", data.ids, (batch,))
    if len(np.unique(data.ids)) != batch:
        ids, counts = np.unique(data.ids, return_counts=True)
        raise _fail("ids", f"name series {ids[counts > 1][0]!s} more than once", "Give each series its own name.")
    if data.group is not None:
        _check_shape("group", data.group, (batch,))
    for name, column in data.sensitive.items():
        _check_shape(f"sensitive[{name!r}]", column, (batch,))
    _check_shape("static", data.static, (batch, len(data.statics)))
    _check_shape("static_observed", data.static_observed, (batch, len(data.statics)))
    if not np.isfinite(data.static).all() or np.any(data.static, where=~data.static_observed):
        raise _fail("static", "holds NaN, infinity, or something not observed", "Put 0, and False in static_observed.")
