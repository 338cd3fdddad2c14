"""`caudal audit retain`."""

import argparse
from datetime import datetime

from caudal.cli.places import Reads, Writes
from caudal.cli.show import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
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


def run(args: argparse.Namespace) -> int:
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
        found = audit.retain(log, before, days=days, archive=args.archive)
    if args.json:
        print_json(found)
    elif found.records:
        print(
            f"{found.records:,} records removed; the first one kept is {found.first:,}; record {found.event:,} says so"
        )
    else:
        print("nothing to remove: records go in whole bundles of 256, and the newest one stays")
    return 0
