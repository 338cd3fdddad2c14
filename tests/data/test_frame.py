from pathlib import Path

import numpy as np
import pytest

from caudal.data import Recipe, Sequences, from_frame, read_like

pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")
pytest.importorskip("narwhals")

WARD = {
    "patient": ["p1", "p1", "p1", "p2", "p2", "p3"],
    "day": [0.0, 2.0, 9.0, 1.0, 2.0, 5.0],
    "pulse": [60, 61, None, 70, None, 80],
    "unit": ["ICU", "ICU", "A", None, "B", "A"],
    "age": [30, 30, 30, 41, None, 50],
    "sex": ["f", "f", "f", "m", "m", None],
    "dead": [0, 0, 0, 1, 1, 0],
}
ASK = {"target": "dead", "series": "patient", "time": "day", "static": ["age"], "sensitive": ["sex"], "time_unit": "d"}


def read(frame: object, **more: object) -> Sequences:
    return from_frame(frame, **{**ASK, **more})  # type: ignore[arg-type]


def test_the_long_form_becomes_one_block():
    data = read(pandas.DataFrame(WARD))
    assert data.task == "classify"
    assert data.names == ("pulse", "unit=A", "unit=B", "unit=ICU")
    assert data.ids.tolist() == ["p1", "p2", "p3"]
    assert data.lengths.tolist() == [3, 2, 1]
    assert data.values[0].tolist() == [[60, 0, 0, 1], [61, 0, 0, 1], [0, 1, 0, 0]]
    assert data.observed[0, :, 0].tolist() == [True, True, False]
    assert data.observed[1, :, 1].tolist() == [False, True, False]
    # The median of the gaps 2, 7 and 1 stands before the first step of each series.
    assert data.dt.tolist() == [[2, 2, 7], [2, 1, 0], [2, 0, 0]]
    assert data.start.tolist() == [0, 1, 5]
    assert data.static[:, 0].tolist() == [30, 41, 50]
    assert data.target.tolist() == [0, 1, 0]
    assert data.classes == (0, 1)


def test_sensitive_columns_are_kept_apart():
    data = read(pandas.DataFrame(WARD))
    assert data.sensitive["sex"].tolist() == ["f", "m", ""]
    assert not any(name.startswith("sex") for name in (*data.names, *(s.name for s in data.statics)))
    assert [f.message for f in data.findings if f.code == "missing_sensitive"] == [
        "`sex` is missing in 1 rows, first row 5."
    ]
    asked = read(pandas.DataFrame(WARD), static=["age", "sex"])
    assert [s.name for s in asked.statics] == ["age", "sex=f", "sex=m"]


@pytest.mark.parametrize("form", ["pyarrow", "polars", "polars lazy", "csv", "tsv", "parquet"])
def test_every_kind_of_table_gives_the_same_bits(form: str, tmp_path: Path):
    frame = pandas.DataFrame(WARD)
    table = pyarrow.table(WARD)
    if form == "pyarrow":
        source = table
    elif form.startswith("polars"):
        polars = pytest.importorskip("polars")
        source = polars.DataFrame(WARD).lazy() if form.endswith("lazy") else polars.DataFrame(WARD)
    else:
        source = tmp_path / f"ward.{form}"
        if form == "parquet":
            frame.to_parquet(source)
        else:
            frame.to_csv(source, index=False, sep="\t" if form == "tsv" else ",")
    assert read(source).digest == read(frame).digest


def test_rows_in_any_order_give_the_same_series():
    frame = pandas.DataFrame(WARD)
    mixed = read(frame.iloc[[5, 2, 0, 4, 1, 3]])
    assert mixed.ids.tolist() == ["p3", "p1", "p2"]
    assert mixed.select([1, 2, 0]).digest == read(frame).digest
    assert "sorted" in [finding.code for finding in mixed.findings]


@pytest.mark.parametrize(
    ("unit", "gap"), [(None, 2.0), ("h", 48.0), ("s", 172_800.0), ("w", 2 / 7)], ids=["chosen", "h", "s", "w"]
)
@pytest.mark.parametrize("form", ["datetime", "text", "zone", "date", "polars"])
def test_datetimes_are_measured_in_the_unit(unit: str | None, gap: float, form: str):
    days = pandas.to_datetime(["2024-02-28", "2024-03-01", "2024-03-03"])
    frame = pandas.DataFrame({"id": 1, "t": days, "x": [1.0, 2.0, 3.0], "y": [0.5, 0.6, 0.7]})
    if form == "text":
        frame["t"] = days.strftime("%Y-%m-%d %H:%M:%S")
    elif form == "zone":
        frame["t"] = days.tz_localize("America/Bogota")
    elif form == "date":
        frame = pyarrow.Table.from_pandas(frame)
        frame = frame.set_column(1, "t", frame["t"].cast(pyarrow.date32()))
    elif form == "polars":
        frame = pytest.importorskip("polars").from_pandas(frame)
    data = from_frame(frame, target="y", series="id", time="t", time_unit=unit)
    assert data.time_unit == (unit or "d")
    assert np.allclose(data.dt[0], gap)


def test_order_of_rows_can_be_the_time():
    data = read(pandas.DataFrame(WARD).drop(columns="day"), time=None, time_unit=None)
    assert data.dt.tolist() == [[1, 1, 1], [1, 1, 0], [1, 0, 0]]
    assert data.time_unit == "step"


@pytest.mark.parametrize(
    ("column", "task"),
    [
        ([0, 0, 1, 1], "classify"),
        (["n", "n", "y", "y"], "classify"),
        ([True, True, False, False], "classify"),
        ([0.5, 0.5, 1.5, 1.5], "regress"),
        ([0, 1, 1, 0], "classify_steps"),
        (["n", "y", "y", "n"], "classify_steps"),
        ([0.1, 0.2, 0.3, 0.4], "imitate"),
    ],
)
def test_auto_task(column: list[object], task: str):
    frame = pandas.DataFrame({"id": [1, 1, 2, 2], "t": [0, 1, 0, 1], "x": [1.0, 2, 3, 4], "y": column})
    assert from_frame(frame, target="y", series="id", time="t").task == task


def test_two_numbers_at_each_step():
    frame = pandas.DataFrame({"id": 1, "t": [0, 1], "x": [1.0, 2], "steer": [0.1, 0.2], "gas": [1.0, 0.0]})
    data = from_frame(frame, target=["steer", "gas"], series="id", time="t")
    assert data.task == "imitate"
    assert data.outputs == ("steer", "gas")
    assert data.target[0].tolist() == [[np.float32(0.1), 1.0], [np.float32(0.2), 0.0]]


def test_forecasts_see_their_own_past():
    frame = pandas.DataFrame({"id": 1, "t": range(10), "x": np.arange(10.0), "y": np.arange(10.0) * 2})
    data = from_frame(frame, target="y", series="id", time="t", horizon=2, window=4, stride=2)
    assert data.task == "forecast"
    assert data.names == ("x", "y")
    assert data.target[:, :, 0].tolist() == [[8, 10], [12, 14], [16, 18]]
    assert data.values[0, :, 1].tolist() == [0, 2, 4, 6]
    future = read_like(frame, data.recipe)
    assert future.values[0, :, 1].tolist() == [12, 14, 16, 18]
    assert future.target is None
    assert future.ahead.tolist() == [[1, 1]]
    short = read_like(frame.head(2), data.recipe)
    assert short.lengths.tolist() == [2]


def test_read_like_keeps_columns_classes_and_unit():
    data = read(pandas.DataFrame(WARD))
    recipe = Recipe.from_json(data.recipe.to_json())
    assert recipe == data.recipe
    assert read_like(pandas.DataFrame(WARD), recipe, target=True).digest == data.digest
    new = pandas.DataFrame({"day": [3, 9], "patient": ["q", "q"], "unit": ["C", "A"], "pulse": [1.0, 2.0], "age": 20})
    fresh = read_like(new, recipe)
    assert fresh.names == data.names
    assert fresh.target is None
    assert fresh.dt.tolist() == [[2, 6]]
    assert fresh.values[0].tolist() == [[1, 0, 0, 0], [2, 1, 0, 0]]
    assert [f.message for f in fresh.findings] == [
        "`unit` holds 'C' at row 0, which training never saw; 1 such cells are read as missing."
    ]


def test_numbers_can_be_categories():
    data = read(pandas.DataFrame(WARD), features=["pulse"], categorical=["pulse"])
    assert data.names[:2] == ("pulse=60.0", "pulse=61.0") or data.names[:2] == ("pulse=60", "pulse=61")
    assert {feature.kind for feature in data.features} == {"category"}


def test_units_and_groups():
    frame = pandas.DataFrame(WARD).assign(house=["x", "x", "x", "x", "x", "z"])
    data = read(frame, features=["pulse"], group="house", units={"pulse": "1/min"})
    assert data.units == ("1/min",)
    assert data.group.tolist() == ["x", "x", "z"]
