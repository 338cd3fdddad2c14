"""`python -m benchmarks sampling`."""

import argparse
from dataclasses import asdict

import numpy as np

from caudal.cli.streams import print_columns, print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="of data and weights (default: 5)")
    parser.add_argument("--quick", action="store_true", help="few series and one pass; the figures mean nothing")


def run(args: argparse.Namespace) -> int:
    """Train, judge, print; it has no goal to miss, since no remedy is promised to help."""
    from benchmarks.fair.sampling import SamplingRow, sampling

    rows: list[SamplingRow] = []
    for row in sampling(args.seeds, series=200, judged=200, epochs=1) if args.quick else sampling(args.seeds):
        say(f"{row.remedy}, seed {row.seed}")
        rows.append(row)
    if args.json:
        print_json({"rows": [asdict(row) for row in rows]})
        return 0
    table = []
    for name in dict.fromkeys(row.remedy for row in rows):
        same = [row for row in rows if row.remedy == name]
        cells = (_spread([getattr(row, field) for row in same]) for field in ("gap", "accuracy", "found_b"))
        table.append((name, *cells))
    print_columns(("remedy", "gap in opportunity", "accuracy", "found in b"), table)
    return 0


def _spread(values: list[float]) -> str:
    """Mean, and its standard error."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return f"{np.mean(values):.3f} (se {error:.3f})"
