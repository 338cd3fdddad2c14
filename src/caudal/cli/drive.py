"""`caudal drive`."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from caudal.cli.show import print_json, say

if TYPE_CHECKING:
    from caudal.drive import DriveRecipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--budget", choices=("small", "full"), default="small",
                        help="small: a few minutes; full: two strengths of each fault, much longer")  # fmt: skip
    parser.add_argument("--episodes", type=int, metavar="N", help="races per network and condition (10; full: 50)")
    parser.add_argument("--seeds", type=_seeds, metavar="N,N", help="of the networks (0; full: 0,1,2)")
    parser.add_argument(
        "-o", "--out", metavar="DIR", default="results/drive", help="folder of results; resumes what is there"
    )
    parser.add_argument("--lang", choices=("en", "es"), default="en", help="of page and verdict (default: en)")
    parser.add_argument("--processes", type=int, metavar="N", default=2, help="1 or 2 (default: 2)")
    parser.add_argument("--page", metavar="FILE", help="do not race: write the page of a kept drive.json into --out")


def run(args: argparse.Namespace) -> int:
    """Record, imitate, race, write, and say the verdict in five lines."""
    from caudal import drive

    out, files = Path(args.out), tuple[Path, ...]()
    if args.page:
        report, files = drive.read(args.page), (drive.redraw(args.page, out, args.lang),)
    else:
        say(f"caudal drive: results go to {out}; the same command goes on where a run was stopped")
        report = drive.study(_recipe(args), out, processes=args.processes)
        say("caudal drive: drawing the film and the page")
        files = (out / "drive.json", *drive.publish(report, out, args.lang))
    lines = drive.verdict(report, args.lang)
    for file in files:
        say(f"wrote {file}")
    if args.json:
        print_json({"verdict": lines, "files": [str(file) for file in files], "scores": drive.scores(report)})
    else:
        print("\n".join(lines))
    return 0


def _recipe(args: argparse.Namespace) -> "DriveRecipe":
    from caudal.drive import DriveRecipe

    made = DriveRecipe() if args.budget == "full" else DriveRecipe.small()
    asked = {"episodes": args.episodes, "seeds": args.seeds}
    return dataclasses.replace(made, **{name: value for name, value in asked.items() if value is not None})


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers; for example 0,1,2") from None
