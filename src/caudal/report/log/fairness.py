"""A record of fairness in a report: quoted from the file that `caudal fair` wrote, with the digest of that file."""

import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from caudal import serial
from caudal.errors import FileFormatError, MissingFileError
from caudal.fair.intervals import Gap
from caudal.fair.record import FairAttribute, FairReport
from caudal.intervals import Interval
from caudal.report.log.words import LogWords
from caudal.report.numbers import decimal, listed

# What is told in points of per cent; other gaps are in the unit of the target.
_SHARES = frozenset(("demographic_parity", "equal_opportunity", "equalised_odds", "accuracy"))
_CUTS = (
    ("below", re.compile(r"below (\S+)")),
    ("above", re.compile(r"(\S+) and above")),
    ("between", re.compile(r"(\S+) to below (\S+)")),
)
_RATES = ("tpr", "fpr", "selection_rate", "accuracy")


def quoted(given: FairReport | str | os.PathLike[str]) -> dict[str, Any]:
    """A record as JSON values, with the name and the digest of its file.

    Arguments:
        given: the record, or the file that holds it.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it holds no record of fairness, or a figure in it is none.
    """
    name: str | None = None
    if isinstance(given, FairReport):
        data = serial.to_json(given).encode()
    else:
        place = Path(given)
        if not place.is_file():
            remedy = "Pass what `caudal fair MODEL DATA --sensitive ... --out fair.json` wrote."
            raise MissingFileError(f"audit report: {place} is no file. {remedy}")
        name, data = place.name, place.read_bytes()
    try:
        record = FairReport.from_json(data.decode("utf-8"), whole=False)
        _check(record)
    except (UnicodeDecodeError, FileFormatError, TypeError, ValueError, AttributeError, RecursionError) as error:
        fault = f"{name or 'the record'} is no record of fairness ({error})"
        raise FileFormatError(f"audit report: {fault}. Write it with `caudal fair ... --out fair.json`.") from error
    plain: dict[str, Any] = json.loads(serial.to_json(record))
    return {"file": name, "sha256": sha256(data).hexdigest(), "record": plain}


def _check(record: FairReport) -> None:
    """Refuse what no page can show: texts where numbers should be, and the other way round."""
    for attribute in record.attributes:
        for gap in (*attribute.gaps, *(moment.gap for moment in attribute.curve if moment.gap is not None)):
            _numbers(gap.value.value, gap.value.low, gap.value.high, gap.chance)
            _texts(gap.name, gap.metric, gap.high, gap.low, *gap.left_out)
        _numbers(*attribute.groups.values(), *(x for moment in attribute.curve for x in (moment.step, moment.ended)))
        for rate in attribute.rates:
            _numbers(rate.count, *(() if rate.value is None else (rate.value.value, rate.value.low, rate.value.high)))
        _texts(attribute.name, *attribute.groups, *attribute.small, *attribute.hidden)
    _numbers(record.series, record.answers, *(() if record.threshold is None else (record.threshold,)))
    _texts(record.data, record.model, record.caudal, record.kind, record.positive, record.digest, record.model_digest)
    _texts(*record.not_measured)


def _numbers(*values: object) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{value!r} stands where a number should")


def _texts(*values: object) -> None:
    for value in values:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} stands where a text should")


def shown(quoted_record: Mapping[str, object], words: LogWords) -> list[dict[str, object]]:
    """What the page draws of each attribute, spelt in its language."""
    record = FairReport.from_json(json.dumps(quoted_record["record"]))
    return [_attribute(attribute, words) for attribute in record.attributes]


def _attribute(attribute: FairAttribute, words: LogWords) -> dict[str, object]:
    top = max((max(gap.value.high, gap.chance) for gap in attribute.gaps if gap.name in _SHARES), default=0.0) or 1.0
    sizes = [
        f"{group(name, words)} ({decimal(attribute.groups.get(name, 0), 0, words.lang)})" for name in attribute.order
    ]
    return {
        "name": attribute.name,
        "sizes": listed(sizes, words.lang, words("and")),
        "gaps": [_gap(attribute, gap, top, words) for gap in attribute.gaps],
        "rates": list(_rates(attribute, words)),
        "small": _named(attribute.small, words),
        "hidden": _named(attribute.hidden, words),
        "curve_of": words.known("fairness.gap", attribute.curve_of) if attribute.curve else "",
        "curve": [
            {
                "step": decimal(moment.step, 0, words.lang),
                "ended": decimal(100 * moment.ended, 0, words.lang),
                "value": "–" if moment.gap is None else _value(moment.gap.name, moment.gap.value.value, words),
                "span": "" if moment.gap is None else _span(moment.gap, words),
            }
            for moment in attribute.curve
        ],
    }


def _gap(attribute: FairAttribute, gap: Gap, top: float, words: LogWords) -> dict[str, object]:
    at = {rate.group: rate.value for rate in attribute.rates if rate.metric == gap.metric}
    ends = (_side(gap.metric, name, at.get(name), words) for name in (gap.high, gap.low))
    places = {
        key: f"{100 * min(value / (1.05 * top), 1.0):.2f}"
        for key, value in (
            ("low", gap.value.low),
            ("high", gap.value.high),
            ("at", gap.value.value),
            ("chance", gap.chance),
        )
    }
    return {
        "name": words.known("fairness.gap", gap.name),
        "value": _value(gap.name, gap.value.value, words),
        "span": _span(gap, words),
        "chance": _value(gap.name, gap.chance, words),
        "metric": words.known("fairness.metric", gap.metric),
        "between": listed(ends, words.lang, words("and")),
        "is_sure": gap.value.low > 0,
        "left_out": _named(gap.left_out, words),
        "drawn": places if gap.name in _SHARES else None,
    }


def _rates(attribute: FairAttribute, words: LogWords) -> Iterator[dict[str, object]]:
    """What each group gets, in the metrics of the gaps."""
    by_cell = {(rate.group, rate.metric): rate for rate in attribute.rates}
    metrics = [metric for metric in _RATES if any((name, metric) in by_cell for name in attribute.order)]
    for name in attribute.order:
        cells = []
        for metric in metrics:
            rate = by_cell.get((name, metric))
            value = None if rate is None else rate.value
            ends = None if value is None else (decimal(100 * value.low, 1, words.lang), _share(value.high, words))
            cells.append(
                {
                    "metric": words.known("fairness.metric", metric),
                    "value": "–" if value is None else _share(value.value, words),
                    "span": "" if ends is None else words("fairness.span", low=ends[0], high=ends[1]),
                    "few": rate is not None and rate.few,
                }
            )
        yield {"group": group(name, words), "cells": cells}


def group(name: str, words: LogWords) -> str:
    """The name of a group; what was cut or joined by caudal is said in this language.

    Example:
        >>> from caudal.report.log.words import words
        >>> group("f & below 40", words("es")), group("unknown", words("es"))
        ('f & menos de 40', 'sin dato')
    """
    return " & ".join(_part(part, words) for part in name.split(" & "))


def _part(part: str, words: LogWords) -> str:
    if part in ("unknown", "other"):
        return words(f"fairness.group.{part}")
    for key, pattern in _CUTS:
        if match := pattern.fullmatch(part):
            return words(f"fairness.group.{key}", a=match.group(1), b=match.group(match.lastindex or 1))
    return part


def _named(groups: Iterable[str], words: LogWords) -> str:
    return listed((group(name, words) for name in groups), words.lang, words("and"))


def _side(metric: str, name: str, value: Interval | None, words: LogWords) -> str:
    is_share = metric in _RATES
    spelt = "–" if value is None else _share(value.value, words) if is_share else words.number(value.value)
    return f"{group(name, words)} ({spelt})"


def _share(value: float, words: LogWords) -> str:
    return words("fairness.percent", n=decimal(100 * value, 1, words.lang))


def _value(name: str, value: float, words: LogWords) -> str:
    return decimal(100 * value, 1, words.lang) if name in _SHARES else words.number(value)


def _span(gap: Gap, words: LogWords) -> str:
    low, high = (_value(gap.name, end, words) for end in (gap.value.low, gap.value.high))
    return words("fairness.span", low=low, high=high)
