"""`caudal audit report`."""

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.audit_verify import held
from caudal.cli.show import print_json, say

if TYPE_CHECKING:
    from caudal.audit import Checkpoint, Replay, Verifier


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
    parser.add_argument("--allow-unlinked", action="store_true", help="with --data: as of `caudal audit replay`")


def run(args: argparse.Namespace) -> int:
    """Write the page and its twin; 1 when something that was checked does not hold."""
    from caudal import audit
    from caudal.errors import InputError

    if args.data and not args.model:
        raise InputError("audit report", "--data", "needs a model to make the decisions again", "Pass it.")
    trusted = audit.keys.public(args.trust) if args.trust else None
    kept = held(args.held)
    with tempfile.TemporaryDirectory() as scratch:
        folder = _package(args.model, Path(scratch)) if args.model else None
        again = _again(args, folder, trusted, kept) if folder is not None and args.data else None
        found = audit.report(
            args.log, folder, out=args.out, key=args.key, lang=args.lang, trusted=trusted, held=kept, replayed=again,
            fairness=args.fairness,
        )  # fmt: skip
    if args.json:
        bars = found.facts["bars"]
        print_json({"holds": found.holds, "bars": bars, "page": str(found.page), "twin": str(found.twin)})
    else:
        for bar in found.facts["bars"]:
            print(f"{'good' if bar['holds'] else 'BAD '}  {bar['name']}{_of(bar['name'], found.facts)}")
        say(f"{found.page} and its signed twin {found.twin}; {len(found.facts['untested'])} things were not tested")
    return 0 if found.holds else 1


def _package(model: str, scratch: Path) -> Path:
    """The folder of a package; a bare file of a model becomes one that nobody signed."""
    from caudal import audit
    from caudal.estimators import load

    place = Path(model)
    return audit.package(load(place), scratch / place.stem) if place.is_file() else place


def _of(bar: str, facts: dict[str, Any]) -> str:
    """Of what a line of the verdict is."""
    log, model, again = facts["log"], facts["model"], facts["replay"]
    if bar == "log":
        vouched = "signed by the key named" if log["trusted"] else "agrees with itself; nobody vouches for it (--trust)"
        return f": {log['origin']}, {log['size']:,} records, {vouched}"
    if bar == "model":
        signed = "" if model["signature"] else "; its signature was not checked"
        return f": {model['decisions']['value']:,} decisions of the log are of {model['name']}{signed}"
    if bar == "replay":
        return f": {again['decisions']:,} of {again['total']:,} decisions made again"
    return ""


def _again(args: argparse.Namespace, folder: Path, key: "Verifier | None", kept: "Checkpoint | None") -> "Replay":
    from caudal import audit
    from caudal.audit.package import MODEL
    from caudal.cli.predict import reader

    model = reader(str(folder / MODEL), "audit report")
    # A report names the log that it is about: the name is shown, not asked for.
    origin = audit.newest(args.log).origin
    return audit.replay(
        args.log, model, args.data, key=key, held=kept, origin=origin, allow_unlinked=args.allow_unlinked
    )
