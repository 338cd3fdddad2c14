"""`caudal report`."""

import argparse

from caudal.cli.places import Reads, Writes
from caudal.cli.show import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("study", type=Reads(), help="the study.json that `caudal compare` wrote, or its folder")
    parser.add_argument(
        "-o",
        "--out",
        type=Writes(example="report.html"),
        metavar="FILE",
        default="report.html",
        help="the report (default: report.html)",
    )
    parser.add_argument("--lang", default="en", choices=("en", "es"), help="language of the report (default: en)")


def run(args: argparse.Namespace) -> int:
    """Write the report; print the verdict."""
    from caudal import report

    study = report.read(args.study)
    path = report.write(study, args.out, args.lang)
    verdict = report.verdict_lines(study, args.lang)
    if args.json:
        print_json({"report": str(path), "verdict": verdict})
    else:
        print("\n".join(verdict))
        say(f"wrote {path}")
    return 0
