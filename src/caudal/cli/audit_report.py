"""`caudal audit report`."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from caudal.cli.show import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", help="folder of the log")
    parser.add_argument("model", nargs="?", help="folder of a model package, or a file that `caudal fit` wrote")
    parser.add_argument("-o", "--out", metavar="FILE", default="audit.html", help="page to write (default: audit.html)")
    parser.add_argument("--lang", choices=("en", "es"), default="en", help="of the page (default: en)")
    parser.add_argument("--key", metavar="FILE", help="private key that signs the report (default: your own)")
    parser.add_argument("--trust", metavar="KEY", help="public key of the log and the model: a .pub file, or its text")
    parser.add_argument("--held", metavar="FILE", help="a checkpoint of the log that was kept elsewhere")
    parser.add_argument(
        "--fairness", metavar="FILE", help="gaps between groups: what `caudal fair --out fair.json` wrote"
    )
    parser.add_argument("--data", metavar="TABLE", help="make the decisions again from this table; needs a model")


def run(args: argparse.Namespace) -> int:
    """Write the page and its twin; 1 when something that was checked does not hold."""
    from caudal import audit
    from caudal.errors import InputError

    if args.data and not args.model:
        raise InputError("audit report", "--data", "needs a model to make the decisions again", "Pass it.")
    trusted = audit.keys.public(args.trust) if args.trust else None
    held = audit.Checkpoint.parse(Path(args.held).read_bytes()) if args.held else None
    with tempfile.TemporaryDirectory() as scratch:
        folder = _package(args.model, Path(scratch)) if args.model else None
        again = _again(args, folder) if folder is not None and args.data else None
        found = audit.report(
            args.log, folder, out=args.out, key=args.key, lang=args.lang, trusted=trusted, held=held, replayed=again,
            fairness=args.fairness,
        )  # fmt: skip
    if args.json:
        bars = found.facts["bars"]
        print_json({"holds": found.holds, "bars": bars, "page": str(found.page), "twin": str(found.twin)})
    else:
        for bar in found.facts["bars"]:
            print(f"{'good' if bar['holds'] else 'BAD '}  {bar['name']}")
        say(f"{found.page} and its signed twin {found.twin}; {len(found.facts['untested'])} things were not tested")
    return 0 if found.holds else 1


def _package(model: str, scratch: Path) -> Path:
    """The folder of a package; a bare file of a model becomes one that nobody signed."""
    from caudal import audit
    from caudal.estimators import load

    place = Path(model)
    return audit.package(load(place), scratch / place.stem) if place.is_file() else place


def _again(args: argparse.Namespace, folder: Path) -> Any:
    from caudal import audit
    from caudal.audit.package import MODEL
    from caudal.cli.predict import reader

    return audit.replay(args.log, reader(str(folder / MODEL), "audit report"), args.data)
