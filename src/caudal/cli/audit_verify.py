"""`caudal audit verify`."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.show import print_json, printable, say
from caudal.errors import InputError, MissingFileError
from caudal.files import read

if TYPE_CHECKING:
    from caudal.audit import Checkpoint, Examination, Finding, Verifier, Wanted

_UNITS = {"log": "records", "model": "files", "proof": "records in its log", "report": "records in its log"}
_CLOCKS = {
    "log": "last record, by its writer's clock",
    "model": "signature, by its signer's clock",
    "proof": "the record, by its writer's clock",
    "report": "signature, by its signer's clock",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
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


def run(args: argparse.Namespace) -> int:
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
        print("\n".join(line for finding in examination.findings for line in _lines(finding)))
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


def _lines(finding: "Finding") -> Iterator[str]:
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
