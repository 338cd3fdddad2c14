"""The shapes in which sktime passes collections of series, as a list of arrays with elapsed times.

`pd-multiindex`: a frame whose index holds series and time. `df-list`: a list of frames, one row per time.
`nested_univ`: a frame with one row per series, whose cells hold series. Channels go by their place, as in arrays.
pandas is not imported: whoever passes a frame has it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.errors import DataError


@dataclass(frozen=True, eq=False)
class Panel:
    """Series of one collection.

    Attributes:
        series: `(channels, time)` each.
        dt: `(time,)` each, since the previous row; the first is the median gap of all.
    """

    series: list[NDArray[Any]]
    dt: list[NDArray[np.float64]]


def is_panel(x: Any) -> bool:
    """Whether it is one of the shapes.

    Example:
        >>> is_panel(np.zeros((2, 1, 3))), is_panel([np.zeros((1, 3))])
        (False, False)
    """
    if isinstance(x, list | tuple):
        return bool(x) and all(_is_frame(one) for one in x)
    return _is_frame(x) and (x.index.nlevels > 1 or _is_nested(x))


def panel(x: Any) -> Panel:
    """The series of a collection in one of the shapes.

    Raises:
        DataError: times fall, series have other channels, a channel of a series has another length, a cell is a
            text, or the index has more than two levels.
    """
    if _is_frame(x) and x.index.nlevels > 2:
        fault = f"has an index of {x.index.nlevels} levels; expected series and time"
        raise DataError("LiquidEstimator", "X", fault, "Join the levels before the last into one, as text.")
    if isinstance(x, list | tuple):
        return _panel([(one.index, one) for one in x])
    if _is_nested(x):
        return _nested(x)
    keys = x.index.get_level_values(0)
    frames = [x.loc[[key]] for key in dict.fromkeys(keys)]
    return _panel([(one.index.get_level_values(1), one) for one in frames])


def _is_frame(x: Any) -> bool:
    return hasattr(x, "columns") and hasattr(getattr(x, "index", None), "nlevels")


def _is_nested(x: Any) -> bool:
    return len(x) > 0 and len(x.columns) > 0 and all(np.ndim(cell) == 1 for cell in x.iloc[0])


def _panel(parts: list[tuple[Any, Any]]) -> Panel:
    names = tuple(str(name) for name in parts[0][1].columns)
    for k, (_, frame) in enumerate(parts):
        if tuple(str(name) for name in frame.columns) != names:
            fault = f"has the channels {list(frame.columns)} in series {k} and {list(names)} in series 0"
            raise DataError("LiquidEstimator", "X", fault, "Pass the same channels for every series.")
    clocks = [_clock(index, k) for k, (index, _) in enumerate(parts)]
    return Panel([_cells(frame, k).T for k, (_, frame) in enumerate(parts)], _gaps(clocks))


def _cells(frame: Any, k: int) -> NDArray[np.float64]:
    """`(time, channels)` of one frame."""
    for name in frame.columns:
        if frame[name].dtype.kind not in "iufb":
            try:
                frame[name].to_numpy(dtype=np.float64)
            except (ValueError, TypeError):
                fault = f"holds texts in the channel {name!r} of series {k}"
                remedy = "Call `X.reset_index()` and pass the table with `target` and `series`, which reads categories."
                raise DataError("LiquidEstimator", "X", fault, remedy) from None
    return np.asarray(frame.to_numpy(dtype=np.float64))


def _clock(index: Any, k: int) -> NDArray[np.float64]:
    times = np.asarray(index)
    if times.dtype.kind in "OUS":  # periods of pandas have no number; their order is the time
        times = np.arange(len(times))
    ticks = times.astype("datetime64[ns]").astype(np.int64) / 1e9 if times.dtype.kind == "M" else times
    found = np.asarray(ticks, np.float64)
    if (np.diff(found) < 0).any():
        fault = f"goes back in time in series {k}"
        raise DataError("LiquidEstimator", "X", fault, "Sort each series by time: `X.sort_index()`.")
    return found


def _gaps(clocks: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    later = np.concatenate([np.diff(clock) for clock in clocks])
    later = later[later > 0]
    first = float(np.median(later)) if later.size else 1.0
    return [np.concatenate([[first], np.diff(clock)]) for clock in clocks]


def _nested(x: Any) -> Panel:
    series, clocks = [], []
    for k in range(len(x)):
        cells = list(x.iloc[k])
        if len({len(cell) for cell in cells}) > 1:
            fault = f"has channels of unequal length in series {k}"
            raise DataError("LiquidEstimator", "X", fault, "Pass a value, or NaN, for every time.")
        series.append(np.stack([np.asarray(cell, np.float64) for cell in cells]))
        first = cells[0]
        clocks.append(_clock(first.index, k) if hasattr(first, "index") else np.arange(len(first), dtype=np.float64))
    return Panel(series, _gaps(clocks))
