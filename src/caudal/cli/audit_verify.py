"""`caudal audit verify`."""

import argparse
from pathlib import Path
from typing import Any

from caudal.cli.show import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("path", help="folder of a log or of a signed model, a proof, or the .json twin of a report")
    parser.add_argument("--key", metavar="KEY", help="public key that you trust: a .pub file, or name+id+base64")
    parser.add_argument("--held", metavar="FILE", help="a checkpoint of the log that was kept elsewhere")
    parser.add_argument("--full", action="store_true", help="hash every record and every node of a log")


def run(args: argparse.Namespace) -> int:
    """Check; 1 when something is not as it was promised or signed."""
    from caudal import audit
    from caudal.errors import InputError

    key = audit.keys.public(args.key) if args.key else None
    place = Path(args.path)
    is_log = (place / "log.json").is_file()
    if not is_log and key is None:
        raise InputError("audit verify", "--key", "is missing", "Pass the public key of whoever signed.")
    found: dict[str, Any]
    faults: list[str]
    if place.is_file() and place.read_bytes()[:1] == b"{":
        audit.page.read(place, key)  # type: ignore[arg-type]  # checked above
        found, faults = {"holds": True}, []
    elif place.is_file():
        holds = audit.Proof.parse(place.read_bytes()).holds(key)  # type: ignore[arg-type]  # checked above
        found, faults = {"holds": holds}, [] if holds else ["the proof does not hold"]
    elif is_log:
        held = audit.Checkpoint.parse(Path(args.held).read_bytes()) if args.held else None
        log = audit.verify(place, key, held, full=args.full)
        found = {"holds": log.holds, "records": log.size, "first_bad": log.first_bad, "faults": log.faults}
        found["remarks"] = log.remarks
        faults = [one.what for one in log.faults]
        for remark in log.remarks:
            say(f"note: {remark}")
    else:
        package = audit.check(place, key)  # type: ignore[arg-type]  # checked above
        found, faults = {"holds": package.holds, "faults": package.faults}, list(package.faults)
    if args.json:
        print_json(found)
    else:
        print("\n".join(f"BAD  {one}" for one in faults) or f"good  {args.path} is as it was signed")
    return 1 if faults else 0
