"""`python -m benchmarks kernels`."""

import argparse
from typing import TYPE_CHECKING

from caudal.cli.names import AddNames, name_list
from caudal.cli.places import Writes
from caudal.cli.streams import say

if TYPE_CHECKING:
    from benchmarks.kernels import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--quick", action="store_true", help="about a minute on a quiet machine; rougher numbers")
    parser.add_argument("--threads", type=_numbers, metavar="N,N", help="numbers of threads (default: 1,2)")
    parser.add_argument("--lengths", type=_numbers, metavar="T,T", help="time steps (default: 100,1000,10000)")
    parser.add_argument(
        "--only",
        type=name_list,
        action=AddNames,
        metavar="ROW,ROW",
        help="rows to measure; `growth` for the growth curves",
    )
    parser.add_argument("--batch", type=_number, metavar="N", help="series per call (default: 64)")
    parser.add_argument(
        "-o", "--out", type=Writes("resumed"), metavar="FILE", help="keep the report with every raw value as JSON"
    )


def run(args: argparse.Namespace) -> int:
    """Check, measure, print; 1 when the gate is red."""
    from benchmarks import kernels
    from benchmarks.kernels import files, table

    report = kernels.kernels(_settings(args), say)
    if args.out and report.is_green:
        kernels.write(report, args.out)
        say(f"kept in {args.out}")
    if args.json:
        print(files.dumps(report), end="")
    else:
        print(table.report_text(report))
    return 0 if report.is_green else 1


def _settings(args: argparse.Namespace) -> "Settings":
    from benchmarks.kernels import ROWS, presets

    rows = args.only or (*ROWS, presets.GROWTH)
    made = presets.quick(rows) if args.quick else presets.full(rows)
    return presets.changed(made, threads=args.threads, lengths=args.lengths, batch=args.batch)


def _number(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return value


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(sorted({_number(part) for part in text.split(",")}))
