"""What a report says, as plain JSON values: the same facts for the page and for its twin."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal._version import __version__
from caudal.audit.cards.record import record_of
from caudal.audit.check.proof import newest, prove, records
from caudal.audit.check.verdict import Verdict
from caudal.audit.check.verify import verify
from caudal.audit.log import manifest
from caudal.audit.log.checkpoint import Checkpoint, Verifier
from caudal.audit.log.merkle import leaf
from caudal.audit.log.record import record_to_dict
from caudal.audit.log.salts import beside
from caudal.audit.package import check
from caudal.audit.report_file import SCHEMA
from caudal.errors import CaudalError, FileFormatError
from caudal.fair.record import FairReport
from caudal.report.log.fairness import quoted
from caudal.report.log.tally import Tally

if TYPE_CHECKING:
    from caudal.audit.check.replay import Replay

_QUOTED = 300


def gather(
    log: str | os.PathLike[str],
    model: str | os.PathLike[str] | None,
    trusted: Verifier | None,
    checkpoint: Checkpoint | None,
    replayed: "Replay | None",
    fairness: FairReport | str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Read a log, a model package and a record of fairness.

    Raises:
        MissingFileError: there is no log, no package or no record.
        FileFormatError: `log.json`, the package or the record is damaged.
    """
    folder, fair = Path(log), None if fairness is None else quoted(fairness)
    facts = manifest.load(folder)
    verdict = verify(folder, trusted, checkpoint)
    tally, fault = Tally(), None
    try:
        salts = beside(folder)
        for index, entry in records(folder):
            if index >= verdict.size:
                break  # promised by nobody
            tally.add(index, entry if salts is None else salts.opened(entry))
    except FileFormatError as error:
        fault = str(error)
    counted = tally.facts()
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "caudal": __version__,
        "log": _log(folder, facts, verdict, fault, trusted, checkpoint),
        "counts": counted,
        "model": None if model is None else _model(model, trusted, counted),
        "replay": None if replayed is None else {"holds": replayed.holds, "share": replayed.share, **asdict(replayed)},
        "fairness": fair,
    }
    if fair is not None:
        model_digest = fair["record"]["model_digest"]
        fair["whose"] = "" if not model_digest else "log" if model_digest in counted["models"] else "other"
    content["bars"] = list(_bars(content))
    content["holds"] = all(entry["holds"] for entry in content["bars"])
    content["untested"] = list(_untested(content))
    content["quoted"] = _quoted(folder, content)
    return content


def _log(
    folder: Path,
    facts: manifest.About,
    verdict: Verdict,
    fault: str | None,
    trusted: Verifier | None,
    checkpoint: Checkpoint | None,
) -> dict[str, Any]:
    try:
        point: Checkpoint | None = newest(folder)
    except FileFormatError:
        point = None
    return {
        "origin": facts.origin,
        "form": facts.form,
        "keys": [{"name": item.name, "id": item.id.hex(), "key": str(item)} for item in facts.keys],
        "first": facts.first,
        "size": verdict.size,
        "root": None if point is None else point.root.hex(),
        "checkpoint": None if point is None else str(point),
        "holds": verdict.holds and fault is None,
        "faults": [asdict(item) for item in verdict.faults]
        + ([] if fault is None else [{"index": None, "what": fault}]),
        "remarks": list(verdict.remarks),
        "trusted": None if trusted is None else str(trusted),
        "held": None if checkpoint is None else checkpoint.size,
    }


def _model(folder: str | os.PathLike[str], trusted: Verifier | None, counts: Mapping[str, Any]) -> dict[str, Any]:
    record = record_of(folder)
    signed: dict[str, object] | None = None
    if record.is_signed and trusted is not None:
        checked = check(folder, trusted)
        signed = {"holds": checked.holds, "faults": list(checked.faults)}
    facts = asdict(record)
    facts["decisions"] = counts["models"].get(record.digest, {"value": 0, "first": None, "last": None})
    facts["signature"] = signed
    return facts


def _bars(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What must hold for the report to be green, by name."""
    yield {"name": "log", "holds": content["log"]["holds"]}
    model = content["model"]
    if model is not None:
        yield {"name": "model", "holds": model["decisions"]["value"] > 0}
        if model["signature"] is not None:
            yield {"name": "signature", "holds": model["signature"]["holds"]}
    if content["fairness"] is not None and content["fairness"]["whose"]:
        yield {"name": "fairness", "holds": content["fairness"]["whose"] == "log"}
    if content["replay"] is not None:
        yield {"name": "replay", "holds": content["replay"]["holds"]}


def _untested(content: Mapping[str, Any]) -> Iterator[str]:
    """Codes of what was not tested; the last ones never are."""
    log, counts, model = content["log"], content["counts"], content["model"]
    flags = set(counts["flags"]) | ({"drift"} if counts["alarms"] else set())
    absent = {
        "held": log["held"] is None,
        "trusted": log["trusted"] is None,
        "model": model is None,
        "signature": model is not None and model["signature"] is None,
        "other_models": model is not None and set(counts["models"]) - {model["digest"]} != set(),
        "replay": content["replay"] is None,
        "figures": model is None or not model["figures"],
        "groups": model is None or not any(figure["part"] for figure in model["figures"]),
        "fairness": content["fairness"] is None,
        "data": model is None or not model["data"],
        "abstention": "abstained" not in flags,
        "distribution": "out of distribution" not in flags,
        "drift": "drift" not in flags,
        "influence": not counts["explained"]["value"],
        "oversight": not {"override", "stop"} & set(counts["events"]),
        "retired": log["first"] > 0,
    }
    yield from (name for name, is_absent in absent.items() if is_absent)
    yield from ("truth", "machine", "law")


def _quoted(folder: Path, content: Mapping[str, object]) -> list[dict[str, Any]]:
    """The records that numbers are linked to, each with its proof."""
    wanted = sorted({number for number in _indices(content) if number is not None})[:_QUOTED]
    rows = []
    for index in wanted:
        try:
            proof = prove(folder, index)
            row = {"index": index, "leaf": leaf(proof.entry).hex(), "path": len(proof.path), "proven": True}
            row["record"] = record_to_dict(proof.record)
        except (CaudalError, OSError) as error:
            row = {"index": index, "proven": False, "record": {"fault": str(error)}, "leaf": None, "path": 0}
        rows.append(row)
    return rows


def _indices(value: object) -> Iterator[int | None]:
    if isinstance(value, dict):
        if "first" in value and "last" in value:
            yield from (value["first"], value["last"])
        elif isinstance(value.get("index"), int):
            yield value["index"]
        for inner in value.values():
            yield from _indices(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _indices(inner)
