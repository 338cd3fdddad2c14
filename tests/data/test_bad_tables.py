import sys
from pathlib import Path

import numpy as np
import pytest

from caudal.data import Sequences, from_frame, read_like
from caudal.errors import DataError, MissingExtraError

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
pytest.importorskip("narwhals")

GOOD = {"id": [1, 1, 2, 2], "t": [0.0, 1.0, 0.0, 1.0], "x": [1.0, 2.0, 3.0, 4.0], "y": [0, 0, 1, 1]}


def read(changes: dict[str, object] | None = None, **ask: object) -> Sequences:
    frame = pandas.DataFrame({**GOOD, **(changes or {})})
    return from_frame(frame, **{"target": "y", "series": "id", "time": "t", **ask})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "ask", "text", "row"),
    [
        (
            {},
            {"target": "z"},
            "from_frame: `z` is not a column; there are 'id', 't', 'x', 'y'. Check the spelling",
            None,
        ),
        ({}, {"target": ()}, "from_frame: `target` names no column. Name the column to predict.", None),
        ({}, {"features": ["y"]}, "from_frame: `y` is both a feature and the target.", None),
        ({}, {"features": ["id"]}, "from_frame: `id` names who the row belongs to; as an input it would leak.", None),
        ({}, {"features": []}, "from_frame: `features` leave no input at all.", None),
        (
            {"x": ["1", "2", "high", "4"]},
            {},
            "from_frame: `x` holds the text 'high' at row 2. Write a number, leave the cell empty, or list the column "
            "in `categorical`.",
            2,
        ),
        ({"x": [1, np.inf, 3, 4]}, {}, "from_frame: `x` holds infinity at row 1. Write a number", 1),
        ({"x": [1, 2, 1e300, 4]}, {}, "from_frame: `x` holds 1e+300 at row 2, beyond float32. Pass `dtype=", 2),
        ({"x": [None] * 4}, {"features": ["x"]}, "from_frame: `x` is empty in every row. Take it out", None),
        ({"x": [None] * 4}, {}, "from_frame: `features` leave no input that holds a value.", None),
        ({"x": [[1], [2], [3], [4]]}, {}, "from_frame: `x` has the type Object, which is no input.", None),
        ({"id": [1, None, 2, 2]}, {}, "from_frame: `id` is missing at row 1. Name the series of every row", 1),
        ({"t": [0, None, 0, 1]}, {}, "from_frame: `t` is missing at row 1. Give every row a time", 1),
        ({"t": [0, np.inf, 0, 1]}, {}, "from_frame: `t` holds infinity at row 1.", 1),
        ({"t": ["2024-01-01", "soon", "2024-01-01", "2024-01-02"]}, {}, "`t` holds 'soon' at row 1, not a time.", 1),
        (
            {"t": [0, 0, 0, 1]},
            {},
            "from_frame: `t` is the same at row 0 and row 1, both of id 1, and the rows differ. Pass `equal_times=",
            1,
        ),
        ({"y": [0, 0, 0, 0]}, {}, "from_frame: `y` holds one class only, 0. A classifier needs", None),
        ({"y": [None] * 4}, {"task": "classify"}, "from_frame: `y` is empty in every row. A classifier", None),
        (
            {"y": [0, 0, None, None]},
            {"task": "regress"},
            "from_frame: `y` is missing in every row of series 2, first row 2. Drop the 1 series without a target",
            2,
        ),
        (
            {"y": [0, 1, 1, 1]},
            {"task": "classify"},
            "from_frame: `y` changes within series 1: 0 at row 0, 1 at row 1. Give one value per series",
            1,
        ),
        (
            {"s": [1, 2, 3, 3]},
            {"static": ["s"]},
            "from_frame: `s` changes within series 1: 1.0 at row 0, 2.0 at row 1.",
            1,
        ),
        ({"y": ["a", "a", "b", "b"]}, {"task": "regress"}, "from_frame: `y` holds the text 'a' at row 0.", 0),
        ({}, {"task": "guess"}, "from_frame: `task` is 'guess'; expected auto, classes, numbers, classify", None),
        ({}, {"task": "forecast"}, "from_frame: `horizon` is 0; a forecast looks at least 1 step ahead.", None),
        ({}, {"horizon": 5}, "windows: `length` is 20 steps and 5 ahead; the longest series has 2.", None),
        ({}, {"equal_times": "mean"}, "from_frame: `equal_times` is 'mean'; expected one of error, first", None),
        ({}, {"dtype": "int8"}, "from_frame: `dtype` is 'int8'", None),
        ({}, {"stride": 0}, "from_frame: `stride` is 0; expected at least 1.", None),
        (
            {"t": pandas.to_datetime(["2024-01-01", "2024-01-02"] * 2)},
            {"time_unit": "moons"},
            "from_frame: `time_unit` is 'moons', and `t` holds datetimes. Use one of ns, us",
            None,
        ),
        (
            {"w": pandas.to_datetime(["2024-01-01"] * 4)},
            {"features": ["w"]},
            "from_frame: `w` has the type Datetime",
            None,
        ),
    ],
)
def test_faults_name_column_row_and_remedy(changes, ask, text: str, row: int | None):
    with pytest.raises(DataError) as caught:
        read(changes, **ask)
    assert text in str(caught.value)
    assert caught.value.row == row


def test_too_many_texts_are_no_category():
    frame = pandas.DataFrame({"id": range(200), "t": 0, "x": [f"note {k}" for k in range(200)], "y": [0, 1] * 100})
    with pytest.raises(DataError, match="`x` has 200 different texts, too many for a category"):
        from_frame(frame, target="y", series="id", time="t")


def test_files_that_cannot_be_read(tmp_path: Path):
    def fails(name: str, content: bytes | None, text: str) -> None:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DataError, match=text):
            from_frame(path, target="y", series="id", time="t")

    fails("none.csv", None, "`frame` names no file")
    fails("empty.csv", b"", "`frame` names an empty file: empty.csv")
    fails("blank.csv", b"\n\n", "`frame` (cannot be read|has no rows)")
    fails("head.csv", b"id,t,x,y\n", "`frame` has no rows")
    fails("torn.csv", b'id,t,x,y\n1,0,"a,0\n', "`frame` cannot be read: torn.csv")
    fails(
        "wide.csv",
        b"id,t,x,y\n1,0,1,0\n1,1,1,0,5\n",
        r"`frame` cannot be read: wide.csv \(line 3 has 5 cells; the header has 4\)",
    )
    fails("latin.csv", "id,t,x,y\n1,0,ñ,0\n".encode("latin-1"), "`frame` cannot be read: latin.csv")
    fails("torn.parquet", b"PAR1 and then nothing", "`frame` is no Parquet file: torn.parquet")
    fails("ward.xlsx", b"x", "`frame` is no workbook: ward.xlsx")
    fails("ward.ods", b"x", "`frame` has an unknown ending: ward.ods")


def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "narwhals.stable.v2", None)
    with pytest.raises(MissingExtraError) as caught:
        read()
    assert str(caught.value) == (
        'from_frame: needs `narwhals`, which is not installed. Run `pip install "caudal[data]"`.'
    )


def test_lines_of_a_csv_are_named(tmp_path: Path):
    path = tmp_path / "ward.csv"
    path.write_text("id,t,x,y\n1,0,1,0\n1,1,2,0\n2,0,low,1\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"`x` holds the text 'low' at row 2 \(line 4 of ward.csv\)"):
        from_frame(path, target="y", series="id", time="t")


def test_no_table_at_all():
    with pytest.raises(DataError, match="`frame` is list; expected a path or a pandas, polars or pyarrow table"):
        from_frame([1, 2], target="y", series="id", time="t")


@pytest.mark.parametrize(
    ("changes", "ask", "code", "message"),
    [
        (
            {"id": [1, 1, 1, 2], "t": [0.0, 1, 1, 0], "x": [1.0, 2, 2, 3], "y": [0, 0, 0, 1]},
            {},
            "duplicates",
            "1 rows repeat another row in full, first row 2; each was kept once.",
        ),
        (
            {"t": [1.0, 0.0, 0.0, 1.0]},
            {},
            "sorted",
            "1 rows are earlier than the row before in their series, first row 1; sorted.",
        ),
        ({"x": [5.0] * 4}, {}, "constant", "`x` is 5 wherever it is given; it can tell nothing. Kept."),
        ({"w": [None] * 4}, {}, "empty", "`w` is empty in every row; left out."),
        (
            {"y": [0.5, None, 1.5, 2.5]},
            {"task": "imitate"},
            "unlabelled",
            "`y` is missing in 1 rows, first row 1; those steps are not scored.",
        ),
        (
            {"id": 1, "t": [0.0, 1.0, 2.0, 9999.0], "y": [0.1, 0.2, 0.3, 0.4]},
            {},
            "gap",
            "`t` jumps by 9997 unit before row 3, series 1; the typical gap is 1. Kept as it is: check for a wrong "
            "date, or for two series under one name.",
        ),
        ({"id": 1, "y": [0.1, 0.2, 0.3, 0.4], "t": [0, 1, 2, 3]}, {}, "single_series", "`id` names one series only"),
        ({}, {}, "rare_class", "Class 0 of `y` has one series only; it cannot stand in both training and test."),
        (
            {"t": [0.0, 0.0, 0.0, 1.0]},
            {"equal_times": "last"},
            "equal_times",
            "1 rows share series and time with another, first row 1; kept the last.",
        ),
    ],
)
def test_what_is_odd_but_harmless_is_told(changes, ask, code: str, message: str):
    found = [finding for finding in read(changes, **ask).findings if finding.code == code]
    assert found
    assert found[0].message.startswith(message)


@pytest.mark.parametrize(("rule", "values", "dt"), [("first", [1.0], 0), ("last", [2.0], 0), ("keep", [1.0, 2.0], 0)])
def test_equal_times(rule: str, values: list[float], dt: float):
    data = read({"t": [0.0, 0.0, 0.0, 1.0]}, equal_times=rule)
    assert data.values[0, : data.lengths[0], 0].tolist() == values
    assert (data.dt[0, 1:] == dt).all()


def test_another_kind_of_time_at_prediction():
    data = read()
    later = pandas.DataFrame({"id": [1], "t": pandas.to_datetime(["2024-01-01"]), "x": [1.0]})
    with pytest.raises(DataError, match="`t` holds datetimes; it held numbers when the model was fitted"):
        read_like(later, data.recipe)


def test_a_class_that_training_never_saw():
    data = read()
    frame = pandas.DataFrame({**GOOD, "y": [0, 0, 2, 2]})
    with pytest.raises(DataError, match=r"`y` holds the class 2 at row 2, which is not among \[0, 1\]"):
        read_like(frame, data.recipe, target=True)


def test_a_block_that_padding_would_blow_up():
    frame = pandas.DataFrame({"id": np.arange(200_000) // 2, "t": np.arange(200_000) % 2, "x": 1.0, "y": 0.5})
    frame.loc[:150_000, "id"] = 0
    frame["t"] = np.arange(200_000.0)
    with pytest.raises(DataError, match=r"would fill .* cells once padded to the longest series"):
        from_frame(frame, target="y", series="id", time="t", task="imitate")


@pytest.mark.parametrize(
    "form",
    ["12,34,{:03d}", "1_{:03d}", "\u2212{}.5", "~{}", "{}.5D+01", "0x{:x}", "{}/80", "{}bpm", "{}mg/dl", ">{}"],
)
def test_more_numbers_in_disguise_are_refused(form):
    cells = [form.format(100 + k * 7 % 60) for k in range(24)]
    frame = pandas.DataFrame({"id": np.repeat(range(6), 4), "t": list(range(4)) * 6, "x": cells})
    frame["y"] = np.repeat([0, 1] * 3, 4)
    with pytest.raises(DataError, match="`x` holds numbers written with"):
        from_frame(frame, target="y", series="id", time="t")
    assert len(from_frame(frame, target="y", series="id", time="t", categorical=["x"]).names) == len(set(cells))


@pytest.mark.parametrize("names", ["ICU 1", "1A", "10_20", "5-10", "<5", "T2", "3/4"])
def test_a_few_codes_are_names(names):
    other = names.replace("1", "2").replace("5", "6").replace("3", "1")
    frame = pandas.DataFrame({"id": np.repeat(range(6), 4), "t": list(range(4)) * 6, "x": [names, other] * 12})
    frame["y"] = np.repeat([0, 1] * 3, 4)
    expected = sorted({f"x={names}", f"x={other}"})
    assert sorted(from_frame(frame, target="y", series="id", time="t").names) == expected


def test_lines_that_are_no_rows_are_named_with_what_helps(tmp_path):
    good = ["id,t,x,y", *(f"{k // 3},{k % 3},{k}.5,{k // 3 % 2}" for k in range(12))]
    for lines, words in (
        ([good[0], "-,h,bpm,-", *good[1:]], "`t` holds the text 'h' at row 0 .*If the line holds units, take it out"),
        ([*good[:6], good[0], *good[6:]], "The header stands there again"),
        ([*good, "# rows: 12"], r"line 14 has 1 cells.*--comment"),
        ([*good, good[-1] + ","], "line 14 has 5 cells"),
        ([good[0], "x" * 140_000 + ",0,1,0", *good[1:]], "cannot be read: t.csv .*field larger"),
    ):
        (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
        with pytest.raises(DataError, match=words) as caught:
            from_frame(tmp_path / "t.csv", target="y", series="id", time="t")
        assert "categorical" not in str(caught.value)  # a time is no category
