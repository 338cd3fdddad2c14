"""NAFLD: irregular laboratory visits of a population cohort, and who died within five years."""

from typing import TYPE_CHECKING

import numpy as np

from caudal.data.datasets.files import Card, Dataset, read_csv, shipped
from caudal.data.frame import from_frame
from caudal.data.split import split

if TYPE_CHECKING:
    from pandas import DataFrame

YEARS = 5
_DAYS = 365 * YEARS
_VISITS = 3
_TESTS = {"hdl": "mg/dL", "sbp": "mmHg", "smoke": "", "fib4": ""}
_HIGHEST_SBP = 300.0

CARD = Card(
    name="nafld",
    title="Fatty liver cohort: death within 5 years from irregular laboratory visits",
    task="classify a person: dead (1) or alive (0) 5 years (1,825 days) after the index date, from visits before it",
    source=(
        "Population study of non-alcoholic fatty liver disease (Olmsted County, Minnesota); tables nafld1 and nafld2 "
        "of the R package survival; Allen et al., Hepatology 67 (2018) 1726-1736"
    ),
    licence="LGPL, version 2 or later (R package survival 3.5-3, whose tables ship with caudal as CSV)",
    licence_checked=True,
    obtain='pip install "caudal[data]"; the tables are part of caudal',
    package=("caudal",),
    counts={
        "people": 17_549,
        "lab_values": 400_123,
        "series": 6_246,
        "positive": 540,
        "median_visits": 7,
        "with_enough_visits": 10_364,
        "censored_and_dropped": 4_118,
    },
    sensitive=("sex", "age"),
    bias=(
        "4,118 of 10,364 people with at least 3 visits were alive when last seen before 5 years and are dropped: the "
        "rate of death is too high for the population (8.6 % here). Recent cases are dropped more often.",
        "Death within 5 years is more common among men (10.6 %) than women (7.2 %).",
        "One county, mostly of European ancestry; race is not recorded. People who see doctors often have more visits, "
        "and the times of visits tell about health.",
        "People with the disease were matched to others of the same age and sex, so the mix of ages is not natural.",
    ),
    leaks=(
        "In the tables that ship, `chol` repeats `hdl` and `dbp` repeats `sbp` in every row: they are copies, and "
        "are left out here. Other studies of this copy that list six tests used four.",
        "Visits after the index date would tell the outcome; only days up to 0 are read.",
    ),
    protocols={
        "clean": "70/10/20, stratified by outcome; one person is one series. No paper defines another protocol."
    },
    citation="Allen AM, Therneau TM, Larson JJ, et al. Hepatology 2018;67:1726-1736.",
)


def load(*, seed: int = 0, sensitive_inputs: bool = True) -> Dataset:
    """The cohort as `Sequences`: one step per day with a test, time in days.

    Arguments:
        seed: of the split.
        sensitive_inputs: whether age and sex are static inputs as well as sensitive attributes. They are by default,
            as in the reference results; without age no model of death is of use.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    frame = cohort()
    data = from_frame(
        frame,
        target="dead",
        series="id",
        time="days",
        features=list(_TESTS),
        static=["age", "sex"] if sensitive_inputs else [],
        sensitive=["sex", "age"],
        task="classify",
        time_unit="d",
        units=_TESTS,
    )
    return Dataset(CARD, data, split(data, val=0.1, test=0.2, seed=seed))


def table(name: str) -> "DataFrame":
    """One of the three tables that ship, as a pandas frame in the order of their source.

    Arguments:
        name: `"nafld1"` (people), `"nafld2"` (laboratory tests) or `"nafld3"` (dated events).

    Raises:
        DataError: the table does not ship.
        MissingExtraError: pandas is not installed.
    """
    path = shipped(CARD, "data", "datasets", "nafld_tables", f"{name}.csv.gz")
    frame: DataFrame = read_csv(CARD, path, ("id",), float_precision="round_trip")
    return frame


def cohort() -> "DataFrame":
    """The cohort as a long pandas frame: id, days, hdl, sbp, smoke, fib4, age, sex, dead."""
    people, tests = table("nafld1"), table("nafld2")
    tests = tests[(tests["days"] <= 0) & tests["test"].isin(list(_TESTS))].copy()
    # One value of 13,682 mmHg and its like are slips of the pen.
    impossible = (tests["test"] == "sbp") & ((tests["value"] > _HIGHEST_SBP) | (tests["value"] <= 0))
    tests.loc[impossible, "value"] = np.nan
    visits = tests.drop_duplicates(["id", "days", "test"]).pivot(index=["id", "days"], columns="test", values="value")
    visits = visits[list(_TESTS)].reset_index()
    dead = (people["status"] == 1) & (people["futime"] < _DAYS)
    people = people.assign(dead=dead.astype(int), sex=people["male"].map({0: "female", 1: "male"}))
    people = people[dead | (people["futime"] >= _DAYS)]
    counts = visits.groupby("id")["days"].transform("size")
    return visits[counts >= _VISITS].merge(people[["id", "age", "sex", "dead"]], on="id").reset_index(drop=True)
