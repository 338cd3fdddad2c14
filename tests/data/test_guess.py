"""What a table tells about its columns, on tables of many shapes; where it does not tell, no guess."""

import numpy as np
import pandas as pd
import pytest

from caudal.data import Columns, from_frame, propose

ROWS, PEOPLE = 60, 12
RNG = np.random.default_rng(0)
PERSON = np.repeat(np.arange(PEOPLE), 5)
DAY = np.tile(np.arange(5) * 2.0, PEOPLE)
NOISE = RNG.normal(size=ROWS)
DATES = (pd.Timestamp("2024-01-01") + pd.to_timedelta(DAY, unit="D")).astype(str)
HOURS = pd.date_range("2024-01-01", periods=200, freq="h")
LONG = RNG.normal(size=200)


def asked(**columns):
    """Values by part, `?` where it is not sure; and what is needed and not known."""
    proposal = propose(pd.DataFrame(columns))
    values = {guess.part: guess.value if guess.is_sure else "?" for guess in proposal.guesses}
    return values, proposal.unsure


SURE = {
    "visits": (
        {"patient": PERSON, "day": DAY, "pulse": NOISE, "ill": PERSON % 2},
        {"target": ("ill",), "series": ("patient",), "time": ("day",)},
    ),
    "text ids, a date and protected attributes": (
        {
            "subject_id": [f"P{p:03d}" for p in PERSON],
            "visit_date": DATES,
            "sex": np.where(PERSON % 3, "f", "m"),
            "age": 40 + PERSON,
            "pulse": NOISE,
            "died": PERSON % 2,
        },
        {"target": ("died",), "series": ("subject_id",), "time": ("visit_date",), "sensitive": ("sex",)},
    ),
    "one series, one column": (
        {"when": HOURS, "load": LONG},
        {"target": ("load",), "series": (), "time": ("when",), "horizon": ("24",)},
    ),
    "one series, classes at each step, with places x, y, z": (
        {
            "x": LONG,
            "y": LONG[::-1],
            "z": LONG**2,
            "timestamp": np.arange(200) * 30,
            "phase": np.repeat(["a", "b"], 100),
        },
        {"target": ("phase",), "series": (), "time": ("timestamp",), "task": ("classify_steps",)},
    ),
    "stays of patients": (
        {"patient": PERSON // 3, "stay": PERSON, "hour": DAY, "x": NOISE, "died": PERSON % 2},
        {"target": ("died",), "series": ("stay",), "time": ("hour",), "group": ("patient",)},
    ),
    "machines side by side": (
        {
            "machine": np.tile(["a", "b", "c"], 20),
            "time": np.repeat(np.arange(20), 3),
            "temp": NOISE,
            "failure": np.tile([0, 1, 0], 20),
        },
        {"target": ("failure",), "series": ("machine",), "time": ("time",)},
    ),
    "a clock that goes on from person to person": (
        {"user": PERSON, "timestamp": np.arange(ROWS), "x": NOISE, "activity": np.where(DAY > 4, "run", "walk")},
        {"target": ("activity",), "series": ("user",), "time": ("timestamp",)},
    ),
    "dates of birth and of admission beside the time": (
        {
            "patient": PERSON,
            "birth": "1980-01-01",
            "admitted": [f"2024-01-{p + 1:02d}" for p in PERSON],
            "measured": DATES,
            "y": PERSON % 2,
            "x": DAY,
        },
        {"target": ("y",), "series": ("patient",), "time": ("measured",)},
    ),
    "a day of the week beside the day": (
        {"patient": PERSON, "day": DAY, "day_of_week": DAY % 7, "x": NOISE, "ill": PERSON % 2},
        {"target": ("ill",), "series": ("patient",), "time": ("day",)},
    ),
    "Spanish names": (
        {
            "paciente": PERSON,
            "fecha": DATES,
            "pulso": NOISE,
            "sexo": np.where(PERSON % 3, "f", "m"),
            "diagnostico": np.where(PERSON % 2, "si", "no"),
        },
        {"target": ("diagnostico",), "series": ("paciente",), "time": ("fecha",), "sensitive": ("sexo",)},
    ),
}


@pytest.mark.parametrize("name", SURE)
def test_what_the_table_tells_is_taken(name):
    columns, expected = SURE[name]
    values, unsure = asked(**columns)
    assert unsure == ()
    assert {part: values.get(part) for part in expected} == expected


@pytest.mark.parametrize("name", SURE)
def test_a_sure_proposal_can_be_read(name):
    proposal = propose(pd.DataFrame(SURE[name][0]))
    assert len(from_frame(pd.DataFrame(SURE[name][0]), proposal.columns)) >= 1


UNSURE = {
    "no structure": (dict(zip("abcd", RNG.normal(size=(4, 50)), strict=True)), {"series", "target"}),
    "one row each": (
        {
            "id": np.arange(100),
            "age": RNG.integers(20, 80, 100),
            "sex": RNG.choice(["m", "f"], 100),
            "label": np.arange(100) % 2,
        },
        {"series"},
    ),
    "stays and patients with times of their own": (
        {"patient": PERSON // 3, "stay": PERSON, "hour": np.tile(np.arange(15.0), 4), "x": NOISE, "died": PERSON % 2},
        {"series"},
    ),
    "a date that reads as day or month first": (
        {
            "patient": PERSON,
            "date": [f"{int(d) + 1:02d}/{int(d) + 2:02d}/2024" for d in DAY],
            "ill": PERSON % 2,
            "x": NOISE,
        },
        {"time_format"},
    ),
    "two answers": ({"patient": PERSON, "t": DAY, "label": PERSON % 2, "outcome": PERSON % 2, "x": NOISE}, {"target"}),
    "an event that changes and is not last": (
        {"device": PERSON, "time": DAY, "status": RNG.integers(0, 3, ROWS), "v": NOISE},
        {"target"},
    ),
    "several numbers of one series": ({"when": HOURS, "temp": LONG, "volume": LONG[::-1]}, {"target"}),
    "sales of stores": ({"store": PERSON, "date": DATES, "sales": NOISE}, {"target"}),
    "x and y alone": ({"t": np.arange(200), "x": LONG, "y": LONG[::-1]}, {"target"}),
}


@pytest.mark.parametrize("name", UNSURE)
def test_what_the_table_does_not_tell_is_not_guessed(name):
    columns, parts = UNSURE[name]
    values, unsure = asked(**columns)
    assert set(unsure) == parts
    assert all(values[part] == "?" for part in parts)


def test_what_is_given_stays():
    frame = pd.DataFrame(SURE["visits"][0])
    proposal = propose(frame, Columns.of(target="pulse", time="day"))
    assert proposal.columns.target == ("pulse",) and proposal.columns.series == "patient"
    assert [guess.part for guess in proposal.guesses] == ["series"]


def test_names_that_the_cells_contradict_are_not_taken():
    values, unsure = asked(patient=np.arange(ROWS), day=DAY, pulse=NOISE, ill=PERSON % 2)
    assert values["series"] != ("patient",) and "series" in unsure
