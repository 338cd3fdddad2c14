"""`python -m benchmarks diagnose`."""

import argparse
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING

from caudal.cli.names import name_list
from caudal.cli.streams import print_columns, print_json, say

if TYPE_CHECKING:
    from benchmarks.fair.trial import Named
    from benchmarks.fair.worlds import WorldRow

_GOAL = 0.8
_FOUND, _FALSE_ALARMS = 0.9, 0.05
_CHECKED = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "--worlds", action="store_true", help="worlds whose groups differ by nature, with and without a bias, instead"
    )
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="of each kind and set, or world (default: 5)")
    parser.add_argument("--weak", action="store_true", help="plant each kind at half its usual strength")
    parser.add_argument(
        "--trusted", type=float, metavar="P", help="share of the classes that were checked (default: 0; of worlds 0.2)"
    )
    parser.add_argument(
        "--sources",
        type=name_list,
        default=("made", "nafld", "japanese-vowels"),
        metavar="NAMES",
        help="'made', or data sets that classify",
    )


def run(args: argparse.Namespace) -> int:
    """Plant, diagnose, print what was called what; 1 where a goal is missed."""
    return _run_worlds(args) if args.worlds else _run_kinds(args)


def _run_kinds(args: argparse.Namespace) -> int:
    """The goal: 80 in 100 named rightly."""
    from benchmarks.fair.trial import trial

    rows: list[Named] = []
    for row in trial(args.sources, args.seeds, weak=args.weak, trusted=args.trusted or 0.0):
        if not rows or rows[-1].source != row.source:
            say(row.source)
        rows.append(row)
    right = sum(row.named == row.planted and row.group_right for row in rows) / len(rows)
    if args.json:
        print_json({"right": right, "good": right >= _GOAL, "cases": [asdict(row) for row in rows]})
    else:
        _show_kinds(rows, right)
    return 0 if right >= _GOAL else 1


def _show_kinds(rows: "list[Named]", right: float) -> None:
    from benchmarks.fair.trial import KNOWN

    counts = Counter((row.planted, row.named) for row in rows)
    table = [(kind, *(str(counts[kind, named] or "") for named in KNOWN)) for kind in KNOWN]
    print_columns(("planted \\ named", *KNOWN), table)
    groups = sum(row.named == row.planted and not row.group_right for row in rows)
    print(f"\n{100 * right:.0f} % of {len(rows)} named rightly, kind and group ({groups} with the wrong group)")
    for word in ("high", "fair", "low"):
        judged = [row for row in rows if row.confidence == word]
        if judged:
            hits = sum(row.named == row.planted for row in judged)
            print(f"confidence {word}: {hits} of {len(judged)} right")


def _run_worlds(args: argparse.Namespace) -> int:
    """The goals: nobody accused, wrong labels found in 9 of 10, labels accused falsely in at most 5 of 100."""
    from benchmarks.fair.worlds import judge_worlds

    rows: list[WorldRow] = []
    checked = _CHECKED if args.trusted is None else args.trusted
    for row in judge_worlds(args.seeds, checked=checked):
        if not rows or rows[-1].world != row.world:
            say(row.world)
        rows.append(row)
    struck = [row for row in rows if "labels" in row.biases]
    spared = [row for row in rows if "labels" not in row.biases]
    figures = {
        "accused": sum(row.accused for row in rows),
        "labels_found": sum(row.labels_proven for row in struck) / len(struck),
        "false_alarms": sum(row.labels_proven for row in spared) / len(spared),
    }
    good = figures["accused"] == 0 and figures["labels_found"] >= _FOUND and figures["false_alarms"] <= _FALSE_ALARMS
    if args.json:
        print_json({"good": good, "checked": checked, **figures, "worlds": [asdict(row) for row in rows]})
        return 0 if good else 1
    _show_worlds(rows)
    unbiased = sum(not row.biases for row in rows)
    print(f"\nworlds without bias called biased with high confidence: {figures['accused']} of {unbiased}")
    print(f"wrong labels proven, {100 * checked:g} % checked: {100 * figures['labels_found']:.1f} % of {len(struck)}")
    print(f"wrong labels alleged where there are none: {100 * figures['false_alarms']:.1f} % of {len(spared)}")
    return 0 if good else 1


def _show_worlds(rows: "list[WorldRow]") -> None:
    table = []
    for world in dict.fromkeys(row.world for row in rows):
        same = [row for row in rows if row.world == world]
        alone, checked = (Counter(text for row in same for text in getattr(row, name)) for name in _SUSPECTED)
        named = sum(row.all_named for row in same) if same[0].biases else "-"
        table.append((world, str(len(same)), _counted(alone), _counted(checked), str(named)))
    print_columns(("world", "seeds", "by the data alone", "with checked classes", "all kinds named"), table)


_SUSPECTED = ("suspected", "suspected_checked")


def _counted(counts: "Counter[str]") -> str:
    return ", ".join(f"{text} {count}" for text, count in counts.most_common()) or "nothing"
