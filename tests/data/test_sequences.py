import copy
import json
import pickle
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from caudal.data import Finding, Recipe, Sequences, Task, from_arrays
from caudal.errors import DataError, FileFormatError, InputError


def test_length_shapes_and_repr(ragged: Sequences):
    assert len(ragged) == 5
    assert (ragged.steps, ragged.inputs, ragged.names) == (5, 2, ("pulse", "pressure"))
    assert repr(ragged) == (
        "Sequences(5 series of up to 5 steps, 2 inputs, classify 2 classes, 7 % missing, time in h)"
    )
    assert ragged.mask.sum(axis=1).tolist() == [4, 2, 5, 1, 3]


def test_frozen_with_read_only_arrays(ragged: Sequences):
    with pytest.raises(FrozenInstanceError):
        ragged.task = "regress"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        ragged.values[0, 0, 0] = 1
    with pytest.raises(TypeError):
        ragged.sensitive["sex"] = np.zeros(5)  # type: ignore[index]


def test_select_by_rows_mask_and_slice(ragged: Sequences):
    assert ragged.select([3, 0]).ids.tolist() == ["p4", "p1"]
    assert ragged.select(np.array([True, False, True, False, False])).group.tolist() == [1, 2]
    assert ragged.select(slice(1, 3)).sensitive["sex"].tolist() == ["m", "f"]


def test_select_refuses_nothing_and_repeats(ragged: Sequences):
    with pytest.raises(DataError, match="there is no series or no step"):
        ragged.select([])
    with pytest.raises(DataError, match="`ids` name series p1 more than once"):
        ragged.select([0, 0])
    with pytest.raises(DataError, match="`rows` holds 5; there are 5 series"):
        ragged.select([5])
    with pytest.raises(DataError, match="`rows` is float64"):
        ragged.select(np.array([0.0]))


def test_times_and_end(ragged: Sequences):
    assert np.allclose(ragged.times[0, 1:4], np.cumsum(ragged.dt[0, 1:4]))
    assert ragged.times[:, 0].tolist() == ragged.start.tolist()
    assert np.allclose(ragged.end, ragged.start + ragged.dt[:, 1:].sum(axis=1))


def test_digest_is_of_the_content(ragged: Sequences):
    again = pickle.loads(pickle.dumps(ragged))
    assert ragged.digest == again.digest == copy.deepcopy(ragged).digest
    assert ragged.digest == ragged.with_findings([Finding("gap", "", "odd")]).digest
    assert ragged.digest == ragged.select(range(5)).digest
    assert ragged.digest != ragged.select([1, 0, 2, 3, 4]).digest
    assert ragged.digest != replace(ragged, time_unit="d").digest
    other = ragged.dt.copy()
    other[0, 0] += 1e-9
    assert ragged.digest != replace(ragged, dt=other).digest


def test_digest_is_the_same_on_every_machine():
    data = from_arrays(np.arange(6.0).reshape(2, 1, 3), ["a", "b"])
    assert data.digest == "60a173bb21d263e183c90dbb3d1aa768488da5cab752da69845fd65f754b9dc4"


def test_without_target(ragged: Sequences):
    assert ragged.without_target().target is None
    assert "target unknown" in repr(ragged.without_target())


@pytest.mark.parametrize(
    ("part", "value", "text"),
    [
        ("lengths", np.array([4, 2, 6, 1, 3]), "`lengths` holds 6 for series 2; expected 1 to 5"),
        ("lengths", np.array([4, 2, 0, 1, 3]), "`lengths` holds 0 for series 2"),
        ("dt", np.full((5, 5), -1.0), "`dt` holds -1 at series 0, step 0"),
        ("dt", np.ones((5, 5)), "`dt` holds something in the padding"),
        ("dt", np.ones((5, 4)), r"`dt` has shape \(5, 4\); expected \(5, 5\)"),
        ("values", np.ones((5, 5, 2), np.float32), "hold something in padding or in a cell that was not observed"),
        (
            "values",
            np.full((5, 5, 2), np.nan, np.float32),
            r"hold NaN or infinity at \(series, step, input\) \(0, 0, 0\)",
        ),
        ("values", np.ones((5, 5, 2), np.int64), "`values` is int64"),
        ("target", np.array([0, 1, 2, 0, 1]), "holds a position outside the 2 classes"),
        ("target", np.zeros(5), "`target` has dtype float64; expected int64"),
        ("target_mask", None, "must be given together with `target`"),
        ("task", "dream", "`task` is 'dream'"),
        ("start", np.full(5, np.inf), "`start` holds NaN or infinity"),
        ("sensitive", {"sex": np.zeros(4)}, r"has shape \(4,\); expected \(5,\)"),
        ("group", np.zeros(4), "`group` has shape"),
        ("ahead", np.zeros((5, 2)), "is given for forecasts"),
    ],
)
def test_parts_that_disagree_are_refused(ragged: Sequences, part: str, value: object, text: str):
    with pytest.raises(DataError, match=text) as caught:
        replace(ragged, **{part: value})
    assert isinstance(caught.value, InputError)
    assert str(caught.value).startswith("Sequences: `")


def test_a_task_knows_what_it_is_and_is_the_text_of_its_name():
    facts = {task: (task.is_classification, task.is_per_step, task.is_per_series) for task in Task}
    assert facts == {
        "classify": (True, False, True),
        "classify_steps": (True, True, False),
        "regress": (False, False, True),
        "forecast": (False, False, False),
        "imitate": (False, True, False),
    }
    assert json.dumps(Task.REGRESS) == '"regress"' and f"{Task.IMITATE} {Task.IMITATE!r}" == "imitate 'imitate'"
    recipe = Recipe(task="classify", series="id", time="t", target=("y",), inputs=())
    assert recipe.task is Task.CLASSIFY and Recipe.from_json(recipe.to_json()) == recipe
    with pytest.raises(FileFormatError, match="'guess' is not a valid Task"):
        Recipe.from_json(recipe.to_json().replace('"classify"', '"guess"'))
