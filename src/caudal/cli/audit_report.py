"""`caudal audit report`."""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.audit_verify import checkpoint_of
from caudal.cli.places import Reads, Writes
from caudal.cli.show import print_json, say
from caudal.errors import FileFormatError, InputError

if TYPE_CHECKING:
    from caudal.audit import Checkpoint, Replay, Verifier


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("log", type=Reads(), help="folder of the log")
    parser.add_argument(
        "model", type=Reads(), nargs="?", help="folder of a model package, or a file that `caudal fit` wrote"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Writes(beside=(".json",), example="audit.html"),
        metavar="FILE",
        default="audit.html",
        help="page to write (default: audit.html)",
    )
    parser.add_argument("--lang", choices=("en", "es"), default="en", help="of the page (default: en)")
    parser.add_argument(
        "--key", type=Reads(), metavar="FILE", help="private key that signs the report (default: your own)"
    )
    parser.add_argument("--trust", metavar="KEY", help="public key of the log and the model: a .pub file, or its text")
    parser.add_argument("--held", type=Reads(), metavar="FILE", help="a checkpoint of the log that was kept elsewhere")
    parser.add_argument(
        "--fairness", type=Reads(), metavar="FILE", help="gaps between groups: what `caudal fair --out fair.json` wrote"
    )
    parser.add_argument(
        "--data", type=Reads(), metavar="TABLE", help="make the decisions again from this table; needs a model"
    )
    parser.add_argument("--allow-unlinked", action="store_true", help="with --data: as of `caudal audit replay`")


def run(args: argparse.Namespace) -> int:
    """Write the page and its twin; 1 when something that was checked does not hold."""
    from caudal import audit

    if args.data and not args.model:
        raise InputError("audit report", "--data", "needs a model to make the decisions again", "Pass it.")
    trusted = None if args.trust is None else audit.keys.public(args.trust)
    point = checkpoint_of(args.held)
    with tempfile.TemporaryDirectory() as scratch:
        folder = _package(args.model, Path(scratch)) if args.model else None
        again = _again(args, folder, trusted, point) if folder is not None and args.data else None
        found = audit.report(
            args.log, folder, out=args.out, key=args.key, lang=args.lang, trusted=trusted, held=point, replayed=again,
            fairness=args.fairness,
        )  # fmt: skip
    if args.json:
        bars = found.facts["bars"]
        print_json({"holds": found.holds, "bars": bars, "page": str(found.page), "twin": str(found.twin)})
    else:
        for bar in found.facts["bars"]:
            print("  ".join(_line(bar["name"], bar["holds"], found.facts)))
        say(f"{found.page} and its signed twin {found.twin}; {len(found.facts['untested'])} things were not tested")
    return 0 if found.holds else 1


def _package(model: str, scratch: Path) -> Path:
    """The folder of a package; a bare file of a model becomes one that nobody signed.

    Raises:
        FileFormatError: the package says that it is of another model than its file holds.
    """
    from caudal import audit
    from caudal.audit.cards.record import record_of
    from caudal.audit.package import MODEL, model_digest_1
    from caudal.estimators import load

    place = Path(model)
    if place.is_file():
        return audit.package(load(place), scratch / place.stem)
    net = load(place / MODEL)
    stated, computed = record_of(place).digest, audit.model_digest(net)
    if stated not in (computed, model_digest_1(net)):
        fault = f"its environment.json says {stated[:12]}..., and {MODEL} is {computed[:12]}..."
        raise FileFormatError(f"audit report: {place} is not of one model ({fault}). Write the package anew.")
    return place


def _line(bar: str, holds: bool, facts: dict[str, Any]) -> tuple[str, str]:
    """A word for one line of the verdict, and of what it is; what nobody vouches for is never "good"."""
    log, model, again = facts["log"], facts["model"], facts["replay"]
    about, is_vouched = bar, True
    if bar == "log":
        about, is_vouched = f"log: {log['origin']}, {log['size']:,} records", log["trusted"] is not None
    elif bar == "model":
        about = f"model: {model['decisions']['value']:,} decisions of the log are of {model['name']}"
        is_vouched = model["signature"] is not None
    elif bar == "replay":
        about = f"replay: {again['decisions']:,} of {again['total']:,} decisions made again"
        is_vouched = again["key"] is not None
    if not holds:
        return "BAD ", about
    return ("good", about) if is_vouched else ("UNPROVEN", f"{about}; who signed it was not checked (--trust)")


def _again(args: argparse.Namespace, folder: Path, key: "Verifier | None", point: "Checkpoint | None") -> "Replay":
    from caudal import audit
    from caudal.audit.package import MODEL
    from caudal.cli.predict import reader

    model = reader(str(folder / MODEL), "audit report")
    # A report names the log that it is about: the name is shown, not asked for.
    origin = audit.newest(args.log).origin
    return audit.replay(
        args.log, model, args.data, key=key, held=point, origin=origin, allow_unlinked=args.allow_unlinked
    )
