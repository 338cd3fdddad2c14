"""What a user brings: cells, estimators, metrics, disturbances, data sets, sections; refusals before any training."""

import re
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import caudal as cd
from caudal import nn, report
from caudal.cli import main
from caudal.compare import Disturber, Scorer, compare, contender
from caudal.compare.contenders.registry import OWN
from caudal.compare.progress import Silent
from caudal.data import from_arrays
from caudal.errors import FileFormatError, InputError
from caudal.estimators import SklearnModel
from caudal.nn import registry
from caudal.nn.operations import operations

PLUGIN = Path(__file__).with_name("plugin")
SMALL = {"seeds": 1, "trials": 0, "epochs": 1, "resamples": 100}


class State(NamedTuple):
    v: torch.Tensor


class Slow(nn.Layer):
    def __init__(self, inputs, units):
        super().__init__()
        self.inputs, self.outputs = inputs, units
        self.drive = torch.nn.Linear(inputs + units, units)

    def reset_parameters(self):
        self.drive.reset_parameters()

    def initial_state(self, batch):
        return State(self.drive.weight.new_zeros(batch, self.outputs))

    def tick(self, x, dt, state):
        target = torch.tanh(self.drive(torch.cat([x, state.v], -1)))
        v = target + (state.v - target) * torch.exp(-dt[:, None])
        return v, State(v)

    def scan(self, x, dt, mask, state):
        outputs = []
        for t in range(x.shape[1]):
            new = self.tick(x[:, t], dt[:, t], state)[1].v
            state = State(new if mask is None else torch.where(mask[:, t, None], new, state.v))
            outputs.append(state.v)
        return torch.stack(outputs, 1), state

    def arguments(self):
        return {"inputs": self.inputs, "units": self.outputs}


class Leaking(Slow):
    """A step of it is not the step of its scan."""

    def scan(self, x, dt, mask, state):
        return super().scan(x, 2 * dt, mask, state)


class Bare(Slow):
    def __init__(self, inputs):
        super().__init__(inputs, 3)


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2, 4))
    x[7, 0, 1:] = np.nan
    return from_arrays(x, np.where(x[:, 1].mean(1) > 0, 1, 0))


def numbers(series):
    return from_arrays(np.moveaxis(series.values, 1, 2), series.values[:, -1, 1], task="regress")


def study(data, out, models, **options):
    options = {"budget": "demo", "changes": SMALL, "executor": "inline", "chips": False, "watcher": Silent(), **options}
    return compare(data, out, models=models, **options)


def test_a_cell_an_estimator_and_an_entry_enter(series, tmp_path):
    handed = {}
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    entry = contender(pipeline, name="linear", settings={"logisticregression__C": 0.1})
    models = ["gru", Slow, entry, RandomForestClassifier(5), Slow(2, 3), "phased-lstm"]
    found = study(series, tmp_path, models, keep=lambda trained: handed.update({trained.name: trained.model}))
    by_name = {contender_.name: contender_ for contender_ in found.contenders}
    assert {"slow", "linear", "random-forest-classifier", "phased-lstm", "gru"} < by_name.keys()
    assert abs(by_name["slow"].live_parameters - 1500) < 75 and by_name["slow"].macs_per_step > 1000
    assert by_name["slow"].code == (f"{__name__}:Slow",) and by_name["linear"].code == ("sklearn",)
    assert by_name["linear"].settings == {"logisticregression__C": 0.1}
    for name in ("slow", "linear"):
        handed[name].save(str(tmp_path / f"{name}.caudal"))
        again = cd.load(tmp_path / f"{name}.caudal")
        assert (again.predict_proba(series) == handed[name].predict_proba(series)).all()
        from sklearn.base import clone

        assert clone(again).fit(series) is not None
    assert handed["slow"].explain(series.select([0])).influence is not None


def test_two_runs_of_a_changed_model_are_two(series, tmp_path):
    first = study(series, tmp_path, ["gru", "cfc", LogisticRegression(C=1e-6)])
    second = study(series, tmp_path, ["gru", "cfc", LogisticRegression(C=1.0)])
    name = "logistic-regression"
    assert first.summary[name]["log_loss"].value != second.summary[name]["log_loss"].value


@pytest.mark.parametrize(
    ("models", "words"),
    [
        (["gru", Leaking], "Leaking, which breaks the contract of a layer.*clause"),
        (["gru", Bare], "Bare, which cannot be built from 3 inputs and 5 units"),
        (["gru", "cfc", RidgeClassifier()], "no `predict_proba`, and auroc is made of probabilities.*Calibrated"),
        (["gru", "cfc", Ridge()], "no classifier, and the task is to classify"),
        (["gru", "cfc", LogisticRegression], "not its class"),
        (["gru", "cfc", 7], "no name, cell, estimator or `Entry`"),
        (["gru", "nowhere_to_be:Found"], "cannot be imported"),
        (["gru", "math:pie"], "math holds no 'pie'"),
        (["gru", "cfx"], "Did you mean 'cfc'"),
        (["gru", "cfc", contender(LogisticRegression(), name="gru")], "name 'gru' is that of a contender of caudal"),
        (["gru", "cfc", contender(LogisticRegression(), settings={"depth": 3})], "refuses its settings"),
        ("gru", "expected a list"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(series, tmp_path, models, words):
    with pytest.raises(InputError, match=words):
        study(series, tmp_path, models, runner=None)


def test_what_can_go_to_no_worker_is_refused(series, tmp_path):
    lock = threading.Lock()
    entry = replace(contender(LogisticRegression()), name="locked", build=lambda plan, chosen: lock)
    with pytest.raises(InputError, match=r"cannot be sent to a worker process.*inline"):
        study(series, tmp_path, ["gru", "cfc", entry], executor="local")


def test_decisions_without_probabilities_have_no_metric_of_them(series, tmp_path):
    found = study(series, tmp_path, ["gru", "cfc", RidgeClassifier()], metric="accuracy")
    assert found.summary["ridge-classifier"].keys() == {"accuracy", "balanced_accuracy"}
    assert "ridge-classifier" not in {one.model for one in found.calibration}


def test_a_file_of_foreign_code_loads_only_where_it_is_named(series, tmp_path, monkeypatch):
    model = SklearnModel(RandomForestClassifier(3)).fit(series)
    model.save(tmp_path / "forest.caudal")
    monkeypatch.setattr("caudal.estimators.sklearn_model._TRUSTED", set())
    with pytest.raises(FileFormatError, match=r'trust=\["sklearn"\]'):
        cd.load(tmp_path / "forest.caudal")
    assert cd.load(tmp_path / "forest.caudal", trust=["sklearn"]).predict(series).shape == (60,)
    with pytest.raises(InputError, match="cannot be imported"):
        cd.load(tmp_path / "forest.caudal", trust=["nowhere_to_be"])


def test_gaps_go_to_those_that_take_them_and_are_filled_for_others(series):
    from sklearn.ensemble import HistGradientBoostingClassifier

    for estimator in (HistGradientBoostingClassifier(max_iter=3), LogisticRegression()):
        assert np.isfinite(SklearnModel(estimator).fit(series).predict_proba(series)).all()
    panel = SklearnModel(make_pipeline(FunctionTransformer(flat), LogisticRegression()), features="panel").fit(series)
    assert panel.fill_.shape == (2,) and panel.predict(series).shape == (60,)


def flat(x):
    return x.reshape(len(x), -1)


def test_an_unknown_cell_is_counted_by_running_it():
    work = operations(Slow(3, 4))
    assert (work.macs, work.tanhs, work.exponentials) == (3 * 4 + 4 * 4 + 4, 4, 1)
    for name, layer in (("LSTM", nn.LSTM(3, 4)), ("CfC", nn.CfC(3, 4))):
        from caudal.nn.operations import run_once

        counted, written = run_once(layer), operations(layer)
        assert (counted.products, counted.sums) == (written.products, written.sums), name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_rivals_of_aeon_enter_by_name_and_say_that_no_file_holds_them(series, tmp_path):
    pytest.importorskip("aeon")
    from caudal.compare.contenders.guests import asked, examine

    entry = asked(["gru", "cfc", "quant"]).guests["quant"]
    assert entry.build.features == "auto" and "a regular panel" in entry.summary
    assert "no model file of quant" in examine(entry, series, "accuracy") or not examine(entry, series, "accuracy")
    with pytest.raises(InputError, match="no classifier"):
        examine(asked(["quant-regressor"]).guests["quant-regressor"], series, "accuracy")
    x = np.random.default_rng(0).normal(size=(20, 1, 24))
    long = from_arrays(x, np.arange(20) % 2)
    model = SklearnModel(entry.build.estimator).fit(long)
    assert model.predict_proba(long).shape == (20, 2)
    with pytest.raises(InputError, match="reads whole series"):
        model.check("classify_steps")


def gain(truth, decided):
    return float((truth == decided).mean())


@pytest.mark.parametrize("metric", ["f1_weighted", "neg_log_loss", gain])
def test_metrics_of_others_decide(series, tmp_path, metric):
    from sklearn.metrics import get_scorer

    found = study(series, tmp_path, ["gru", "cfc"], metric=metric)
    name = metric if isinstance(metric, str) else "gain"
    assert found.metric == name and found.higher_is_better and found.verdict.use in found.summary
    if metric is gain:
        assert found.summary["trees"]["gain"].value == found.summary["trees"]["accuracy"].value
    elif name == "neg_log_loss":
        assert found.summary["cfc"][name].value == pytest.approx(-found.summary["cfc"]["log_loss"].value, rel=1e-5)
    else:
        assert get_scorer(name)._sign == 1 and -1 <= found.summary["trees"][name].value <= 1
    report.write(found, tmp_path / "report.html")
    assert name in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("acuracy", "Did you mean 'accuracy'"),
        ("neg_mean_squared_error", "reads numbers; this is a task of two classes"),
        ("math:pi", "no metric"),
        ("math:nope", "holds no 'nope'"),
        (lambda truth: 1.0, "fails on this task"),
        (Scorer("lost", lambda truth, decided: float("nan")), "gives nan"),
        (3, "no metric"),
    ],
)
def test_metrics_that_do_not_fit_are_refused_before_training(series, tmp_path, metric, words):
    with pytest.raises(InputError, match=words):
        study(series, tmp_path, ["gru", "cfc"], metric=metric, runner=None)


def test_a_metric_of_classes_does_not_judge_numbers(series, tmp_path):
    with pytest.raises(InputError, match="reads decisions; this is a task of numbers"):
        study(numbers(series), tmp_path, ["gru", "cfc"], metric="f1", runner=None)


@pytest.mark.parametrize(
    ("disturber", "words"),
    [
        (Disturber("noise", lambda data, level, seed: data, (0.0, 1.0), "none"), "name that is taken"),
        (Disturber("odd", lambda data, level, seed: data, (1.0, 0.0), "none"), "levels are"),
        (Disturber("odd", lambda data, level, seed: 3, (0.0, 1.0), "none"), "as many `Sequences`"),
        (Disturber("odd", lambda data: 3, (0.0, 1.0), "none"), "fails on four"),
        ("nobody-offers-this", "Install the package"),
    ],
)
def test_disturbances_that_do_not_fit_are_refused(series, tmp_path, disturber, words):
    with pytest.raises(InputError, match=words):
        study(series, tmp_path, ["gru", "cfc"], disturbances=[disturber], runner=None)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The package beside this test, as an installer without a network leaves it."""
    site = tmp_path / "site"
    info = site / "river_gauge-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "river_gauge.py").write_text((PLUGIN / "river_gauge.py").read_text())
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: river-gauge\nVersion: 1.0\n")
    entries = {
        "contenders": "gauge-pipeline = river_gauge:pipeline",
        "metrics": "flood_gain = river_gauge:flood_gain",
        "disturbances": "stuck-gauge = river_gauge:stuck",
        "datasets": "river-gauges = river_gauge:rivers",
        "sections": "floods = river_gauge:section",
    }
    lines = [f"[caudal.{group}]\n{line}\n" for group, line in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "river_gauge", raising=False)
    yield
    sys.modules.pop("river_gauge", None)


def test_an_installed_package_brings_all_of_these(installed, tmp_path, capsys):
    options = "--metric flood_gain --disturbances stuck-gauge --sections floods --budget demo --seeds 1 --trials 0"
    options += " --set epochs=1 --set resamples=100 --workers 1 --no-chips"
    out = ["-o", str(tmp_path / "out")]
    words = ["compare", "river-gauges", "--models", "gru,cfc,gauge-pipeline", *options.split(), *out]
    assert "river_gauge" not in sys.modules
    assert main(words) == 0, capsys.readouterr().err
    found = report.read(tmp_path / "out")
    assert found.metric == "flood_gain" and "gauge-pipeline" in found.summary and "gauge-pipeline" not in OWN
    assert {curve.disturbance for curve in found.curves} >= {"stuck-gauge", "noise"}
    page = (tmp_path / "out" / "report.html").read_text()
    assert re.search(r'id="floods"', page) and "60 gauges" in page and "stuck-gauge" in page
    assert (
        main(["report", str(tmp_path / "out"), "--lang", "es", "--sections", "floods", "-o", str(tmp_path / "i.html")])
        == 0
    )
    assert "Crecidas" in (tmp_path / "i.html").read_text()
    assert main(["report", str(tmp_path / "out"), "--sections", "flods", "-o", str(tmp_path / "j.html")]) == 2
    assert "Install the package" in capsys.readouterr().err


CELL = Path(__file__).parents[2] / "examples" / "own_cell.py"


def test_a_shell_names_a_cell_and_trusts_its_file(series, tmp_path, monkeypatch, capsys):
    (tmp_path / "relaxing.py").write_text(CELL.read_text())
    rows = [
        f"{k},{t},{series.values[k, t, 0]:.3f},{series.values[k, t, 1]:.3f},{series.target[k]}"
        for k in range(len(series))
        for t in range(series.steps)
    ]
    (tmp_path / "visits.csv").write_text("\n".join(["who,when,a,b,ill", *rows]))
    monkeypatch.chdir(tmp_path)
    columns = ["--target", "ill", "--series", "who", "--time", "when"]
    options = ["--epochs", "1", "--units", "4", "-o", "m.caudal"]
    known = dict(registry._REGISTERED)
    try:
        assert main(["fit", "visits.csv", *columns, "--cell", "relaxing:Relax", *options]) == 0, capsys.readouterr().err
        registry._REGISTERED.clear()
        assert main(["predict", "m.caudal", "visits.csv"]) == 2
        assert "--trust-code module:Relax" in capsys.readouterr().err
        assert main(["predict", "m.caudal", "visits.csv", "--trust-code", "relaxing:Relax"]) == 0
    finally:
        registry._REGISTERED.clear()
        registry._REGISTERED.update(known)
        sys.modules.pop("relaxing", None)


@pytest.mark.slow
def test_a_cell_and_a_pipeline_run_on_a_cluster(series, tmp_path):
    pytest.importorskip("ray")
    models = ["gru", Slow, make_pipeline(StandardScaler(), LogisticRegression())]
    found = study(series, tmp_path, models, executor="ray", workers=2)
    assert {"slow", "logistic-regression-pipeline"} < found.summary.keys()


def test_a_cell_runs_in_worker_processes(series, tmp_path):
    found = study(series, tmp_path, ["gru", Slow], executor="local", workers=1, watcher=None)
    assert "slow" in found.summary
