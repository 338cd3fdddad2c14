"""Commands that check a log or a signed model: verify, replay, report, stamp."""

import argparse
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.places import Reads, Writes
from caudal.cli.predict import reader
from caudal.cli.series import series_for
from caudal.cli.streams import print_json, printable, say
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.files import put, read

if TYPE_CHECKING:
    from caudal.audit import Checkpoint, Examination, Finding, Verifier, Wanted
if TYPE_CHECKING:
    from caudal.audit import Replay
if TYPE_CHECKING:
    from caudal.audit import Checkpoint, Replay, Verifier


_UNITS = {"log": "records", "model": "files", "proof": "records in its log", "report": "records in its log"}


_CLOCKS = {
    "log": "last record, by its writer's clock",
    "model": "signature, by its signer's clock",
    "proof": "the record, by its writer's clock",
    "report": "signature, by its signer's clock",
}


def verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("path", help="folder of a log or of a signed model, a proof, or the .json twin of a report")
    parser.add_argument("--key", metavar="KEY", help="public key that you trust: a .pub file, or name+id+base64")
    parser.add_argument("--as", dest="kind", choices=("log", "model", "proof", "report"), help="what it must be")
    parser.add_argument("--origin", metavar="NAME", help="what it must be called (default, of a log: as its key)")
    parser.add_argument("--min-size", type=int, metavar="N", help="refuse a log of fewer records")
    parser.add_argument("--min-time", metavar="TIME", help="refuse what was signed or last written earlier (UTC)")
    parser.add_argument("--digest", metavar="HEX", help="the digest that an earlier check printed")
    parser.add_argument("--held", metavar="FILE", help="a checkpoint of the log that was kept elsewhere")
    parser.add_argument("--full", action="store_true", help="hash every record and every node of a log")


def verify(args: argparse.Namespace) -> int:
    """Check; 1 when something is not as it was promised or signed, or nobody whom you named vouches for it."""
    from caudal import audit

    key, wanted = None if args.key is None else audit.keys.public(args.key), _wanted(args)
    try:
        examination = audit.examine(args.path, key, wanted, full=args.full)
    except InputError as error:
        raise InputError("audit verify", _option(error.argument), error.fault, error.remedy) from error
    if args.json:
        print_json(_facts(examination))
    else:
        _show(examination, key, args)
    return 0 if examination.holds else 1


def moment(text: str | None, command: str) -> datetime | None:
    """The time of a word such as `2026-01-31` or `2026-01-31T10:00`, UTC.

    Raises:
        InputError: it is none.
    """
    try:
        time = None if text is None else datetime.fromisoformat(text)
        time = time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time and time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(command, "--min-time", f"is {text!r}", "Pass a time: 2026-01-31T10:00.") from error
    return time


def checkpoint_of(path: str | None) -> "Checkpoint | None":
    """The checkpoint of a file, or None where no file is named.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it holds none.
    """
    from caudal import audit

    if path is None:
        return None
    place = Path(path)
    if not place.is_file():
        raise MissingFileError(f"audit: there is no checkpoint {place}. Pass a file `checkpoint` that was kept.")
    return audit.Checkpoint.parse(read("audit", place))


def _wanted(args: argparse.Namespace) -> "Wanted":
    from caudal import audit

    since = moment(args.min_time, "audit verify")
    return audit.Wanted(args.kind, args.origin, args.min_size, since, args.digest, checkpoint_of(args.held))


def _option(argument: str) -> str:
    return argument if argument == "path" else "--as" if argument == "kind" else f"--{argument.replace('_', '-')}"


def _show(examination: "Examination", key: "Verifier | None", args: argparse.Namespace) -> None:
    if examination.holds:
        print("\n".join(line for finding in examination.findings for line in _verify_lines(finding)))
        return
    say(f"note: checked as {' and as '.join(finding.kind for finding in examination.findings)}: {printable(args.path)}")
    for finding in examination.findings:
        prefix = f"{finding.kind}: " if len(examination.findings) > 1 else ""
        for fault in finding.faults:
            print(f"BAD  {prefix}{printable(fault.what)}")
        if not finding.faults and finding.key is None:
            what = f"{finding.kind} {printable(finding.path)}"
            print(f"UNPROVEN  {what} agrees with itself, and nobody vouches for it: pass --key")
        for remark in finding.remarks:
            say(f"note: {printable(remark)}")
        is_other_name = key is not None and finding.kind in ("log", "proof") and finding.origin not in (None, key.name)
        if is_other_name and not (args.origin or args.held):
            say(f"note: if that is the one that you mean, pass --origin {printable(finding.origin or '')}")


def _verify_lines(finding: "Finding") -> Iterator[str]:
    yield f"good  {finding.kind} {printable(finding.path)} is as it was signed"
    yield f"      name    {printable(finding.origin or 'it has none')}"
    yield f"      size    {finding.size or 0:,} {_UNITS[finding.kind]}"
    yield f"      key     {finding.key}"
    time = "not stated" if finding.time is None else f"{finding.time:%Y-%m-%d %H:%M:%S} UTC"
    yield f"      time    {time} ({_CLOCKS[finding.kind]})"
    yield f"      digest  {finding.digest}"
    yield from (f"      note: {printable(remark)}" for remark in finding.remarks)
    yield from (f"      not checked: {what}" for what in finding.unchecked)


def _facts(examination: "Examination") -> dict[str, Any]:
    faults = [
        {"kind": finding.kind, "index": fault.index, "last": fault.last, "what": fault.what}
        for finding in examination.findings
        for fault in finding.faults
    ]
    checked = [
        {**finding.__dict__, "holds": finding.holds, "time": finding.time and finding.time.isoformat()}
        for finding in examination.findings
    ]
    bad = [fault.index for fault in examination.faults if fault.index is not None]
    return {"holds": examination.holds, "first_bad": min(bad, default=None), "faults": faults, "checked": checked}


def replay_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", help="folder of the log")
    parser.add_argument("model", type=Reads(is_model=True), help="the file of the model that decided")
    parser.add_argument("data", type=Reads(), help="the table that it was asked about")
    parser.add_argument("--key", metavar="KEY", help="public key of the log that you trust: a .pub file, or its text")
    parser.add_argument("--held", metavar="FILE", help="a checkpoint of the log that was kept elsewhere")
    parser.add_argument("--origin", metavar="NAME", help="what the log must be called (default: as its key)")
    parser.add_argument(
        "--allow-unlinked", action="store_true", help="decisions that cannot be made again are no fault"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="X",
        help="of outputs (default: none where they repeat to the bit, else 1e-6)",
    )
    parser.add_argument("--salts", metavar="FOLDER", help="of the log (default: beside it)")
    parser.add_argument("--batch", type=int, default=256, metavar="N", help="series at a time (default: 256)")


def replay(args: argparse.Namespace) -> int:
    """Make every decision again; 1 when one does not come out as it should, or cannot be made again."""
    from caudal import audit
    from caudal.errors import InputError

    if args.batch < 1:
        raise InputError("audit replay", "--batch", f"is {args.batch}; expected at least 1", "Leave it out.")
    key = None if args.key is None else audit.keys.public(args.key)
    model = reader(args.model, "audit replay")
    data = series_for("audit replay", model, args.data)
    result = audit.replay(
        args.log,
        model,
        data,
        salts=args.salts,
        batch=args.batch,
        key=key,
        held=checkpoint_of(args.held),
        origin=args.origin,
        allow_unlinked=args.allow_unlinked,
        tolerance=args.tolerance,
    )
    if args.json:
        print_json({"holds": result.holds, "share": result.share, **result.__dict__})
    else:
        print("\n".join(_replay_lines(result)))
    return 0 if result.holds else 1


def _replay_lines(result: "Replay") -> Iterator[str]:
    if result.log_faults:
        yield f"nothing was made again: the log {printable(result.origin)} is not as it was signed"
        yield from (f"BAD  {printable(fault)}" for fault in result.log_faults)
        return
    log = f"{result.share:.1%} of the {result.total:,} in the log {printable(result.origin)}"
    signer = f"signed by {result.key}" if result.key else "NOT VERIFIED: no --key was named, and nobody vouches for it"
    decisions = (
        f"{result.decisions:,} decisions made again: {result.same_decision:,} the same, {result.same_bits:,} to the bit"
    )
    yield f"{decisions}; {log}, {signer}"
    strictness = f"within {result.tolerance:g}" if result.tolerance else "to the bit"
    yield f"they had to be the same {strictness}; the largest difference is {result.worst:.3g}"
    if missed := result.total - result.decisions:
        word, rest = ("note", "") if result.allows_unlinked else ("BAD ", "; --allow-unlinked accepts them")
        kinds = f"{result.unlinked:,} cannot be linked to the data, {result.other_models:,} are of other models"
        yield f"{word} {missed:,} decisions were not made again: {kinds}{rest}"
    if result.former:
        digest = "as caudal 0.1 named it, by a digest that left the recipe of the table out"
        yield f"note {result.former:,} of them name this model {digest}: they may be of it, and are not taken for it"
    if result.silent:
        yield f"note {result.silent:,} series of the data have no decision of this model in the log"
    for name, rows in (
        ("come out otherwise", result.broken),
        ("were made from other inputs", result.other_input),
        ("state another uncertainty, elapsed time or flag than follows from their output and data", result.other_facts),
    ):
        if rows:
            yield f"BAD  {len(rows):,} records {name}, the first is {rows[0]:,}"


def report_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", type=Reads(), help="folder of the log")
    parser.add_argument(
        "model", type=Reads(), nargs="?", help="folder of a model package, or a file that `caudal fit` wrote"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Writes(beside=(".json",), example="audit.html"),
        metavar="FILE",
        default="audit.html",
        help="page to write (default: audit.html)",
    )
    parser.add_argument("--lang", choices=("en", "es"), default="en", help="of the page (default: en)")
    parser.add_argument(
        "--key", type=Reads(), metavar="FILE", help="private key that signs the report (default: your own)"
    )
    parser.add_argument("--trust", metavar="KEY", help="public key of the log and the model: a .pub file, or its text")
    parser.add_argument("--held", type=Reads(), metavar="FILE", help="a checkpoint of the log that was kept elsewhere")
    parser.add_argument(
        "--fairness", type=Reads(), metavar="FILE", help="gaps between groups: what `caudal fair --out fair.json` wrote"
    )
    parser.add_argument(
        "--data", type=Reads(), metavar="TABLE", help="make the decisions again from this table; needs a model"
    )
    parser.add_argument("--allow-unlinked", action="store_true", help="with --data: as of `caudal audit replay`")


def report(args: argparse.Namespace) -> int:
    """Write the page and its twin; 1 when something that was checked does not hold."""
    from caudal import audit
    from caudal.report import log as log_page

    if args.data and not args.model:
        raise InputError("audit report", "--data", "needs a model to make the decisions again", "Pass it.")
    trusted = None if args.trust is None else audit.keys.public(args.trust)
    point = checkpoint_of(args.held)
    with tempfile.TemporaryDirectory() as scratch:
        folder = _package(args.model, Path(scratch)) if args.model else None
        replayed = _again(args, folder, trusted, point) if folder is not None and args.data else None
        audited = log_page.write(
            args.log,
            folder,
            out=args.out,
            key=args.key,
            lang=args.lang,
            trusted=trusted,
            held=point,
            replayed=replayed,
            fairness=args.fairness,
        )
    if args.json:
        bars = audited.facts["bars"]
        print_json({"holds": audited.holds, "bars": bars, "page": str(audited.page), "twin": str(audited.twin)})
    else:
        for bar in audited.facts["bars"]:
            print("  ".join(_line(bar["name"], bar["holds"], audited.facts)))
        untested = len(audited.facts["untested"])
        say(f"{audited.page} and its signed twin {audited.twin}; {untested} things were not tested")
    return 0 if audited.holds else 1


def _package(model: str, scratch: Path) -> Path:
    """The folder of a package; a bare file of a model becomes one that nobody signed.

    Raises:
        FileFormatError: the package says that it is of another model than its file holds.
    """
    from caudal import audit
    from caudal.audit.cards.record import record_of
    from caudal.audit.package import MODEL, model_digest_1
    from caudal.estimators.door import load_network

    place = Path(model)
    if place.is_file():
        return audit.package(load_network(place, "audit report"), scratch / place.stem)
    net = load_network(place / MODEL, "audit report")
    stated, computed = record_of(place).digest, audit.model_digest(net)
    if stated not in (computed, model_digest_1(net)):
        fault = f"its environment.json says {stated[:12]}..., and {MODEL} is {computed[:12]}..."
        raise FileFormatError(f"audit report: {place} is not of one model ({fault}). Write the package anew.")
    return place


def _line(bar: str, holds: bool, facts: dict[str, Any]) -> tuple[str, str]:
    """A word for one line of the verdict, and of what it is; what nobody vouches for is never "good"."""
    log, model, remade = facts["log"], facts["model"], facts["replay"]
    about, is_vouched = bar, True
    if bar == "log":
        about, is_vouched = f"log: {log['origin']}, {log['size']:,} records", log["trusted"] is not None
    elif bar == "model":
        about = f"model: {model['decisions']['value']:,} decisions of the log are of {model['name']}"
        is_vouched = model["signature"] is not None
    elif bar == "replay":
        about = f"replay: {remade['decisions']:,} of {remade['total']:,} decisions made again"
        is_vouched = remade["key"] is not None
    if not holds:
        return "BAD ", about
    return ("good", about) if is_vouched else ("UNPROVEN", f"{about}; who signed it was not checked (--trust)")


def _again(args: argparse.Namespace, folder: Path, key: "Verifier | None", point: "Checkpoint | None") -> "Replay":
    from caudal import audit
    from caudal.audit.package import MODEL
    from caudal.cli.predict import reader

    model = reader(str(folder / MODEL), "audit report")
    # A report names the log that it is about: the name is shown, not asked for.
    origin = audit.newest(args.log).origin
    return audit.replay(
        args.log, model, args.data, key=key, held=point, origin=origin, allow_unlinked=args.allow_unlinked
    )


def stamp_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("checkpoint", type=Reads(), help="a checkpoint, or the folder of a log: its newest one")
    parser.add_argument(
        "--request", type=Writes("resumed"), metavar="FILE", help="write a request for a time-stamping authority"
    )
    parser.add_argument("--response", type=Reads(), metavar="FILE", help="check what the authority answered")
    parser.add_argument("--root", metavar="FILE", action="append", default=[], help="root certificate you trust (PEM)")
    parser.add_argument(
        "--key", metavar="KEY", help="public key of the log that you trust: who signed what was stamped"
    )
    parser.add_argument("--origin", metavar="NAME", help="what the log must be called (default: as its key)")


def stamp(args: argparse.Namespace) -> int:
    """Ask, or check an answer; 1 when the stamp does not hold, or nobody who was named signed what was stamped."""
    from caudal import audit

    if bool(args.request) == bool(args.response):
        raise InputError("audit stamp", "--request", "or --response is needed, and not both", "Pass one of them.")
    place = Path(args.checkpoint)
    point = audit.newest(place) if place.is_dir() else audit.Checkpoint.parse(_read(place, "checkpoint"))
    key = None if args.key is None else audit.keys.public(args.key)
    if args.request:
        if key is not None and not point.note.is_signed_by(key):
            raise InputError("audit stamp", "--key", f"did not sign this checkpoint: {key.name}", "Pass the log's key.")
        put(Path(args.request), audit.stamp_request(point), sync=True)
        say(f"{args.request}: send it to the authority as application/timestamp-query")
        return 0
    if not args.root:
        raise InputError("audit stamp", "--root", "is missing", "Pass the root certificate of the authority (PEM).")
    facts = {"origin": point.origin, "records": point.size, "root": point.root.hex(), "key": key and str(key)}
    try:
        moment = audit.stamped(_read(Path(args.response), "response"), point, args.root, key, args.origin)
    except InputError as error:
        return _refuse(facts, f"the {error.argument} {error.fault}", args.json)
    if args.json:
        is_checked = key is not None
        stamp = {"holds": is_checked, "stamp_holds": True, "checkpoint_checked": is_checked, "time": moment.isoformat()}
        print_json({**stamp, **facts})
        return 0 if is_checked else 1
    seen = f"{printable(point.origin)} with {point.size:,} records was seen at {moment:%Y-%m-%d %H:%M:%S} UTC"
    if key is None:
        print(f"UNPROVEN  the stamp holds, checkpoint NOT CHECKED: {seen}, and nobody vouches for it: pass --key")
        return 1
    print(f"good  {seen}\n      root    {point.root.hex()}\n      key     {key.name} ({key.id.hex()})")
    print("      not checked: whether the log still leads to it: caudal audit verify LOG --held CHECKPOINT")
    return 0


def _read(place: Path, what: str) -> bytes:
    if not place.is_file():
        raise MissingFileError(f"audit stamp: there is no {what} {place}. Pass a file that is there.")
    return read("audit stamp", place)


def _refuse(facts: dict[str, object], fault: str, as_json: bool) -> int:
    if as_json:
        print_json({"holds": False, "fault": fault, **facts})
    else:
        print(f"BAD  {printable(fault)}")
    return 1
