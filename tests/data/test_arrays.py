import numpy as np
import pytest

from caudal.data import from_arrays
from caudal.errors import DataError


def test_aeon_form_and_its_transpose_agree():
    x = np.random.default_rng(0).normal(size=(4, 3, 7))
    one = from_arrays(x, [0, 1, 0, 1])
    other = from_arrays(x.transpose(0, 2, 1), [0, 1, 0, 1], axes="time_first")
    assert one.values.shape == (4, 7, 3)
    assert one.digest == other.digest


def test_lists_are_padded_and_holes_marked():
    data = from_arrays([np.array([[1.0, np.nan, 3.0]]), np.array([[4.0]])], ["x", "y"])
    assert data.values[:, :, 0].tolist() == [[1, 0, 3], [4, 0, 0]]
    assert data.observed[:, :, 0].tolist() == [[True, False, True], [True, False, False]]
    assert data.dt.tolist() == [[1, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ("y", "task", "shape"),
    [
        ([0, 1, 1], "classify", (3,)),
        (np.array([True, False, True]), "classify", (3,)),
        (["a", "b", "a"], "classify", (3,)),
        ([0.5, 1.5, 2.5], "regress", (3, 1)),
        (np.zeros((3, 2)), "regress", (3, 2)),
        (np.array([[0, 1, 0, 1]] * 3), "classify_steps", (3, 4)),
        (np.zeros((3, 4, 2)), "imitate", (3, 4, 2)),
        ([np.zeros((4, 2))] * 3, "imitate", (3, 4, 2)),
    ],
)
def test_task_follows_the_target(y: object, task: str, shape: tuple[int, ...]):
    data = from_arrays(np.zeros((3, 1, 4)), y)
    assert data.task == task
    assert data.target is not None
    assert data.target.shape == shape


def test_labels_keep_their_type():
    assert from_arrays(np.zeros((2, 1, 3)), [3, 7]).classes == (3, 7)
    assert from_arrays(np.zeros((2, 1, 3)), np.array([3.0, 7.0]), task="classify").classes == (3, 7)
    assert from_arrays(np.zeros((2, 1, 3)), [True, False]).classes == (False, True)
    assert from_arrays(np.zeros((2, 1, 3)), np.array(["b", "a"], dtype=object)).classes == ("a", "b")


def test_given_classes_keep_their_order():
    data = from_arrays(np.zeros((2, 1, 3)), ["hi", "lo"], classes=["lo", "mid", "hi"])
    assert data.target.tolist() == [2, 0]
    with pytest.raises(DataError, match="`y` holds the class 'hi', which is not among"):
        from_arrays(np.zeros((2, 1, 3)), ["hi", "lo"], classes=["lo", "mid"])


def test_missing_targets_of_steps_are_not_scored():
    data = from_arrays(np.zeros((1, 1, 3)), np.array([[[1.0], [np.nan], [3.0]]]))
    assert data.target_mask[0, :, 0].tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"x": []}, "`x` holds no series"),
        ({"x": [np.zeros((1, 0))]}, r"`x` has shape \(1, 0\) in series 0"),
        ({"x": [np.zeros((2, 3)), np.zeros((3, 3))]}, "`x` has 3 channels in series 1 and 2 in series 0"),
        ({"x": [["a", "b"]]}, "`x` holds no numbers in series 0"),
        ({"x": np.full((2, 1, 3), np.inf)}, r"`x` holds infinity at \(0, 0, 0\)"),
        ({"x": np.zeros((2, 1, 3)), "y": [1.5, np.nan]}, "`y` is NaN for series 1"),
        ({"x": np.zeros((2, 1, 3)), "y": [0, 0]}, "`y` holds one class only"),
        ({"x": np.zeros((2, 1, 3)), "y": ["a", None]}, "`y` is missing for series 1"),
        ({"x": np.zeros((2, 1, 3)), "y": [0, 1, 1]}, "x holds 2 series"),
        ({"x": np.zeros((2, 1, 3)), "y": [[0, 1], [1, 0, 1]]}, "`y` has not the length of x, first at series 0"),
        ({"x": np.zeros((2, 1, 3)), "dt": [[1, 1], [1, 1, 1]]}, "`dt` has shape"),
        ({"x": np.zeros((2, 1, 3)), "names": ["a", "b"]}, "`names` holds 2 names for 1 columns"),
        ({"x": np.zeros((2, 1, 3)), "group": [1]}, "`group` has shape"),
        ({"x": np.zeros((2, 1, 3)), "static": np.zeros(2)}, "`static` has shape"),
        ({"x": np.zeros((2, 1, 3)), "ids": ["a", "a"]}, "name series a more than once"),
        ({"x": np.zeros((2, 1, 3)), "axes": "up"}, "`axes` is 'up'"),
        ({"x": np.zeros((2, 1, 3)), "dtype": "int8"}, "`dtype` is 'int8'"),
        ({"x": np.zeros((2, 1, 3)), "y": [0, 1], "task": "forecast"}, "cut with `windows"),
    ],
)
def test_faults_are_named(options: dict[str, object], text: str):
    with pytest.raises(DataError, match=text):
        from_arrays(**options)  # type: ignore[arg-type]
