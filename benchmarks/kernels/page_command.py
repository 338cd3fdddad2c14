"""`python -m benchmarks page`."""

import argparse
from pathlib import Path

from caudal.cli.places import Reads, Writes
from caudal.cli.streams import print_json, say
from caudal.files import put


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "report",
        type=Reads(),
        nargs="?",
        help="what `kernels --out` kept; without it an empty page",
    )
    parser.add_argument(
        "-o", "--out", type=Writes(), metavar="FILE", help="where to write the page; stdout when left out"
    )


def run(args: argparse.Namespace) -> int:
    """Write the page."""
    from benchmarks import kernels

    page = kernels.page(kernels.read(args.report) if args.report else None, args.report or "")
    if args.out:
        put(Path(args.out), page)
        say(f"wrote {args.out}")
    if args.json:
        print_json({"page": args.out or page})
    elif not args.out:
        print(page, end="")
    return 0
