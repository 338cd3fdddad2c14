"""`caudal datasets export`."""

import argparse
from pathlib import Path

from caudal.cli.places import Writes, check_table
from caudal.cli.show import print_json, say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("name", help="of the set; see `caudal datasets`")
    parser.add_argument(
        "-o", "--out", type=Writes("table"), metavar="FILE", required=True, help=".csv, .tsv or .parquet"
    )
    parser.add_argument("--part", choices=("all", "train", "val", "test"), default="all", help="which of its series")
    parser.add_argument("--folder", metavar="DIR", help="where its files are, if it does not ship in a package")
    parser.add_argument("--protocol", metavar="NAME", default="clean", help="clean (default) or paper")


def run(args: argparse.Namespace) -> int:
    """Write the set as a long table, one row per series and step."""
    from caudal.data import datasets, to_columns, to_table

    to_table.check_path(Path(args.out))
    found = datasets.load(args.name, folder=args.folder, protocol=args.protocol)
    series = found.sequences if args.part == "all" else getattr(found, args.part)
    columns = to_columns(series)
    check_table("datasets export", Path(args.out), set(columns), args.overwrite)
    rows = to_table.write_table(args.out, [columns])
    say(f"{rows:,} rows of {len(series):,} series in {args.out}")
    if args.json:
        print_json({"file": args.out, "rows": rows, "series": len(series), "columns": list(columns)})
    return 0
