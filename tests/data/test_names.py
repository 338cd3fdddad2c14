"""Names are never numbers: whatever they are written like, every reader gives the same series, groups and classes."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caudal import LiquidClassifier
from caudal.data import from_arrays, from_frame, read_like
from caudal.errors import DataError

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
arrow = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
parquet = pytest.importorskip("pyarrow.parquet")

ASK = {"target": "ill", "series": "patient", "time": "hours"}
ODD = ["007", "7", "+7", "-7", "0", "00", "NA", "None", "null", "nan", "1e5", "1E5", "True", "TRUE", "false", "ñandú"]
ODD += [
    "9007199254740993",
    "9007199254740992",
    "123456789012345678901234",
    "2024-01-01",
    "a,b",
    'say "x"',
    "a;b",
    "1.50",
]
NAMES = st.sampled_from(ODD) | st.from_regex(r"0{0,2}[1-9][0-9]{0,18}", fullmatch=True)
NAMES = NAMES | st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=6)
QUICK = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def _rows(names: list[str]):
    """Three rows of each name, every second ill."""
    rng = np.random.default_rng(0)
    series = np.repeat(np.arange(len(names)), 3)
    return pandas.DataFrame(
        {
            "patient": pandas.Series([names[k] for k in series], dtype=object),
            "hours": np.tile(np.arange(3.0), len(names)),
            "pulse": rng.normal(size=len(series)) + series % 2,
            "ill": np.where(series % 2, "yes", "no"),
        }
    )


def _written(frame, folder: Path):
    """The same table in every form that is read."""
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_csv(folder / "s.csv", index=False, sep=";")
    frame.to_csv(folder / "t.csv.gz", index=False)
    frame.to_csv(folder / "t.csv.zip", index=False)
    frame.to_csv(folder / "t.tsv", index=False, sep="\t")
    plain = arrow.table({name: frame[name].tolist() for name in frame.columns})
    parquet.write_table(plain, folder / "t.parquet")
    feather.write_feather(plain, folder / "t.feather")
    lines = [json.dumps(row) for row in frame.to_dict("records")]
    (folder / "t.jsonl").write_text("\n".join(lines), encoding="utf-8")
    yield from (str(path) for path in sorted(folder.iterdir()))
    yield frame
    yield polars.from_arrow(plain)
    yield polars.from_arrow(plain).lazy()
    yield plain
    yield io.StringIO(frame.to_csv(index=False))


@QUICK
@given(names=st.lists(NAMES, min_size=4, max_size=8, unique=True))
def test_ids_come_back_as_they_are_written_and_answers_agree(names, tmp_path_factory):
    frame, folder = _rows(names), tmp_path_factory.mktemp("rows")
    model = LiquidClassifier("gru", 3, epochs=1, validation=0).fit(frame, **ASK)
    whole = from_frame(frame, **ASK)
    assert whole.ids.astype(str).tolist() == names
    answers = model.predict_proba(frame)
    block = np.stack([part.pulse.to_numpy() for _, part in frame.groupby("patient", sort=False)])[:, None]
    assert from_arrays(block, ids=np.array(names, object)).ids.tolist() == names
    for table in _written(frame, folder):
        data = from_frame(table, **ASK)
        assert data.ids.astype(str).tolist() == names, table
        assert data.values.tobytes() == whole.values.tobytes()
        later = read_like(table, model.data_recipe_) if not isinstance(table, io.StringIO) else data
        assert later.ids.astype(str).tolist() == names
        assert np.array_equal(model.predict_proba(later.without_target()), answers)


@QUICK
@given(codes=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=4, max_size=8, unique=True))
def test_whole_numbers_are_exact_in_every_part(codes, tmp_path_factory):
    names = [str(code) for code in codes]
    frame, folder = _rows(names), tmp_path_factory.mktemp("rows")
    frame["patient"] = np.repeat(np.array(codes, np.int64), 3)
    frame["clinic"], frame["sex"], frame["ward"] = frame.patient, frame.patient, frame.patient
    for table in _written(frame, folder):
        data = from_frame(table, **ASK, group="clinic", sensitive=["sex"], categorical=["ward"], features=["ward"])
        assert data.ids.tolist() == codes
        assert data.group.tolist() == codes
        assert len(set(data.sensitive["sex"].tolist())) == len(codes)
        assert sorted(data.names) == sorted(f"ward={code}" for code in codes)


@QUICK
@given(hole=st.booleans(), other=st.booleans(), codes=st.lists(st.integers(0, 99), min_size=3, max_size=5, unique=True))
def test_a_code_has_one_spelling_whatever_holes_a_file_has(hole, other, codes, tmp_path):
    frame = _rows([f"p{k}" for k in range(2 * len(codes))])
    frame["ward"] = np.repeat(codes * 2, 3)
    old, new = frame.copy(), frame.copy()
    if hole:
        old["ward"] = old.ward.astype(float).where(np.arange(len(old)) > 0)
    if other:
        new["ward"] = new.ward.astype(float).where(np.arange(len(new)) > 1)
    old.to_csv(tmp_path / "old.csv", index=False)
    recipe = from_frame(tmp_path / "old.csv", **ASK, categorical=["ward"]).recipe
    for table in _written(new, tmp_path):
        later = read_like(table, recipe)
        assert not [finding for finding in later.findings if finding.code == "unseen"]


def test_classes_that_look_like_numbers_stay_what_they_are(tmp_path):
    frame = _rows([f"p{k}" for k in range(6)])
    for labels, classes in (
        (["007", "7"], ("007", "7")),
        (["0", "1"], (0, 1)),
        (["0.0", "1.0"], (0, 1)),
        (["TRUE", "FALSE"], (False, True)),
        ([str(2**53), str(2**53 + 1)], (2**53, 2**53 + 1)),
    ):
        frame["ill"] = np.repeat(labels * 3, 3)
        frame.to_csv(tmp_path / "t.csv", index=False)
        data = from_frame(tmp_path / "t.csv", **ASK, task="classify")
        assert data.classes == classes
        again = read_like(frame, data.recipe, target=True)
        assert again.target.tolist() == data.target.tolist()


def test_words_for_missing_are_told_in_names_and_left_alone_in_keys(tmp_path):
    frame = _rows(["NA", "None", "null", "p"])
    frame["region"] = np.repeat(["NA", "ES", "FR", "ES"], 3)
    frame.to_csv(tmp_path / "t.csv", index=False)
    data = from_frame(tmp_path / "t.csv", **ASK)
    assert data.ids.tolist() == ["NA", "None", "null", "p"]
    words = [finding.message for finding in data.findings if finding.code == "missing_words"]
    assert "`region` holds 'NA' in 3 rows, first row 0 (line 2 of t.csv), read as missing" in words[0]
    kept = from_frame(tmp_path / "t.csv", **ASK, na=[""])
    assert {"region=NA", "region=ES"} <= set(kept.names)
    frame.assign(pulse=frame.pulse.astype(str).where(np.arange(12) > 2, "-")).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match=r"holds the text '-' at row 0 .*`na=\[\"-\"\]` \(`--na -`\)"):
        from_frame(tmp_path / "t.csv", **ASK)
    assert (~from_frame(tmp_path / "t.csv", **ASK, na=["-"]).observed[0, :, 0]).all()


def test_a_number_and_a_text_of_one_spelling_are_no_series():
    frame = _rows(["p", "q"]).assign(patient=[1, 1, 1, "1", "1", "1"])
    with pytest.raises(DataError, match="`patient` holds '1' as a number and as a text, first row 3"):
        from_frame(frame, **ASK)


@pytest.mark.parametrize("hole", [False, True])
@pytest.mark.parametrize("words", [(True, False), ("TRUE", "FALSE"), ("true", "false")])
def test_bools_are_one_input_whatever_holes_and_types_they_come_with(hole, words, tmp_path):
    frame = _rows([f"p{k}" for k in range(6)])
    frame["on"] = [words[k % 2] for k in range(len(frame))]
    holed = frame.assign(on=frame["on"].astype(object).where(np.arange(len(frame)) % 5 > 0, None))
    old, new = (holed, frame) if hole else (frame, holed)
    data = from_frame(io.StringIO(old.to_csv(index=False)), **ASK)
    assert "on" in data.names
    for table in _written(new, tmp_path):
        later = read_like(table, data.recipe)
        column = later.names.index("on")
        expected = np.array([k % 2 == 0 for k in range(len(frame))]).reshape(6, -1)
        seen = later.observed[:, :, column]
        assert seen.sum() == new["on"].notna().sum()
        assert np.array_equal(later.values[:, :, column][seen], expected[seen])


def test_labels_keep_their_type_in_any_column_of_pandas():
    frame = _rows([f"p{k}" for k in range(6)])
    whole = pandas.Series(np.repeat([0, 1] * 3, 3))
    for column in (whole.astype(object), whole.astype("category"), pandas.Series(pandas.arrays.SparseArray(whole))):
        assert from_frame(frame.assign(ill=column), **ASK).classes == (0, 1)
    assert from_frame(frame.assign(ill=whole.astype(bool).astype(object)), **ASK).classes == (False, True)
    codes = from_frame(frame.assign(ward=whole.astype("category")), **ASK)
    assert {"ward=0", "ward=1"} <= set(codes.names)
    huge = frame.assign(ill=[str(code + 10**30) for code in whole.tolist()])
    huge = from_frame(io.StringIO(huge.to_csv(index=False)), **ASK)
    assert huge.classes == (str(10**30), str(10**30 + 1))


def test_a_name_that_training_spelled_otherwise_is_told_its_twin():
    frame = _rows(["p", "q"]).assign(ward=["ICU", "é", "A 1"] * 2, ill=["yes"] * 3 + ["no"] * 3)
    recipe = from_frame(frame, **ASK).recipe
    for word, twin in (("icu", "ICU"), ("e\u0301", "é"), ("\ufeffICU", "ICU"), ("A-1", "A 1")):
        told = read_like(frame.assign(ward=word), recipe).findings
        assert any(f"it saw {twin!r}, which differs in spelling alone" in finding.message for finding in told)
    for label in ("Yes", "yes ", "\u200byes"):
        with pytest.raises(DataError, match="Did you mean 'yes'"):
            read_like(frame.assign(ill=[label] * 3 + ["no"] * 3), recipe, target=True)
    with pytest.raises(DataError, match="Write classes as the training did"):
        read_like(frame.assign(ill=["maybe"] * 3 + ["no"] * 3), recipe, target=True)


def test_names_that_do_not_show_are_found_among_ids(tmp_path):
    text = _rows(["p", "q", "r", "s"]).to_csv(index=False).splitlines()
    # Two files that were joined: the mark of the second stands in the middle.
    (tmp_path / "t.csv").write_text("\n".join([*text[:5], "\ufeff" + text[5], *text[6:]]), encoding="utf-8")
    data = from_frame(tmp_path / "t.csv", **ASK)
    assert [finding.column for finding in data.findings if finding.code == "spelling"] == ["patient"]


@pytest.mark.parametrize("word", ["Total", "TOTAL", "Grand total", "Promedio", "Summe", "Sub-total"])
def test_a_sum_below_the_rows_is_told(word):
    frame = _rows(["p", "q", "r", word])
    assert [finding.row for finding in from_frame(frame, **ASK).findings if finding.code == "total"] == [9]
    assert not [f for f in from_frame(_rows(["p", "q", "r", "t"]), **ASK).findings if f.code == "total"]


def test_cells_that_are_lists_are_no_fault_of_ours():
    frame = _rows(["p", "q"])
    frame["odd"] = [[k] for k in range(len(frame))]
    for part in ({"target": "odd"}, {"features": ["odd"]}, {"time": "odd"}):
        with pytest.raises(DataError, match="`odd` has the type"):
            from_frame(frame, **{**ASK, **part})
    assert len(from_frame(frame, **{**ASK, "series": "odd", "features": ["pulse"]}).ids) == len(frame)
