"""Sets whose files are not at hand, on small files written in their documented formats."""

from pathlib import Path

import numpy as np
import pytest

from caudal.data import datasets
from caudal.data.datasets.mitbih import read_annotations, read_record
from caudal.errors import DataError


def _write_record(folder: Path, name: int, leads: tuple[str, str], beats: list[tuple[int, int]]) -> np.ndarray:
    """A record in format 212 and its annotations in MIT format; returns the samples."""
    rng = np.random.default_rng(name)
    samples = rng.integers(-2048, 2048, (1500, 2))
    low, high = samples[:, 0] & 0xFFF, samples[:, 1] & 0xFFF
    packed = np.stack([low & 0xFF, (low >> 8) | ((high >> 8) << 4), high & 0xFF], axis=1).astype(np.uint8)
    (folder / f"{name}.dat").write_bytes(packed.tobytes())
    specs = "\n".join(f"{name}.dat 212 200 11 1024 0 0 0 {lead}" for lead in leads)
    (folder / f"{name}.hea").write_text(f"{name} 2 360 1500\n{specs}\n# 69 M 1085 1629 x1\n# Aldomet\n")
    words, last = [], 0
    for at, code in beats:
        gap = at - last
        if gap > 1023:
            words += [59 << 10, gap >> 16, gap & 0xFFFF]
            gap = 0
        words += [code << 10 | gap, 62 << 10 | 1]
        last = at
    # An auxiliary note of three characters takes two words.
    words += [28 << 10 | 5, 63 << 10 | 3, 0x4128, 0x0046, 0]
    (folder / f"{name}.atr").write_bytes(np.array(words, dtype="<u2").tobytes())
    return samples


def test_mitbih_format_212_and_annotations(tmp_path: Path):
    beats = [(20, 1), (100, 1), (300, 5), (1390, 8), (1495, 1)]
    samples = _write_record(tmp_path, 101, ("MLII", "V1"), beats)
    record = read_record(tmp_path / "101.hea")
    assert np.allclose(record.signals["MLII"], (samples[:, 0] - 1024) / 200)
    assert np.allclose(record.signals["V1"], (samples[:, 1] - 1024) / 200)
    assert (record.hertz, record.age, record.sex) == (360, 69, "male")
    assert list(read_annotations(tmp_path / "101.atr")) == [*beats, (1500, 28)]


def test_mitbih_beats_stay_with_their_patient(tmp_path: Path):
    swapped = _write_record(tmp_path, 114, ("V5", "MLII"), [(100, 1), (400, 5), (700, 28)])
    _write_record(tmp_path, 100, ("MLII", "V5"), [(100, 2), (900, 8), (1495, 1)])
    loaded = datasets.load("mitbih", tmp_path, records=(114, 100))
    data = loaded.sequences
    assert np.array(data.classes)[data.target].tolist() == ["N", "V", "N", "S"]
    assert np.allclose(data.values[0, :, 0], (swapped[10:210, 1] - 1024) / 200)
    assert (loaded.train.group.tolist(), loaded.test.group.tolist()) == ([114, 114], [100, 100])
    with pytest.raises(DataError, match=r"holds no 101\.hea"):
        datasets.load("mitbih", tmp_path)
    (tmp_path / "100.dat").write_bytes(b"short")
    with pytest.raises(DataError, match=r"holds 100\.dat of 5 bytes; expected 4,500"):
        datasets.load("mitbih", tmp_path, records=(114, 100))
    (tmp_path / "114.hea").write_text("nothing")
    with pytest.raises(DataError, match=r"holds 114\.hea, which is no header"):
        datasets.load("mitbih", tmp_path, records=(114,))


def test_oulad_early_clicks(tmp_path: Path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    students = list(range(1, 21))
    info = pandas.DataFrame({"code_module": "AAA", "code_presentation": "2013J", "id_student": students})
    info["gender"] = ["M", "F"] * 10
    info["region"], info["highest_education"], info["imd_band"], info["age_band"] = "Wales", "HE", "10-20", "0-35"
    info["num_of_prev_attempts"], info["studied_credits"], info["disability"] = 0, 60, "N"
    info["final_result"] = ["Pass", "Fail", "Distinction", "Withdrawn"] * 5
    info.to_csv(tmp_path / "studentInfo.csv", index=False)
    left = [None] * 19 + [12]
    keys = info[["code_module", "code_presentation", "id_student"]]
    keys.assign(date_registration=-50, date_unregistration=left).to_csv(
        tmp_path / "studentRegistration.csv", index=False
    )
    clicks = keys.loc[[0, 0, 0, 0, 1, 19]].assign(id_site=7, date=[-3, 4, 4, 31, 2, 3], sum_click=[1, 2, 3, 9, 5, 8])
    clicks.to_csv(tmp_path / "studentVle.csv", index=False)
    data = datasets.load("oulad", tmp_path).sequences
    assert len(data) == 19
    assert data.ids[0] == "AAA-2013J-1"
    assert data.values[0].tolist() == [[1, 1], [5, 2]]
    assert data.dt[0, 1] == 7
    assert data.target[:4].tolist() == [0, 1, 0, 1]
    assert data.values[2, 0].tolist() == [0, 0]
    assert set(data.sensitive) == {"gender", "age_band", "disability", "imd_band", "region"}
    with pytest.raises(DataError, match="`days` is 0"):
        datasets.load("oulad", tmp_path, days=0)
