"""No number in a file decides how much its reader works; no changed file ends in an error that is none of caudal's."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from formats import Format, formats
from trials import Outcome, mutated, read_all, with_every_number

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory of a child is bounded on Linux alone")
TREES = (
    "layer", "estimator", "export proof", "fit recipe", "study", "wiring", "table recipe", "encoder", "scaler",
    "training recipe", "training checkpoint", "fair report", "influence", "drive report", "log log.json",
    "package statement.json", "package recipe.json", "package metrics.json",
)  # fmt: skip
# Where a file holds many places, a share of them is tried in the usual run, and all in the long one.
USUAL, LONG = 40, 100_000


@pytest.fixture(scope="session")
def known(tmp_path_factory) -> dict[str, Format]:
    return formats(tmp_path_factory.mktemp("formats"))


def _faults(form: Format, cases: list[tuple[str, bytes]]) -> list[tuple[str, Outcome]]:
    outcomes = read_all(form, [data for _, data in cases])
    return [
        (name, outcome)
        for (name, _), outcome in zip(cases, outcomes, strict=True)
        if outcome.word not in ("read", "refused")
    ]


def test_honest_files_are_read(known):
    for name, form in known.items():
        assert [outcome.word for outcome in read_all(form, form.seeds)] == ["read"] * len(form.seeds), name


@pytest.mark.parametrize("name", TREES)
def test_no_number_of_a_file_decides_the_work(known, name):
    cases = list(with_every_number(known[name], 20))
    random.Random(name).shuffle(cases)
    assert not _faults(known[name], cases[:USUAL])


@pytest.mark.slow
@pytest.mark.parametrize("name", TREES)
def test_no_number_of_a_file_decides_the_work_at_any_place(known, name):
    assert not _faults(known[name], list(with_every_number(known[name], LONG)))


def test_changed_files_are_read_or_refused_in_words(known):
    rng = random.Random(0)
    for name, form in known.items():
        cases = [(f"{name} {k}", mutated(form, rng, rng.choice([1, 2, 5]))) for k in range(8)]
        assert not _faults(form, cases), name


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_many_changed_files_are_read_or_refused_in_words(known, seed):
    rng = random.Random(seed + 1)
    for name, form in known.items():
        cases = [(f"{name} {k}", mutated(form, rng, rng.choice([1, 2, 5]))) for k in range(300)]
        assert not _faults(form, cases), name
