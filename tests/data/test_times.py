"""Times of every spelling, zone and source give the same gaps; what cannot be read is refused with the word to type."""

import datetime as dt
import warnings
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caudal.data import Recipe, Sequences, from_frame, read_like
from caudal.data.to_table import clock
from caudal.errors import DataError

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
arrow = pytest.importorskip("pyarrow")
pytest.importorskip("narwhals")

ZONES = (
    *("UTC", "America/New_York", "America/Bogota", "America/Argentina/Buenos_Aires", "Europe/Madrid", "Asia/Kolkata"),
    *("Etc/GMT+5", "Australia/Lord_Howe", "Pacific/Apia"),
)
FORMS = {
    "%Y-%m-%dT%H:%M:%S%:z": "",
    "%Y-%m-%d %H:%M:%S%z": "",
    "%Y%m%dT%H%M%S%z": "",
    "%d/%m/%Y %H:%M:%S %z": "DD/MM/YYYY HH:mm:SS Z",
    "%m/%d/%Y %I:%M:%S %p %z": "MM/DD/YYYY hh:mm:SS AM Z",
}


def table(when: object) -> object:
    """Two series of three rows."""
    return pandas.DataFrame({"id": [1, 1, 1, 2, 2, 2], "t": when, "x": np.arange(6.0), "y": [0, 0, 0, 1, 1, 1]})


def read(frame: object, **ask: object) -> Sequences:
    return from_frame(frame, **{"target": "y", "series": "id", "time": "t", "time_unit": "s", **ask})  # type: ignore[arg-type]


def spelled(moment: object, form: str) -> str:
    text = moment.strftime(form.replace("%:z", "%z"))  # type: ignore[attr-defined]
    return f"{text[:-2]}:{text[-2:]}" if "%:z" in form else text


moments = st.lists(st.integers(0, 4_000_000_000), min_size=6, max_size=6, unique=True).map(
    lambda ticks: np.sort(np.array(ticks, "M8[s]").reshape(2, 3), axis=1).ravel()
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(when=moments, zone=st.sampled_from(ZONES), form=st.sampled_from(sorted(FORMS)))
def test_formats_zones_and_sources_give_the_same_gaps(tmp_path: Path, when: np.ndarray, zone: str, form: str):
    expected = np.diff(when.reshape(2, 3).astype(np.int64), axis=1)
    local = pandas.DatetimeIndex(when, tz="UTC").tz_convert(zone)
    frame = table(local)
    path, parquet = tmp_path / "t.csv", tmp_path / "t.parquet"
    frame.to_csv(path, index=False)
    frame.to_parquet(parquet)
    texts = table([spelled(moment, form) for moment in local])
    as_text = tmp_path / "texts.csv"
    texts.to_csv(as_text, index=False)
    ask = {"time_format": FORMS[form] or None}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = {
            "pandas": read(frame),
            "objects": read(table(list(local))),
            "csv": read(path),
            "parquet": read(parquet),
            "polars": read(polars.from_pandas(frame)),
            "arrow": read(arrow.Table.from_pandas(frame)),
            "texts": read(as_text, **ask),
            "polars texts": read(polars.from_pandas(texts), **ask),
        }
    for source, data in found.items():
        assert np.array_equal(data.dt[:, 1:], expected), source
        assert np.array_equal(data.start, when[[0, 3]].astype(np.int64)), source


@settings(max_examples=40, deadline=None)
@given(when=moments, zone=st.sampled_from(ZONES))
def test_naive_times_of_a_named_zone_are_instants(when: np.ndarray, zone: str):
    local = pandas.DatetimeIndex(when, tz="UTC").tz_convert(zone)
    wall = local.tz_localize(None)
    # An hour that comes twice is told apart by the order of rows, which single rows do not have.
    single = wall.tz_localize(zone, ambiguous=np.ones(6, bool), nonexistent="NaT") == local
    data = read(table(wall), time_zone=zone)
    expected = np.where(single, when.astype(np.int64), when.astype(np.int64) - 3600)
    if zone == "Australia/Lord_Howe":  # its clocks move by half an hour
        expected = np.where(single, expected, when.astype(np.int64) - 1800)
    assert np.array_equal(data.times[:, :3].ravel(), expected)


def test_the_hour_that_comes_twice():
    local = pandas.date_range("2024-10-26 22:00", "2024-10-27 05:00", freq="30min", tz="Europe/Madrid")
    load = np.arange(float(len(local)))
    rows = pandas.DataFrame({"t": local.tz_localize(None), "x": load, "load": load / 2})
    ask = {"target": "load", "time": "t", "task": "imitate"}
    with pytest.raises(DataError, match=r"goes back at row 10.*clocks seem to have been set back.*time_zone="):
        from_frame(rows, **ask)
    data = from_frame(rows, **ask, time_zone="Europe/Madrid", time_unit="min")
    assert set(data.dt[0].tolist()) == {30.0}
    assert [finding.code for finding in data.findings if finding.code == "clock_change"] == ["clock_change"]
    assert data.values[0, :, 0].tolist() == load.tolist()
    hourly = rows.iloc[::2].reset_index(drop=True)
    with pytest.raises(DataError, match=r"is the same at row .*clocks were set back"):
        from_frame(hourly, **ask)
    assert set(from_frame(hourly, **ask, time_zone="Europe/Madrid", time_unit="h").dt[0].tolist()) == {1.0}
    with pytest.raises(DataError, match="an hour that clocks skip in Europe/Madrid"):
        read(table(["2024-03-31 02:30", *["2024-04-01 00:00"] * 5]), time_zone="Europe/Madrid", equal_times="keep")


@settings(max_examples=60, deadline=None)
@given(
    start=st.dates(dt.date(1950, 1, 1), dt.date(2080, 1, 1)),
    gap=st.integers(1, 60),
    form=st.sampled_from(["YYYYMMDD", "YYYYMM", "YYYYDDD", "DDMMYYYY", "MMDDYYYY", "YYYYMMDDHH", "YYYYMMDDHHmm"]),
    as_text=st.booleans(),
)
def test_calendar_numbers_are_refused_with_the_word_that_reads_them(start: dt.date, gap: int, form: str, as_text: bool):
    months = form == "YYYYMM"
    days = pandas.date_range(start, periods=6, freq="MS" if months else f"{gap}D")
    codes = {"YYYY": "%Y", "DDD": "%j", "DD": "%d", "MM": "%m", "HH": "%H", "mm": "%M"}
    pattern = form
    for letters, code in codes.items():
        pattern = pattern.replace(letters, code)
    numbers = days.strftime(pattern)
    column = numbers if as_text else numbers.astype("int64")
    with pytest.raises(DataError, match="looks like calendar dates written as numbers") as caught:
        read(table(column))
    assert "time_format=" in caught.value.remedy
    assert read(table(column), time_format="number").time_unit == "s"
    data = read(table(column), time_format=form, time_unit="d")
    whole = days.to_numpy().astype("M8[D]").astype(np.int64).reshape(2, 3)
    assert np.array_equal(data.dt[:, 1:], np.diff(whole, axis=1))


@pytest.mark.parametrize(
    "numbers",
    [range(6), range(20240101, 20240701, 100), [1990, 1991, 1992] * 2, [1711828800 + 10 * k for k in range(6)]],
)
def test_counts_are_no_calendar(numbers: object):
    values = list(numbers)  # type: ignore[call-overload]
    if values[0] == 20240101:
        values = [value + 98 for value in values]  # 20240199: no date
    assert read(table(values)).dt.shape == (2, 3)


CASES = {
    "MM/DD/YYYY": ["03/30/2024", "03/31/2024", "04/02/2024"],
    "DD.MM.YYYY": ["30.03.2024", "31.03.2024", "02.04.2024"],
    "MM/DD/YYYY hh:mm AM": ["03/30/2024 12:00 AM", "03/31/2024 12:00 AM", "04/02/2024 12:00 AM"],
    "MMM-YYYY": ["Oct-2023", "Nov-2023", "Jan-2024"],
}


@pytest.mark.parametrize("form", CASES)
def test_other_forms_are_refused_with_the_format_that_reads_them(form: str):
    cells = CASES[form] * 2
    with pytest.raises(DataError, match="not a time") as caught:
        read(table(cells))
    assert f'`time_format="{form}"`' in caught.value.remedy
    gaps = read(table(cells), time_format=form, time_unit="d").dt[0, 1:].tolist()
    assert gaps == ([31.0, 61.0] if form == "MMM-YYYY" else [1.0, 2.0])


def test_days_and_months_that_may_be_either_are_both_named():
    with pytest.raises(DataError) as caught:
        read(table(["01/02/2024", "02/03/2024", "03/04/2024"] * 2))
    assert "DD/MM/YYYY" in caught.value.remedy
    assert "MM/DD/YYYY" in caught.value.remedy


@pytest.mark.parametrize(
    ("cells", "ask", "unit", "gaps"),
    [
        (["1:27:18", "1:27:48", "25:00:00"], {"time_format": "duration"}, "s", [30.0, 84732.0]),
        (["0 days 01:27:18", "0 days 01:27:48", "1 days 01:27:48"], {"time_format": "duration"}, "s", [30.0, 86400.0]),
        (["2023Q4", "2024Q1", "2024Q2"], {}, "d", [92.0, 91.0]),
        (["2023-W48", "2023-W52", "2024-W01"], {}, "d", [28.0, 7.0]),
        (["2024-365", "2024-366", "2025-001"], {}, "d", [1.0, 1.0]),
        (["2016-12-31T23:59:59Z", "2017-01-01T00:00:00Z", "2017-01-01T24:00:00Z"], {}, "s", [1.0, 86400.0]),
        (["1969-12-31 23:59:59.5", "1970-01-01 00:00:00", "1970-01-01 00:00:00.25"], {}, "s", [0.5, 0.25]),
        (["1066-10-14", "1492-10-12", "9999-12-31"], {}, "d", [155592.0, 3107197.0]),
        (["ene 2024", "feb 2024", "abr 2024"], {"time_format": "MMM YYYY"}, "d", [31.0, 60.0]),
        ([1711828800, 1711828860, 1711832460], {"time_format": "unix"}, "min", [1.0, 60.0]),
    ],
)
def test_spellings(cells: list[object], ask: dict[str, str], unit: str, gaps: list[float]):
    data = read(table(cells * 2), time_unit=unit, **ask)
    assert data.dt[0, 1:].tolist() == gaps
    again = Recipe.from_json(data.recipe.to_json())
    assert again == data.recipe
    assert read_like(table(cells * 2).drop(columns="y"), again).dt.tolist() == data.dt.tolist()


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-03-30", "2024-03-31", "2024-04-02"],
        ["2024-03-30T20:00:00Z", "2024-03-31T20:00:00Z", "2024-04-02T20:00:00Z"],
        ["2024-03-30 20:00:00-05:00", "2024-03-31 20:00:00-05:00", "2024-04-02 20:00:00-05:00"],
        ["20240330T200000", "20240331T200000", "20240402T200000"],
        ["2024-03-30T20:00:00.125+05:30", "2024-03-31T20:00:00.125+05:30", "2024-04-02T20:00:00.125+05:30"],
        ["2024-03", "2024-04", "2024-06"],
        ["2023Q4", "2024Q1", "2024Q3"],
        ["2023-W48", "2023-W52", "2024-W01"],
    ],
)
def test_times_are_told_as_they_were_written(cells: list[str]):
    assert clock(read(table(cells * 2)))[0].tolist() == cells


def test_what_database_drivers_give():
    days = [dt.date(2024, 3, 30), dt.date(2024, 3, 31), dt.date(2024, 4, 2)]
    for cells in (days, [Decimal(k) for k in (0, 1, 3)], [dt.timedelta(days=k) for k in (0, 1, 3)]):
        unit = "d" if not isinstance(cells[0], Decimal) else None
        assert read(table(pandas.Series(cells * 2, dtype=object)), time_unit=unit).dt[0, 1:].tolist() == [1.0, 2.0]
    period = pandas.PeriodIndex(["2024-01", "2024-02", "2024-04"] * 2, freq="M")
    data = read(table(period), time_unit="d")
    assert data.dt[0, 1:].tolist() == [31.0, 60.0]
    assert clock(data)[0].tolist() == ["2024-01", "2024-02", "2024-04"]
    size = polars.Series([dt.timedelta(hours=k) for k in (0, 1, 3)] * 2)
    assert read(polars.from_pandas(table(0)).with_columns(t=size), time_unit="h").dt[0, 1:].tolist() == [1.0, 2.0]


def test_mixed_offsets_are_told_and_zones_are_never_stripped():
    cells = ["2024-03-30T12:00:00+01:00", "2024-03-31T12:00:00+02:00", "2024-04-01T12:00:00+02:00"]
    data = read(table(cells * 2), time_unit="h")
    assert data.dt[0, 1:].tolist() == [23.0, 24.0]
    assert any("offsets (+01:00, +02:00)" in finding.message for finding in data.findings)
    named = read(table(cells * 2), time_zone="Europe/Madrid")
    assert clock(named)[0].tolist() == cells
    with pytest.raises(DataError, match="with a zone and without"):
        read(table([*cells[:2], "2024-04-01T12:00:00"] * 2))
    later = read_like(table(["2024-03-30T12:00:00", "2024-03-31", "2024-04-01"] * 2), named.recipe)
    assert later.times[0, 1] - later.times[0, 0] == 12 * 3600


@pytest.mark.parametrize(
    ("cells", "ask", "text"),
    [
        (["2024-02-30"] * 3, {}, "holds '2024-02-30' at row 0, not a time"),
        (["today", "2024-01-01", "2024-01-02"], {}, "holds 'today' at row 0, not a time"),
        (["2024-01-01"] * 3, {"time_zone": "Mars"}, "`time_zone` is 'Mars', which is no time zone"),
        (["2024-01-01"] * 3, {"time_format": "soon"}, "`time_format` is 'soon', which is no format"),
        (["2023-366", "2024-001", "2024-002"], {}, "holds '2023-366' at row 0, not a time"),
        (["2024-W60", "2024-W01", "2024-W02"], {}, "holds '2024-W60' at row 0, not a time"),
        (["31/12/2024", "12/31/2024", "1/1/2025"], {"time_format": "DD/MM/YYYY"}, "written as DD/MM/YYYY"),
    ],
)
def test_what_is_no_time(cells: list[str], ask: dict[str, str], text: str):
    with pytest.raises(DataError) as caught:
        read(table(cells * 2), **ask)
    assert text in str(caught.value)


@pytest.mark.parametrize("wrong", [20240230, 0, 99999999])
def test_dates_with_a_mistake_among_them_are_dates(wrong: int):
    with pytest.raises(DataError, match=r"looks like calendar dates .*YYYYMMDD"):
        read(table([20231229, 20231230, 20231231, 20240101, 20240102, wrong]))


def test_times_of_day_written_as_numbers():
    minutes = 595 + 5 * np.arange(6)
    clock = minutes // 60 * 100 + minutes % 60
    with pytest.raises(DataError, match=r"looks like times of day written as numbers .*HHmm"):
        read(table(clock))
    data = read(table(clock), time_format="HHmm", time_unit="min")
    assert np.array_equal(data.dt[:, 1:], np.full((2, 2), 5.0))
    assert read(table(np.arange(6) * 50)).dt.shape == (2, 3)


@pytest.mark.parametrize("scale, form", [(1, "unix"), (10**3, "unix-ms"), (10**6, "unix-us"), (10**9, "unix-ns")])
@pytest.mark.parametrize("said", ["unix", "unix-ms", "unix-us", "unix-ns"])
def test_counts_since_1970_in_another_unit_are_refused_with_theirs(scale: int, form: str, said: str):
    counts = (1711828800 + 60 * np.arange(6)) * scale
    if said == form:
        assert np.allclose(read(table(counts), time_format=said, time_unit="min").dt[:, 1:], 1)
        return
    with pytest.raises(DataError, match=f'time_format="{form}"'):
        read(table(counts), time_format=said)


def test_gaps_beyond_what_networks_count_are_refused():
    with pytest.raises(DataError, match=r"`t` jumps by more than 3.4e\+38 before row"):
        read(table([0.0, 1e300, 1.5e300, 0.0, 1.0, 2.0]))
