import numpy as np
import pytest

from caudal.data import from_arrays, windows
from caudal.errors import DataError


def _steps(lengths: list[int]):
    x = [np.arange(float(n))[:, None] + 100 * k for k, n in enumerate(lengths)]
    dt = [np.arange(1.0, n + 1) for n in lengths]
    return from_arrays(x, x, axes="time_first", task="imitate", dt=dt, ids=[f"s{k}" for k in range(len(lengths))])


def test_windows_remember_parent_time_and_gap():
    cut = windows(_steps([6, 3, 8]), 4, 2)
    assert cut.ids.tolist() == ["s0@0", "s0@2", "s2@0", "s2@2", "s2@4"]
    assert cut.group.tolist() == ["s0", "s0", "s2", "s2", "s2"]
    assert cut.start.tolist() == [0, 5, 0, 5, 14]
    assert cut.dt[1].tolist() == [3, 4, 5, 6]
    assert windows(_steps([6]), 4, 2, gaps="first").dt[1].tolist() == [1, 4, 5, 6]
    assert [finding.code for finding in cut.findings] == ["short"]


def test_forecasts_hold_the_steps_after_the_window():
    cut = windows(_steps([6]), 3, 1, horizon=2)
    assert cut.task == "forecast"
    assert cut.target[:, :, 0].tolist() == [[3, 4], [4, 5]]
    assert cut.ahead.tolist() == [[4, 5], [5, 6]]
    assert cut.end.tolist() == [14, 20]


def test_a_target_per_series_goes_to_each_window():
    data = from_arrays(np.zeros((2, 1, 6)), ["a", "b"], group=[7, 8])
    cut = windows(data, 3, 3)
    assert cut.target.tolist() == [0, 0, 1, 1]
    assert cut.group.tolist() == [7, 7, 8, 8]


def test_faults_are_named():
    with pytest.raises(DataError, match="`length` is 9 steps and 0 ahead; the longest series has 6"):
        windows(_steps([6]), 9)
    with pytest.raises(DataError, match="`stride` is 0; expected at least 1"):
        windows(_steps([6]), 2, 0)
    with pytest.raises(DataError, match="`horizon` is 1, and the task is classify"):
        windows(from_arrays(np.zeros((2, 1, 6)), [0, 1]), 2, horizon=1)
    with pytest.raises(DataError, match="holds forecasts"):
        windows(windows(_steps([6]), 2, horizon=1), 1)
