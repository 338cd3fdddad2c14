"""A second set of random tables, of other trades and made in another way: what the doctor says of tables it never met.

python tests/doctor/other_tables.py 100
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from caudal.doctor import Symptom, examine_table

Table = tuple[pd.DataFrame, dict[str, Any]]


def _walk(rng: np.random.Generator, steps: int, scale: float = 1.0) -> np.ndarray:
    return np.cumsum(rng.normal(0, scale, steps))


def _press(rng: np.random.Generator) -> Table:
    """Machines with a counter of strokes, a binary valve and alarms at each step."""
    parts = []
    for k in range(int(rng.integers(8, 20))):
        steps = int(rng.integers(15, 40))
        strokes = int(rng.integers(10_000, 90_000)) + np.cumsum(rng.integers(5, 60, steps))
        heat = 60 + _walk(rng, steps)
        columns = {"press": f"P-{k:02d}", "minute": np.arange(steps) * 5, "strokes": strokes, "oil_temp": heat.round(1)}
        columns |= {"valve": rng.integers(0, 2, steps), "alarm": (heat + rng.normal(0, 2, steps) > 61).astype(int)}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True), {"target": "alarm", "series": "press", "time": "minute"}


def _shops(rng: np.random.Generator) -> Table:
    """Weekly sales of shops, whole numbers, with flags of holidays and a promotion, to be forecast."""
    weeks, count = int(rng.integers(60, 90)), int(rng.integers(4, 9))
    days = pd.date_range("2021-01-04", periods=weeks, freq="W-MON").strftime("%Y-%m-%d")
    holiday = (np.arange(weeks) % 26 < 1).astype(int)
    rows = [
        pd.DataFrame({"tienda": 101 + k, "semana": days, "ventas": rng.poisson(200 + 60 * holiday),
                      "festivo": holiday,
                      "promo": rng.integers(0, 2, weeks), "precio": rng.uniform(9, 12, weeks).round(2)})
        for k in range(count)
    ]  # fmt: skip
    return pd.concat(rows, ignore_index=True), {"target": "ventas", "series": "tienda", "time": "semana", "horizon": 2}


def _clinic(rng: np.random.Generator) -> Table:
    """Visits with ages, sexes and codes of diagnoses; few steps."""
    count = int(rng.integers(60, 200))
    of = np.repeat(np.arange(count), rng.integers(1, 5, count))
    first = np.concatenate([[True], of[1:] != of[:-1]])
    day = np.cumsum(rng.integers(7, 90, len(of)))
    codes = rng.choice(["E11", "I10", "J45", "M54"], len(of))
    ill = rng.integers(0, 2, count)
    frame = pd.DataFrame({"nhc": [f"{1000 + 3 * k:07d}" for k in of], "day": day - day[first][np.cumsum(first) - 1]})
    frame = frame.assign(dx=codes, age=rng.integers(18, 96, count)[of], sex=rng.choice(["F", "M"], count)[of])
    frame = frame.assign(sbp=(120 + 9 * ill[of] + rng.normal(0, 12, len(of))).round(), readmitted=ill[of])
    return frame, {"target": "readmitted", "series": "nhc", "time": "day", "sensitive": ["sex"]}


def _runs(rng: np.random.Generator) -> Table:
    """Runs tracked by GPS; distance and time only grow; what was done is told by text."""
    parts = []
    for k in range(int(rng.integers(30, 60))):
        steps, kind = int(rng.integers(10, 25)), int(rng.integers(0, 3))
        pace = rng.gamma(5, 0.6 + 0.4 * kind, steps)
        columns = {
            "activity": int(10**12 + 977 * k),
            "t": np.cumsum(rng.integers(1, 6, steps)),
            "metres": pace.cumsum(),
        }
        columns |= {"bpm": rng.integers(90, 190, steps), "lat": 40.4 + _walk(rng, steps, 1e-4)}
        parts.append(pd.DataFrame(columns | {"sport": ["walk", "run", "bike"][kind]}))
    return pd.concat(parts, ignore_index=True), {"target": "sport", "series": "activity", "time": "t"}


def _nodes(rng: np.random.Generator) -> Table:
    """Sensors of a field: battery in whole per cent that falls, readings that are often lost."""
    parts = []
    for k in range(int(rng.integers(12, 30))):
        steps = int(rng.integers(20, 50))
        wet = rng.uniform(10, 50, steps).round(1)
        wet[rng.random(steps) < 0.2] = np.nan
        sent = pd.Timestamp("2023-05-01") + pd.to_timedelta(np.cumsum(rng.integers(240, 1200, steps)), unit="s")
        battery = np.maximum(0, 100 - np.cumsum(rng.random(steps) < 0.3))
        columns = {"dev": f"{k:x}f{k * 7919 % 65536:04x}", "sent": sent.astype(str), "battery": battery, "moist": wet}
        parts.append(
            pd.DataFrame(columns | {"rssi": rng.integers(-110, -40, steps), "days_left": float(rng.gamma(4, 9))})
        )
    return pd.concat(parts, ignore_index=True), {"target": "days_left", "series": "dev", "time": "sent"}


def _ticks(rng: np.random.Generator) -> Table:
    """Prices of a few papers at uneven times; the next move at each step."""
    parts = []
    for name in ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF")[: int(rng.integers(4, 7))]:
        steps = int(rng.integers(60, 120))
        price = 100 + _walk(rng, steps, 0.1)
        columns = {"paper": name, "sec": np.cumsum(rng.gamma(1.5, 2, steps)).round(3), "price": price.round(2)}
        columns |= {"size": 100 * rng.integers(1, 30, steps), "side": rng.choice(["B", "S"], steps)}
        parts.append(pd.DataFrame(columns | {"move": rng.choice(["down", "flat", "up"], steps)}))
    return pd.concat(parts, ignore_index=True), {"target": "move", "series": "paper", "time": "sec"}


def _bits(rng: np.random.Generator) -> Table:
    """Many short series of noughts and ones alone."""
    count, steps = int(rng.integers(200, 400)), int(rng.integers(6, 10))
    of = np.repeat(np.arange(count), steps)
    columns = {f"b{k}": rng.integers(0, 2, len(of)) for k in range(5)}
    frame = pd.DataFrame({"word": of, **columns, "label": rng.integers(0, 2, count)[of]})
    return frame, {"target": "label", "series": "word", "time": None}


TRADES = (_press, _shops, _clinic, _runs, _nodes, _ticks, _bits)


def _typo(frame: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    words = rng.choice(["Line A", "line a", "Line B", "Line C"], len(frame))
    return frame.assign(shift_line=words), "shift_line"


def _logger(frame: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    return frame.assign(log_no=np.arange(len(frame)) + 7), "log_no"


def _worker(frame: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    codes = frame.groupby(ask["series"]).ngroup().to_numpy()
    return frame.assign(operator=np.array(["Ruiz", "Soto", "Vega", "Lima"])[codes % 4]), "operator"


def _absent(frame: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    cells = rng.uniform(3, 9, len(frame)).round(2)
    cells[rng.random(len(frame)) < 0.08] = -999.0
    cells[:3] = -999.0
    return frame.assign(flow=cells), "flow"


def _day(frame: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    days = pd.Timestamp("2022-11-20") + pd.to_timedelta(rng.integers(0, 90, len(frame)), unit="D")
    return frame.assign(built=days.strftime("%Y%m%d").astype(int)), "built"


def _money(frame: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    return frame.assign(cost=[f"{value:.2f} €" for value in rng.uniform(1, 400, len(frame))]), "cost"


def _answer(frame: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    target = frame[ask["target"]]
    codes = target if target.dtype.kind == "f" else target.astype("category").cat.codes
    return frame.assign(final_state=codes * 2 + 1), "final_state"


def _same(frame: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    cells = rng.normal(0, 1, len(frame))
    return frame.assign(kelvin=cells, kelvin2=cells), "kelvin2"


def _dead(frame: pd.DataFrame, ask: dict[str, Any], rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    return frame.assign(gauge=4.0), "gauge"


PLANTS = (_typo, _logger, _worker, _absent, _day, _money, _answer, _same, _dead)


def clean(seed: int) -> Table:
    """A table of one trade, with nothing to say about it."""
    return TRADES[seed % len(TRADES)](np.random.default_rng(seed))


def alarms(count: int) -> Iterator[tuple[str, tuple[Symptom, ...]]]:
    """Clean tables of which something was said."""
    for seed in range(count):
        frame, ask = clean(seed)
        symptoms = examine_table(frame, **ask)
        if symptoms:
            yield TRADES[seed % len(TRADES)].__name__, symptoms


def missed(count: int) -> Iterator[tuple[str, str]]:
    """Plants that the doctor does not name, with the trade."""
    for seed in range(count):
        frame, ask = clean(1000 + seed)
        plant = PLANTS[seed % len(PLANTS)]
        if plant is _answer and "horizon" in ask:
            continue
        planted, culprit = plant(frame, ask, np.random.default_rng(seed))
        symptoms = examine_table(planted, **ask)
        if not any(
            culprit in (symptom.where, *symptom.message.split("`")) or f"'{culprit}'" in symptom.message
            for symptom in symptoms
        ):
            yield plant.__name__, TRADES[(1000 + seed) % len(TRADES)].__name__


if __name__ == "__main__":
    size = int(sys.argv[1])
    for trade, symptoms in alarms(size):
        print("alarm", trade, *(f"{symptom.severity} {symptom}" for symptom in symptoms), sep="\n  ")
    for plant, trade in missed(size * 6 // 10):
        print("missed", plant, trade)
