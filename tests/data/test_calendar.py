"""Forecasts stand on the calendar of the data: the dates that pandas would go on with."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.data import Sequences, from_frame, read_like, split
from caudal.data.split import default_window
from caudal.data.to_table import clock
from caudal.errors import DataError

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pytest.importorskip("narwhals")
pytest.importorskip("pyarrow")

FREQS = (
    *("MS", "ME", "QS-JAN", "QS-FEB", "QE-DEC", "QE-NOV", "YS-JAN", "YE-JUN", "BMS", "BME", "2MS", "WOM-3FRI", "B"),
    *("W-SUN", "W-WED", "D", "3D", "2W-MON", "h", "15min", "90s", "C"),
)
ZONES = ("", "UTC", "America/New_York", "Europe/Madrid", "America/Bogota", "Australia/Lord_Howe")


def ahead(data: Sequences) -> np.ndarray:
    """The times of the steps ahead, `(batch, horizon)`, as the table writes them."""
    last = data.times[np.arange(len(data)), data.lengths - 1]
    return clock(data, last[:, None] + np.cumsum(np.asarray(data.ahead), axis=1))


def forecast(frame: object, horizon: int, **ask: object) -> Sequences:
    options = {"target": "load", "time": "when", "horizon": horizon, **ask}
    whole = from_frame(frame, **options)  # type: ignore[arg-type]
    return read_like(frame, whole.recipe)


def meter(when: object, load: object = None, **more: object) -> object:
    values = np.sin(np.arange(len(when))) if load is None else load  # type: ignore[arg-type]
    return pandas.DataFrame({"when": when, "load": values, **more})


@settings(max_examples=80, deadline=None)
@given(
    freq=st.sampled_from(FREQS),
    zone=st.sampled_from(ZONES),
    start=st.datetimes(pandas.Timestamp("1950-01-01"), pandas.Timestamp("2090-01-01")),
    horizon=st.integers(1, 14),
    hour=st.sampled_from([0, 8]),
    hole=st.booleans(),
)
def test_forecasts_go_on_as_the_dates_of_pandas(
    freq: str, zone: str, start: object, horizon: int, hour: int, hole: bool
):
    if freq == "C":
        freq = pandas.offsets.CustomBusinessDay(weekmask="Sun Mon Tue Wed Thu")
    rows = 60 + horizon
    begin = pandas.Timestamp(start).normalize() + pandas.Timedelta(hours=hour)
    if zone == "":
        dates = pandas.date_range(begin, periods=rows, freq=freq)
    elif str(freq) in ("h", "15min", "90s"):
        dates = pandas.date_range(begin, periods=rows, freq=freq, tz="UTC").tz_convert(zone)
    else:
        wall = pandas.date_range(begin, periods=rows, freq=freq)
        dates = wall.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(rows, bool))
    known = dates[:-horizon]
    if hole:
        known = known.delete([20, 21, 35])
    data = forecast(meter(known), horizon)
    assert data.recipe is not None
    assert [pandas.Timestamp(moment) for moment in ahead(data)[0]] == list(dates[-horizon:])


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m", "%Y%m%d", "%d/%m/%Y"])
def test_dates_ahead_are_spelled_as_the_table_spells_them(form: str, tmp_path: Path):
    dates = pandas.date_range("2015-01-01", periods=66, freq="MS")
    meter(dates[:-6].strftime(form)).to_csv(tmp_path / "t.csv", index=False)
    words = {"%Y%m%d": "YYYYMMDD", "%d/%m/%Y": "DD/MM/YYYY"}
    data = forecast(tmp_path / "t.csv", 6, time_format=words.get(form))
    assert ahead(data)[0].tolist() == dates[-6:].strftime(form).tolist()


def test_quarters_weeks_and_periods_go_on():
    quarters = [f"{2010 + k // 4}Q{k % 4 + 1}" for k in range(44)]
    assert ahead(forecast(meter(quarters[:-4]), 4))[0].tolist() == quarters[-4:]
    weeks = pandas.date_range("2023-01-02", periods=70, freq="W-MON")
    texts = [f"{day.isocalendar().year}-W{day.isocalendar().week:02d}" for day in weeks]
    assert ahead(forecast(meter(texts[:-6]), 6))[0].tolist() == texts[-6:]
    months = pandas.period_range("2015-01", periods=66, freq="M")
    assert ahead(forecast(meter(months[:-6]), 6))[0].tolist() == months[-6:].astype(str).tolist()


def test_days_of_a_zone_keep_their_hour_over_a_change_of_clocks():
    local = pandas.date_range("2024-01-01 08:00", periods=100, freq="D")
    zoned = local.tz_localize("Europe/Madrid")
    expected = [moment.isoformat() for moment in zoned[-20:]]
    written = [moment.isoformat() for moment in zoned[:-20]]
    assert ahead(forecast(meter(written), 20, time_zone="Europe/Madrid"))[0].tolist() == expected
    told = ahead(forecast(meter(local[:-20]), 20, time_zone="Europe/Madrid"))[0]
    assert [moment.isoformat() for moment in told] == expected
    frame = polars.from_pandas(meter(zoned[:-20]))
    assert [moment.isoformat() for moment in ahead(forecast(frame, 20))[0]] == expected


def test_irregular_times_are_told_and_go_on_by_the_typical_gap():
    rng = np.random.default_rng(0)
    when = pandas.Timestamp("2024-01-01") + pandas.to_timedelta(np.cumsum(rng.integers(1, 90, 80)), unit="h")
    whole = from_frame(meter(when), target="load", time="when", horizon=3)
    assert [finding.code for finding in whole.findings if finding.code == "irregular"] == ["irregular"]
    assert whole.recipe is not None
    data = read_like(meter(when), whole.recipe)
    assert set(np.asarray(data.ahead)[0].tolist()) == {whole.recipe.first_dt}


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.sampled_from(["D", "B", "MS", "h"]))
def test_rows_ahead_are_what_is_forecast(count: int, freq: str):
    dates = pandas.date_range("2010-01-01", periods=80 + count, freq=freq)
    frame = meter(dates, promo=0.0)
    frame.loc[80:, "load"] = np.nan
    frame.loc[80:, "promo"] = 1.0
    whole = from_frame(frame, target="load", time="when", horizon=5)
    assert "left out of the training" in next(f.message for f in whole.findings if f.code == "ahead")
    assert whole.target_mask is not None
    assert whole.target_mask.all()
    data = read_like(frame, whole.recipe)  # type: ignore[arg-type]
    assert not data.values[:, :, data.names.index("promo")].any()
    assert ahead(data)[0].tolist()[:count] == dates[80:85][:count].to_numpy().astype("M8[us]").tolist()
    words = next(finding.message for finding in data.findings if finding.code == "ahead")
    assert "promo is not used" in words
    assert ("the first 5" in words) == (count > 5)


def test_a_row_ahead_may_leave_the_calendar():
    dates = pandas.date_range("2024-01-01", periods=80, freq="D")
    when = dates.append(pandas.DatetimeIndex(["2024-04-01"]))
    frame = meter(when)
    frame.loc[80, "load"] = np.nan
    shown = ahead(forecast(frame, 3))[0].astype("M8[D]").astype(str).tolist()
    assert shown == ["2024-04-01", "2024-04-02", "2024-04-03"]


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 300), st.integers(1, 14))
def test_a_default_window_fits_or_the_numbers_that_would_do_are_told(rows: int, horizon: int):
    frame = meter(pandas.date_range("2000-01-01", periods=rows, freq="D"))
    data = from_frame(frame, target="load", time="when", horizon=horizon)
    try:
        parts = split(data, val=0.15, test=0.2, by="past")
    except DataError as error:
        assert f"the longest series has {rows} rows" in str(error)
        assert "need" in str(error)
        return
    assert min(len(parts.train), len(parts.val), len(parts.test)) >= 1
    first = data.end - np.asarray(data.ahead)[:, 1:].sum(axis=1)
    assert data.end[parts.train].max() < first[parts.val].min()
    assert data.end[parts.val].max() < first[parts.test].min()


def test_the_window_that_is_told_does():
    frame = meter(pandas.date_range("2000-01-01", periods=100, freq="D"))
    data = from_frame(frame, target="load", time="when", horizon=8, window=60)
    with pytest.raises(DataError, match=r"need \d+ rows, and the longest series has 100 rows") as caught:
        split(data, val=0.15, test=0.2, by="past")
    window = int(caught.value.remedy.split("window=")[1].split("`")[0])
    fitting = from_frame(frame, target="load", time="when", horizon=8, window=window)
    assert len(split(fitting, val=0.15, test=0.2, by="past").val)
    assert default_window(np.array([144]), 12) == 24
    assert default_window(np.array([1000]), 12) == 48


def test_one_series_needs_no_column_but_several_do():
    dates = pandas.date_range("2000-01-01", periods=60, freq="D")
    assert len(np.unique(from_frame(meter(dates), target="load", time="when", horizon=3).group)) == 1
    several = pandas.concat([meter(dates), meter(dates, load=2.0)])
    with pytest.raises(DataError, match="If the table holds several series, name the column"):
        from_frame(several, target="load", time="when", horizon=3)
    with pytest.raises(DataError, match="`series` is missing"):
        from_frame(meter(dates), target="load", time="when")
