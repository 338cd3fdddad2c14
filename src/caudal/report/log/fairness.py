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
from caudal.report.log.words import Words
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
        told = f"{name or 'the record'} is no record of fairness ({error})"
        raise FileFormatError(f"audit report: {told}. Write it with `caudal fair ... --out fair.json`.") from error
    plain: dict[str, Any] = json.loads(serial.to_json(record))
    return {"file": name, "sha256": sha256(data).hexdigest(), "record": plain}


def _check(record: FairReport) -> None:
    """Refuse what no page can show: texts where numbers should be, and the other way round."""
    for one in record.attributes:
        for gap in (*one.gaps, *(moment.gap for moment in one.curve if moment.gap is not None)):
            _numbers(gap.value.value, gap.value.low, gap.value.high, gap.chance)
            _texts(gap.name, gap.metric, gap.high, gap.low, *gap.left_out)
        _numbers(*one.groups.values(), *(x for moment in one.curve for x in (moment.step, moment.ended)))
        for rate in one.rates:
            _numbers(rate.count, *(() if rate.value is None else (rate.value.value, rate.value.low, rate.value.high)))
        _texts(one.name, *one.groups, *one.small, *one.hidden)
    _numbers(record.series, record.answers, *(() if record.threshold is None else (record.threshold,)))
    _texts(record.data, record.model, record.caudal, record.kind, record.positive, record.digest, record.model_digest)
    _texts(*record.not_measured)


def _numbers(*values: Any) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{value!r} stands where a number should")


def _texts(*values: Any) -> None:
    for value in values:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} stands where a text should")


def shown(found: Mapping[str, Any], said: Words) -> list[dict[str, Any]]:
    """What the page draws of each attribute, spelt in its language."""
    record = FairReport.from_json(json.dumps(found["record"]))
    return [_attribute(one, said) for one in record.attributes]


def _attribute(one: FairAttribute, said: Words) -> dict[str, Any]:
    top = max((max(gap.value.high, gap.chance) for gap in one.gaps if gap.name in _SHARES), default=0.0) or 1.0
    sizes = [f"{group(name, said)} ({decimal(one.groups.get(name, 0), 0, said.lang)})" for name in one.order]
    return {
        "name": one.name,
        "sizes": listed(sizes, said.lang, said("and")),
        "gaps": [_gap(one, gap, top, said) for gap in one.gaps],
        "rates": list(_rates(one, said)),
        "small": _named(one.small, said),
        "hidden": _named(one.hidden, said),
        "curve_of": said.known("fairness.gap", one.curve_of) if one.curve else "",
        "curve": [
            {
                "step": decimal(moment.step, 0, said.lang),
                "ended": decimal(100 * moment.ended, 0, said.lang),
                "value": "–" if moment.gap is None else _value(moment.gap.name, moment.gap.value.value, said),
                "span": "" if moment.gap is None else _span(moment.gap, said),
            }
            for moment in one.curve
        ],
    }  # fmt: skip


def _gap(one: FairAttribute, gap: Gap, top: float, said: Words) -> dict[str, Any]:
    at = {rate.group: rate.value for rate in one.rates if rate.metric == gap.metric}
    ends = (_side(gap.metric, name, at.get(name), said) for name in (gap.high, gap.low))
    places = {
        key: f"{100 * min(value / (1.05 * top), 1.0):.2f}"
        for key, value in (
            ("low", gap.value.low), ("high", gap.value.high), ("at", gap.value.value), ("chance", gap.chance),
        )
    }  # fmt: skip
    return {
        "name": said.known("fairness.gap", gap.name),
        "value": _value(gap.name, gap.value.value, said),
        "span": _span(gap, said),
        "chance": _value(gap.name, gap.chance, said),
        "metric": said.known("fairness.metric", gap.metric),
        "between": listed(ends, said.lang, said("and")),
        "is_sure": gap.value.low > 0,
        "left_out": _named(gap.left_out, said),
        "drawn": places if gap.name in _SHARES else None,
    }


def _rates(one: FairAttribute, said: Words) -> Iterator[dict[str, Any]]:
    """What each group gets, in the metrics of the gaps."""
    by_cell = {(rate.group, rate.metric): rate for rate in one.rates}
    metrics = [metric for metric in _RATES if any((name, metric) in by_cell for name in one.order)]
    for name in one.order:
        cells = []
        for metric in metrics:
            rate = by_cell.get((name, metric))
            value = None if rate is None else rate.value
            ends = None if value is None else (decimal(100 * value.low, 1, said.lang), _share(value.high, said))
            cells.append(
                {
                    "metric": said.known("fairness.metric", metric),
                    "value": "–" if value is None else _share(value.value, said),
                    "span": "" if ends is None else said("fairness.span", low=ends[0], high=ends[1]),
                    "few": rate is not None and rate.few,
                }
            )
        yield {"group": group(name, said), "cells": cells}


def group(name: str, said: Words) -> str:
    """The name of a group; what was cut or joined by caudal is said in this language.

    Example:
        >>> from caudal.report.log.words import words
        >>> group("f & below 40", words("es")), group("unknown", words("es"))
        ('f & menos de 40', 'sin dato')
    """
    return " & ".join(_part(part, said) for part in name.split(" & "))


def _part(part: str, said: Words) -> str:
    if part in ("unknown", "other"):
        return said(f"fairness.group.{part}")
    for key, pattern in _CUTS:
        if match := pattern.fullmatch(part):
            return said(f"fairness.group.{key}", a=match.group(1), b=match.group(match.lastindex or 1))
    return part


def _named(groups: Iterable[str], said: Words) -> str:
    return listed((group(name, said) for name in groups), said.lang, said("and"))


def _side(metric: str, name: str, value: Interval | None, said: Words) -> str:
    is_share = metric in _RATES
    spelt = "–" if value is None else _share(value.value, said) if is_share else said.number(value.value)
    return f"{group(name, said)} ({spelt})"


def _share(value: float, said: Words) -> str:
    return said("fairness.percent", n=decimal(100 * value, 1, said.lang))


def _value(name: str, value: float, said: Words) -> str:
    return decimal(100 * value, 1, said.lang) if name in _SHARES else said.number(value)


def _span(gap: Gap, said: Words) -> str:
    low, high = (_value(gap.name, end, said) for end in (gap.value.low, gap.value.high))
    return said("fairness.span", low=low, high=high)
