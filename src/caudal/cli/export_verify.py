"""`caudal export verify`."""

import argparse

from caudal.cli.show import print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("folder", help="what `caudal export` wrote")


def run(args: argparse.Namespace) -> int:
    """Check every claim; 1 when one does not hold."""
    from caudal.export import verify

    found = verify(args.folder)
    if args.json:
        print_json({"holds": found.holds, "claims": found.claims})
        return 0 if found.holds else 1
    for claim in found.claims:
        print(f"{'holds' if claim.holds else 'BROKEN'}  {claim.name}{'' if claim.holds else ': ' + claim.fault}")
    return 0 if found.holds else 1
