"""One threshold: chosen by a study, kept in the file, and used alike by everything that says yes or no."""

import json
from pathlib import Path

import numpy as np
import pytest

from caudal.cli import main
from caudal.compare.record import Study
from caudal.estimators import load

pandas = pytest.importorskip("pandas")
pytest.importorskip("cryptography")
COLUMNS = ["--target", "ill", "--series", "patient", "--time", "hours", "--time-unit", "h", "--sensitive", "sex"]


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    """A study of rare illness: folder, table, and its record."""
    rng = np.random.default_rng(5)
    rows = []
    for patient in range(260):
        ill = rng.uniform() < 0.22
        for hour in range(4):
            pulse = 70 + 6 * ill + rng.normal(0, 6)
            sex = "fm"[patient % 2]
            rows.append({"patient": patient, "hours": hour, "pulse": pulse, "sex": sex, "ill": "yes" if ill else "no"})
    folder = tmp_path_factory.mktemp("threshold")
    pandas.DataFrame(rows).to_csv(folder / "ward.csv", index=False)
    few = ["--models", "cfc,trees,summary", "--seeds", "2", "--trials", "0", "--set", "epochs=4", "--no-chips"]
    small = ["--set", "parameters=150", "--set", "resamples=100", "--executor", "inline", "--folds", "1"]
    assert main(["compare", str(folder / "ward.csv"), *COLUMNS, *few, *small, "-o", str(folder / "out")]) == 0
    study = Study.from_json((folder / "out" / "study.json").read_text())
    return folder / "out" / "models", folder / "ward.csv", study


def answered(capsys, *words):
    """What a command prints as JSON."""
    capsys.readouterr()
    assert main([*map(str, words), "--json"]) in (0, 1)
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["cfc", "trees", "summary"])
def test_study_file_predictions_and_gaps_decide_alike(ward, capsys, name):
    models, table, study = ward
    path = models / f"{name}.caudal"
    model = load(path)
    stated = model.threshold_
    run = next(run for run in study.runs if run.model == name)
    record = next(record for record in study.fairness if record.model == name)
    assert 0 < stated < 0.5 and run.threshold == record.threshold == stated

    rows = answered(capsys, "predict", path, table, "--part", "test")
    said = {str(row["patient"]): row["class"] for row in rows}
    assert said == {str(row["patient"]): "yes" if row["p(yes)"] >= stated else "no" for row in rows}
    assert any(row["p(yes)"] < 0.5 for row in rows if row["class"] == "yes")
    right = np.mean([said[patient] == ill for patient, ill in truth_of(table).items() if patient in said])
    assert run.metrics["accuracy"] == pytest.approx(right)

    report = answered(capsys, "fair", path, table, "--sensitive", "sex", "--part", "test", "--draws", "100")
    rates = {rate["group"]: rate for rate in report["attributes"][0]["rates"] if rate["metric"] == "selection_rate"}
    assert report["threshold"] == stated
    sexes = pandas.read_csv(table).groupby("patient")["sex"].first()
    for sex in "fm":
        share = np.mean([said[patient] == "yes" for patient in said if sexes[int(patient)] == sex])
        assert rates[sex]["value"]["value"] == pytest.approx(share)
    shown = next(rate for rate in record.attributes[0].rates if (rate.metric, rate.group) == ("selection_rate", "f"))
    assert shown.value.value == pytest.approx(rates["f"]["value"]["value"])


def truth_of(table):
    return {str(k): v for k, v in pandas.read_csv(table).groupby("patient")["ill"].first().items()}


def test_an_explanation_is_of_the_same_decision(ward, tmp_path, capsys):
    models, table, _ = ward
    path = models / "cfc.caudal"
    stated = load(path).threshold_
    rows = answered(capsys, "predict", path, table, "--part", "test")
    between = next(row for row in rows if stated <= row["p(yes)"] < 0.5)
    ask_one = ["explain", path, table, "--id", between["patient"], "-o", tmp_path / "why.html"]
    page = answered(capsys, *ask_one)
    assert (page["decision"], page["threshold"]) == ("yes", stated)
    assert f"probability of {100 * stated:.1f} %" in page["answers"]["what"][1].replace("%", " %").replace("  ", " ")
    other = answered(capsys, *ask_one, "--threshold", "0.5")
    assert (other["decision"], other["threshold"]) == ("no", 0.5)


def test_what_turns_a_decision_crosses_the_threshold(ward):
    from caudal.explain.counterfactual import counterfactual

    models, table, _ = ward
    model = load(models / "cfc.caudal")
    data = model.read(str(table))
    shares = model.predict_proba(data)[:, 1]
    row = int(np.argmin(np.abs(shares - model.threshold_ - 0.02)))
    told = counterfactual(model.net_, model.encoder_, data, row, threshold=model.threshold_, restarts=2, steps=40)
    assert told.found and (told.before, told.after) == ("yes", "no")
    assert told.score_before == pytest.approx(shares[row], abs=1e-5) and told.score_after < model.threshold_


def test_a_users_threshold_is_in_the_log_and_the_log_replays(ward, tmp_path, capsys):
    models, table, _ = ward
    path, key, log = models / "cfc.caudal", tmp_path / "key.pem", tmp_path / "log"
    from caudal.audit import Log, keys, records, replay

    key = keys.make(str(key), "example.org/ward")
    model = load(path)
    data = model.read(str(table)).select(range(20))
    strict = model.predict(data, threshold=0.9)
    with Log(log, key) as opened:
        first = model.predict(data, log=opened)
    with Log(log, key) as opened:
        second = model.predict(data.select(range(5)), threshold=0.9, log=opened)
        model.predict(data.select(range(5, 9)), threshold=0.9, log=opened)
    assert second.tolist() == strict[:5].tolist() and first.tolist() == model.predict(data).tolist()
    noted = [record.facts for _, record in records(log) if getattr(record, "kind", "") == "threshold"]
    assert [(facts["threshold"], facts["chosen_by"]) for facts in noted] == [
        (model.threshold_, "model"),
        (0.9, "user"),
    ]
    again = replay(log, model, data)
    assert again.holds and again.decisions == 29, again


def test_python_and_scikit_learn_take_a_threshold(ward):
    models, table, _ = ward
    for name in ("cfc", "trees", "summary"):
        model = load(models / f"{name}.caudal")
        data = model.read(str(table))
        shares = model.predict_proba(data)[:, 1]
        for threshold in (0.2, 0.5, None):
            used = model.threshold_ if threshold is None else threshold
            assert (model.predict(data, threshold=threshold) == np.where(shares >= used, "yes", "no")).all()
    from sklearn.model_selection import FixedThresholdClassifier

    from caudal.estimators import LiquidClassifier

    x = np.random.default_rng(0).normal(size=(40, 1, 5)) + np.array([0.0, 1.0] * 20)[:, None, None]
    y = np.array([0, 1] * 20)
    plain = LiquidClassifier("gru", 4, epochs=2).fit(x, y)
    fixed = FixedThresholdClassifier(LiquidClassifier("gru", 4, epochs=2), threshold=0.4).fit(x, y)
    assert (fixed.predict(x) == plain.predict(x, threshold=0.4)).all() and plain.threshold_ is None


def test_fit_keeps_what_it_was_told_and_old_files_decide_at_one_half(ward, tmp_path, capsys):
    _, table, _ = ward
    path = tmp_path / "own.caudal"
    fit = ["fit", table, *COLUMNS, "--epochs", "1", "--units", "4", "--quiet", "-o", path]
    told = answered(capsys, *fit, "--threshold", "0.2")
    assert load(path).threshold_ == told["threshold"] == 0.2
    rows = answered(capsys, "predict", path, table)
    assert all((row["p(yes)"] >= 0.2) == (row["class"] == "yes") for row in rows)
    answered(capsys, *fit)
    assert load(path).threshold_ is None
    assert all((row["p(yes)"] > 0.5) == (row["class"] == "yes") for row in answered(capsys, "predict", path, table))


@pytest.mark.parametrize(
    ("given", "sentence"), [("7", "between 0 and 1"), ("0", "between 0 and 1"), ("nan", "between")]
)
@pytest.mark.parametrize("command", ["predict", "explain", "fit"])
def test_what_is_no_probability_is_refused(ward, tmp_path, capsys, command, given, sentence):
    models, table, _ = ward
    path = Path(models) / "cfc.caudal"
    words = [command, path, table] if command != "fit" else [command, table, *COLUMNS, "-o", tmp_path / "x.caudal"]
    words += ["-o", tmp_path / "page.html"] if command == "explain" else []
    capsys.readouterr()
    assert main([*map(str, words), "--threshold", given]) == 2
    assert sentence in capsys.readouterr().err
