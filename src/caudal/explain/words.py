"""The words of explanations in one language: sentences from a table, and numbers as its readers write them."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from caudal.errors import InputError

LANGUAGES = ("en", "es")
_TINY = 1e-4
_MINUS, _THIN = "\u2212", "\u202f"


@dataclass(frozen=True)
class Words:
    """Words and numbers of one language.

    Attributes:
        lang: `"en"` or `"es"`.
        table: key -> sentence with `{placeholders}`.
    """

    lang: str
    table: dict[str, str] = field(repr=False)

    def __call__(self, key: str, **values: object) -> str:
        """The sentence of a key, with what is asked for filled in."""
        return self.table[key].format(**values)

    def known(self, prefix: str, code: str) -> str:
        """The words for a code; the code itself where there are none."""
        return self.table.get(f"{prefix}.{code}", code)

    def listed(self, items: Iterable[str]) -> str:
        """Items with commas, and the last one with "and".

        Example:
            >>> words("en").listed(["a", "b", "c"]), words("es").listed(["a", "i"])
            ('a, b and c', 'a e i')
        """
        every = list(items)
        if len(every) < 2:
            return "".join(every)
        # Spanish says "e" before a word that begins with the sound of an i.
        soft = self.lang == "es" and every[-1][:1].lower() == "i"
        return f"{', '.join(every[:-1])} {'e' if soft else self('and')} {every[-1]}"

    def fixed(self, value: float, digits: int = 2, signed: bool = False) -> str:
        """A number with so many decimals."""
        spelled = f"{abs(value):,.{digits}f}"
        sign = _MINUS if value < 0 and float(spelled.replace(",", "")) else "+" if signed and value > 0 else ""
        if self.lang == "es":
            whole, _, rest = spelled.partition(".")
            spelled = whole.replace(",", "" if len(whole) <= 5 else _THIN) + ("," + rest if rest else "")
        return sign + spelled

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
def words(lang: str) -> Words:
    """The words of a language.

    Raises:
        InputError: there is no such language.
    """
    if lang not in LANGUAGES:
        remedy = f"Pass {' or '.join(repr(one) for one in LANGUAGES)}."
        raise InputError("explain", "lang", f"is {lang!r}, a language without words", remedy)
    return Words(lang, json.loads((files("caudal.explain") / "texts" / f"{lang}.json").read_text(encoding="utf-8")))
