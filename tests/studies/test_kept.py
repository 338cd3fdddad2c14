"""The study behind the page of the docs is whole: every driver, condition and track, and nothing of a machine."""

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from caudal.errors import FileFormatError
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


@pytest.mark.parametrize(
    "change",
    [
        {"recipe": {"episodes": 10**9}}, {"recipe": []}, {"packages": {"torch": 2}}, {"episodes": [[1]]},
        {"episodes": 7}, {"trained": [{"model": "gru"}]}, {"columns": ["model"]}, {"caudal_drive": 10**9},
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused_in_words(change):
    facts = json.loads(KEPT.read_text()) | change
    with pytest.raises(FileFormatError, match=r"DriveReport\.from_json: not a driving study"):
        driving.DriveReport.from_json(json.dumps(facts))
    with pytest.raises(FileFormatError, match="nested too deep"):
        driving.DriveReport.from_json("[" * 100_000)


def test_a_race_with_a_text_for_a_number_is_refused(kept):
    text = replace(kept, episodes=(replace(kept.episodes[0], reward="90"),)).to_json()
    with pytest.raises(FileFormatError, match="'90' is not a number"):
        driving.DriveReport.from_json(text)


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
