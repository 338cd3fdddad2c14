"""Diabetes 130-US hospitals: the encounters of a patient, and who is back within 30 days."""

from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from caudal.data.datasets.files import Card, Dataset, fail, find, read_csv
from caudal.data.frame import from_frame
from caudal.data.split import split

_FILE = "diabetic_data.csv"
_NUMBERS = [
    *("time_in_hospital", "num_lab_procedures", "num_procedures", "num_medications"),
    *("number_outpatient", "number_emergency", "number_inpatient", "number_diagnoses"),
]
_KINDS = ["admission_type_id", "max_glu_serum", "A1Cresult", "insulin", "change", "diabetesMed"]
_PEOPLE = ["race", "gender", "age"]
# Died, or left for a hospice: nobody can come back (codes of discharge_disposition_id).
_GONE = (11, 13, 14, 19, 20, 21)

CARD = Card(
    name="diabetes130",
    title="Diabetes 130-US hospitals: readmission within 30 days, encounter by encounter",
    task="classify each encounter: back within 30 days (1) or not (0)",
    source="Strack et al. (2014), UCI repository 296",
    licence="CC BY 4.0",
    obtain="Download data set 296 (Diabetes 130-US Hospitals) from archive.ics.uci.edu and pass the folder of the zip.",
    counts={"encounters": 101_766, "patients": 71_518, "two_or_more": 16_773, "three_or_more": 6_339},
    sensitive=("race", "gender", "age"),
    bias=(
        "130 hospitals of the United States, 1999-2008; three patients of four are white.",
        "Age is a band of ten years; false alarms differ between bands (references: .41 at 20-30, .10 at 80-90).",
        "Patients who went elsewhere, or died at home, count as not readmitted.",
    ),
    leaks=(
        "There are no dates: encounters are ordered by number, and elapsed time is 1.",
        "A later encounter of the same patient tells that there was a readmission: only causal models may be used, "
        "and a patient stays in one part.",
    ),
    protocols={"clean": "70/15/15 by patient; encounters that end in death or hospice are not scored."},
    citation="Strack B et al. BioMed Research International 2014, 781670.",
)


def load(*, folder: Path, seed: int = 0) -> Dataset:
    """71,518 patients, 1 to 40 encounters each; the zip of the repository is read as it is.

    Raises:
        DataError: the file is missing or not what it should be.
    """
    needed = ("encounter_id", "patient_nbr", "readmitted", "discharge_disposition_id", *_NUMBERS, *_KINDS, *_PEOPLE)
    # "None" is a result of a test here, not a hole.
    options: dict[str, Any] = {"keep_default_na": False, "na_values": ["?", ""]}
    frame = read_csv(CARD, _source(folder), needed, **options)
    frame = frame.sort_values(["patient_nbr", "encounter_id"])
    # Descriptions change between encounters of a few patients; the first one known stands.
    frame[_PEOPLE] = frame.groupby("patient_nbr")[_PEOPLE].transform("first")
    back = (frame["readmitted"] == "<30").astype(float)
    back[np.isin(frame["discharge_disposition_id"], _GONE)] = np.nan
    data = from_frame(
        frame.assign(back=back),
        target="back",
        series="patient_nbr",
        time=None,
        features=[*_NUMBERS, *_KINDS],
        sensitive=_PEOPLE,
        categorical=_KINDS,
        task="classify_steps",
    )
    return Dataset(CARD, data, split(data, seed=seed))


def _source(folder: Path) -> object:
    if list(folder.glob(_FILE)) or list(folder.glob(f"*/{_FILE}")):
        return find(CARD, folder, _FILE)
    for path in sorted(folder.glob("*.zip")):
        try:
            with ZipFile(path) as archive:
                inside = [name for name in archive.namelist() if name.endswith(_FILE)]
                if inside:
                    return BytesIO(archive.read(inside[0]))
        except BadZipFile:
            raise fail(CARD, f"holds {path.name}, which is no whole zip file") from None
    raise fail(CARD, f"holds no {_FILE} and no zip with it: {folder}")
