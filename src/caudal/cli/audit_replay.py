"""`caudal audit replay`."""

import argparse

from caudal.cli.predict import reader
from caudal.cli.show import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", help="folder of the log")
    parser.add_argument("model", help="the file of the model that decided")
    parser.add_argument("data", help="the table that it was asked about")
    parser.add_argument("--salts", metavar="FOLDER", help="of the log (default: beside it)")
    parser.add_argument("--batch", type=int, default=256, metavar="N", help="series at a time (default: 256)")


def run(args: argparse.Namespace) -> int:
    """Make every decision again; 1 when one does not come out as it should."""
    from caudal import audit
    from caudal.errors import InputError

    if args.batch < 1:
        raise InputError("audit replay", "--batch", f"is {args.batch}; expected at least 1", "Leave it out.")
    found = audit.replay(args.log, reader(args.model, "audit replay"), args.data, salts=args.salts, batch=args.batch)
    if args.json:
        print_json({"holds": found.holds, **found.__dict__})
        return 0 if found.holds else 1
    print(f"{found.decisions:,} decisions made again: {found.same_decision:,} the same, {found.same_bits:,} to the bit")
    print(f"{found.exact:,} were made in replay mode; the largest difference is {found.worst:.3g}")
    print(f"{found.unlinked:,} cannot be linked to the data, {found.other_models:,} are of other models")
    for name, rows in (("come out otherwise", found.broken), ("were made from other inputs", found.other_input)):
        if rows:
            print(f"BAD  {len(rows):,} records {name}, the first is {rows[0]:,}")
    return 0 if found.holds else 1
