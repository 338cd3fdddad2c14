"""Random tables that are clean, and the same with one accident planted, to measure what the doctor says of them.

    python tests/doctor/accident_tables.py 200

prints how many of 200 planted accidents are named and which of 200 clean tables are not passed in silence.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from caudal.doctor import Symptom, examine_table

_NAMES = (
    ("patient", "hours", "ill", ("no", "yes")),
    ("paciente", "fecha", "enfermo", ("sano", "enfermo")),
    ("machine", "when", "fault", ("ok", "bearing", "gear")),
    ("Kunde", "Zeit", "gekündigt", ("nein", "ja")),
    ("trip", "t", "mode", ("walk", "bike", "bus")),
    ("sujeto", "minuto", "actividad", ("reposo", "marcha")),
    ("機械", "時刻", "状態", ("正常", "異常")),
)
_MEASURES = (
    "pulse",
    "temp",
    "presión",
    "lactato",
    "speed (km/h)",
    "Druck",
    "x1",
    "x2",
    "load",
    "humedad",
    "温度",
    "pH",
)


@dataclass(frozen=True)
class Planted:
    """A table, how it is read, and the name that the doctor must say; empty where there is nothing to say."""

    frame: pd.DataFrame
    ask: dict[str, Any]
    kind: str = "clean"
    culprit: str = ""
    index: bool = False


@dataclass
class _Draft:
    """What a table is made of."""

    rng: np.random.Generator
    series: str
    time: str | None
    target: str
    classes: tuple[str, ...]
    of: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    columns: dict[str, Any] = field(default_factory=dict)


def clean(seed: int) -> Planted:
    """A table without an accident: other names, sizes, orders, kinds of columns and tasks for each seed."""
    rng = np.random.default_rng(seed)
    series, time, target, classes = _NAMES[rng.integers(len(_NAMES))]
    count = int(rng.integers(24, 90))
    lengths = np.full(count, rng.integers(3, 12)) if rng.random() < 0.4 else rng.integers(2, 14, count)
    draft = _Draft(rng, series, time, target, classes, np.repeat(np.arange(count), lengths))
    ids = _ids(rng, count)
    task = str(rng.choice(["classify", "classify", "regress", "classify_steps", "imitate"]))
    label = np.arange(count) % len(classes)
    rng.shuffle(label)
    level = rng.normal(0, 1, count) + 0.8 * label
    draft.columns |= {series: ids[draft.of], **_times(draft)}
    for name in rng.permutation(_MEASURES)[: rng.integers(1, 5)]:
        draft.columns[str(name)] = _measure(draft, level)
    static = _further(draft)
    draft.columns[target] = _target(draft, task, label, level)
    frame = pd.DataFrame(draft.columns)
    if rng.random() < 0.3 and draft.time is not None:  # rows as they came in, all series together
        frame = frame.sort_values(draft.time, kind="stable").reset_index(drop=True)
    ask = {"target": target, "series": series, "time": draft.time, "static": static}
    if task in ("classify_steps", "imitate") and rng.random() < 0.5:
        ask["task"] = task
    return Planted(frame, ask)


def _ids(rng: np.random.Generator, count: int) -> np.ndarray:
    forms: tuple[Callable[[int], object], ...] = (
        lambda k: int(1000 + 7 * k),
        lambda k: f"p{k:03d}",
        lambda k: f"{k:05d}",
        lambda k: rng.bytes(8).hex(),
        lambda k: int(2**53 + 3 * k),
        lambda k: f"Station {k}",
        lambda k: f"{'abcdefghij'[k % 10]}.{k}@example.org",
    )
    form = forms[rng.integers(len(forms))]
    ids = np.array([form(k) for k in range(count)])
    return ids[rng.permutation(count)] if rng.random() < 0.5 else ids


def _times(draft: _Draft) -> dict[str, Any]:
    rng, of = draft.rng, draft.of
    kind = rng.integers(5)
    first = np.concatenate([[True], of[1:] != of[:-1]])
    gaps = rng.gamma(2.0, 0.5, len(of)) + 0.01
    if kind == 0:
        draft.time = None
        return {}
    if kind == 1:
        gaps = np.ones(len(of))
    total = np.cumsum(gaps)
    starts = rng.uniform(0, 40, of.max() + 1) if kind == 4 else np.zeros(of.max() + 1)
    hours = total - total[first][of] + np.round(starts)[of]
    if kind == 3:
        times = pd.Timestamp("2024-02-27 06:00") + pd.to_timedelta(np.round(hours * 3600), unit="s")
        return {str(draft.time): times.astype(str)}
    return {str(draft.time): np.round(hours, 3)}


def _measure(draft: _Draft, level: np.ndarray) -> np.ndarray:
    rng, of = draft.rng, draft.of
    noise = rng.normal(0, 1, len(of))
    base = level[of] * rng.uniform(0, 0.8) + noise
    kinds: tuple[Callable[[], np.ndarray], ...] = (
        lambda: np.round(70 + 8 * base, 1),
        lambda: np.round(36.8 + 0.4 * base, 2),
        lambda: np.round(np.exp(0.6 * base), 3),
        lambda: rng.poisson(np.exp(0.5 + 0.2 * level[of])).astype(float),
        lambda: np.round(70 + 9 * base),
        lambda: (base > 0.3).astype(int),
        lambda: np.round(1e6 * np.exp(0.3 * base)),
        lambda: np.round(-5 + 9 * base, 1),
        lambda: rng.integers(0, 101, len(of)),
        lambda: np.round(rng.uniform(0, 1, len(of)), 4),
        lambda: np.round(1.7e9 + 3e6 * base),
    )
    cells = kinds[rng.integers(len(kinds))]().astype(float)
    if rng.random() < 0.25:
        cells[rng.random(len(cells)) < 0.15] = np.nan
    return cells


def _further(draft: _Draft) -> list[str]:
    """Columns that look odd and are not: ages, counters of each series, categories, years. Returns the static ones."""
    rng, of, columns = draft.rng, draft.of, draft.columns
    count, rows = of.max() + 1, np.arange(len(of))
    first = np.concatenate([[True], of[1:] != of[:-1]])
    place = rows - rows[first][of]
    ages, sexes = rng.integers(18, 95, count), rng.choice(["f", "m"], count)
    sites = np.array(["north", "south", "east", "ICU", "Sur", "Peru"])
    options: dict[str, Callable[[], Any]] = {
        "age": lambda: ages[of],
        "sex": lambda: sexes[of],
        "edad": lambda: np.round(ages + rng.random(count), 1)[of],
        "visit": lambda: place + 1,
        "odometer": lambda: 1000 * rng.integers(1, 90, count)[of] + np.cumsum(rng.integers(1, 9, len(of))),
        "ward": lambda: rng.choice(sites[:4], len(of)),
        "zona": lambda: rng.choice(sites, count)[of],
        "year": lambda: 2015 + rng.integers(0, 9, len(of)),
        "hour": lambda: rng.integers(0, 24, len(of)),
        "is_weekend": lambda: rng.random(len(of)) < 0.3,
        "postcode": lambda: rng.choice([28001, 28002, 28013, 8001, 8036, 41004], count)[of],
        "weight_g": lambda: rng.integers(2400, 4300, count)[of],
        "age_band": lambda: rng.choice(["0-17", "18-64", "65+"], count)[of],
        "dose": lambda: rng.choice(["low", "high", "none"], len(of)),
        "grade": lambda: rng.integers(0, 10, len(of)),
        "person_height": lambda: rng.integers(150, 200, count)[of],
        "blood": lambda: rng.choice(["A+", "A-", "B+", "0+"], count)[of],
    }
    chosen = [str(name) for name in rng.permutation(list(options))[: rng.integers(0, 5)]]
    columns |= {name: options[name]() for name in chosen}
    steady = ("age", "sex", "edad", "zona", "weight_g", "age_band", "person_height", "blood", "postcode")
    return [name for name in chosen if name in steady and rng.random() < 0.5]


def _target(draft: _Draft, task: str, label: np.ndarray, level: np.ndarray) -> np.ndarray:
    rng, of = draft.rng, draft.of
    if task == "classify":
        names = np.array(draft.classes if rng.random() < 0.7 else range(len(draft.classes)))
        return names[label][of]
    if task == "regress":
        return np.round(level + rng.normal(0, 1, len(level)), 3)[of]
    if task == "classify_steps":
        return np.array(draft.classes)[rng.integers(0, len(draft.classes), len(of))]
    return np.round(level[of] + rng.normal(0, 1, len(of)), 3)


Change = Callable[[pd.DataFrame, dict[str, Any], np.random.Generator], tuple[pd.DataFrame, str]]


def _row_number(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    numbers = np.arange(len(t)) + int(rng.integers(0, 500))
    name = str(rng.choice(["nr", "obs", "n", "fila", "RowID"]))
    return t.assign(**{name: rng.permutation(numbers) if rng.random() < 0.5 else numbers}), name


def _record_number(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    t = t.sort_values([ask["series"]], kind="stable").reset_index(drop=True)
    name = str(rng.choice(["record", "rec_no", "registro", "seq"]))
    return t.assign(**{name: 50_000 + np.cumsum(rng.integers(1, 4, len(t)))}), name


def _person(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    codes = t.groupby(ask["series"]).ngroup().to_numpy() % int(rng.integers(5, 9))
    name = str(rng.choice(["speaker", "hablante", "subject", "DriverName", "participant_code"]))
    names = np.array(["ana", "luis", "mei", "omar", "zoe", "ivan", "noor", "kai"] if rng.random() < 0.5 else
                     [f"S{k:02d}" for k in range(8)])  # fmt: skip
    return t.assign(**{name: names[codes]}), name


def _numeric_id(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    codes = t.groupby(ask["series"]).ngroup().to_numpy()
    name = str(rng.choice(["id_student", "CustomerID", "num_paciente", "user_key", "client"]))
    return t.assign(**{name: rng.permutation(900_000)[codes // int(rng.integers(1, 3))] + 11_391}), name


def _flip(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    target = ask["target"]
    sizes = t.groupby(ask["series"])[target].transform("size").to_numpy()
    row = int(rng.choice(np.flatnonzero(sizes >= 3)))
    others = [label for label in t[target].unique() if label != t[target][row]]
    t = t.copy()
    t.loc[row, target] = others[0]
    return t, target


def _class_twin(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    target = ask["target"]
    odd = (t.groupby(ask["series"]).ngroup() % 3 == 0).to_numpy()
    words = t[target].astype(str).map(lambda label: f"class {label}")
    change = (str.upper, str.title, lambda word: word.replace(" ", "_"), lambda word: word.replace("a", "á"))
    changed = change[rng.integers(len(change))]
    return t.assign(**{target: words.where(~odd, words.map(changed))}), target


def _category_twin(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    spellings = ["Norte", "norte", "sur", "este"] if rng.random() < 0.5 else ["unit b", "unit-b", "unit a", "unit c"]
    return t.assign(planta=rng.choice(spellings, len(t))), "planta"


def _calendar(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    days = pd.Timestamp("2019-12-01") + pd.to_timedelta(rng.integers(0, 400, len(t)), unit="D")
    form = "%Y%m%d" if rng.random() < 0.7 else "%Y%m"
    return t.assign(admitted=days.strftime(form).astype(int)), "admitted"


def _sentinel(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    cells = np.round(rng.normal(37, 1, len(t)), 1)
    cells[rng.random(len(t)) < 0.1] = float(rng.choice([-999, 999, -99, 9999, -9999]))
    cells[:2] = cells.min() if cells.min() < 0 else cells.max()
    return t.assign(oxygen=cells), "oxygen"


def _date(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    days = pd.Timestamp("2021-03-01") + pd.to_timedelta(rng.integers(0, 90, len(t)), unit="D")
    forms = (days, days.strftime("%Y-%m-%d"), days.strftime("%d/%m/%Y"))
    return t.assign(alta=forms[rng.integers(3)]), "alta"


def _unreadable(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    cells = np.round(rng.normal(5, 1, len(t)), 2).astype(str).astype(object)
    cells[int(rng.integers(len(t)))] = str(rng.choice(["inf", "n/m", "5,8x", "?"]))
    return t.assign(glucose=cells), "glucose"


def _disguised(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    forms = ("{:,.0f} kg", "{:.0f}%", "${:,.2f}", "1 {:03.0f}")
    form = forms[rng.integers(4)]
    return t.assign(peso=[form.format(value) for value in rng.uniform(10, 900, len(t))]), "peso"


def _column_twice(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    cells = rng.normal(0, 1, len(t))
    return t.assign(m=cells, m_copy=cells), "m_copy"


def _leak(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    target = t[ask["target"]]
    codes = target if target.dtype.kind == "f" else target.astype("category").cat.codes
    return t.assign(outcome_code=3.5 * codes + 1), "outcome_code"


def _measured(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    labels = t[ask["target"]].astype("category").cat.codes
    return t.assign(biopsy=np.where(labels == 1, rng.normal(0, 1, len(t)).round(2), np.nan)), "biopsy"


def _copies(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    series = ask["series"]
    sizes = t.groupby(series).size()
    name = sizes[sizes >= 3].index[0]
    copy = "copy" if t[series].dtype.kind in "OUT" or not pd.api.types.is_numeric_dtype(t[series]) else 5
    t = t.assign(extra=rng.normal(0, 1, len(t)).round(3))
    return pd.concat([t, t[t[series] == name].assign(**{series: copy})], ignore_index=True), str(copy)


def _repeated_rows(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    return pd.concat([t, t.iloc[[3]]], ignore_index=True), "repeat"


def _units(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    place = t.groupby(ask["series"]).cumcount().to_numpy() + 1.0
    odd = (t.groupby(ask["series"]).ngroup() % 7 == 0).to_numpy()
    ask["time"] = "clock"
    return t.assign(clock=place * np.where(odd, float(rng.choice([60, 1000, 3600])), 1.0)), "gaps"


def _rare_class(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    target, series = ask["target"], ask["series"]
    names = t[target].astype(str)
    return t.assign(**{target: names.where(t[series] != t[series].iloc[0], "oddity")}), "oddity"


def _wrong_date(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    place = t.groupby(ask["series"]).cumcount().to_numpy() + 1.0
    last = np.flatnonzero(t.groupby(ask["series"]).cumcount(ascending=False).to_numpy() == 0)
    place[int(rng.choice(last))] = 1e7
    ask["time"] = "clock"
    return t.assign(clock=place), "clock"


def _id_twin(t: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    series = ask["series"]
    names = "unit " + t.groupby(series).ngroup().astype(str)
    last = t.groupby(series).cumcount(ascending=False) == 0
    changed = names.str.upper() if rng.random() < 0.5 else names + " "
    ask["static"] = []
    t = t.assign(**{series: names.where(~(last & (names == "unit 1")), changed)})
    return t, series


ACCIDENTS: dict[str, tuple[Change, str]] = {
    "index column": (lambda t, ask, rng: (t, "Unnamed"), "any"),
    "row number": (_row_number, "any"),
    "record number": (_record_number, "untimed"),
    "person": (_person, "any"),
    "numeric id": (_numeric_id, "any"),
    "flipped label": (_flip, "series"),
    "class spelt twice": (_class_twin, "series"),
    "category spelt twice": (_category_twin, "any"),
    "calendar number": (_calendar, "any"),
    "sentinel": (_sentinel, "any"),
    "date column": (_date, "any"),
    "unreadable cell": (_unreadable, "any"),
    "numbers as text": (_disguised, "any"),
    "constant": (lambda t, ask, rng: (t.assign(version=2.5), "version"), "any"),
    "empty column": (lambda t, ask, rng: (t.assign(comment=np.nan), "comment"), "any"),
    "column twice": (_column_twice, "any"),
    "leak": (_leak, "series"),
    "measured by outcome": (_measured, "series"),
    "copied series": (_copies, "any"),
    "repeated row": (_repeated_rows, "timed"),
    "mixed units": (_units, "any"),
    "rare class": (_rare_class, "series"),
    "wrong date": (_wrong_date, "any"),
    "series spelt twice": (_id_twin, "steps"),
}


def planted(kind: str, seed: int) -> Planted:
    """A clean table with one accident; the seed goes up until the table is of a kind that can have it."""
    change, needs = ACCIDENTS[kind]
    rng = np.random.default_rng([seed, 1])
    for number in range(1000 * seed, 1000 * seed + 1000):
        table = clean(number)
        steady = table.frame.groupby(table.ask["series"])[table.ask["target"]].nunique().max() == 1
        is_number = table.frame[table.ask["target"]].dtype.kind == "f"
        fits = {
            "any": True,
            "series": steady and not is_number,
            "steps": not steady,
            "timed": table.ask["time"] is not None,
            "untimed": table.ask["time"] is None or table.frame[table.ask["time"]].is_monotonic_increasing is False,
        }[needs]
        if fits:
            break
    ask = dict(table.ask)
    frame, culprit = change(table.frame, ask, rng)
    return Planted(frame, ask, kind, culprit, index=kind == "index column")


def examined(table: Planted, folder: Path, reader: str) -> tuple[Symptom, ...]:
    """What the doctor says of a table that comes as a file or as a frame."""
    source: Any = table.frame
    if reader == "csv" or table.index:
        source = folder / "table.csv"
        table.frame.to_csv(source, index=table.index)
    elif reader == "parquet":
        source = folder / "table.parquet"
        table.frame.to_parquet(source, index=False)
    return examine_table(source, **table.ask)


def names(symptoms: tuple[Symptom, ...], culprit: str) -> bool:
    """Whether a symptom says the name."""
    return any(culprit in symptom.where or culprit in symptom.message for symptom in symptoms)


def missed(count: int, folder: Path) -> Iterator[tuple[Planted, tuple[Symptom, ...]]]:
    """Planted tables whose accident the doctor does not name."""
    kinds = list(ACCIDENTS)
    for number in range(count):
        table = planted(kinds[number % len(kinds)], number)
        symptoms = examined(table, folder, ("csv", "parquet", "frame")[number % 3])
        if not names(symptoms, table.culprit):
            yield table, symptoms


def alarms(count: int, folder: Path, first: int = 10_000_000) -> Iterator[tuple[Planted, tuple[Symptom, ...]]]:
    """Clean tables of which the doctor says anything."""
    for number in range(count):
        table = replace(clean(first + number))
        symptoms = examined(table, folder, ("csv", "parquet", "frame")[number % 3])
        if symptoms:
            yield table, symptoms


def main(count: int) -> None:
    """Print the two figures and each case behind them."""
    with tempfile.TemporaryDirectory() as place:
        lost, false = list(missed(count, Path(place))), list(alarms(count, Path(place)))
    for table, symptoms in (*lost, *false):
        print(f"{table.kind}: {table.culprit or '-'}; {[str(symptom) for symptom in symptoms]}")
    print(f"named {count - len(lost)} of {count} planted accidents of {len(ACCIDENTS)} kinds")
    print(f"silent on {count - len(false)} of {count} clean tables; alarms: {Counter(s[0].code for _, s in false)}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
