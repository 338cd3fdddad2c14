"""Every command on an install with one extra alone: what works, and which extra the rest asks for.

An environment that holds all packages plays each install: what the extra does not bring is hidden from Python. Run
`make extras`; the outcomes of each interpreter are kept in `benchmarks/results/install.json`, the pages show them.
"""

import argparse
import importlib.metadata as metadata
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "benchmarks" / "results" / "install.json"
COLUMNS = ["--target", "ill", "--series", "patient", "--time", "hours"]
KEY = ["--key", "key.pem"]
TINY = ["--seeds", "1", "--budget", "demo", "--set", "epochs=1", "--set", "parameters=100", "--set", "resamples=100"]
COMMANDS = [
    ["compare", "t.csv", *COLUMNS, *TINY, "--models", "cfc,trees", "--no-chips", "--executor", "inline", "--out", "o"],
    ["compare", "t.csv", *COLUMNS, *TINY, "--models", "cfc,gru", "--executor", "ray", "--out", "o3"],
    ["report", "study", "-o", "r.html"],
    ["fit", "t.csv", *COLUMNS, "--epochs", "1", "--units", "4", "--quiet", "-o", "n.caudal"],
    ["fit", "nafld", "--epochs", "1", "--units", "4", "--quiet", "-o", "n3.caudal"],
    ["predict", "m.caudal", "t.csv", "-o", "p.csv"],
    ["predict", "m.caudal", "t.csv"],
    ["predict", "m.caudal", "t.parquet", "--json"],
    ["predict", "m.caudal", "t.parquet", "--stream", "-o", "p.parquet"],
    ["predict", "m.caudal", "t.csv", "--log", "log2", "-o", "p2.csv", *KEY],
    ["explain", "m.caudal", "t.csv", "-o", "e.html"],
    ["explain", "m.caudal", "t.csv", "-o", "e2.html", "--pictures", "pictures"],
    ["fair", "m.caudal", "t.csv", "--sensitive", "sex", "--draws", "100", "-o", "f.html"],
    ["doctor", "m.caudal", "t.csv"],
    ["doctor", "t.csv", *COLUMNS],
    ["doctor", "t.parquet", *COLUMNS],
    ["trim", "m.caudal", "t.csv", "--rounds", "1", "--keep", "0.9", "--quiet", "-o", "s.caudal"],
    ["energy", "m.caudal"],
    ["export", "m.caudal", "-o", "c1"],
    ["export", "m.caudal", "--data", "t.csv", "-o", "c2"],
    ["export", "m.caudal", "--to", "onnx", "-o", "n.onnx"],
    ["export", "m.caudal", "--to", "torch", "-o", "n.pt2"],
    ["export", "m.caudal", "--to", "executorch", "-o", "n.pte"],
    ["cells"],
    ["kernels"],
    ["cite"],
    ["wiring", "show", "m.caudal", "--svg", "w.svg"],
    ["datasets"],
    ["datasets", "nafld", "--load"],
    ["datasets", "export", "spoken-digits", "-o", "sd.parquet"],
    ["audit", "keys", "make", "k2.pem"],
    ["audit", "show", "log"],
    ["audit", "verify", "log"],
    ["audit", "prove", "log", "1"],
    ["audit", "replay", "log", "m.caudal", "t.csv"],
    ["audit", "report", "log", "m.caudal", "-o", "ar.html", *KEY],
    ["audit", "retain", "log", "--before", "2020-01-01", *KEY],
    ["audit", "sign", "package", *KEY],
    ["audit", "stamp", "log", "--request", "q.tsq"],
    ["audit", "card", "package"],
    ["audit", "card", "package", "--to", "cyclonedx"],
]
# Extras that bring tools of developers, or nothing that a command needs.
TOOLS = frozenset({"docs", "test", "release"})
PACKAGES = metadata.packages_distributions()


class Outcome(NamedTuple):
    """What one command did on one install: exit code, and what it said on standard error."""

    words: list[str]
    code: int
    talk: str

    @property
    def asked(self) -> str | None:
        """Extras or packages that the message tells to install, or None where nothing is missing."""
        match = re.search(r'not installed\. Run `pip install "?(?:caudal\[)?([^\]"`]*)', self.talk)
        return match[1] if match else None


def plain(need: str) -> str:
    """Name of the distribution in a requirement."""
    return re.sub(r"[-_.]+", "-", re.split(r"[ ;<>=!~\[(]", need)[0]).lower()


def closure(needs: Iterable[str]) -> set[str]:
    """Distributions that requirements bring, as far as they are installed here; extras of others included."""
    seen: set[str] = set()
    waiting = list(needs)
    while waiting:
        need = waiting.pop()
        if need in seen:
            continue
        seen.add(need)
        extras = re.findall(r"[\w-]+", (re.match(r"[^\[;]*\[([^\]]*)\]", need) or ["", ""])[1])
        try:
            lines = metadata.requires(plain(need)) or []
        except metadata.PackageNotFoundError:
            continue
        waiting += [
            line.partition(";")[0].strip()
            for line in lines
            if "extra ==" not in line or any(re.search(rf"extra == ['\"]{extra}['\"]", line) for extra in extras)
        ]
    return {plain(need) for need in seen}


def project() -> dict[str, dict[str, list[str]]]:
    """What `pyproject.toml` states of the project."""
    table: dict[str, dict[str, list[str]]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def requirements(extra: str) -> list[str]:
    """Requirements of an extra, those of the extras that it names included."""
    lines = []
    for line in project()["optional-dependencies"].get(extra, []):
        inner = re.match(r"caudal\[(.*)\]", line)
        lines += [need for part in inner[1].split(",") for need in requirements(part.strip())] if inner else [line]
    return lines


class Only:
    """Finds what is allowed and hides the rest, as if it were not installed."""

    def __init__(self) -> None:
        self.allowed: frozenset[str] = frozenset(PACKAGES)

    def find_distributions(self, *args: object, **named: object) -> Iterator[metadata.Distribution]:
        """Those that `importlib.metadata` asks for."""
        return PathFinder.find_distributions(*args, **named)

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> object:
        """None where the package is hidden."""
        top = name.split(".")[0]
        hidden = top in PACKAGES and top not in self.allowed and top != "caudal"
        return None if hidden and top not in sys.stdlib_module_names else PathFinder.find_spec(name, path, target)

    def allow(self, needs: Iterable[str]) -> None:
        """Show what these requirements bring, and nothing else."""
        names = closure(needs)
        self.allowed = frozenset(
            package for package, places in PACKAGES.items() if any(plain(place) in names for place in places)
        )

    def hide(self, package: str) -> None:
        """Show everything but this package."""
        self.allowed = frozenset(PACKAGES) - {package}


def run_all(place: Path, word: str, installs: Sequence[str]) -> None:
    """Print the outcomes of each install as JSON: an extra, `bare`, or `-package` for all packages but one.

    In a process of its own: torch is imported once, and each install has a fork.
    """
    base = project()["dependencies"]  # type: ignore[index]
    only = Only()
    only.allow(base)
    sys.meta_path[:] = [only if finder is PathFinder else finder for finder in sys.meta_path]
    import torch  # noqa: F401

    from caudal.cli import main

    outcomes = {}
    for install in installs:
        out, into = os.pipe()
        if os.fork() == 0:
            where = place.with_name(f"only-{install}")
            shutil.copytree(place, where)
            os.chdir(where)
            if install.startswith("-"):
                only.hide(install[1:])
            else:
                only.allow([*base, *requirements(install)])
            with os.fdopen(into, "w") as file:
                json.dump([outcome(main, words) for words in COMMANDS if word in ("", words[0])], file)
            os._exit(0)
        os.close(into)
        with os.fdopen(out) as file:
            outcomes[install] = json.load(file)
        os.wait()
    print(json.dumps(outcomes))


def outcome(main, words: list[str]) -> Outcome:  # noqa: ANN001
    """Run one command in this process."""
    talk = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(talk):
        code = main(words)
    return Outcome(words, code, talk.getvalue())


def outcomes_of(place: Path, installs: Sequence[str], word: str | None = None) -> dict[str, list[Outcome]]:
    """What every command, or those that begin with a word, does on each install, in the folder of `write_inputs`.

    Raises:
        RuntimeError: the process that tries them failed.
    """
    done = subprocess.run(
        [sys.executable, __file__, "--inside", str(place), word or "", *installs],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])
    return {install: [Outcome(*values) for values in rows] for install, rows in found.items()}


@contextmanager
def inside(place: Path) -> Iterator[None]:
    """In this folder."""
    before = Path.cwd()
    os.chdir(place)
    try:
        yield
    finally:
        os.chdir(before)


def write_inputs(place: Path) -> None:
    """A table of 40 patients, a model, a log, a key and a package, as the commands name them."""
    import numpy as np
    import pandas

    from caudal import audit, load
    from caudal.cli import main

    rng = np.random.default_rng(0)
    rows = [
        {
            "patient": f"p{p:02d}",
            "hours": k + rng.uniform(0, 0.5),
            "pulse": 70 + 8 * (p % 2) + rng.normal(),
            "temp": 37 + rng.normal(),
            "ill": p % 2,
            "sex": "fm"[p // 2 % 2],
        }
        for p in range(40)
        for k in range(5)
    ]
    table = pandas.DataFrame(rows)
    fit = ["fit", "t.csv", *COLUMNS, "--sensitive", "sex", "--cell", "cfc-ncp", "--units", "6", "--epochs", "1"]
    with inside(place), redirect_stdout(io.StringIO()):
        table.to_csv("t.csv", index=False)
        table.to_parquet("t.parquet")
        for words in (
            [*fit, "--quiet", "-o", "m.caudal"],
            ["audit", "keys", "make", "key.pem"],
            ["predict", "m.caudal", "t.csv", "--log", "log", *KEY, "-o", "a.csv"],
            ["compare", "t.csv", *COLUMNS, *TINY, "--models", "cfc,gru", "--no-chips", "--out", "study"],
        ):
            if main(words) not in (0, 1):
                raise RuntimeError(f"caudal {' '.join(words)} failed")
        audit.package(load("m.caudal"), "package", audit.keys.load("key.pem"))


def mark(row: Outcome) -> str:
    """`works`, the extra that is asked for, or what stopped a command."""
    return row.asked or ("works" if row.code in (0, 1) else f"stops: {row.talk.strip()[-200:]}")


def main() -> int:
    """Try every extra that is installed here with every command, and keep the outcomes under this interpreter."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inside", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument(
        "--only", metavar="EXTRAS", help="try these alone, comma-separated, and keep what is known of others"
    )
    parser.add_argument("--command", metavar="WORD", help="try the commands that begin with this word alone")
    parser.add_argument("--keep", type=Path, default=KEPT, metavar="FILE", help="where outcomes are kept")
    args = parser.parse_args()
    if args.inside:
        run_all(Path(args.inside[0]), args.inside[1], args.inside[2:])
        return 0
    extras = ["bare", *(name for name in project()["optional-dependencies"] if name not in TOOLS)]
    tried = args.only.split(",") if args.only else extras
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "inputs"
        place.mkdir()
        write_inputs(place)
        outcomes = outcomes_of(place, tried, args.command)
    kept = json.loads(args.keep.read_text()) if args.keep.exists() else {}
    torch, numba = metadata.version("torch").partition("+")[0], metadata.version("numba")
    record = kept.setdefault(
        f"Python {platform.python_version()}, torch {torch}, numba {numba}, {platform.system()}", {}
    )
    record["missing here"] = sorted({plain(need) for extra in extras for need in requirements(extra)} - installed())
    known = record.setdefault("extras", {})
    names = [" ".join(words) for words in COMMANDS]
    for extra in extras:
        marks = {**known.get(extra, {}), **{" ".join(row.words): mark(row) for row in outcomes.get(extra, [])}}
        known[extra] = {name: marks[name] for name in names if name in marks}
    args.keep.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return 0


def installed() -> set[str]:
    """Distributions of this environment."""
    return {plain(name) for places in PACKAGES.values() for name in places}


if __name__ == "__main__":
    sys.exit(main())
