"""OULAD: who fails or leaves an online course, from the clicks of its first weeks."""

from pathlib import Path
from typing import Any

from caudal.data.datasets.files import Card, Dataset, find, read_csv
from caudal.data.frame import from_frame
from caudal.data.split import split
from caudal.errors import DataError

_KEY = ["code_module", "code_presentation", "id_student"]
_PEOPLE = ["gender", "age_band", "disability", "imd_band", "region"]
_ROWS = 500_000

CARD = Card(
    name="oulad",
    title="Open University: who fails or leaves a course, from the clicks of its first 30 days",
    task="classify a student in a course: fails or withdraws later (1), or passes (0)",
    source="Kuzilek, Hlosta and Zdrahal (2017), Open University Learning Analytics Dataset",
    licence="CC BY 4.0",
    obtain="Download the Open University Learning Analytics Dataset (UCI 349), unpack it and pass its folder.",
    counts={"students_in_courses": 32_593},
    sensitive=("gender", "age_band", "disability", "imd_band", "region"),
    bias=(
        "One distance university of the United Kingdom, 2013-2014; seven courses.",
        "Poorer neighbourhoods (imd_band) and declared disability go with more failure.",
    ),
    leaks=(
        "Who left before the last day that is read has no clicks afterwards, which tells the outcome: left out here.",
        "A student may take several courses: groups are students.",
    ),
    protocols={"clean": "70/15/15 by student; steps are the days with clicks, from 25 days before the start."},
    citation="Kuzilek J, Hlosta M, Zdrahal Z. Scientific Data 2017;4:170171.",
)


def load(*, folder: Path, seed: int = 0, days: int = 30) -> Dataset:
    """Students in courses, one step per day with clicks, time in days from the start of the course.

    Arguments:
        folder: of studentInfo.csv, studentRegistration.csv and studentVle.csv.
        seed: of the split.
        days: clicks up to this day are read.

    Raises:
        DataError: a file is missing or not what it should be, or `days` is below 1.
    """
    if days < 1:
        raise DataError("datasets.load('oulad')", "days", f"is {days}; expected at least 1", "Pass 30, say.")
    # "None" would be a hole otherwise; "?" marks holes in some copies.
    options: dict[str, Any] = {"na_values": ["?"]}
    needed = (*_KEY, *_PEOPLE, "final_result", "num_of_prev_attempts", "studied_credits", "highest_education")
    people = read_csv(CARD, find(CARD, folder, "studentInfo.csv"), needed, **options)
    enrolled = (*_KEY, "date_unregistration")
    register = read_csv(CARD, find(CARD, folder, "studentRegistration.csv"), enrolled, **options)
    people = people.merge(register[list(enrolled)], on=_KEY, how="left")
    people = people[~(people["date_unregistration"] <= days)]
    people = people.assign(risk=people["final_result"].isin(["Fail", "Withdrawn"]).astype(int))
    clicks = _clicks(find(CARD, folder, "studentVle.csv"), days)
    # Who never clicked keeps one step without any.
    frame = people.merge(clicks, on=_KEY, how="left")
    silent = frame["date"].isna()
    frame.loc[silent, ["date", "clicks", "visits"]] = 0
    frame["course"] = frame["code_module"] + "-" + frame["code_presentation"]
    frame["enrolment"] = frame["course"] + "-" + frame["id_student"].astype(str)
    data = from_frame(
        frame,
        target="risk",
        series="enrolment",
        time="date",
        features=["clicks", "visits"],
        static=["code_module", "num_of_prev_attempts", "studied_credits", "highest_education"],
        sensitive=_PEOPLE,
        group="id_student",
        task="classify",
        time_unit="d",
    )
    return Dataset(CARD, data, split(data, by="group", seed=seed))


def _clicks(path: Path, days: int) -> Any:
    """Clicks and visits per student and day; the file of ten million rows is read in pieces."""
    total: Any = None
    needed = (*_KEY, "date", "sum_click")
    read_csv(CARD, path, needed, nrows=1)
    for piece in read_csv_pieces(path):
        piece = piece[piece["date"] <= days].assign(visits=1)
        day = piece.groupby([*_KEY, "date"])[["sum_click", "visits"]].sum()
        total = day if total is None else total.add(day, fill_value=0)
    return total.reset_index().rename(columns={"sum_click": "clicks"})


def read_csv_pieces(path: Path) -> Any:
    """The file in pieces of half a million rows."""
    from caudal.extras import need

    pandas = need("datasets.load('oulad')", "pandas")
    return pandas.read_csv(path, usecols=[*_KEY, "date", "sum_click"], chunksize=_ROWS)
