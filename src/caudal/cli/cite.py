"""`caudal cite`."""

import argparse

from caudal.cli.papers import PAPERS, SOURCES, bibtex
from caudal.cli.show import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("cell", nargs="*", help=f"layers that were used: {', '.join(SOURCES)}; all when left out")


def run(args: argparse.Namespace) -> int:
    """Print BibTeX."""
    found = bibtex(args.cell)
    if args.json:
        print_json({key: PAPERS[key] for key in found})
    else:
        print("\n\n".join(found.values()))
    return 0
