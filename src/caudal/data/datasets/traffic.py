"""Traffic on the Interstate 94, with natural gaps of hours and days (UCI, LTC paper)."""

from pathlib import Path

import numpy as np

from caudal.data.arrays import from_arrays
from caudal.data.datasets.files import Card, Dataset, find, read_csv
from caudal.data.datasets.sensors import paper_shuffle
from caudal.data.frame import from_frame
from caudal.data.split import split
from caudal.data.window import windows

_FILE = "Metro_Interstate_Traffic_Volume.csv"

CARD = Card(
    name="traffic",
    title="Traffic volume of an interstate from weather and hour, with natural gaps",
    task="a number at each step: vehicles in the same hour",
    source="Hogue (2019), UCI repository 492",
    licence="CC BY 4.0",
    obtain="Download data set 492 (Metro Interstate Traffic Volume) from archive.ics.uci.edu and pass its folder.",
    counts={"rows": 48_204, "repeated_hours": 7_629, "paper_windows": 12_043},
    bias=("One station, 2012-2018. Hours with several kinds of weather appear once for each.",),
    leaks=(
        "The paper's windows overlap (stride 4 of 32) and are split at random: test hours stand in training.",
        "Its holiday column is 0 in every row (a comparison that is never true), and repeated hours are kept as steps.",
    ),
    protocols={
        "paper": "7 inputs as coded, volume scaled on all data, windows of 32, stride 4, random 75/10/15.",
        "clean": "One row per hour, true gaps (h), windows of 48, stride 24, split by time 70/15/15.",
    },
    citation="Hasani R, Lechner M, Amini A, Rus D, Grosu R. AAAI 2021 (protocol).",
)


def load(*, folder: Path, protocol: str = "clean") -> Dataset:
    """48,204 rows of one road.

    Raises:
        DataError: the file is missing or not what it should be.
    """
    needed = ("holiday", "temp", "rain_1h", "snow_1h", "clouds_all", "weather_main", "date_time", "traffic_volume")
    frame = read_csv(CARD, find(CARD, folder, _FILE), needed)
    clock = frame["date_time"].to_numpy().astype("datetime64[h]").astype(np.int64)
    # 1970 began on a Thursday, day 3 of a week from Monday.
    hour, weekday = clock % 24, (clock // 24 + 3) % 7
    if protocol == "paper":
        temp = frame["temp"].to_numpy(dtype=np.float32)
        columns = [np.zeros(len(frame)), temp - temp.mean()]
        columns += [frame[name].to_numpy(dtype=np.float32) for name in ("rain_1h", "snow_1h", "clouds_all")]
        x = np.stack([*columns, weekday, np.sin(hour * np.pi / 24)], axis=1)
        y = frame["traffic_volume"].to_numpy(dtype=np.float32)
        y = (y - y.mean()) / y.std()
        rows = np.arange(0, len(x) - 32, 4)[:, None] + np.arange(32)
        names = ["holiday", "temp", "rain", "snow", "clouds", "weekday", "noon"]
        data = from_arrays(x[rows], y[rows][:, :, None], axes="time_first", task="imitate", names=names)
        return Dataset(CARD, data, paper_shuffle(len(data), 23489), protocol)
    # A holiday is named at midnight only; the clean task marks its whole day.
    day = clock // 24
    frame = frame.assign(
        road="I-94",
        hour=clock,
        is_holiday=np.isin(day, day[frame["holiday"].notna().to_numpy()]).astype(np.int64),
        hour_sin=np.sin(2 * np.pi * hour / 24),
        hour_cos=np.cos(2 * np.pi * hour / 24),
        weekday=[str(d) for d in weekday.tolist()],
        # 0 K and 9.8 m of rain in an hour are faults of the station.
        temp=frame["temp"].where(frame["temp"] > 200),
        rain_1h=frame["rain_1h"].where(frame["rain_1h"] < 1000),
    )
    inputs = ["temp", "rain_1h", "snow_1h", "clouds_all", "weather_main", "is_holiday"]
    whole = from_frame(
        frame,
        target="traffic_volume",
        series="road",
        time="hour",
        features=[*inputs, "hour_sin", "hour_cos", "weekday"],
        categorical=["weekday"],
        task="imitate",
        time_unit="h",
        units={"temp": "K", "rain_1h": "mm", "snow_1h": "mm", "clouds_all": "%"},
        equal_times="first",
    )
    data = windows(whole, 48, 24)
    return Dataset(CARD, data, split(data, by="time"), protocol)
