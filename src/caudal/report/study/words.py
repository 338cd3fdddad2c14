"""The words of a report in one language: sentences from a table, and numbers as its readers write them."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from caudal.intervals import Interval
from caudal.report.html import Html, tag
from caudal.report.numbers import decimal, read_table
from caudal.report.words import PageWords


@dataclass(frozen=True)
class StudyWords(PageWords):
    """Words and numbers of the report of a study.

    Attributes:
        told: text of a record, which is English -> the same in this language, as far as it is known.
    """

    told: dict[str, str] = field(default_factory=dict, repr=False)

    def retold(self, text: str) -> Html:
        """A text of a data card or contender in this language, or as it is, marked as English."""
        if text in self.told:
            return tag("span", self.told[text])
        return tag("span", text, lang="en")

    def metric(self, name: str) -> str:
        """A metric within a sentence."""
        return self.known("metric", name)

    def title(self, name: str) -> str:
        """A metric at the head of a column or an axis."""
        return capital(self.metric(name))

    def knows(self, prefix: str, code: str) -> bool:
        """Whether there are words for a code."""
        return f"{prefix}.{code}" in self.table

    def many(self, key: str, count: int) -> str:
        """A counted noun: the words of `key.one` or `key.many`."""
        return self(f"{key}.{'one' if count == 1 else 'many'}", n=self.whole(count))

    def number(self, value: float, digits: int = 3, signed: bool = False) -> str:
        """A number with so many decimals.

        Example:
            >>> words("es").number(-1234.5, 1), words("en").number(12345.678, 1), words("es").number(12345, 0)
            ('−1234,5', '12,345.7', '12\u202f345')
        """
        return decimal(value, digits, self.lang, signed)

    def whole(self, value: float) -> str:
        """A number without decimals."""
        return self.number(value, 0)

    def short(self, value: float, figures: int = 3) -> str:
        """A number with so many significant figures, whole from a hundred on.

        Example:
            >>> [words("en").short(x) for x in (0, 0.01234, 7.125, 1234567)]
            ['0', '0.0123', '7.12', '1,234,567']
        """
        if value == 0 or not math.isfinite(value):
            return "0" if value == 0 else "–"
        return self.number(value, max(0, min(figures - 1 - math.floor(math.log10(abs(value))), 9)))

    def brief(self, value: float) -> str:
        """A number of a sentence: three significant figures, without idle zeros.

        Example:
            >>> words("en").brief(7.0), words("en").brief(0.0123456), words("en").brief(1121.4)
            ('7', '0.0123', '1,121')
        """
        if value == 0 or not math.isfinite(value):
            return "0" if value == 0 else "–"
        return self.trimmed(round(value, max(2 - math.floor(math.log10(abs(value))), 0)))

    def trimmed(self, value: float) -> str:
        """A number of a scale or a setting, without idle zeros."""
        return self.number(value, _decimals(value))

    def scale(self, values: Sequence[float]) -> list[str]:
        """Numbers of a scale: as many decimals for all as one of them needs, or their own where they span decades.

        Example:
            >>> words("en").scale([0.75, 0.8]), words("en").scale([0.1, 1, 1000])
            (['0.75', '0.80'], ['0.1', '1', '1,000'])
        """
        digits = max((_decimals(value) for value in values), default=0)
        above = [value for value in values if value > 0]
        spans = bool(above) and max(above) >= 50 * min(above)
        return [self.number(value, _decimals(value) if spans else digits) for value in values]

    def percent(self, share: float, digits: int = 0) -> str:
        """A share as a percentage."""
        return self("percent", n=self.number(100 * share, digits))

    def span(self, interval: Interval, digits: int = 3) -> str:
        """The ends of an interval, or that there is none."""
        if not interval.is_known:
            return self("interval.none")
        return self("interval", low=self.number(interval.low, digits), high=self.number(interval.high, digits))

    def p_value(self, p: float) -> str:
        """A p value: three decimals, or that it is smaller."""
        return f"< {self.number(0.001)}" if p < 0.001 else self.number(p)

    def seconds(self, value: float) -> str:
        """A duration in the unit that fits."""
        if value < 1e-3:
            return f"{self.short(1e6 * value, 2)} µs"
        if value < 1:
            return f"{self.short(1e3 * value, 2)} ms"
        if value < 60:
            return f"{self.short(value, 2)} s"
        minutes, left = divmod(round(value), 60)
        if minutes < 60:
            return f"{minutes} min {left} s" if left else f"{minutes} min"
        hours, minutes = divmod(minutes, 60)
        return f"{self.whole(hours)} h {minutes} min" if minutes else f"{self.whole(hours)} h"

    def moment(self, iso: str) -> str:
        """A moment (ISO 8601) as a date with its time in UTC; the text itself where it is none."""
        try:
            instant = datetime.fromisoformat(iso)
        except ValueError:
            return iso
        instant = instant.astimezone(UTC) if instant.tzinfo else instant
        month = self(f"month.{instant.month}")
        return self("moment", day=instant.day, month=month, year=instant.year, time=f"{instant:%H:%M}")


def capital(sentence: str) -> str:
    """A text with a capital first letter.

    Example:
        >>> capital("log loss"), capital("")
        ('Log loss', '')
    """
    return sentence[:1].upper() + sentence[1:]


def _decimals(value: float) -> int:
    return next((d for d in range(10) if math.isclose(round(value, d), value, rel_tol=1e-9, abs_tol=1e-12)), 9)


@cache
def words(lang: str) -> StudyWords:
    """The words of a language.

    Raises:
        InputError: there is no such language.
    """
    table = read_table("report", "caudal.report.study", "texts", lang)
    memory = files("caudal.report.study") / "texts" / f"told.{lang}.json"
    translations = json.loads(memory.read_text(encoding="utf-8")) if memory.is_file() else {}
    return StudyWords(lang, table, translations)
