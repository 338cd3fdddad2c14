"""`caudal datasets`."""

import argparse
import textwrap
from pathlib import Path
from typing import Any

from caudal.cli.places import Writes, check_table
from caudal.cli.streams import print_columns, print_json, say


def datasets_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("name", nargs="?", help="show the card of this set (default: list all)")
    parser.add_argument("--load", action="store_true", help="read the set too, and say what came of it")
    parser.add_argument("--folder", metavar="DIR", help="where its files are, if it does not ship in a package")
    parser.add_argument("--protocol", metavar="NAME", help="clean (default) or paper")


def datasets(args: argparse.Namespace) -> int:
    """List the sets, or show one."""
    from caudal.data import datasets

    if args.name is None:
        return _listed(args.json)
    card = datasets.card(args.name)
    facts: dict[str, Any] = card.to_dict()
    if args.load or args.folder or args.protocol:
        dataset = datasets.load(args.name, folder=args.folder, protocol=args.protocol or "clean")
        facts["loaded"] = {
            "protocol": dataset.protocol,
            "sequences": repr(dataset.sequences),
            "split": repr(dataset.split),
            "digest": dataset.sequences.digest,
            "findings": [finding.message for finding in dataset.sequences.findings],
        }
    if args.json:
        print_json(facts)
    else:
        print("\n".join(_lines(facts)))
    return 0


def _listed(as_json: bool) -> int:
    from caudal.data import datasets

    cards = [datasets.card(name) for name in datasets.names()]
    if as_json:
        print_json([card.to_dict() for card in cards])
        return 0
    rows = [(card.name, _where(card), "/".join(card.protocols), card.title) for card in cards]
    print_columns(("name", "from", "protocols", "what"), rows)
    print("\n`caudal datasets NAME` shows a card; `caudal datasets export NAME -o table.csv` writes a set as a table.")
    return 0


def _where(card: Any) -> str:
    if card.needs_folder:
        return "a folder"
    return "a simulator" if card.is_recorded else card.package[0]


def _lines(facts: dict[str, Any]) -> list[str]:
    """A card as text: one paragraph a field."""
    lines = [f"{facts['name']}: {facts['title']}", ""]
    for name in ("task", "source", "licence", "obtain", "citation"):
        lines += _paragraph(name, str(facts[name]))
    if not facts["licence_checked"]:
        lines += _paragraph("", "(the licence is stated from knowledge and was not read with the data)")
    lines += _paragraph("counts", ", ".join(f"{name} {value:,}" for name, value in facts["counts"].items()))
    lines += _paragraph("sensitive", ", ".join(facts["sensitive"]) or "none")
    for name in ("bias", "leaks"):
        for text in facts[name]:
            lines += _paragraph(name, text)
    for name, text in facts["protocols"].items():
        lines += _paragraph(f"protocol {name}", text)
    for name, value in facts.get("loaded", {}).items():
        for text in value if isinstance(value, list) else [value]:
            lines += _paragraph(f"loaded {name}", text)
    return lines


def _paragraph(name: str, text: str) -> list[str]:
    return textwrap.wrap(text, 100, initial_indent=f"{name:<18}", subsequent_indent=" " * 18)


def export_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("name", help="of the set; see `caudal datasets`")
    parser.add_argument(
        "-o", "--out", type=Writes("table"), metavar="FILE", required=True, help=".csv, .tsv or .parquet"
    )
    parser.add_argument("--part", choices=("all", "train", "val", "test"), default="all", help="which of its series")
    parser.add_argument("--folder", metavar="DIR", help="where its files are, if it does not ship in a package")
    parser.add_argument("--protocol", metavar="NAME", default="clean", help="clean (default) or paper")


def export(args: argparse.Namespace) -> int:
    """Write the set as a long table, one row per series and step."""
    from caudal.data import datasets, to_columns, to_table

    to_table.check_path(Path(args.out))
    dataset = datasets.load(args.name, folder=args.folder, protocol=args.protocol)
    series = dataset.sequences if args.part == "all" else getattr(dataset, args.part)
    columns = to_columns(series)
    check_table("datasets export", Path(args.out), set(columns), args.overwrite)
    rows = to_table.write_table(args.out, [columns])
    say(f"{rows:,} rows of {len(series):,} series in {args.out}")
    if args.json:
        print_json({"file": args.out, "rows": rows, "series": len(series), "columns": list(columns)})
    return 0
