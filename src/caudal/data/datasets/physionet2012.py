"""PhysioNet 2012: the first 48 hours in intensive care, and who died in hospital."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from caudal.data.arrays import from_arrays
from caudal.data.datasets.files import Card, Dataset, fail, find
from caudal.data.sequences import Finding, Sequences
from caudal.data.split import Split, official, split

CHANNELS = (
    *("ALP", "ALT", "AST", "Albumin", "BUN", "Bilirubin", "Cholesterol", "Creatinine", "DiasABP", "FiO2", "GCS"),
    *("Glucose", "HCO3", "HCT", "HR", "K", "Lactate", "MAP", "MechVent", "Mg", "NIDiasABP", "NIMAP", "NISysABP"),
    *("Na", "PaCO2", "PaO2", "Platelets", "RespRate", "SaO2", "SysABP", "Temp", "TroponinI", "TroponinT", "Urine"),
    *("WBC", "Weight", "pH"),
)
_GENERAL = ("RecordID", "Age", "Gender", "Height", "ICUType")
_SEX = {0: "female", 1: "male"}
_ICU = {1: "coronary", 2: "cardiac surgery", 3: "medical", 4: "surgical"}
_COLUMN = {name: k for k, name in enumerate(CHANNELS)}

CARD = Card(
    name="physionet2012",
    title="PhysioNet 2012: death in hospital from the first 48 hours in intensive care",
    task="classify a stay: died in hospital (1) or not (0)",
    source="PhysioNet/Computing in Cardiology Challenge 2012; Silva et al. (2012)",
    licence="ODC-BY 1.0",
    obtain=(
        "Download set-a (and set-b) with Outcomes-a.txt (and Outcomes-b.txt) from "
        "physionet.org/content/challenge-2012, unpack them and pass the folder that holds set-a."
    ),
    counts={"stays": 4_000, "deaths": 554, "inputs": 37},
    sensitive=("gender", "age", "icu"),
    bias=(
        "Four intensive care units of one hospital in Boston; adults only; race is not in the files.",
        "Death is more frequent with age (7.9 % below 45, 20.0 % above 75). What is measured depends on who worries.",
    ),
    leaks=(
        "Copies with repeated ages and a cut ICU type circulate; the counts of this card do not fit them.",
        "The script of the CfC paper feeds elapsed times with the wrong sign and one step late; this does not.",
    ),
    protocols={
        "clean": "Set a trains (15 % of it validate) and set b tests, when set b is there; else 70/10/20 of set a."
    },
    citation="Silva I, Moody G, Scott DJ, Celi LA, Mark RG. Computing in Cardiology 2012;39:245-248.",
)


def load(*, folder: Path, seed: int = 0, sensitive_inputs: bool = True) -> Dataset:
    """4,000 stays of set a (8,000 with set b), times in hours.

    Arguments:
        folder: that holds set-a and Outcomes-a.txt.
        seed: of the split.
        sensitive_inputs: whether age, sex and unit are static inputs as well; height always is.

    Raises:
        DataError: a file is missing or does not read; names file and line.
    """
    sets = ["a", *(["b"] if list(folder.glob("**/set-b")) else [])]
    stays: list[_Stay] = []
    deaths: list[int] = []
    counts = []
    for name in sets:
        outcome = _outcomes(find(CARD, folder, f"Outcomes-{name}.txt"))
        files = sorted(find(CARD, folder, f"set-{name}").glob("*.txt"))
        if not files:
            raise fail(CARD, f"holds an empty set-{name}")
        for file in files:
            stays.append(_Stay(file))
            if stays[-1].record not in outcome:
                raise fail(CARD, f"holds {file.name}, whose outcome is not in Outcomes-{name}.txt")
            deaths.append(outcome[stays[-1].record])
        counts.append(len(files))
    data = _sequences(stays, np.array(deaths), sensitive_inputs)
    return Dataset(CARD, data, _split(data, counts, seed))


class _Stay:
    """One file: general descriptors and observations on their distinct times."""

    def __init__(self, path: Path) -> None:
        cells: dict[tuple[int, int], float] = {}
        self.general: dict[str, float] = {}
        self.repeated = 0
        with path.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.reader(lines), start=1):
                if number == 1 or len(row) != 3 or not row[1]:
                    continue
                try:
                    clock, value = _minutes(row[0]), float(row[2])
                except ValueError:
                    raise fail(CARD, f"holds {path.name} with line {number} unreadable: {','.join(row)}") from None
                if row[1] in _GENERAL:
                    self.general.setdefault(row[1], value)
                elif row[1] in _COLUMN and value >= 0:
                    self.repeated += (clock, _COLUMN[row[1]]) in cells
                    cells[clock, _COLUMN[row[1]]] = value
        if "RecordID" not in self.general:
            raise fail(CARD, f"holds {path.name} without a RecordID")
        self.record = int(self.general["RecordID"])
        # A stay without any observation keeps one empty step: the descriptors alone are known.
        times = sorted({clock for clock, _ in cells} or {0})
        place = {clock: k for k, clock in enumerate(times)}
        self.hours = np.array(times) / 60
        self.values = np.full((len(times), len(CHANNELS)), np.nan, np.float32)
        for (clock, channel), value in cells.items():
            self.values[place[clock], channel] = value

    def known(self, name: str) -> float:
        """A descriptor, NaN when it is missing (written as -1)."""
        value = self.general.get(name, -1.0)
        return value if value >= 0 else float("nan")


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return 60 * int(hours) + int(minutes)


def _outcomes(path: Path) -> dict[int, int]:
    with path.open(encoding="utf-8", newline="") as lines:
        try:
            return {int(row["RecordID"]): int(row["In-hospital_death"]) for row in csv.DictReader(lines)}
        except (KeyError, ValueError, TypeError) as error:
            raise fail(CARD, f"holds {path.name}, which is no table of outcomes ({error})") from None


def _sequences(stays: list[_Stay], deaths: NDArray[np.int64], sensitive_inputs: bool) -> Sequences:
    gaps = np.concatenate([np.diff(stay.hours) for stay in stays])
    first = float(np.median(gaps)) if gaps.size else 1.0
    age = np.array([stay.known("Age") for stay in stays])
    sex = [_SEX.get(int(np.nan_to_num(stay.known("Gender"), nan=-1)), "") for stay in stays]
    icu = [_ICU.get(int(np.nan_to_num(stay.known("ICUType"), nan=-1)), "") for stay in stays]
    statics: dict[str, object] = {"Height": [stay.known("Height") for stay in stays]}
    if sensitive_inputs:
        statics |= {"Age": age, "Gender": [stay.known("Gender") for stay in stays]}
        statics |= {f"ICUType={unit}": [float(code == unit) for code in icu] for unit in _ICU.values()}
    data = from_arrays(
        [stay.values for stay in stays],
        deaths,
        axes="time_first",
        dt=[np.diff(stay.hours, prepend=stay.hours[0] - first) for stay in stays],
        classes=(0, 1),
        names=CHANNELS,
        ids=[stay.record for stay in stays],
        sensitive={"gender": sex, "age": age, "icu": icu},
        static=np.stack([np.asarray(column, dtype=np.float64) for column in statics.values()], axis=1),
        static_names=list(statics),
        time_unit="h",
    )
    repeated = sum(stay.repeated for stay in stays)
    text = f"{repeated:,} values repeat channel and minute of another; the last one written was kept."
    return data.with_findings([Finding("equal_times", "", text, repeated)])


def _split(data: Sequences, counts: list[int], seed: int) -> Split:
    if len(counts) == 1:
        return split(data, val=0.1, test=0.2, seed=seed)
    inner = split(data.select(slice(0, counts[0])), val=0.15, test=0.0, seed=seed)
    return official(inner.train, inner.val, np.arange(counts[0], len(data)))
