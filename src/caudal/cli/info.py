"""Commands that tell what there is: cells, kernels, cite, wiring show."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caudal._version import __version__
from caudal.cli.places import MARK, Reads, Writes
from caudal.cli.streams import print_columns, print_json, say
from caudal.errors import InputError, MissingFileError
from caudal.files import put

if TYPE_CHECKING:
    from caudal.wiring import Wiring


def cells_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no options of its own."""


def cells(args: argparse.Namespace) -> int:
    """Print the capability table."""
    from caudal.cli import inventory

    listed = inventory.cells()
    if args.json:
        print_json(listed)
        return 0
    header = ("cell", "wired", "causal", "chunked", "parameters", "recurrence", "backends")
    words = [
        (
            cell.name,
            *("yes" if able else "no" for able in (cell.wired, cell.causal, cell.chunked)),
            "-" if cell.parameters is None else f"{cell.parameters:,}",
            ", ".join(cell.recurrences) or "-",
            ", ".join(cell.backends) or ("-" if cell.parameters is None else "plain torch"),
        )
        for cell in listed
    ]
    print_columns(header, words)
    print(f"\nparameters: {inventory.EXAMPLE}")
    return 0


def kernels_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no options of its own."""


def kernels(args: argparse.Namespace) -> int:
    """Print every recurrence, backend and reason."""
    from caudal.cli import inventory

    backends = inventory.backends()
    if args.json:
        print_json(backends)
        return 0
    words = {"chosen": "runs, and is chosen", "runs": "runs when asked for"}
    rows = [
        (
            backend.recurrence,
            backend.backend,
            backend.device,
            words.get(backend.status, f"cannot run: {backend.reason}"),
        )
        for backend in backends
    ]
    print_columns(("recurrence", "backend", "device", "on this machine"), rows)
    if any(backend.backend == "numba" and backend.status == "chosen" for backend in backends):
        from caudal.kernels.cpu.machine import words as tile

        print(f"\n{tile()}")
    return 0


# Key -> (kind of entry, fields).
PAPERS: dict[str, dict[str, str]] = {
    "caudal": {
        "kind": "software",
        "title": "caudal: liquid neural networks you can trust with a decision",
        "author": "{The caudal engineers}",
        "year": "2026",
        "version": __version__,
    },
    "hasani2021ltc": {
        "kind": "inproceedings",
        "title": "Liquid Time-constant Networks",
        "author": "Hasani, Ramin and Lechner, Mathias and Amini, Alexander and Rus, Daniela and Grosu, Radu",
        "booktitle": "Proceedings of the AAAI Conference on Artificial Intelligence",
        "volume": "35",
        "year": "2021",
        "eprint": "2006.04439",
    },
    "lechner2020ncp": {
        "kind": "article",
        "title": "Neural circuit policies enabling auditable autonomy",
        "author": "Lechner, Mathias and Hasani, Ramin and Amini, Alexander and Henzinger, Thomas A. and Rus, Daniela "
        "and Grosu, Radu",
        "journal": "Nature Machine Intelligence",
        "volume": "2",
        "year": "2020",
    },
    "hasani2022cfc": {
        "kind": "article",
        "title": "Closed-form continuous-time neural networks",
        "author": "Hasani, Ramin and Lechner, Mathias and Amini, Alexander and Liebenwein, Lucas and Ray, Aaron and "
        "Tschaikowski, Max and Teschl, Gerald and Rus, Daniela",
        "journal": "Nature Machine Intelligence",
        "volume": "4",
        "year": "2022",
        "eprint": "2106.13898",
    },
    "lechner2020mixed": {
        "kind": "misc",
        "title": "Learning Long-Term Dependencies in Irregularly-Sampled Time Series",
        "author": "Lechner, Mathias and Hasani, Ramin",
        "year": "2020",
        "eprint": "2006.04418",
    },
    "farsang2024lrc": {
        "kind": "misc",
        "title": "Liquid Resistance Liquid Capacitance Networks",
        "author": "Farsang, M{\\'o}nika and Neubauer, Sophie A. and Grosu, Radu",
        "year": "2024",
        "eprint": "2403.08791",
    },
    "feng2024mingru": {
        "kind": "misc",
        "title": "Were RNNs All We Needed?",
        "author": "Feng, Leo and Tung, Frederick and Ahmed, Mohamed Osama and Bengio, Yoshua and "
        "Hajimirsadeghi, Hossein",
        "year": "2024",
        "eprint": "2410.01201",
    },
    "funahashi1993ctrnn": {
        "kind": "article",
        "title": "Approximation of dynamical systems by continuous time recurrent neural networks",
        "author": "Funahashi, Ken-ichi and Nakamura, Yuichi",
        "journal": "Neural Networks",
        "volume": "6",
        "year": "1993",
    },
}


SOURCES: dict[str, tuple[str, ...]] = {
    "LTC": ("hasani2021ltc", "lechner2020ncp"),
    "CfC": ("hasani2022cfc",),
    "WiredCfC": ("hasani2022cfc", "lechner2020ncp"),
    "MixedMemory": ("hasani2022cfc", "lechner2020mixed"),
    "LRC": ("farsang2024lrc",),
    "CTRNN": ("funahashi1993ctrnn",),
    "LiquidSSM": ("hasani2021ltc", "feng2024mingru"),
}


def bibtex(cells: Sequence[str] = ()) -> dict[str, str]:
    """Entries of caudal and of the sources of some layers, of all when none is named; by key.

    Raises:
        InputError: a name is not a layer with sources.

    Example:
        >>> list(bibtex(["CfC"]))
        ['caudal', 'hasani2022cfc']
    """
    for cell in cells:
        if cell not in SOURCES:
            raise InputError("cite", "cell", f"is {cell!r}", f"Name some of {', '.join(SOURCES)}.")
    keys = dict.fromkeys(["caudal", *(key for cell in cells or SOURCES for key in SOURCES[cell])])
    return {key: _entry(key, PAPERS[key]) for key in keys}


def _entry(key: str, fields: dict[str, str]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if name != "kind"]
    if "eprint" in fields:
        lines.append("  archiveprefix = {arXiv},")
    return "\n".join([f"@{fields['kind']}{{{key},", *lines, "}"])


def cite_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("cell", nargs="*", help=f"layers that were used: {', '.join(SOURCES)}; all when left out")


def cite(args: argparse.Namespace) -> int:
    """Print BibTeX."""
    entries = bibtex(args.cell)
    if args.json:
        print_json({key: PAPERS[key] for key in entries})
    else:
        print("\n\n".join(entries.values()))
    return 0


def wiring_show_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("file", type=Reads(), help="a wiring as JSON, or a saved layer that has one")
    parser.add_argument("--svg", type=Writes(), metavar="OUT", help="draw the circuit into this file")
    parser.add_argument("--title", help="heading of the drawing")


def wiring_show(args: argparse.Namespace) -> int:
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
    from caudal.estimators.door import load_network

    model = load_network(path, "wiring show")
    return _wiring_of(getattr(model, "net_", model), path)


def _wiring_of(net: Any, path: Path) -> "Wiring":
    """The wiring of a layer, or of a layer inside it."""
    from caudal.wiring import Wiring

    for part in net.modules():
        wiring = getattr(part, "wiring", None)
        if isinstance(wiring, Wiring):
            return wiring
    name = type(net).__name__
    raise InputError(
        "wiring show", "file", f"{path} holds a {name}, which has no wiring", "Pass a layer over a wiring, as LTC is."
    )
