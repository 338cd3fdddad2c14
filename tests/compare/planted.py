"""Small series of every task, with something in them to find."""

from typing import Any

import numpy as np

from caudal import data
from caudal.compare.job import Parts
from caudal.data import Sequences

TASKS = ("classify", "classify_steps", "regress", "forecast", "imitate")


def series(task: str, n: int = 30, seed: int = 0, classes: int = 2) -> Sequences:
    """Irregular series of 4 to 9 steps with holes; the target follows from their values."""
    rng = np.random.default_rng([seed, TASKS.index(task)])
    label = np.arange(n) % classes
    steps = np.full(n, 12) if task == "forecast" else rng.integers(4, 10, n)
    rows = [rng.normal(1.5 * label[k], 1.0, (2, steps[k])) for k in range(n)]
    dt = [rng.exponential(2.0, row.shape[1]) + 0.1 for row in rows]
    target: Any = {
        "classify": label,
        "classify_steps": [(row[0] > 0.5).astype(int) + (row[1] > 2) * (classes > 2) for row in rows],
        "regress": np.array([[row.mean(), 10 * row[0, -1]] for row in rows]),
        "forecast": [np.cumsum(row[0])[:, None] for row in rows],
        "imitate": [row.cumsum(1).T for row in rows],
    }[task]
    if task == "forecast":
        rows = [np.cumsum(row[:1], axis=1) for row in rows]
    else:
        for row in rows:
            row[rng.random(row.shape) < 0.2] = np.nan
    whole = data.from_arrays(
        rows, target, dt=dt, task="imitate" if task == "forecast" else task, time_unit="d",
        static=rng.normal(size=(n, 1)), ids=[f"s{k}" for k in range(n)],
        outputs=["x0"] if task == "forecast" else None,
    )  # fmt: skip
    return data.windows(whole, 6, 3, horizon=2) if task == "forecast" else whole


def parts(task: str, n: int = 30, classes: int = 2) -> Parts:
    """Training, validation and test series of one kind."""
    return Parts(*(series(task, n, seed, classes) for seed in range(3)))


def clock(n: int, seed: int = 0) -> Sequences:
    """The gap before the marked step tells the class, long or short; the others balance it: half of all are long."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % 2
    steps = 7
    x, dt = np.zeros((n, 1, steps)), np.zeros((n, steps))
    for k in range(n):
        mark = rng.integers(1, steps)
        x[k, 0, mark] = 1.0
        long = rng.permutation([True, True, not label[k], False, False])
        gaps = np.where(np.insert(long, mark - 1, bool(label[k])), 3.0, 0.3)
        dt[k] = np.insert(gaps, 0, 1.0)
    return data.from_arrays(x, label, dt=dt)
