"""fairlearn's reductions and thresholds on series in every form that they come in."""

import copy

import numpy as np
import pytest

from caudal.data import from_arrays
from caudal.errors import DataError, InputError
from caudal.estimators import ByRow, LiquidClassifier, LiquidRegressor, Shelf

pytest.importorskip("fairlearn")
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import (
    DemographicParity,
    EqualizedOdds,
    ExponentiatedGradient,
    GridSearch,
)

SMALL = {"units": 4, "epochs": 2, "validation": 0.0}
COUNT = 120


def _people():
    rng = np.random.default_rng(0)
    who, y, length = (rng.integers(low, high, COUNT) for low, high in ((0, 2), (0, 2), (3, 7)))
    x = rng.normal(size=(COUNT, 2, 6)) + 0.7 * (2 * y - 1)[:, None, None]
    padded = x.copy()
    for k, n in enumerate(length):
        padded[k, :, n:] = np.nan
    return x, padded, [one[:, :n] for one, n in zip(x, length, strict=True)], y, who


def _mitigators(model):
    cut = ThresholdOptimizer(estimator=model, constraints="demographic_parity", predict_method="predict_proba")
    return (
        ExponentiatedGradient(model, DemographicParity(), max_iter=2),
        GridSearch(model, EqualizedOdds(), grid_size=4),
        cut,
    )


def _decide(mitigator, x, who):
    if isinstance(mitigator, ThresholdOptimizer):
        return mitigator.predict(x, sensitive_features=who, random_state=0)
    return mitigator.predict(x) if isinstance(mitigator, GridSearch) else mitigator.predict(x, random_state=0)


@pytest.mark.parametrize("form", ["3d", "nan", "rows", "sequences"])
def test_mitigators_run_on_series_in_every_form(form):
    whole, padded, ragged, y, who = _people()
    model, x = LiquidClassifier(**SMALL), {"3d": whole, "nan": padded}.get(form)
    if x is None:
        shelf = Shelf(ragged if form == "rows" else from_arrays(ragged, y))
        model, x = ByRow(model, shelf), shelf.rows
    for mitigator in _mitigators(model):
        mitigator.fit(x[:100], y[:100], sensitive_features=who[:100])
        decided = np.asarray(_decide(mitigator, x[100:], who[100:]))
        assert decided.shape == (20,) and set(decided.tolist()) <= {0, 1}


def test_series_behind_rows_are_answered_as_they_are():
    _, _, ragged, y, _ = _people()
    shelf, direct = Shelf(ragged), LiquidClassifier(**SMALL).fit(ragged, y)
    behind = ByRow(LiquidClassifier(**SMALL), shelf).fit(shelf.rows, y)
    np.testing.assert_array_equal(behind.predict_proba(shelf.rows), direct.predict_proba(ragged))
    data = Shelf(from_arrays(ragged, y, sensitive={"sex": np.arange(COUNT) % 2}))
    same = ByRow(LiquidClassifier(**SMALL), data).fit(data.rows, y, sample_weight=np.ones(COUNT))
    np.testing.assert_allclose(same.predict_proba(data.rows[:7]), direct.predict_proba(ragged[:7]), atol=1e-6)
    assert copy.deepcopy(behind).shelf is shelf
    numbers = ByRow(LiquidRegressor(**SMALL), shelf).fit(shelf.rows, y * 1.5)
    assert numbers.predict(shelf.rows).shape == (COUNT,) and not hasattr(numbers, "classes_")


def test_an_array_of_objects_is_a_list_of_series():
    _, _, ragged, y, _ = _people()
    objects = np.empty(COUNT, object)
    for k, one in enumerate(ragged):
        objects[k] = one
    direct = LiquidClassifier(**SMALL).fit(ragged, y)
    for form in (objects, objects[:, None]):
        found = LiquidClassifier(**SMALL).fit(form, y)
        np.testing.assert_array_equal(found.predict_proba(form), direct.predict_proba(ragged))


def test_rows_that_are_none_are_refused():
    shelf = Shelf([np.ones((1, 3))] * 4)
    for rows in ([[4]], [[-1]], [[0.5]], [[np.nan]]):
        with pytest.raises(DataError, match="holds other numbers than rows 0 to 3"):
            shelf.fetch(rows)
    with pytest.raises(InputError, match="`series` is empty"):
        Shelf([])
