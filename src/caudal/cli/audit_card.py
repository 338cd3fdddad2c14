"""`caudal audit card`."""

import argparse

from caudal.cli.places import Reads, Writes
from caudal.cli.show import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("model", type=Reads(), help="folder of a model package, as `audit.package` writes it")
    parser.add_argument("--to", choices=("hf", "cyclonedx", "croissant"), default="hf", help="form (default: hf)")
    parser.add_argument("-o", "--out", type=Writes(), metavar="FILE", help="file to write (default: stdout)")


def run(args: argparse.Namespace) -> int:
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
