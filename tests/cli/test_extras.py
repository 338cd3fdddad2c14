"""Every command on an install with one extra alone: a sentence that names what is missing, never a traceback."""

import importlib.metadata as metadata
import io
import json
import os
import re
import subprocess
import sys
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from importlib.machinery import PathFinder
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
COLUMNS = ["--target", "ill", "--series", "patient", "--time", "hours"]
KEY = ["--key", "key.pem"]
TINY = ["--seeds", "1", "--budget", "demo", "--set", "epochs=1", "--set", "parameters=100", "--set", "resamples=100"]
COMMANDS = [
    ["predict", "m.caudal", "t.csv", "-o", "p.csv"],
    ["predict", "m.caudal", "t.csv"],
    ["predict", "m.caudal", "t.parquet", "--json"],
    ["predict", "m.caudal", "t.parquet", "--stream", "-o", "p.parquet"],
    ["predict", "m.caudal", "t.csv", "--log", "log2", "-o", "p2.csv", *KEY],
    ["doctor", "m.caudal", "t.csv"],
    ["doctor", "t.csv", *COLUMNS],
    ["doctor", "t.parquet", *COLUMNS],
    ["explain", "m.caudal", "t.csv", "-o", "e.html"],
    ["explain", "m.caudal", "t.csv", "-o", "e2.html", "--pictures", "pictures"],
    ["fair", "m.caudal", "t.csv", "--sensitive", "sex", "--draws", "100", "-o", "f.html"],
    ["fit", "t.csv", *COLUMNS, "--epochs", "1", "--units", "4", "--quiet", "-o", "n.caudal"],
    ["fit", "nafld", "--epochs", "1", "--units", "4", "--quiet", "-o", "n3.caudal"],
    ["compare", "t.csv", *COLUMNS, *TINY, "--models", "cfc,trees", "--no-chips", "--executor", "inline", "--out", "o"],
    ["compare", "t.csv", *COLUMNS, "--models", "cfc,gru", "--executor", "ray", "--out", "o3"],
    ["trim", "m.caudal", "t.csv", "--rounds", "1", "--quiet", "-o", "s.caudal"],
    ["energy", "m.caudal"],
    ["export", "m.caudal", "-o", "c1"],
    ["export", "m.caudal", "--data", "t.csv", "-o", "c2"],
    ["export", "m.caudal", "--to", "onnx", "-o", "n.onnx"],
    ["export", "m.caudal", "--to", "torch", "-o", "n.pt2"],
    ["export", "m.caudal", "--to", "executorch", "-o", "n.pte"],
    ["cells"],
    ["kernels"],
    ["cite"],
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
    ["wiring", "show", "m.caudal", "--svg", "w.svg"],
]
PACKAGES = metadata.packages_distributions()


def plain(name):
    return re.sub(r"[-_.]+", "-", re.split(r"[ ;<>=!~\[(]", name)[0]).lower()


def closure(needs):
    found, waiting = set(), [plain(need) for need in needs]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            more = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        waiting += [plain(need) for need in more if "extra ==" not in need]
    return found


def packages_of(project, extra):
    """Distributions of an extra, those of the extras that it names included."""
    found = []
    for need in project["optional-dependencies"].get(extra, []):
        inner = re.match(r"caudal\[(.*)\]", need)
        found += (
            [one for part in inner[1].split(",") for one in packages_of(project, part.strip())] if inner else [need]
        )
    return found


class Only:
    """Finds what is allowed and hides the rest, as if it were not installed."""

    def __init__(self):
        self.allowed = frozenset()

    def find_distributions(self, *args, **named):
        return PathFinder.find_distributions(*args, **named)

    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        hidden = top in PACKAGES and top not in self.allowed and top != "caudal"
        return None if hidden and top not in sys.stdlib_module_names else PathFinder.find_spec(name, path, target)

    def allow(self, needs):
        names = closure(needs)
        self.allowed = frozenset(p for p, places in PACKAGES.items() if any(plain(one) in names for one in places))


def run_all(place, extras):
    """In a process of its own: torch is imported once, and each extra has a fork."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    only = Only()
    only.allow(project["dependencies"])
    sys.meta_path[:] = [only if finder is PathFinder else finder for finder in sys.meta_path]
    import torch  # noqa: F401

    from caudal.cli import main

    told = []
    for extra in extras:
        out, into = os.pipe()
        if os.fork() == 0:
            where = place.with_name(f"only-{extra}")
            subprocess.run(["cp", "-r", place, where], check=True)
            os.chdir(where)
            only.allow([*project["dependencies"], *packages_of(project, extra)])
            found = []
            for words in COMMANDS:
                talk = io.StringIO()
                with redirect_stdout(io.StringIO()), redirect_stderr(talk):
                    code = main(words)
                found.append([extra, words, code, talk.getvalue()])
            with os.fdopen(into, "w") as file:
                json.dump(found, file)
            os._exit(0)
        os.close(into)
        with os.fdopen(out) as file:
            told += json.load(file)
        os.wait()
    print(json.dumps(told))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    import pandas

    from caudal import audit, load
    from caudal.cli import main

    place = tmp_path_factory.mktemp("extras") / "inputs"
    place.mkdir()
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
    before = Path.cwd()
    os.chdir(place)
    try:
        table.to_csv("t.csv", index=False)
        table.to_parquet("t.parquet")
        fit = ["fit", "t.csv", *COLUMNS, "--sensitive", "sex", "--cell", "cfc-ncp", "--units", "6", "--epochs", "1"]
        assert main([*fit, "--quiet", "-o", "m.caudal"]) == 0
        assert main(["audit", "keys", "make", "key.pem"]) == 0
        assert main(["predict", "m.caudal", "t.csv", "--log", "log", *KEY, "-o", "a.csv"]) == 0
        audit.package(load("m.caudal"), "package", audit.keys.load("key.pem"))
    finally:
        os.chdir(before)
    return place


def check(place, extras):
    done = subprocess.run([sys.executable, __file__, str(place), *extras], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(told) == len(extras) * len(COMMANDS)
    for extra, words, code, talk in told:
        assert code in (0, 1, 2) and "Traceback" not in talk, (extra, words, talk)
        if "not installed" in talk:
            line = [one for one in talk.splitlines() if "not installed" in one][-1]
            assert code == 2 and 'Run `pip install "caudal[' in line, (extra, words, talk)
    return told


def test_a_bare_install_says_what_is_missing(inputs):
    told = check(inputs, ["bare"])
    needs = {" ".join(words): talk for _, words, code, talk in told if code == 2}
    assert 'pip install "caudal[data,estimators]"' in needs["predict m.caudal t.csv"]
    assert not any((inputs.with_name("only-bare") / name).exists() for name in ("p.csv", "n.caudal", "o", "log2"))


@pytest.mark.slow
def test_every_extra_alone_with_every_command(inputs):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    left = {"docs", "test", "triton", "executorch", "ray", "sim", "drive", "demo", "aeon"}
    check(inputs, sorted(set(project["optional-dependencies"]) - left))


if __name__ == "__main__":
    run_all(Path(sys.argv[1]), sys.argv[2:])
