from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from caudal.data import datasets
from caudal.errors import DataError

Find = Callable[[str], Path]


@pytest.mark.parametrize("name", datasets.names(shipped=False))
def test_without_its_files_a_set_says_where_to_get_them(name: str, tmp_path: Path):
    pytest.importorskip("pandas")
    obtain = datasets.card(name).obtain
    for folder, text in (
        (None, "is missing; these data do not ship"),
        (tmp_path / "no", "is no folder"),
        (tmp_path, "holds"),
    ):
        with pytest.raises(DataError) as caught:
            datasets.load(name, folder)
        assert text in str(caught.value)
        assert str(caught.value).endswith(obtain)


def test_halfcheetah_is_cut_as_published(shared_data: Find):
    folder = shared_data("halfcheetah")
    loaded = datasets.load("halfcheetah", folder, protocol="paper")
    assert (len(loaded.train), len(loaded.val), len(loaded.test)) == (970, 485, 970)
    raw = np.load(folder / "trace_0015.npy").astype(np.float32)
    first = loaded.train
    assert (first.values[1] == raw[10:42]).all()
    assert (first.target[1] == raw[11:43]).all()
    files = [set(rows.group.tolist()) for rows in (loaded.train, loaded.val, loaded.test)]
    assert files[0] == {f"trace-{k:04d}" for k in range(15, 25)}
    assert files[1] == {f"trace-{k:04d}" for k in range(5)}
    assert files[2] == {f"trace-{k:04d}" for k in range(5, 15)}
    persistence = float(np.square(loaded.test.target - loaded.test.values).mean())
    assert persistence == pytest.approx(62.8655, abs=1e-3)
    clean = datasets.load("halfcheetah", folder)
    assert len(clean.train) == 16 * 97
    assert clean.split.test.tolist() == loaded.split.test.tolist()


def test_walker2d_drops_the_published_steps(shared_data: Find):
    loaded = datasets.load("walker2d", shared_data("walker2d"), protocol="paper")
    data = loaded.sequences
    assert (len(loaded.split.train), len(loaded.split.val), len(loaded.split.test)) == (9_684, 1_272, 1_937)
    assert (data.dt.min(), data.dt.max()) == (1, 6)
    assert data.steps == 64
    # Read off a run of the published loop over the same files: first file and total elapsed time of each part.
    parts = [(part.group[0], part.dt.sum()) for part in (loaded.train, loaded.val, loaded.test)]
    assert parts == [("trace-0035", 689_148), ("trace-0308", 90_842), ("trace-0263", 137_806)]
    persistence = float(np.square(loaded.test.target - loaded.test.values).mean())
    assert persistence == pytest.approx(4.5375, abs=1e-3)


def test_gesture(shared_data: Find):
    pytest.importorskip("pandas")
    folder = shared_data("gesture_phase")
    paper = datasets.load("gesture", folder, protocol="paper")
    assert (len(paper.sequences), paper.sequences.inputs, len(paper.sequences.classes)) == (605, 32, 5)
    assert (len(paper.train), len(paper.val), len(paper.test)) == (455, 60, 90)
    assert np.allclose(paper.sequences.values.reshape(-1, 32).std(axis=0), 1, atol=1e-3)
    clean = datasets.load("gesture", folder)
    assert not set(clean.train.group.tolist()) & set(clean.test.group.tolist())
    assert float(np.median(clean.sequences.dt)) == pytest.approx(0.032, abs=0.002)
    assert clean.sequences.dt.max() > 1


def test_occupancy(shared_data: Find):
    pytest.importorskip("pandas")
    folder = shared_data("occupancy")
    paper = datasets.load("occupancy", folder, protocol="paper")
    assert (len(paper.split.train), len(paper.split.val)) == (7_315, 812)
    assert (paper.sequences.steps, paper.sequences.inputs) == (16, 5)
    clean = datasets.load("occupancy", folder)
    assert "Light" not in clean.sequences.names
    assert clean.train.end.max() < clean.val.start.min()


def test_ozone_as_coded_tests_on_training_days(shared_data: Find):
    pytest.importorskip("pandas")
    folder = shared_data("ozone")
    paper = datasets.load("ozone", folder, protocol="paper")
    assert (len(paper.sequences), paper.sequences.steps) == (32, 626)
    train = {row.tobytes() for row in paper.train.values.reshape(-1, 72)}
    test = [row.tobytes() in train for row in paper.test.values.reshape(-1, 72)]
    assert np.mean(test) > 0.99
    clean = datasets.load("ozone", folder)
    assert clean.sequences.missing == pytest.approx(0.08, abs=0.01)
    assert clean.train.end.max() < clean.test.start.min()


def test_traffic(shared_data: Find):
    pytest.importorskip("pandas")
    folder = shared_data("metro_traffic")
    paper = datasets.load("traffic", folder, protocol="paper")
    assert (len(paper.sequences), paper.sequences.inputs) == (12_043, 7)
    assert not paper.sequences.values[:, :, 0].any()
    clean = datasets.load("traffic", folder)
    codes = {finding.code: finding.count for finding in clean.sequences.findings}
    assert codes["duplicates"] + codes["equal_times"] == 7_629
    assert "7387 h" in next(f.message for f in clean.sequences.findings if f.code == "gap")
    assert clean.train.end.max() < clean.val.start.min()


def test_diabetes130(shared_data: Find):
    pytest.importorskip("pandas")
    loaded = datasets.load("diabetes130", shared_data("diabetes130"))
    data, counts = loaded.sequences, loaded.card.counts
    assert (len(data), int(data.lengths.sum())) == (counts["patients"], counts["encounters"])
    assert int((data.lengths >= 2).sum()) == counts["two_or_more"]
    assert int((data.lengths >= 3).sum()) == counts["three_or_more"]
    assert set(data.sensitive) == {"race", "gender", "age"}
    assert not any(name.startswith(("race", "gender", "age")) for name in data.names)


def test_physionet2012(shared_data: Find):
    loaded = datasets.load("physionet2012", shared_data("physionet2012"))
    data = loaded.sequences
    assert (len(data), int(data.target.sum()), data.inputs) == (4_000, 554, 37)
    assert data.missing == pytest.approx(0.84, abs=0.005)
    assert set(data.sensitive["icu"].tolist()) == {"coronary", "cardiac surgery", "medical", "surgical"}
    age = data.sensitive["age"]
    assert round(100 * data.target[age < 45].mean(), 1) == 7.9
    assert round(100 * data.target[age > 75].mean(), 1) == 20.0
    assert data.end.max() <= 48 + 1e-6


def test_a_torn_file_is_named(tmp_path: Path):
    stays = tmp_path / "set-a"
    stays.mkdir()
    (tmp_path / "Outcomes-a.txt").write_text("RecordID,In-hospital_death\n1,0\n", encoding="utf-8")
    (stays / "1.txt").write_text("Time,Parameter,Value\n00:00,RecordID,1\n00:07,HR,fast\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"holds 1.txt with line 3 unreadable: 00:07,HR,fast"):
        datasets.load("physionet2012", tmp_path)
    (stays / "1.txt").write_text("Time,Parameter,Value\n00:00,RecordID,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"holds 1.txt, whose outcome is not in Outcomes-a.txt"):
        datasets.load("physionet2012", tmp_path)
    for k in range(31):
        np.save(tmp_path / f"trace_{k:04d}.npy", np.zeros((5, 3)))
    with pytest.raises(DataError, match=r"holds trace_0000.npy of shape \(5, 3\); expected \(time, 17\)"):
        datasets.load("halfcheetah", tmp_path)
    (tmp_path / "trace_0000.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(DataError, match=r"holds trace_0000.npy, which cannot be read"):
        datasets.load("halfcheetah", tmp_path)
