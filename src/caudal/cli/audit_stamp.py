"""`caudal audit stamp`."""

import argparse
from pathlib import Path

from caudal.cli.places import Reads, Writes
from caudal.cli.show import print_json, printable, say
from caudal.errors import InputError, MissingFileError
from caudal.files import put, read


def add_arguments(parser: argparse.ArgumentParser) -> None:
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


def run(args: argparse.Namespace) -> int:
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
