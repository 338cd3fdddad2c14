"""The benchmark of fairness: planted label bias, each method on each seed, kept row by row, and the goals."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.fair.methods import CELLS, METHODS, Done, Part, task
from caudal import limits, serial
from caudal._version import __version__
from caudal.errors import FileFormatError
from caudal.files import put

SCHEMA = "caudal bench fair 1"
_SLOW = "reductions"


@dataclass(frozen=True)
class FairRow:
    """One method on one seed, judged by the truth and by what was written down.

    Attributes:
        method, cell, seed: which.
        true_gap: difference of the true positive rates of the two groups, by the truth.
        true_odds: the larger of the differences of true and of false positive rates, by the truth.
        true_accuracy: by the truth.
        seen_gap, seen_odds, seen_accuracy: the same by the observed classes.
        updates: steps of the optimiser in all fits.
        seconds: of the process, in training; it is the ratio to the row of "none" that says something.
        asks: whether a decision needs the attribute.
        note: what the method says of itself.
    """

    method: str
    cell: str
    seed: int
    true_gap: float
    true_odds: float
    true_accuracy: float
    seen_gap: float
    seen_odds: float
    seen_accuracy: float
    updates: int
    seconds: float
    asks: bool
    note: str = ""


@dataclass(frozen=True)
class FairBench:
    """Measured rows of the benchmark of mitigation methods, with the versions that measured them.

    Attributes:
        rows: in the order in which they were made.
        caudal, torch: versions that measured the newest row.
    """

    rows: tuple[FairRow, ...] = ()
    caudal: str = __version__
    torch: str = torch.__version__

    def dumps(self) -> str:
        """JSON text, one row per line."""
        inner = ",\n".join("    " + json.dumps(asdict(row)) for row in self.rows)
        head = f'"schema": {json.dumps(SCHEMA)},\n  "caudal": "{self.caudal}",\n  "torch": "{self.torch}"'
        return f'{{\n  {head},\n  "rows": [\n{inner}\n  ]\n}}\n'

    @staticmethod
    def loads(text: str, source: str = "text") -> "FairBench":
        """The report that `dumps` wrote.

        Raises:
            FileFormatError: the text is none.

        Example:
            >>> FairBench.loads(FairBench().dumps()) == FairBench()
            True
        """
        try:
            content = limits.parsed(text, limits.RECORD)
            if content["schema"] != SCHEMA:
                raise ValueError("another schema")
            return FairBench(
                tuple(serial.read(FairRow, row) for row in content["rows"]), content["caudal"], content["torch"]
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            remedy = "Pass a file that `python -m benchmarks fair --out` wrote."
            raise FileFormatError(f"{source}: is no report of fairness ({error}). {remedy}") from None


@dataclass(frozen=True)
class Mean:
    """One method over all its seeds, next to "none" on the same seeds.

    Attributes:
        method, cell, seeds: which.
        true_gap, true_odds, true_accuracy, seen_gap, seen_odds, seen_accuracy: means.
        cut: share by which the mean true gap is lower.
        seen_cut: the same of `seen_odds`.
        gain, seen_gain: points of accuracy won, by the truth and by the observed classes.
        steps: updates, in those of "none".
        time: seconds of the process, likewise.
        asks: whether a decision needs the attribute.
    """

    method: str
    cell: str
    seeds: int
    true_gap: float
    true_odds: float
    true_accuracy: float
    seen_gap: float
    seen_odds: float
    seen_accuracy: float
    cut: float
    seen_cut: float
    gain: float
    seen_gain: float
    steps: float
    time: float
    asks: bool

    @property
    def mends_labels(self) -> bool:
        """The goal by the truth: a gap at least 75 % lower, no accuracy lost, 1.5 times the time, no attribute."""
        return self.cut >= 0.75 and self.gain >= 0 and self.time <= 1.5 and not self.asks

    @property
    def levels_observed(self) -> bool:
        """The goal by the observed classes: odds at least 75 % closer, at no more than 5 points of accuracy."""
        return self.seen_cut >= 0.75 and self.seen_gain >= -5 and not self.asks


def measure(
    path: str | Path | None = None,
    *,
    seeds: int = 8,
    quick: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> FairBench:
    """Run every method on every seed; a row that the file holds is not made again, so a killed run goes on.

    Arguments:
        path: file to go on from and to keep each row in; None keeps nothing.
        seeds: how many.
        quick: a twentieth of the series and one pass, to see that everything runs; its figures mean nothing.
        say: called with a line of progress.

    Raises:
        FileFormatError: the file is no such report.
        MissingExtraError: a package of the extra `fair` is not installed.
    """
    place = None if path is None else Path(path)
    report = FairBench()
    if place is not None and place.exists():
        report = replace(FairBench.loads(place.read_text(encoding="utf-8"), place.name), caudal=__version__)
    for method, cell, seed in _jobs(1 if quick else seeds):
        if (method, cell, seed) in {(row.method, row.cell, row.seed) for row in report.rows}:
            continue
        say(f"{method}, {cell}, seed {seed}")
        given = task(seed, **({"shrink": 20, "epochs": 1} if quick else {}))
        row = _row(method, cell, seed, METHODS[method](given, cell), given.test)
        report = replace(report, rows=(*report.rows, row))
        if place is not None:
            _write(place, report.dumps())
    return report


def _jobs(seeds: int) -> Iterator[tuple[str, str, int]]:
    """Methods that fit a dozen times come last."""
    jobs = [(m, cell, seed) for seed in range(seeds) for cell, methods in CELLS.items() for m in (methods or METHODS)]
    yield from sorted(jobs, key=lambda job: (_SLOW in job[0], _SLOW in job[0] and job[0].endswith("opportunity")))


def _row(method: str, cell: str, seed: int, done: Done, test: Part) -> FairRow:
    gaps = [_gaps(done.decided, classes, test.groups.codes) for classes in (test.truth, test.seen)]
    right = [float((done.decided == classes).mean()) for classes in (test.truth, test.seen)]
    (true_gap, true_odds), (seen_gap, seen_odds) = gaps
    return FairRow(
        method, cell, seed, true_gap, true_odds, right[0], seen_gap, seen_odds, right[1],
        done.updates, round(done.seconds, 2), done.asks, done.note,
    )  # fmt: skip


def _gaps(decided: NDArray[Any], classes: NDArray[Any], groups: NDArray[np.int64]) -> tuple[float, float]:
    """Spread of the true positive rate, and the larger of that and of the false positive rate."""
    spreads = []
    for event in (1, 0):
        rates = [decided[(classes == event) & (groups == code)].mean() for code in np.unique(groups)]
        spreads.append(float(max(rates) - min(rates)))
    return spreads[0], max(spreads)


def means(report: FairBench) -> tuple[Mean, ...]:
    """Each method of each cell over its seeds; a seed without a row of "none" is left out."""
    base = {(row.cell, row.seed): row for row in report.rows if row.method == "none"}
    averages = []
    for cell in CELLS:
        for method in METHODS:
            rows = [r for r in report.rows if (r.method, r.cell) == (method, cell) and (r.cell, r.seed) in base]
            if rows:
                averages.append(_mean(rows, [base[row.cell, row.seed] for row in rows]))
    return tuple(averages)


def _mean(rows: list[FairRow], base: list[FairRow]) -> Mean:
    def of(name: str, which: list[FairRow]) -> float:
        return float(np.mean([getattr(row, name) for row in which]))

    names = ("true_gap", "true_odds", "true_accuracy", "seen_gap", "seen_odds", "seen_accuracy")
    figures: dict[str, Any] = {name: of(name, rows) for name in names}
    return Mean(
        rows[0].method, rows[0].cell, len(rows), **figures,
        cut=1 - of("true_gap", rows) / max(of("true_gap", base), 1e-12),
        seen_cut=1 - of("seen_odds", rows) / max(of("seen_odds", base), 1e-12),
        gain=100 * (of("true_accuracy", rows) - of("true_accuracy", base)),
        seen_gain=100 * (of("seen_accuracy", rows) - of("seen_accuracy", base)),
        steps=of("updates", rows) / max(of("updates", base), 1e-12),
        time=of("seconds", rows) / max(of("seconds", base), 1e-12),
        asks=rows[0].asks,
    )  # fmt: skip


def table(report: FairBench) -> str:
    """The means as a table of Markdown."""
    head = ("method", "cell", "seeds", "accuracy, truth", "gap, truth", "accuracy, observed", "odds, observed",
            "gap lower", "points won", "odds lower", "points won", "steps x", "time x", "asks", "goals")  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in means(report):
        goals = [name for name, met in (("truth", row.mends_labels), ("observed", row.levels_observed)) if met]
        cells = (
            row.method, row.cell, str(row.seeds), f"{row.true_accuracy:.3f}", f"{row.true_gap:.3f}",
            f"{row.seen_accuracy:.3f}", f"{row.seen_odds:.3f}", f"{row.cut:.0%}", f"{row.gain:+.1f}",
            f"{row.seen_cut:.0%}", f"{row.seen_gain:+.1f}", f"{row.steps:.1f}", f"{row.time:.1f}",
            "yes" if row.asks else "no", ", ".join(goals),
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, text)
