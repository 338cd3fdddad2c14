"""A real MLflow with its SQLite store keeps a model and its evidence, and gives them back as they were signed."""

import numpy as np
import pytest

import caudal
from caudal.audit import Checkpoint, Log, check, from_mlflow, keys, model_digest, newest, package, to_mlflow
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.estimators import LiquidClassifier
from caudal.report.log import write as report

pytestmark = pytest.mark.slow


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed: pip install caudal[mlflow]")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_experiment("ward")
    yield mlflow
    mlflow.set_tracking_uri(None)


@pytest.mark.filterwarnings("ignore")  # of the libraries of MLflow
def test_a_model_and_its_evidence_come_back(mlflow, tmp_path, key):
    x = np.random.default_rng(0).normal(size=(30, 2, 5))
    model = LiquidClassifier("cfc", 4, epochs=1).fit(x, np.arange(30) % 2)
    metrics = {"accuracy": 0.9, "by sex": {"female": {"accuracy": 0.8}}}
    folder = package(model, tmp_path / "model", key, metrics=metrics)
    with Log(tmp_path / "log", key, sync=False) as log:
        model.predict(x, log=log)
    page = report(log.path, folder, out=tmp_path / "a.html", key=key)
    run = to_mlflow(folder, report=page, log=log.path)
    held = mlflow.get_run(run)
    assert (tmp_path / "mlflow.db").stat().st_size > 0
    assert held.data.metrics == {"accuracy": 0.9, "by sex / female/accuracy": 0.8}
    assert held.data.tags["caudal.digest"] == model_digest(model)
    back = from_mlflow(run, tmp_path / "back", key.verifier)
    assert check(back, key.verifier).holds
    assert (caudal.load(back / "model.caudal").predict(x) == model.predict(x)).all()
    kept = mlflow.artifacts.load_text(f"runs:/{run}/caudal-evidence/checkpoint")
    assert Checkpoint.parse(kept.encode()) == newest(log.path)

    with mlflow.start_run() as active:
        assert to_mlflow(folder) == active.info.run_id
        assert mlflow.active_run() is not None
    with mlflow.start_run() as empty:
        pass
    with pytest.raises(MissingFileError, match="has no model package"):
        from_mlflow(empty.info.run_id, tmp_path / "none")
    with pytest.raises(InputError, match="is there already"):
        from_mlflow(run, back)
    other = keys.make(tmp_path / "o.pem", "example.org/other")
    with pytest.raises(FileFormatError, match="is not as it was signed"):
        from_mlflow(run, tmp_path / "foreign", other.verifier)
    assert not (tmp_path / "foreign").exists()
    assert not list(tmp_path.glob(".*.tmp"))
