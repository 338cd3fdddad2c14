"""`caudal wiring show`."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal.cli.places import MARK, Reads, Writes
from caudal.cli.show import print_json, say
from caudal.errors import InputError, MissingFileError
from caudal.files import put

if TYPE_CHECKING:
    from caudal.wiring import Wiring


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("file", type=Reads(), help="a wiring as JSON, or a saved layer that has one")
    parser.add_argument("--svg", type=Writes(), metavar="OUT", help="draw the circuit into this file")
    parser.add_argument("--title", help="heading of the drawing")


def run(args: argparse.Namespace) -> int:
    """Describe, and draw when asked to."""
    wiring = _read(Path(args.file))
    if args.svg:
        put(Path(args.svg), f"{wiring.draw(title=args.title)}{MARK}\n")
        say(f"drawn in {args.svg}")
    if args.json:
        print_json({"counts": wiring.counts(), "wiring": json.loads(wiring.to_json()), "svg": args.svg})
    else:
        print(wiring.describe())
    return 0


def _read(path: Path) -> "Wiring":
    if not path.is_file():
        raise MissingFileError(f"wiring show: {path} is no file. Pass a wiring as JSON, or a saved layer.")
    raw = path.read_bytes()
    # A saved layer begins with the length of its header, eight bytes, and then the header's brace.
    is_saved = raw[8:9] == b"{" and int.from_bytes(raw[:8], "little") <= len(raw)
    if not is_saved:
        from caudal.wiring import Wiring

        return Wiring.from_json(raw)
    from caudal.nn import load

    return _wiring_of(load(path), path)


def _wiring_of(net: Any, path: Path) -> "Wiring":
    """The wiring of a layer, or of a layer inside it."""
    from caudal.wiring import Wiring

    for part in net.modules():
        found = getattr(part, "wiring", None)
        if isinstance(found, Wiring):
            return found
    name = type(net).__name__
    raise InputError(
        "wiring show", "file", f"{path} holds a {name}, which has no wiring", "Pass a layer over a wiring, as LTC is."
    )
