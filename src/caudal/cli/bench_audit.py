"""`caudal bench audit`."""

import argparse

from caudal.cli.show import print_columns, print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--records", type=int, default=1_000_000, metavar="N", help="of the large log (1,000,000)")
    parser.add_argument("--mutations", type=int, default=10_000, metavar="N", help="to try (10,000)")


def run(args: argparse.Namespace) -> int:
    """Measure and print; 1 when a goal is missed."""
    from caudal.bench.audit import audit
    from caudal.errors import InputError

    if args.records < 1 or args.mutations < 1:
        raise InputError("bench audit", "--records", "and --mutations are at least 1", "Leave them out.")
    found = audit(args.records, args.mutations, say)
    if args.json:
        print_json(found)
    else:
        goals = {
            "packed_us": "<= 10",
            "json_us": "<= 25",
            "locate_s": "< 1",
            "proof_hashes": "<= 20",
            "proof_ms": "<= 1",
        }
        goals |= {"located": "True", "detected": f"{found.mutations}"}
        print_columns(("figure", "value", "goal"), [
            (name, f"{value:.4g}" if isinstance(value, float) else str(value), goals.get(name, ""))
            for name, value in found.__dict__.items()
        ])  # fmt: skip
    return 0 if found.is_green else 1
