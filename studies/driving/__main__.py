"""`python -m studies.driving`: record, imitate, race, write the page and say the verdict."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from caudal.cli.streams import print_json, say
from caudal.errors import CaudalError

if TYPE_CHECKING:
    from studies.driving import DriveRecipe


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
    parser.add_argument("--json", action="store_true", help="print JSON on stdout")
    parser.add_argument("--page", metavar="FILE", help="do not race: write the page of a kept drive.json into --out")


def run(args: argparse.Namespace) -> int:
    """Record, imitate, race, write, and say the verdict in five lines."""
    from studies import driving

    out, files = Path(args.out), tuple[Path, ...]()
    if args.page:
        report, files = driving.read(args.page), (driving.redraw(args.page, out, args.lang),)
    else:
        say(f"driving: results go to {out}; the same command goes on where a run was stopped")
        report = driving.study(_recipe(args), out, processes=args.processes)
        say("driving: drawing the film and the page")
        files = (out / "drive.json", *driving.publish(report, out, args.lang))
    lines = driving.verdict(report, args.lang)
    for file in files:
        say(f"wrote {file}")
    if args.json:
        print_json({"verdict": lines, "files": [str(file) for file in files], "scores": driving.scores(report)})
    else:
        print("\n".join(lines))
    return 0


def _recipe(args: argparse.Namespace) -> "DriveRecipe":
    from studies.driving import DriveRecipe

    made = DriveRecipe() if args.budget == "full" else DriveRecipe.small()
    asked = {"episodes": args.episodes, "seeds": args.seeds}
    return dataclasses.replace(made, **{name: value for name, value in asked.items() if value is not None})


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers; for example 0,1,2") from None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command for the words `argv`, by default those typed; the exit code: 0, or 2 and a sentence on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.driving",
        description="Imitate a driver, race, see which policies hold up.",
    )
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except (CaudalError, OSError) as error:
        print(f"driving: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
