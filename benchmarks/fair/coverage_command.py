"""`python -m benchmarks coverage`."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from caudal.cli.streams import print_columns, print_json, say

if TYPE_CHECKING:
    from benchmarks.fair.coverage import Covered

# What a share of so many intervals may differ by chance: three standard errors.
_ERRORS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--repeats", type=int, default=1000, metavar="N", help="of each case (default: 1000)")
    parser.add_argument("--draws", type=int, default=300, metavar="N", help="of each bootstrap (default: 300)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all draws (default: 0)")
    parser.add_argument("--case", default="", metavar="NAME", help="one case only, such as 'two apart'")


def run(args: argparse.Namespace) -> int:
    """Simulate, print; 1 where an interval of a group or a difference holds the truth other than 93 to 97 in 100."""
    from benchmarks.fair.coverage import cases, coverage
    from caudal.errors import InputError

    names = [case.name for case in cases()]
    if args.repeats < 1:
        raise InputError("coverage", "--repeats", f"is {args.repeats}; expected at least 1", "Pass 1000.")
    if args.case not in ("", *names):
        raise InputError("coverage", "--case", f"is {args.case!r}; there are {', '.join(names)}", "Name one.")
    rows: list[Covered] = []
    for one in coverage(args.repeats, draws=args.draws, seed=args.seed, only=args.case):
        if not rows or rows[-1].case != one.case:
            say(one.case)
        rows.append(one)
    missed = [one for one in rows if not _holds(one.of, one.share, one.count)]
    if args.json:
        print_json({"good": not missed, "intervals": [asdict(one) for one in rows]})
    else:
        cells = [
            (o.case, o.of, f"{100 * o.share:.1f}", f"{o.count:,}", f"{o.width:.3f}", "missed" if o in missed else "")
            for o in rows
        ]
        print_columns(("case", "interval of", "holds %", "intervals", "mean width", ""), cells)
    return 1 if missed else 0


def _holds(of: str, share: float, count: int) -> bool:
    """Within 93 to 97, or for a gap above 93, as far as so many intervals can tell."""
    slack = _ERRORS * (0.05 * 0.95 / count) ** 0.5
    return share >= 0.93 - slack and (of.startswith("gap") or share <= 0.97 + slack)
