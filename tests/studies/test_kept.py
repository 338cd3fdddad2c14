"""The study behind the page of the docs is whole: every driver, condition and track, and nothing of a machine."""

import re
from collections import Counter
from pathlib import Path

import pytest

from studies import driving
from studies.driving.markdown import PARTS

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "benchmarks" / "results" / "drive.json"


@pytest.fixture(scope="module")
def kept():
    return driving.read(KEPT)


def test_every_driver_raced_on_the_same_tracks_at_least_fifty_times(kept):
    recipe = kept.recipe
    assert recipe.episodes >= 50
    assert set(recipe.models) == set(driving.MODELS)
    assert set(recipe.disturbances) == set(driving.DISTURBANCES)
    counts = Counter((one.model, one.seed, one.disturbance) for one in kept.episodes)
    assert set(counts.values()) == {recipe.episodes}
    assert len(counts) == len(recipe.disturbances) * (1 + len(recipe.models) * len(recipe.seeds))
    assert len({one.track for one in kept.episodes}) == recipe.episodes


def test_it_names_no_path(kept):
    assert not re.search(r"/(?:work|tmp|home|root)\b", KEPT.read_text())


@pytest.mark.parametrize("page", ["driving.md", "es/conduccion.md"])
def test_the_pages_show_every_part_of_it_and_its_command(kept, page):
    text = (ROOT / "docs" / page).read_text()
    lang = "es" if page.startswith("es/") else "en"
    assert re.findall(r"^<!-- drive: (\w+) (\w+) -->$", text, re.M) == [(part, lang) for part in PARTS]
    assert "python -m studies.driving" in text
    assert "--budget full" in text
    assert kept.recipe.command.startswith("python -m studies.driving --budget full")
