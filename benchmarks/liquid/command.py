"""`python -m benchmarks liquid`."""

import argparse
from dataclasses import asdict

import numpy as np

from caudal.cli.places import Writes
from caudal.cli.streams import print_columns, print_json, say

SCHEMA = "caudal.benchmarks.liquid"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--only", choices=("flash", "sign", "noise"), help="one trial (default: all)")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="of data and weights (default: 5)")
    parser.add_argument("--quick", action="store_true", help="few series and one pass; the figures mean nothing")
    kept = "keep each row as JSON, and go on from those it holds"
    parser.add_argument("-o", "--out", type=Writes("resumed"), metavar="FILE", help=kept)


def run(args: argparse.Namespace) -> int:
    """Train, score, print; losses stand beside wins, and there is no goal to miss."""
    from benchmarks.fair.resume import keep
    from benchmarks.liquid.trials import TRIALS, TrialRow, row_of

    trials = [args.only] if args.only else list(TRIALS)
    jobs = [(trial, model, seed) for trial in trials for seed in range(args.seeds) for model in TRIALS[trial]]
    keys = ("trial", "model", "seed")
    stored = keep(
        SCHEMA, TrialRow, keys, args.out, jobs, lambda job: [row_of(job[0], job[1], job[2], args.quick)], say
    ).rows
    rows = [row for row in stored if row.trial in trials]
    if args.json:
        print_json({"rows": [asdict(row) for row in rows]})
        return 0
    for trial in trials:
        asked = list(next(row.scores for row in rows if row.trial == trial))
        table = []
        for model in TRIALS[trial]:
            same = [row for row in rows if (row.trial, row.model) == (trial, model)]
            cells = [_spread([row.scores[name] for row in same]) for name in asked]
            table.append((model, f"{same[0].parameters}", f"{len(same)}", *cells))
        print_columns((trial, "parameters", "seeds", *asked), table)
    return 0


def _spread(values: list[float]) -> str:
    """Median, and the lowest and highest."""
    return f"{np.median(values):.3f} [{min(values):.3f}, {max(values):.3f}]"
