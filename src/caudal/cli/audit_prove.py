"""`caudal audit prove`."""

import argparse
from pathlib import Path

from caudal.cli.places import Reads, Writes
from caudal.cli.show import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", type=Reads(), help="folder of the log")
    parser.add_argument("index", type=int, nargs="?", help="of a record")
    parser.add_argument("-o", "--out", type=Writes(), metavar="FILE", help="write the proof here (default: stdout)")
    parser.add_argument(
        "--export", type=Writes("folder"), metavar="FOLDER", help="copy the log for outside witnesses (C2SP tlog-tiles)"
    )
    parser.add_argument("--hashes-only", action="store_true", help="with --export: leave the records out")


def run(args: argparse.Namespace) -> int:
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
