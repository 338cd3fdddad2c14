"""`python -m benchmarks diagnose`."""

import argparse
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from caudal.cli.names import name_list
from caudal.cli.show import print_columns, print_json, say

if TYPE_CHECKING:
    from caudal.fair.trial import Named

_GOAL = 0.8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="of each kind and set (default: 5)")
    parser.add_argument("--weak", action="store_true", help="plant each kind at half its usual strength")
    parser.add_argument(
        "--trusted", type=float, default=0.0, metavar="P", help="share of the classes that were checked"
    )
    parser.add_argument(
        "--sources",
        type=name_list,
        default=("made", "nafld", "japanese-vowels"),
        metavar="NAMES",
        help="'made', or data sets that classify",
    )


def run(args: argparse.Namespace) -> int:
    """Plant, diagnose, print what was called what; 1 where fewer than 80 in 100 are named rightly."""
    from caudal.fair.trial import trial

    rows: list[Named] = []
    for one in trial(args.sources, args.seeds, weak=args.weak, trusted=args.trusted):
        if not rows or rows[-1].source != one.source:
            say(one.source)
        rows.append(one)
    right = sum(one.named == one.planted and one.group_right for one in rows) / len(rows)
    if args.json:
        print_json({"right": right, "good": right >= _GOAL, "cases": [asdict(one) for one in rows]})
    else:
        _show(rows, right)
    return 0 if right >= _GOAL else 1


def _show(rows: "list[Named]", right: float) -> None:
    from caudal.fair.trial import KNOWN

    counts = Counter((one.planted, one.named) for one in rows)
    table = [(kind, *(str(counts[kind, named] or "") for named in KNOWN)) for kind in KNOWN]
    print_columns(("planted \\ named", *KNOWN), table)
    groups = sum(one.named == one.planted and not one.group_right for one in rows)
    print(f"\n{100 * right:.0f} % of {len(rows)} named rightly, kind and group ({groups} with the wrong group)")
    for word in ("high", "fair", "low"):
        told = [one for one in rows if one.confidence == word]
        if told:
            hits = sum(one.named == one.planted for one in told)
            print(f"confidence {word}: {hits} of {len(told)} right")
