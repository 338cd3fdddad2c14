"""Check whatever lies at a path against a key, and say of what the answer is: kind, name, size, key, time, digest.

A folder may hold a log, a signed package, or both: each is checked, and both must hold. What was not checked is said
beside what was.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from caudal.audit.check import proof
from caudal.audit.check.reading import promises
from caudal.audit.check.verdict import Fault, Verdict
from caudal.audit.check.verify import verify
from caudal.audit.log import manifest
from caudal.audit.log.checkpoint import LARGEST, Checkpoint, Verifier
from caudal.audit.log.record import record_to_dict, time_text
from caudal.audit.package import NAMES as PACKAGE_NAMES
from caudal.audit.package import STATEMENT, check
from caudal.audit.report_file import Twin, open_twin
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.files import opened

KINDS = ("log", "model", "proof", "report")
_LOG_FILES = re.compile(
    r"log\.json|checkpoints?|lock|edge/(entries|\d+)|tile/(entries|\d+)/(x\d{3}/)*\d{3}|torn/[^/]+\.bin"
)
_MOST_NAMED = 5


@dataclass(frozen=True)
class Wanted:
    """What a user expects of the thing that is checked; None where any will do.

    Attributes:
        kind: one of `KINDS`.
        origin: what a log is called in its checkpoints, or a package in its statement.
        min_size: records of a log, at least.
        min_time: not signed, or last written to, before.
        digest: what an earlier check printed, 64 hexadecimal digits.
        held: a checkpoint of the log that was kept elsewhere.
    """

    kind: str | None = None
    origin: str | None = None
    min_size: int | None = None
    min_time: datetime | None = None
    digest: str | None = None
    held: Checkpoint | None = None


@dataclass(frozen=True)
class Finding:
    """What the check of one log, package, proof or report gave.

    Attributes:
        kind: one of `KINDS`.
        path: of it.
        origin: what it is called: a log and a proof by their checkpoint, a package by its statement, a report by the
            log it is about. None where no trusted signature says so.
        size: records of the log (of a package: files).
        key: name and id of the key that signed; None where none that was named did.
        time: of the last record, or of the signature, by the clock of whoever wrote it; None where it is not stated.
        digest: root of a log or of a proof's log; SHA-256 of the statement of a package, or of the page of a report.
        faults: what is not as it was signed, or not as it was wanted.
        remarks: what is no fault, but should be known.
        unchecked: what this check cannot say.
    """

    kind: str
    path: str
    origin: str | None = None
    size: int | None = None
    key: str | None = None
    time: datetime | None = None
    digest: str | None = None
    faults: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether a named key signed it and nothing is wrong with it."""
        return not self.faults and self.key is not None


@dataclass(frozen=True)
class Examination:
    """What lies at a path, each part checked.

    Attributes:
        findings: at least one.
    """

    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """Whether all that is there holds."""
        return all(finding.holds for finding in self.findings)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Those of all findings."""
        return tuple(fault for finding in self.findings for fault in finding.faults)


def examine(
    path: str | os.PathLike[str], key: Verifier | None, wanted: Wanted | None = None, *, full: bool = False
) -> Examination:
    """Check a log, a signed package, a proof or a report, or a folder that holds two of them.

    Arguments:
        path: folder of a log or package, file of a proof, or the `.json` twin of a report.
        key: that you trust. Without one a log is only compared with itself, and does not hold; the others cannot be
            checked at all.
        wanted: what it should be; without `origin` and `held`, a log must be called what the key is called.
        full: hash every record and every node of a log.

    Raises:
        MissingFileError: there is nothing, or nothing that could be checked.
        InputError: no key was given where one is needed, or something is wanted that such a thing does not have.

    Example:
        >>> import tempfile
        >>> from caudal.audit import Log, keys
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     key = keys.make(f"{folder}/key.pem", "example.org/ward-4")
        ...     with Log(f"{folder}/log", key) as log:
        ...         at = log.event("alarm")
        ...     log, = examine(f"{folder}/log", key.verifier).findings
        ...     other = examine(f"{folder}/log", key.verifier, Wanted(origin="example.org/ward-5"))
        >>> log.kind, log.origin, log.size, log.holds
        ('log', 'example.org/ward-4', 2, True)
        >>> other.faults[0].what
        "it is called 'example.org/ward-4', and not 'example.org/ward-5'"
    """
    place, wanted = Path(path), wanted or Wanted()
    if key is None and not (place / manifest.NAME).is_file():
        raise InputError("audit", "key", "is missing", "Pass the public key of whoever signed.")
    if not place.exists():
        raise MissingFileError(f"audit: there is no {place}. Pass a log, a signed package, a proof or a report.")
    kinds = (wanted.kind,) if wanted.kind else kinds_at(place)
    _check_wanted(wanted, kinds)
    findings = []
    for kind in kinds:
        if kind == "log":
            findings.append(_log(place, key, wanted.held, full))
        elif key is None:
            raise InputError("audit", "key", f"is missing, and this is a {kind}", "Pass the key of whoever signed.")
        else:
            findings.append(_SIGNED[kind](place, key))
    return Examination(tuple(_compared(finding, key, wanted) for finding in findings))


def kinds_at(place: Path) -> tuple[str, ...]:
    """Which of `KINDS` lie at a path, by what is there; a package that lost its signature is one still.

    Raises:
        MissingFileError: none of them.
    """
    if place.is_dir():
        names = {entry.name for entry in place.iterdir()}
        is_package = bool(PACKAGE_NAMES & names) or any(name.endswith(".caudal") for name in names)
        is_log = manifest.NAME in names or ("checkpoint" in names and bool({"edge", "tile"} & names))
        kinds = (("model",) if is_package else ()) + (("log",) if is_log else ())
        if not kinds:
            sentence = f"{place} holds neither a log (no {manifest.NAME}) nor a signed package (no {STATEMENT})"
            raise MissingFileError(f"audit: {sentence}. Pass the folder of one of them.")
        return kinds
    if not place.is_file():
        raise MissingFileError(f"audit: {place} is no file. Pass a log, a signed package, a proof or a report.")
    if place.suffix.lower() in (".html", ".htm"):
        twin = place.with_suffix(".json")
        raise InputError("audit", "path", f"is a page, which bears no signature: {place}", f"Pass {twin} beside it.")
    with opened(place) as file:
        head = file.read(LARGEST)
    if head[:1] == b"{":
        return ("report",)
    if _is_checkpoint(head):
        fault = f"is a checkpoint alone, which tells nothing of the records: {place}"
        raise InputError(
            "audit", "path", fault, "Pass the folder of its log, and the checkpoint as the one that was held."
        )
    return ("proof",)


def _is_checkpoint(data: bytes) -> bool:
    try:
        Checkpoint.parse(data)
    except FileFormatError:
        return False
    return not data.startswith(proof.FIRST.encode())


def _check_wanted(wanted: Wanted, kinds: tuple[str, ...]) -> None:
    if wanted.kind is not None and wanted.kind not in KINDS:
        raise InputError("audit", "kind", f"is {wanted.kind!r}", f"Pass one of {', '.join(KINDS)}.")
    if len(kinds) > 1 and (wanted.origin or wanted.digest):
        fault = (
            f"is missing: the folder holds a {' and a '.join(kinds)}, and one of them is asked for by name or digest"
        )
        raise InputError("audit", "kind", fault, "Say which one you mean.")
    if wanted.held is not None and "log" not in kinds:
        fault = f"is of a log, and this is a {kinds[0]}"
        raise InputError("audit", "held", fault, "Leave it out, or pass the folder of the log.")
    if wanted.min_size is not None and kinds == ("model",):
        raise InputError("audit", "min_size", "counts records, and a package has none", "Leave it out.")
    if wanted.min_size is not None and wanted.min_size < 0:
        raise InputError("audit", "min_size", f"is {wanted.min_size}", "Pass how many records there must be.")
    if wanted.digest is not None and not re.fullmatch("[0-9a-f]{64}", wanted.digest):
        fault = f"is {wanted.digest[:80]!r}"
        raise InputError("audit", "digest", fault, "Pass the 64 hexadecimal digits that an earlier check printed.")


def _compared(finding: Finding, key: Verifier | None, wanted: Wanted) -> Finding:
    """The finding, with a fault for each thing that is not as it was wanted."""
    faults = [Fault(None, what) for what in _differences(finding, key, wanted)]
    return replace(finding, faults=(*finding.faults, *faults))


def _differences(finding: Finding, key: Verifier | None, wanted: Wanted) -> Iterator[str]:
    is_named = finding.kind in ("log", "proof") and wanted.origin is None and wanted.held is None
    if wanted.origin is not None and finding.origin != wanted.origin:
        yield f"it is called {finding.origin!r}, and not {wanted.origin!r}"
    elif is_named and key is not None and finding.origin not in (None, key.name):
        yield f"it is called {finding.origin!r}, and its key {key.name!r}: say which log you mean"
    if wanted.min_size is not None and finding.kind != "model" and (finding.size or 0) < wanted.min_size:
        yield f"it has {finding.size or 0:,} records, and {wanted.min_size:,} were asked for"
    if wanted.min_time is not None and (finding.time is None or finding.time < wanted.min_time):
        age = "it does not say when it was written" if finding.time is None else f"it is of {finding.time:%F %T} UTC"
        yield f"{age}, and {wanted.min_time:%F %T} UTC or later was asked for"
    if wanted.digest is not None and finding.digest != wanted.digest:
        yield f"its digest is {finding.digest}, and not {wanted.digest}"


def _log(place: Path, key: Verifier | None, held: Checkpoint | None, full: bool) -> Finding:
    try:
        verdict = verify(place, key, held, full=full)
    except (FileFormatError, MissingFileError) as error:
        return Finding("log", str(place), faults=(Fault(None, str(error)),))
    unchecked = [] if held else ["whether it is the newest state: no checkpoint kept elsewhere was compared"]
    if key is None:
        unchecked.insert(0, "who wrote it: no key was named, and anybody can write a log that agrees with itself")
    return Finding(
        "log",
        str(place),
        verdict.origin,
        verdict.size,
        None if key is None else _key_text(verdict.key),
        None if verdict.time is None else _moment(time_text(verdict.time)),
        verdict.root.hex(),
        verdict.faults,
        (*verdict.remarks, *_history(place, verdict), *_strangers(place)),
        tuple(unchecked),
    )


def _history(folder: Path, verdict: Verdict) -> tuple[str, ...]:
    """A remark where the list of earlier promises does not end with the newest one."""
    later = () if verdict.key is None else promises(folder, verdict.key, verdict.size)
    if verdict.key is None or any((point.origin, point.root) == (verdict.origin, verdict.root) for point in later):
        return ()
    return ("checkpoints is missing, or does not end with the newest checkpoint: older promises cannot be compared",)


def _strangers(folder: Path) -> tuple[str, ...]:
    """A remark about files in a log's folder that no log writes; none where there are none."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = sorted(path.relative_to(folder).as_posix() for path in paths)
    strangers = [name for name in names if not _LOG_FILES.fullmatch(name)]
    if not strangers:
        return ()
    rest = f" and {len(strangers) - _MOST_NAMED:,} more" if len(strangers) > _MOST_NAMED else ""
    return (f"no part of the log, and not checked: {', '.join(strangers[:_MOST_NAMED])}{rest}",)


def _model(place: Path, key: Verifier) -> Finding:
    try:
        checked = check(place, key)
    except (FileFormatError, MissingFileError) as error:
        return Finding("model", str(place), faults=(Fault(None, str(error)),))
    facts = checked.facts
    is_signed = facts is not None
    unchecked = ["whether what its files state is true, and whether it is the newest package of that name"]
    return Finding(
        "model",
        str(place),
        _text(facts, "name"),
        checked.files if is_signed else None,
        _key_text(key) if is_signed else None,
        _moment(_text(facts, "time")),
        checked.digest or None,
        tuple(Fault(None, what) for what in checked.faults),
        (),
        tuple(unchecked),
    )


def _proof(place: Path, key: Verifier) -> Finding:
    try:
        with opened(place) as file:
            proven = proof.Proof.parse(file.read(LARGEST + 1))
        record = record_to_dict(proven.record)
    except (FileFormatError, OSError) as error:
        return Finding("proof", str(place), faults=(Fault(None, str(error)),))
    point = proven.checkpoint
    if not point.note.is_signed_by(key):
        return Finding("proof", str(place), faults=(Fault(None, f"its checkpoint is not signed by {key.name}"),))
    faults = () if proven.holds(key) else (Fault(proven.index, "the proof does not lead to the root that was signed"),)
    remark = f"it is of record {proven.index:,}, {record['type']} {record.get('session') or record.get('kind') or ''}"
    return Finding(
        "proof",
        str(place),
        point.origin,
        point.size,
        _key_text(key),
        _moment(record["time"]),
        point.root.hex(),
        faults,
        (remark.rstrip(),),
        ("whether the log still holds it, and whether the record is true",),
    )


def _report(place: Path, key: Verifier) -> Finding:
    try:
        twin = open_twin(place, key)
    except (FileFormatError, MissingFileError) as error:
        return Finding("report", str(place), faults=(Fault(None, str(error)),))
    log = twin.facts.get("log")
    size = log.get("size") if isinstance(log, dict) else None
    return Finding(
        "report",
        str(place),
        _text(log, "origin"),
        size if type(size) is int else None,
        _key_text(key),
        _moment(_text(twin.facts, "time")),
        twin.digest,
        tuple(Fault(None, what) for what in twin.faults),
        tuple(_reported(twin)),
        ("the log and the model themselves: the report says what was checked of them",),
    )


def _reported(twin: Twin) -> Iterator[str]:
    """Which page was compared, and how the report itself judges its log."""
    yield f"the page that was compared is {twin.page}"
    log, bars = twin.facts.get("log"), twin.facts.get("bars")
    bad = [str(bar.get("name")) for bar in bars if not bar.get("holds")] if isinstance(bars, list) else []
    if twin.facts.get("holds") is not True:
        yield f"the report itself says that something does NOT hold: {', '.join(bad) or 'it does not say what'}"
    if not _text(log, "trusted"):
        yield "the report was made without a key that its writer trusted: who wrote the log was not checked"


def _key_text(key: Verifier | None) -> str | None:
    return None if key is None else f"{key.name} ({key.id.hex()})"


def _text(facts: Mapping[str, object] | None, name: str) -> str | None:
    value = facts.get(name) if isinstance(facts, Mapping) else None
    return value if isinstance(value, str) else None


def _moment(text: str | None) -> datetime | None:
    """The time of a text in ISO form, UTC where it names no zone; None where it is none."""
    try:
        moment = datetime.fromisoformat(text or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_SIGNED: dict[str, Callable[[Path, Verifier], Finding]] = {"model": _model, "proof": _proof, "report": _report}
