"""MLflow: a model package and its evidence kept with a run, and taken back as they were signed."""

import os
import re
import secrets
import shutil
from pathlib import Path

from caudal.audit.cards.record import record_of
from caudal.audit.check.proof import newest
from caudal.audit.log.checkpoint import Verifier
from caudal.audit.package import check
from caudal.audit.report_file import Report
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.extras import need

MODEL, EVIDENCE = "caudal-model", "caudal-evidence"
_MOST = 100


def to_mlflow(
    folder: str | os.PathLike[str],
    *,
    report: Report | None = None,
    log: str | os.PathLike[str] | None = None,
    run: str | None = None,
) -> str:
    """Keep a model package with a run of MLflow: its files as artifacts, its figures as metrics, its digest as a tag.

    Arguments:
        folder: that `audit.package` wrote.
        report: kept beside it, page and twin.
        log: of decisions; its newest checkpoint is kept, so that MLflow holds it for the log.
        run: id; the active run without, or a new one.

    Returns:
        the id of the run.

    Raises:
        MissingFileError: there is no package.
        MissingExtraError: `mlflow` is not installed.
    """
    mlflow = need("to_mlflow", "mlflow")
    record, point = record_of(folder), None if log is None else newest(log)
    client, active = mlflow.MlflowClient(), mlflow.active_run()
    is_new = run is None and active is None
    id = str(run or (mlflow.start_run() if active is None else active).info.run_id)
    try:
        client.log_artifacts(id, str(folder), MODEL)
        if report is not None:
            for path in (report.page, report.twin):
                client.log_artifact(id, str(path), EVIDENCE)
        if point is not None:
            client.log_text(id, str(point), f"{EVIDENCE}/checkpoint")
        for figure in record.figures[:_MOST]:
            client.log_metric(
                id,
                re.sub(r"[^\w\-./ ]", "_", f"{figure.part}/{figure.name}" if figure.part else figure.name),
                figure.value,
            )
        tags = {"digest": record.digest, "architecture": " of ".join(record.architecture), "signed": record.is_signed}
        for name, value in tags.items():
            client.set_tag(id, f"caudal.{name}", str(value))
    finally:
        if is_new:
            mlflow.end_run()
    return id


def from_mlflow(run: str, to: str | os.PathLike[str], key: Verifier | None = None) -> Path:
    """Take the model package of a run back; with a key only as it was signed.

    Arguments:
        run: id of the run.
        to: a new folder, written whole or not at all.
        key: public key of whoever signed the package.

    Returns:
        the folder; `caudal.load(folder / "model.caudal")` gives the model.

    Raises:
        MissingFileError: the run has no package of caudal.
        FileFormatError: the package is not as it was signed.
        InputError: the folder is there already.
        MissingExtraError: `mlflow` is not installed.
    """
    mlflow = need("from_mlflow", "mlflow")
    place = Path(to)
    if place.exists():
        raise InputError("from_mlflow", "to", f"is there already: {place}", "Pass a new folder.")
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}.tmp")
    try:
        beside.mkdir()
        try:
            mlflow.artifacts.download_artifacts(run_id=run, artifact_path=MODEL, dst_path=str(beside))
        except (mlflow.exceptions.MlflowException, OSError) as error:
            raise MissingFileError(f"from_mlflow: run {run} has no model package of caudal ({error}).") from error
        checked = check(beside / MODEL, key) if key is not None else None
        if checked is not None and not checked.holds:
            faults = "; ".join(checked.faults[:5])
            raise FileFormatError(f"from_mlflow: the package of run {run} is not as it was signed ({faults}).")
        (beside / MODEL).replace(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return place
