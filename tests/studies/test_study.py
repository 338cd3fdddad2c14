"""A study repeats to the bit, goes on after a kill, and says what is wrong in words."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from caudal.errors import FileFormatError, InputError, MissingExtraError, MissingFileError
from caudal.intervals import Interval
from studies import driving
from studies.driving import DriveRecipe, DriveReport, duels, page, scores, study, verdict
from studies.driving.__main__ import main
from studies.driving.markdown import PARTS
from studies.driving.scores import MARGIN, word
from studies.driving.words import words

TINY = DriveRecipe(
    episodes=2, seeds=(0, 1), laps=9, epochs=1, rates=(0.01,), window=12, models=("ltc-ncp", "cfc-ncp", "mlp"),
    disturbances=("clean", "missing-50", "late-3"), frames=60,
)  # fmt: skip


@pytest.fixture(scope="module")
def studied(simulated, tmp_path_factory):
    """A tiny study: its folder and its report."""
    folder = tmp_path_factory.mktemp("drive")
    return folder, study(TINY, folder, processes=1, progress=False)


@pytest.fixture(scope="module")
def published(studied):
    """Page and film of the tiny study."""
    pytest.importorskip("PIL", reason="Pillow is not installed: pip install caudal[drive]")
    return driving.publish(studied[1], studied[0], "es")


def test_a_report_holds_every_race_and_is_json_there_and_back(studied):
    folder, report = studied
    assert len(report.episodes) == 2 * 3 * (1 + 3 * 2)
    assert DriveReport.from_json(report.to_json()) == report
    assert driving.read(folder / "drive.json") == report
    assert {one.track for one in report.episodes} == {5_000_000, 5_000_001}


def test_a_finished_study_is_not_done_again(studied, monkeypatch):
    folder, report = studied
    monkeypatch.setattr(sys.modules["studies.driving.study"], "_map", None)
    assert study(TINY, folder, processes=1, progress=False) == report


def test_episodes_and_seeds_may_be_added(studied, tmp_path):
    smaller = dataclasses.replace(TINY, episodes=1, seeds=(0,))
    study(smaller, tmp_path, processes=1, progress=False)
    assert study(TINY, tmp_path, processes=1, progress=False) == studied[1]


@pytest.mark.slow
def test_a_killed_study_goes_on_and_leaves_no_worker(simulated, studied, tmp_path):
    code = (
        "import sys\nfrom studies.driving import DriveRecipe, study\n"
        f"if __name__ == '__main__':\n    study({TINY!r}, sys.argv[1], progress=False)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    out = tmp_path / "out"
    running = subprocess.Popen([sys.executable, str(script), str(out)], env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not list((out / "models").glob("*.caudal")):
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait()
    time.sleep(3)
    listed = subprocess.run(["ps", "-eo", "ppid,args"], capture_output=True, text=True, check=True).stdout
    assert not re.search(rf"^\s*{running.pid} ", listed, re.M)
    assert study(TINY, out, processes=1, progress=False) == studied[1]


@pytest.mark.slow
def test_two_processes_give_what_one_does(studied, tmp_path):
    assert study(TINY, tmp_path, processes=2, progress=False) == studied[1]


def test_a_folder_of_another_study_is_refused(studied):
    other = dataclasses.replace(TINY, epochs=2)
    with pytest.raises(InputError, match=r"drive: `out` holds a study with another recipe: .*Name another folder"):
        study(other, studied[0], processes=1, progress=False)


def test_a_checkpoint_of_another_run_is_refused(studied, tmp_path):
    source = studied[0] / "models" / "mlp-0-0.01.fit"
    lesson = driving.Lesson("mlp", 1, 0.01)
    (tmp_path / f"{lesson.name}.fit").write_bytes(source.read_bytes())
    with pytest.raises(InputError, match="`checkpoint` names a run with another recipe, model"):
        driving.imitate(TINY, lesson, tmp_path)


def test_a_folder_that_cannot_be_written_is_named(simulated, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"drive: `out` cannot be written into \(.*\): .*file"):
        study(TINY, tmp_path / "file", processes=1)
    (tmp_path / "drive.sqlite").write_text("not a database, but long enough to look like a file of another kind")
    with pytest.raises(FileFormatError, match="is no store of a driving study"):
        study(TINY, tmp_path, processes=1)


def test_bad_recipes_are_named():
    with pytest.raises(InputError, match="`episodes` is -5; expected a whole number from 1"):
        DriveRecipe(episodes=-5)
    with pytest.raises(InputError, match="`models` holds 'tank'; there are ltc-ncp, cfc-ncp, lstm, gru, mlp"):
        DriveRecipe(models=("tank",))
    with pytest.raises(InputError, match="`disturbances` leaves out clean"):
        DriveRecipe(disturbances=("late-3",))
    with pytest.raises(InputError, match=r"`seeds` is \(\); expected a tuple without repeats"):
        DriveRecipe(seeds=())
    with pytest.raises(InputError, match="`processes` is 3; expected 1 or 2"):
        study(TINY, "nowhere", processes=3)


def test_the_missing_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "gymnasium.envs.box2d.car_racing", None)
    with pytest.raises(MissingExtraError, match=r'drive: needs `gymnasium\[box2d\]`.*"caudal\[drive\]"'):
        study(TINY, tmp_path / "never")
    assert not (tmp_path / "never").exists()


def test_damaged_reports_are_refused(studied, tmp_path):
    path = tmp_path / "drive.json"
    with pytest.raises(MissingFileError, match="is no file"):
        driving.read(path)
    for text in ("", "[]", '{"caudal_drive": 99}', studied[1].to_json().replace('"reward"', '"fun"')):
        path.write_text(text)
        with pytest.raises(FileFormatError, match="not a driving study"):
            driving.read(path)


def test_scores_repeat_and_the_clean_condition_loses_nothing(studied):
    _, report = studied
    found = scores(report)
    assert found == scores(report)
    assert len(found) == (1 + 3) * 3
    assert all(one.reward.low <= one.reward.value <= one.reward.high for one in found)
    assert all(one.lost.value == one.lost.high == 0 for one in found if one.disturbance == "clean")
    mine = [one.reward for one in report.episodes if (one.model, one.disturbance) == ("mlp", "late-3")]
    score = next(one for one in found if (one.model, one.disturbance) == ("mlp", "late-3"))
    assert score.reward.value == pytest.approx(sum(mine) / len(mine))


def test_a_duel_is_the_difference_of_its_scores(studied):
    by = {(one.model, one.disturbance): one for one in scores(studied[1])}
    pairs = duels(studied[1])
    assert {(one.model, one.rival) for one in pairs} == {("ltc-ncp", "mlp"), ("cfc-ncp", "mlp")}
    for one in pairs:
        mine, other = by[one.model, one.disturbance], by[one.rival, one.disturbance]
        assert one.reward.value == pytest.approx(mine.reward.value - other.reward.value)
        assert one.kept.value == pytest.approx(other.lost.value - mine.lost.value)


def test_pairing_sees_through_what_tracks_share(studied):
    """One network always a little ahead on tracks of very different worth."""
    _, report = studied
    base = report.episodes[0]
    episodes = [
        dataclasses.replace(base, model=m, seed=0, disturbance="clean", track=t, reward=100.0 * t + ahead)
        for t in range(9)
        for m, ahead in (("expert", 50), ("ltc-ncp", 30), ("mlp", 0))
    ]  # fmt: skip
    recipe = dataclasses.replace(TINY, episodes=9, seeds=(0,), models=("ltc-ncp", "mlp"), disturbances=("clean",))
    made = dataclasses.replace(report, recipe=recipe, episodes=tuple(episodes))
    (duel,) = duels(made)
    assert (duel.reward.low, duel.reward.high) == pytest.approx((30.0, 30.0))
    assert duel.word == "better"
    (ltc,) = (one for one in scores(made) if one.model == "ltc-ncp")
    assert ltc.reward.high - ltc.reward.low > 100


def test_within_the_margin_is_alike():
    assert word(Interval(0.0, -MARGIN + 1, MARGIN - 1)) == "alike"
    assert word(Interval(0.0, -MARGIN - 1, MARGIN - 1)) == "undecided"


@pytest.mark.parametrize("lang", ["en", "es"])
def test_verdict_and_page_say_losses_as_plainly_as_wins(studied, lang):
    _, report = studied
    lines = verdict(report, lang)
    assert len(lines) == 5
    made = page(report, lang)
    assert f"<html lang={lang}>" in made
    assert made.count("<svg ") == 2
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", made)
    assert not re.search(r"\{\w*\}", re.sub(r"<style>.*?</style>", "", made, flags=re.S))
    for name in report.recipe.disturbances:
        assert words(lang)[f"c.{name}"] in made
    for key in ("better", "worse"):
        assert words(lang)[key] in " ".join(lines)
    with pytest.raises(InputError, match="`lang` is 'fr'; expected en or es"):
        page(report, "fr")


@pytest.mark.parametrize("part", PARTS)
def test_the_docs_get_every_part_as_markdown(studied, part):
    _, report = studied
    made = driving.markdown(report, part, "es")
    starts = {line[0] for line in made.splitlines()}
    assert starts == ({"-"} if part == "verdict" else {"|"})
    columns = {line.count("|") for line in made.splitlines()}
    assert len(columns) == 1


def test_both_languages_have_the_same_fields():
    english, spanish = words("en"), words("es")
    assert english.keys() == spanish.keys()
    for key, text in english.items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", spanish[key])), key


def test_the_film_is_a_small_gif_that_moves(studied, published):
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed: pip install caudal[drive]")
    folder, _ = studied
    made, moving = published
    assert made.read_text().count("data:image/gif;base64,") == 1
    assert moving.stat().st_size < 3_000_000
    with image.open(moving) as opened:
        assert opened.n_frames > 20
    assert driving.redraw(folder / "drive.json", folder / "again", "es").read_text() == made.read_text()


def test_the_command_line(studied, published, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(DriveRecipe, "small", staticmethod(lambda: TINY))
    monkeypatch.setattr(driving, "publish", lambda report, folder, lang: published)
    folder, report = studied
    assert main(["--out", str(folder), "--processes", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == list(verdict(report))
    assert all((folder / f"drive.{kind}").stat().st_size for kind in ("json", "html", "gif"))
    assert main(["--page", str(folder / "drive.json"), "--out", str(tmp_path), "--lang", "es", "--json"]) == 0
    assert '"verdict"' in capsys.readouterr().out
    assert main(["--episodes", "-5", "--out", str(tmp_path)]) == 2
    assert "`episodes` is -5" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["--seeds", "a"])
    assert "is no list of whole numbers" in capsys.readouterr().err
