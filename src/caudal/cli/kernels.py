"""`caudal kernels`."""

import argparse

from caudal.cli.show import print_columns, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no options of its own."""


def run(args: argparse.Namespace) -> int:
    """Print every recurrence, backend and reason."""
    from caudal.cli import inventory

    found = inventory.backends()
    if args.json:
        print_json(found)
        return 0
    words = {"chosen": "runs, and is chosen", "runs": "runs when asked for"}
    rows = [
        (one.recurrence, one.backend, one.device, words.get(one.status, f"cannot run: {one.reason}")) for one in found
    ]
    print_columns(("recurrence", "backend", "device", "on this machine"), rows)
    return 0
