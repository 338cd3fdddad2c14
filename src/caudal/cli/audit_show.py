"""`caudal audit show`."""

import argparse
from itertools import islice

from caudal.cli.show import json_line, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", help="folder of the log")
    parser.add_argument("--start", type=int, default=0, metavar="INDEX", help="first record (default: 0)")
    parser.add_argument("--count", type=int, default=20, metavar="N", help="how many (default: 20)")


def run(args: argparse.Namespace) -> int:
    """Print records, a line of JSON each."""
    from caudal import audit
    from caudal.audit.log.record import record_to_dict

    found = islice(audit.records(args.log, max(args.start, 0)), max(args.count, 0))
    rows = [{"index": index, **record_to_dict(one)} for index, one in found]
    if args.json:
        print_json(rows)
    else:
        for row in rows:
            print(json_line(row))
    return 0
