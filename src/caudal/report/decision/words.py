"""The words of explanations in one language: sentences from a table, and numbers as its readers write them."""

import math
from dataclasses import dataclass
from functools import cache

from caudal.report.numbers import read_table
from caudal.report.words import PageWords

_TINY = 1e-4
_MINUS = "\u2212"


@dataclass(frozen=True)
class DecisionWords(PageWords):
    """Words and numbers of the page of a decision."""

    def short(self, value: float, figures: int = 3, signed: bool = False) -> str:
        """A number with so many significant figures, without idle zeros.

        Example:
            >>> words("en").short(-0.012345), words("es").short(1234.5), words("en").short(2.0, signed=True)
            ('−0.0123', '1234', '+2')
        """
        if not math.isfinite(value):
            return "–"
        if value == 0:
            return "0"
        if abs(value) < _TINY:
            spelled = f"{value:.2g}".replace("-", _MINUS)
            return spelled.replace(".", ",") if self.lang == "es" else spelled
        digits = max(0, min(figures - 1 - math.floor(math.log10(abs(value))), 12))
        digits = next(d for d in range(digits + 1) if d == digits or round(value, d) == round(value, digits))
        return self.fixed(value, digits, signed)

    def percent(self, share: float, digits: int = 0) -> str:
        """A share as a percentage."""
        return self("percent", n=self.fixed(100 * share, digits))


@cache
def words(lang: str) -> DecisionWords:
    """The words of a language.

    Raises:
        InputError: there is no such language.
    """
    return DecisionWords(lang, read_table("explain", "caudal.report.decision", "texts", lang))
