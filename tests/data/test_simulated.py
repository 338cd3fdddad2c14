"""Recorded simulators: the same numbers each time, kept in the cache, and made again when a file of it is damaged."""

import numpy as np
import pytest

from caudal.data.datasets import bodies, card, files, load, names
from caudal.errors import DataError, MissingExtraError

NAMES = ("sim-halfcheetah", "sim-walker2d")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    return tmp_path / "caudal"


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_the_same_each_time_and_its_parts_share_no_rollout(name, folder, capfd):
    pytest.importorskip("mujoco")
    pytest.importorskip("imageio")
    first = load(name, rollouts=20)
    (path,) = folder.iterdir()
    kept = load(name, rollouts=20)
    path.unlink()
    again = load(name, rollouts=20)
    assert first.sequences.digest == kept.sequences.digest == again.sequences.digest
    assert load(name, rollouts=20, seed=1).sequences.digest != first.sequences.digest
    groups = [set(part.group.tolist()) for part in (first.train, first.val, first.test)]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    assert first.sequences.task == "imitate"
    assert first.sequences.inputs == card(name).counts["inputs"]
    later = first.sequences.dt[:, 1:]
    assert set(np.unique(later)) > {1.0, 2.0}
    assert np.mean(later - 1) == pytest.approx(0.1 / 0.9, abs=0.02)
    assert capfd.readouterr().out == ""


def test_the_target_is_the_next_step_of_the_simulator(folder):
    pytest.importorskip("mujoco")
    pytest.importorskip("imageio")
    whole = load("sim-halfcheetah", rollouts=20, drop=0.0).sequences
    assert np.array_equal(whole.target[:, :-1], whole.values[:, 1:])
    assert (whole.dt == 1).all()
    assert not np.array_equal(whole.values[0], whole.values[-1])


def test_a_damaged_file_is_made_again(folder, monkeypatch):
    made = []

    def make():
        made.append(1)
        return {"x": np.arange(4.0)}

    for _ in range(2):
        assert files.cached("toy", {"seed": 0}, make)["x"].tolist() == [0, 1, 2, 3]
    assert len(made) == 1
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[:-30])
    files.cached("toy", {"seed": 0}, make)
    assert len(made) == 2
    np.savez(path, x=np.ones(4), digest=np.array("0" * 64))
    assert files.cached("toy", {"seed": 0}, make)["x"].tolist() == [0, 1, 2, 3]
    files.cached("toy", {"seed": 1}, make)
    assert len(list(folder.iterdir())) == 2
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))  # a file, so that no folder can be made in it
    assert files.cached("toy", {"seed": 0}, make)["x"].tolist() == [0, 1, 2, 3]


def test_what_does_not_fit_is_refused(monkeypatch):
    for options, words in (
        ({"rollouts": 3}, "`rollouts` is 3"),
        ({"drop": 1.0}, "`drop` is 1.0"),
        ({"seed": -1}, "`seed`"),
    ):
        with pytest.raises(DataError, match=words):
            load("sim-walker2d", **options)
    with pytest.raises(DataError, match="`folder` is given, and this set needs none"):
        load("sim-halfcheetah", folder=".")

    def missing(owner, package, extra):
        raise MissingExtraError(owner, package, extra)

    monkeypatch.setattr(bodies, "need", missing)
    with pytest.raises(MissingExtraError, match=r'pip install "caudal\[sim\]"'):
        load("sim-halfcheetah")
    assert set(NAMES) < set(names(shipped=True))
    assert all(card(name).is_recorded and card(name).title.startswith("Recorded simulator") for name in NAMES)
