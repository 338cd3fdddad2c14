"""Studies of fairness as tables of Markdown and as pictures: a summary for reading, every row for checking."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.fair.resume import Kept
from benchmarks.fair.studies import ASKS, COST, PAIRS, StudyRow
from caudal.fair.advise import Point, Tradeoff

_HEAD = (
    "attribute",
    "model",
    "seeds",
    "balanced",
    "gap",
    "95 %",
    "if alike",
    "mitigated: balanced",
    "gap",
    "95 %",
    "energy, uJ",
)
_VERDICTS = ("higher", "level", "lower")
_SHORT = {"fairlearn thresholds": "fairlearn", "oxonfair thresholds": "oxonfair", "fairlearn reductions": "reductions"}


def _cases(results: Kept) -> Iterator[list[StudyRow]]:
    """Rows that differ in the seed alone."""
    cases: dict[tuple[str, str, str], list[StudyRow]] = {}
    for row in results.rows:
        cases.setdefault((row.data, row.attribute, row.model), []).append(row)
    yield from cases.values()


def summary(results: Kept, data: str) -> str:
    """Plain and mitigated models of one study, means over seeds.

    The interval is the mean of those of the seeds: wider than one of the mean, since the test series are the same.
    """
    lines = _lines(_HEAD)
    for rows in _cases(results):
        if rows[0].data != data:
            continue
        cells = [rows[0].attribute, rows[0].model, str(len(rows))]
        for side in ("plain", "mitigated"):
            figures = [getattr(row, side) for row in rows]
            cells += [f"{_mean(figures, 'balanced'):.3f}", f"{_mean(figures, 'gap'):.3f}", _span(figures)]
            cells += [f"{_mean(figures, 'chance'):.3f}"] if side == "plain" else []
        low, high = (float(np.mean([row.energy[k] for row in rows])) for k in (0, 1))
        lines.append(_line([*cells, f"{low:.2g} to {high:.2g}"]))
    return "\n".join(lines)


def against(results: Kept) -> str:
    """How much higher our curves lie than those of others, in points, by study: mean, and how the cases go.

    A case is a model and an attribute; its difference and its interval are means over seeds.
    """
    lines = _lines(("data", "ours", "the other", "cases", "points higher", *_VERDICTS))
    for data in dict.fromkeys(row.data for row in results.rows):
        for ours, other in PAIRS:
            key = f"{ours} - {other}"
            differences = [[row.against[key] for row in rows] for rows in _cases(results) if rows[0].data == data]
            means = np.array([np.mean(difference, axis=0) for difference in differences])
            tally = [sum(verdict(*interval) == word for interval in means) for word in _VERDICTS]
            asks = " (asks)" if ASKS[other] else ""
            cells = [data, ours + (" (asks)" if ASKS[ours] else ""), other + asks, str(len(differences))]
            lines.append(_line([*cells, f"{means[:, 0].mean():+.1f}", *map(str, tally)]))
    return "\n".join(lines)


def verdict(apart: float, low: float, high: float) -> str:
    """Whether a curve lies higher than another, lower, or level as far as these series tell.

    Example:
        >>> verdict(1.0, -0.5, 2.0), verdict(1.0, 0.5, 2.0), verdict(-1.0, -2.0, -0.5)
        ('level', 'higher', 'lower')
    """
    return "higher" if low > 0 else "lower" if high < 0 else "level"


def lost(results: Kept) -> list[str]:
    """Every case in which a curve of ours lies lower, in words."""
    losses = []
    for rows in _cases(results):
        for ours, other in PAIRS:
            apart = np.mean([row.against[f"{ours} - {other}"] for row in rows], axis=0)
            if verdict(*apart) == "lower":
                where = f"{rows[0].data}, {rows[0].attribute}, {rows[0].model}"
                losses.append(f"{where}: {ours} {apart[0]:+.1f} points ({apart[1]:+.1f} to {apart[2]:+.1f}) to {other}")
    return losses


def table(results: Kept) -> str:
    """Every row: summary of each study, every height, and how curves compare."""
    parts = []
    for data in dict.fromkeys(row.data for row in results.rows):
        parts += [
            f"{data}; mitigated at no more than {100 * COST:.0f} points, chosen on other series",
            summary(results, data),
        ]
    lines = _lines(("data", "attribute", "model", "seed", *ASKS))
    for row in results.rows:
        heights = [f"{row.curves[name]['height']:.3f}" for name in ASKS]
        lines.append(_line([row.data, row.attribute, row.model, str(row.seed), *heights]))
    return "\n\n".join(
        [*parts, "heights of the curves", "\n".join(lines), "compared", against(results), *lost(results)]
    )


def picture(row: StudyRow, families: Sequence[str] = tuple(ASKS)) -> Tradeoff:
    """The curves of one row, all points together, balanced accuracy upwards; `svg()` draws them."""
    points = [
        Point(
            f"{_SHORT.get(family, family)}: {point['name'].split('s, ')[-1].replace(', by group', '')}",
            point["balanced"],
            point["gap"],
            ASKS[family],
        )
        for family in families
        for point in row.curves[family]["points"]
    ]
    return Tradeoff(tuple(points), is_balanced=True)


def _mean(figures: Sequence[Any], key: str) -> float:
    known = [figure[key] for figure in figures if figure[key] is not None]
    return float(np.mean(known)) if known else float("nan")


def _span(figures: Sequence[Any]) -> str:
    return f"{_mean(figures, 'low'):.3f} to {_mean(figures, 'high'):.3f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _lines(head: Sequence[str]) -> list[str]:
    return [_line(head), "|" + " --- |" * len(head)]
