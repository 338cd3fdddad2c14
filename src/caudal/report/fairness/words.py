"""The words of the report in one language, and numbers as its readers write them."""

import math
import re
from dataclasses import dataclass, replace
from functools import cache

from caudal.fair.groups import OTHER, UNKNOWN
from caudal.fair.metrics import NUMBER
from caudal.fair.record import FairReport
from caudal.intervals import Interval
from caudal.report.numbers import decimal, read_table
from caudal.report.words import PageWords

_SPANS = (
    ("below", re.compile(r"below (\S+)")),
    ("above", re.compile(r"(\S+) and above")),
    ("between", re.compile(r"(\S+) to below (\S+)")),
    ("upto", re.compile(r"up to (\S+)")),
    ("more", re.compile(r"(\S+) and more")),
    ("to", re.compile(r"(\d+) to (\d+)")),
)
# Metrics that are told in percent, and their differences in points.
SHARES = frozenset(
    {
        "base_rate",
        "selection_rate",
        "tpr",
        "fpr",
        "accuracy",
        "calibration_gap",
        "calibration_error",
        "demographic_parity",
        "equal_opportunity",
        "equalised_odds",
    }
)


@dataclass(frozen=True)
class FairWords(PageWords):
    """Words and numbers of a page about fairness.

    Attributes:
        unit: of the numbers that are predicted, and of errors of them, or `""`.
        time_unit: of times between steps, or `""`.
    """

    unit: str = ""
    time_unit: str = ""

    def group(self, name: str) -> str:
        """The name of a group; what was cut or joined here is said in this language.

        Example:
            >>> words("es").group("f & below 40"), words("en").group("unknown")
            ('f & menos de 40', 'unknown')
        """
        return " & ".join(self._part(part) for part in name.split(" & "))

    def _part(self, part: str) -> str:
        if part in (UNKNOWN, OTHER):
            return self(f"group.{part}")
        for key, pattern in _SPANS:
            if match := pattern.fullmatch(part):
                return self(f"group.{key}", a=match.group(1), b=match.group(match.lastindex or 1))
        return part

    def fixed(self, value: float, digits: int = 0, signed: bool = False) -> str:
        """A number with so many decimals.

        Example:
            >>> words("es").fixed(-1234.5, 1), words("en").fixed(12345)
            ('−1234,5', '12,345')
        """
        return decimal(value, digits, self.lang, signed)

    def value(self, metric: str, value: float, signed: bool = False) -> str:
        """A value of a metric: percent for shares, three figures for others."""
        if metric in SHARES:
            return self("percent", n=self.fixed(100 * value, 1, signed))
        return self._number(metric, value, signed)

    def apart(self, metric: str, value: float, signed: bool = False) -> str:
        """A difference in a metric: points for shares."""
        if metric in SHARES:
            return self("points", n=self.fixed(100 * value, 1, signed))
        return self._number(metric, value, signed)

    def _number(self, metric: str, value: float, signed: bool) -> str:
        unit = f" {self.unit}" if self.unit and metric in NUMBER else ""
        return f"{self.short(value, signed)}{unit}"

    def short(self, value: float, signed: bool = False) -> str:
        """Three significant figures, without idle zeros."""
        if value == 0 or not math.isfinite(value):
            return "0" if value == 0 else "–"
        spelled = self.fixed(value, max(0, min(2 - math.floor(math.log10(abs(value))), 6)), signed)
        point = "," if self.lang == "es" else "."
        whole, _, rest = spelled.partition(point) if max(abs(value), 1) < 100 else (spelled, "", "")
        return f"{whole}{point}{rest.rstrip('0')}" if rest.rstrip("0") else whole

    def span(self, metric: str, interval: Interval, apart: bool = False) -> str:
        """An interval in words."""
        say = self.apart if apart else self.value
        low = self.fixed(100 * interval.low, 1) if metric in SHARES else self.short(interval.low)
        return self("span", low=low, high=say(metric, interval.high))


@cache
def words(lang: str) -> FairWords:
    """The words of a language.

    Raises:
        InputError: there is no such language.
    """
    return FairWords(lang, read_table("fair", "caudal.report.fairness", "texts", lang))


def words_of_report(report: FairReport, lang: str) -> FairWords:
    """The words of a language, with the unit of the numbers that a report is about.

    Raises:
        InputError: there is no such language.
    """
    plain = words(lang)
    unit = report.unit or (plain("unit.scaled") if report.scaled else "")
    return replace(plain, unit=unit, time_unit=report.time_unit)
