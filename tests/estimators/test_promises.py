"""scikit-learn's own checks pass, and nothing of it is loaded before an estimator is named."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_classifiers_train, check_estimator, check_regressors_train

from caudal.errors import MissingExtraError
from caudal.estimators import LiquidClassifier, LiquidRegressor
from caudal.train import Crew

# Weights count as repetition to 1e-7, so numbers are in float64 and each update sees all the series.
SMALL = {"cell": "cfc", "units": 8, "lr": 0.05, "validation": 0.0, "dtype": "float64"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(("kind", "epochs"), [(LiquidClassifier, 4), (LiquidRegressor, 2)])
def test_the_checks_of_scikit_learn_pass(kind, epochs):
    done = check_estimator(kind(**SMALL, epochs=epochs, batch_size=300), on_fail=None)
    failed = {one["check_name"] for one in done if one["status"] == "failed"}
    # A few updates are too few for the scores that these two ask for; the next tests give them more.
    assert failed - {"check_regressors_train", "check_classifiers_train"} == set()
    assert len(done) > 50


def test_a_regressor_that_is_trained_passes_the_check_of_scores():
    check_regressors_train("LiquidRegressor", LiquidRegressor(**{**SMALL, "cell": "gru"}, epochs=25, batch_size=50))


@pytest.mark.parametrize("readonly", [False, True])
def test_a_classifier_that_is_trained_passes_the_check_of_scores(readonly):
    model = LiquidClassifier(**SMALL, epochs=12, batch_size=60)
    check_classifiers_train("LiquidClassifier", model, readonly_memmap=readonly)


@pytest.mark.filterwarnings("ignore")  # of aeon and of what it stands on
@pytest.mark.parametrize("name", ["AeonClassifier", "AeonRegressor"])
def test_the_checks_of_aeon_pass(name):
    try:
        from aeon.testing.estimator_checking import check_estimator as check
    except ImportError as error:
        pytest.skip(f"aeon's checks do not import here: {error}")
    import caudal.estimators

    done = check(getattr(caudal.estimators, name))
    assert {words for words in done.values() if words != "PASSED"} == set()
    assert len(done) >= 25


def test_processes_are_asked_for_by_a_setting(monkeypatch):
    asked = []

    def crew(*, cpu):
        asked.append(cpu)
        return Crew()

    monkeypatch.setattr("caudal.estimators.training.accelerated", crew)
    x, y = np.random.default_rng(0).normal(size=(20, 1, 4)), np.arange(20) % 2
    models = [LiquidClassifier("gru", 4, epochs=1, accelerate=one).fit(x, y) for one in (False, True)]
    assert asked == [True]
    np.testing.assert_array_equal(models[0].predict_proba(x), models[1].predict_proba(x))


def test_scikit_learn_waits_until_an_estimator_is_named():
    code = "import sys, caudal, caudal.estimators, caudal.train\nassert 'sklearn' not in sys.modules\n"
    code += "caudal.LiquidClassifier\nassert 'sklearn' in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0


def test_without_scikit_learn_a_sentence_says_what_to_install(monkeypatch):
    import caudal.estimators as room

    def missing(name):
        raise ModuleNotFoundError(f"No module named 'sklearn' for {name}", name="sklearn")

    monkeypatch.setattr(room, "import_module", missing)
    with pytest.raises(MissingExtraError) as error:
        room.LiquidRegressor  # noqa: B018
    assert str(error.value) == (
        'LiquidRegressor: needs `sklearn`, which is not installed. Run `pip install "caudal[estimators]"`.'
    )
