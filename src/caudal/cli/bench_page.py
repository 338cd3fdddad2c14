"""`caudal bench page`."""

import argparse
from pathlib import Path

from caudal.cli.show import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("report", nargs="?", help="what `caudal bench kernels --out` kept; without it an empty page")
    parser.add_argument("-o", "--out", metavar="FILE", help="where to write the page; stdout when left out")


def run(args: argparse.Namespace) -> int:
    """Write the page."""
    from caudal import bench

    page = bench.page(bench.read(args.report) if args.report else None, args.report or "")
    if args.out:
        Path(args.out).write_text(page, encoding="utf-8")
        say(f"wrote {args.out}")
    if args.json:
        print_json({"page": args.out or page})
    elif not args.out:
        print(page, end="")
    return 0
