"""`caudal audit stamp`."""

import argparse
from pathlib import Path

from caudal.cli.show import print_json, say
from caudal.files import put


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("checkpoint", help="a checkpoint, or the folder of a log: its newest one")
    parser.add_argument("--request", metavar="FILE", help="write a request for a time-stamping authority")
    parser.add_argument("--response", metavar="FILE", help="check what the authority answered")
    parser.add_argument("--root", metavar="FILE", action="append", default=[], help="root certificate you trust (PEM)")


def run(args: argparse.Namespace) -> int:
    """Ask, or check an answer."""
    from caudal import audit
    from caudal.errors import InputError

    if bool(args.request) == bool(args.response):
        raise InputError("audit stamp", "--request", "or --response is needed, and not both", "Pass one of them.")
    place = Path(args.checkpoint)
    point = audit.newest(place) if place.is_dir() else audit.Checkpoint.parse(place.read_bytes())
    if args.request:
        put(Path(args.request), audit.stamp_request(point), sync=True)
        say(f"{args.request}: send it to the authority as application/timestamp-query")
        return 0
    moment = audit.stamped(Path(args.response).read_bytes(), point, args.root)
    if args.json:
        print_json({"time": moment.isoformat(), "origin": point.origin, "records": point.size})
    else:
        print(f"good  {point.origin} with {point.size:,} records was seen at {moment:%Y-%m-%d %H:%M:%S} UTC")
    return 0
