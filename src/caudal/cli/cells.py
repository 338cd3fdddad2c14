"""`caudal cells`."""

import argparse

from caudal.cli.show import print_columns, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no options of its own."""


def run(args: argparse.Namespace) -> int:
    """Print the capability table."""
    from caudal.cli import inventory

    found = inventory.cells()
    if args.json:
        print_json(found)
        return 0
    header = ("cell", "wired", "causal", "chunked", "parameters", "recurrence", "backends")
    words = [
        (
            cell.name,
            *("yes" if able else "no" for able in (cell.wired, cell.causal, cell.chunked)),
            "-" if cell.parameters is None else f"{cell.parameters:,}",
            ", ".join(cell.recurrences) or "-",
            ", ".join(cell.backends) or ("-" if cell.parameters is None else "plain torch"),
        )
        for cell in found
    ]
    print_columns(header, words)
    print(f"\nparameters: {inventory.EXAMPLE}")
    return 0
