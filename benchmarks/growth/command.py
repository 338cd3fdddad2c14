"""`python -m benchmarks growth`: tables of 10,000 rows and more, each job as a multiple of the plain way."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.growth.measure import JobCost, prepare
from caudal.cli.names import name_list
from caudal.cli.streams import print_columns, print_json, say

ROWS = (10_000, 100_000, 1_000_000)
_WARM = 2_000
# Below it start-up decides, not growth.
_GATED = 1_000_000


class Beside(NamedTuple):
    """A job, the plain way to the same end, and how many times its cost it may take; None for no limit."""

    job: str
    plain: str
    seconds: float | None
    megabytes: float | None


PAIRS = (
    Beside("read CSV", "pandas.read_csv", 2.0, None),
    Beside("read CSV, texts and dates", "pandas.read_csv, texts and dates", 2.0, None),
    Beside("read Parquet", "pandas.read_parquet", None, None),
    Beside("stream Parquet, short series", "read Parquet, short series", 3.0, 1.0),
    Beside("forecast, windows", "pandas.read_parquet, one series", None, None),
    Beside("fit, one pass", "torch.nn.GRU, one pass", 1.5, None),
    Beside("predict", "torch.nn.GRU, forward", None, None),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--rows", type=name_list, metavar="N,N", help="rows of the tables (default: 10000 to 1000000)")


def run(args: argparse.Namespace) -> int:
    """Measure, print; 1 where a ratio is beyond its limit at 1,000,000 rows or more."""
    rows = tuple(map(int, args.rows)) if args.rows else ROWS
    table, lines, is_good = [], [], True
    with tempfile.TemporaryDirectory() as place:
        warm = Path(place) / "warm"
        warm.mkdir()
        prepare(warm, _WARM)
        for count in rows:
            folder = Path(place) / str(count)
            folder.mkdir()
            prepare(folder, count)
            for pair in PAIRS:
                say(f"{count:,} rows: {pair.job}")
                ours, plain = _apart(pair.job, folder, warm), _apart(pair.plain, folder, warm)
                time, memory = ours.seconds / plain.seconds, ours.megabytes / max(plain.megabytes, 1.0)
                over = [
                    name
                    for name, ratio, most in (("time", time, pair.seconds), ("memory", memory, pair.megabytes))
                    if most is not None and ratio > most and count >= _GATED
                ]
                is_good = is_good and not over
                table.append({"rows": count, "job": pair.job, "beside": pair.plain, "ours": ours, "plain": plain})
                costs = (f"{ours.seconds:.2f} s / {ours.megabytes:.0f} MB", f"{time:.2f}", f"{memory:.2f}")
                lines.append((f"{count:,}", pair.job, *costs, pair.plain, f"over in {', '.join(over)}" if over else ""))
    if args.json:
        print_json(table)
    else:
        print_columns(("rows", "job", "cost", "times", "times memory", "beside", ""), lines)
    return 0 if is_good else 1


def _apart(job: str, folder: Path, warm: Path) -> JobCost:
    """Cost of a job in a process of its own, on one thread."""
    command = [sys.executable, "-m", "benchmarks.growth.measure", job, str(folder), str(warm)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        raise RuntimeError(f"{job}: {done.stderr[-2000:]}")
    return JobCost(*json.loads(done.stdout.splitlines()[-1]))
