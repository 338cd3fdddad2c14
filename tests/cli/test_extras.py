"""Every command on an install with one extra alone, or without one package: a sentence, never a traceback."""

import importlib.util
from pathlib import Path

import pytest

from caudal.cli.needs import missing_of, sentence
from caudal.extras import EXTRAS

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("extras_tool", ROOT / "tools" / "extras.py")
tool = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(tool)
# Commands of one's own table, from the first to the record: `compare` is enough for them.
MAIN_JOB = {"compare", "report", "fit", "predict", "explain", "fair", "doctor", "trim", "energy"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    place = tmp_path_factory.mktemp("extras") / "inputs"
    place.mkdir()
    tool.write_inputs(place)
    return place


def check(place, installs):
    """Outcomes by install; none is a traceback, and what is missing comes with the line that installs it."""
    outcomes = tool.outcomes_of(place, installs)
    for install, rows in outcomes.items():
        assert len(rows) == len(tool.COMMANDS)
        for row in rows:
            assert row.code in (0, 1, 2) and "Traceback" not in row.talk, (install, row)
            assert ("not installed" in row.talk) == bool(row.asked), (install, row)
            assert not row.asked or row.code == 2, (install, row)
    return outcomes


def test_a_bare_install_says_what_is_missing_and_compare_is_enough_for_the_main_job(inputs):
    outcomes = check(inputs, ["bare", "compare"])
    asked = {" ".join(row.words): row.asked for row in outcomes["bare"]}
    assert asked["predict m.caudal t.csv"] == "data,estimators"
    assert not any((inputs.with_name("only-bare") / name).exists() for name in ("p.csv", "n.caudal", "o", "log2"))
    works = ["cells", "kernels", "cite", "datasets", "audit show log"]
    assert [asked[name] for name in works] == [None] * len(works)
    for row in outcomes["compare"]:
        if row.words[0] in MAIN_JOB | {"wiring"} and not {"ray", "--pictures"} & set(row.words):
            assert row.code in (0, 1), row


@pytest.mark.slow
def test_every_extra_alone_with_every_command(inputs):
    extras = [name for name in tool.project()["optional-dependencies"] if name not in tool.TOOLS]
    check(inputs, extras)


@pytest.mark.slow
def test_every_package_hidden_alone_with_every_command(inputs):
    everything = [package for package in EXTRAS if importlib.util.find_spec(package)]
    outcomes = check(inputs, [f"-{package}" for package in everything])
    for install, rows in outcomes.items():
        asked = {row.asked for row in rows} - {None}
        # Each command names the extra of what was hidden, and no other.
        assert asked <= {EXTRAS[install[1:]], *(_absent_here())}, (install, asked)


def _absent_here():
    return {extra for package, extra in EXTRAS.items() if not importlib.util.find_spec(package)}


def test_a_package_that_no_extra_names_is_a_sentence_too():
    error = ModuleNotFoundError("No module named 'left_pad.core'", name="left_pad.core")
    assert missing_of(error) == "left_pad"
    assert sentence("cells", ["left_pad"]) == (
        "cells: needs `left_pad`, which is not installed. Run `pip install left_pad`."
    )
    assert missing_of(ModuleNotFoundError("No module named 'caudal.gone'", name="caudal.gone")) is None
    assert missing_of(ImportError("cannot import name 'x'", name="json")) is None
