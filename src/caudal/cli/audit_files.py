"""Commands about the files of an audit: keys, sign, card, show, prove, retain."""

import argparse
from datetime import datetime
from itertools import islice
from pathlib import Path

from caudal.cli.places import Reads, Writes
from caudal.cli.streams import json_line, print_json, say


def keys_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "action", choices=("make", "show", "rotate"), help="make a key; show a public one; change a log's"
    )
    parser.add_argument("file", help="of the private key: a new one for make; for rotate the one in use")
    parser.add_argument("--name", default="caudal.local/audit", help="under which a new key signs: example.org/ward-4")
    parser.add_argument("--log", metavar="FOLDER", help="the log whose key changes")
    parser.add_argument("--new", metavar="FILE", help="private key that signs from now on")


def keys(args: argparse.Namespace) -> int:
    """Make, show or rotate."""
    from caudal import audit
    from caudal.errors import InputError

    if args.action == "make":
        key = audit.keys.make(args.file, args.name).verifier
    elif args.action == "show":
        key = audit.keys.public(args.file)
    else:
        if not (args.log and args.new):
            raise InputError("audit keys", "rotate", "lacks a log or a key", "Pass --log FOLDER and --new FILE.")
        with audit.Log(args.log, args.file) as log:
            log.rotate(args.new)
        key = audit.keys.load(args.new).verifier
    if args.json:
        print_json({"key": str(key), "name": key.name, "id": key.id.hex()})
    else:
        print(key)
    return 0


def sign_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("folder", help="of a model")
    parser.add_argument("--key", metavar="FILE", help="private key (default: your own, made at first use)")


def sign(args: argparse.Namespace) -> int:
    """Sign every file of the folder."""
    from caudal import audit

    key = audit.keys.load(args.key) if args.key else audit.keys.default()
    path = audit.sign(args.folder, key)
    if args.json:
        print_json({"statement": str(path), "key": str(key.verifier)})
    else:
        print(f"{path}\nsigned by {key.verifier}")
    return 0


def card_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("model", type=Reads(), help="folder of a model package, as `audit.package` writes it")
    parser.add_argument("--to", choices=("hf", "cyclonedx", "croissant"), default="hf", help="form (default: hf)")
    parser.add_argument("-o", "--out", type=Writes(), metavar="FILE", help="file to write (default: stdout)")


def card(args: argparse.Namespace) -> int:
    """Render one card."""
    from caudal import audit

    text = audit.card(args.model, args.to, args.out)
    if args.out and args.json:
        print_json({"file": args.out, "form": args.to})
    elif args.out:
        say(f"{args.to} card in {args.out}")
    else:
        print(text, end="")
    return 0


def show_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", help="folder of the log")
    parser.add_argument("--start", type=int, default=0, metavar="INDEX", help="first record (default: 0)")
    parser.add_argument("--count", type=int, default=20, metavar="N", help="how many (default: 20)")


def show(args: argparse.Namespace) -> int:
    """Print records, a line of JSON each."""
    from caudal import audit
    from caudal.audit.log.record import record_to_dict

    pairs = islice(audit.records(args.log, max(args.start, 0)), max(args.count, 0))
    rows = [{"index": index, **record_to_dict(record)} for index, record in pairs]
    if args.json:
        print_json(rows)
    else:
        for row in rows:
            print(json_line(row))
    return 0


def prove_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", type=Reads(), help="folder of the log")
    parser.add_argument("index", type=int, nargs="?", help="of a record")
    parser.add_argument("-o", "--out", type=Writes(), metavar="FILE", help="write the proof here (default: stdout)")
    parser.add_argument(
        "--export", type=Writes("folder"), metavar="FOLDER", help="copy the log for outside witnesses (C2SP tlog-tiles)"
    )
    parser.add_argument("--hashes-only", action="store_true", help="with --export: leave the records out")


def prove(args: argparse.Namespace) -> int:
    """Prove that a record is in a log, or export the log."""
    from caudal import audit
    from caudal.errors import InputError
    from caudal.files import put

    if (args.index is None) == (args.export is None):
        raise InputError("audit prove", "index", "or --export is needed, and not both", "Pass one of them.")
    if args.export:
        point = audit.export(args.log, args.export, entries=not args.hashes_only)
        say(f"{point.size:,} records in {args.export}")
        if args.json:
            print_json({"folder": args.export, "records": point.size, "root": point.root.hex()})
        return 0
    proof = audit.prove(args.log, args.index)
    if args.out:
        put(Path(args.out), str(proof))
    if args.json:
        print_json({"index": proof.index, "hashes": len(proof.path), "proof": str(proof)})
    elif not args.out:
        print(proof, end="")
    return 0


def retain_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", type=Reads(), help="folder of the log")
    parser.add_argument("--before", metavar="DATE", required=True, help="remove what is older: 2026-01-31 (UTC)")
    parser.add_argument(
        "--key", type=Reads(), metavar="FILE", help="private key that signs the log (default: your own)"
    )
    parser.add_argument("--days", type=int, metavar="N", help="younger records always stay (default: 184, six months)")
    parser.add_argument(
        "--archive", type=Writes("folder"), metavar="FOLDER", help="copy the records there before they go"
    )


def retain(args: argparse.Namespace) -> int:
    """Remove old records; every proof of the others goes on holding."""
    from caudal import audit
    from caudal.audit.check.retain import DAYS
    from caudal.errors import InputError

    try:
        before = datetime.fromisoformat(args.before)
    except ValueError as error:
        raise InputError("audit retain", "--before", f"is {args.before!r}", "Pass a date: 2026-01-31.") from error
    if args.days is not None and args.days < 0:
        raise InputError("audit retain", "--days", f"is {args.days}", "Leave it out.")
    audit.newest(args.log)  # a log that is not there is not made
    with audit.Log(args.log, args.key) as log:
        days = DAYS if args.days is None else args.days
        retained = audit.retain(log, before, days=days, archive=args.archive)
    if args.json:
        print_json(retained)
    elif retained.records:
        print(
            f"{retained.records:,} records removed; the first one kept is {retained.first:,}; "
            f"record {retained.event:,} says so"
        )
    else:
        print("nothing to remove: records go in whole bundles of 256, and the newest one stays")
    return 0
