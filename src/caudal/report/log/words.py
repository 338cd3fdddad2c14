"""The words of a report in one language, and numbers as its readers write them."""

import math
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from caudal.report.numbers import decimal, read_table


@dataclass(frozen=True)
class Words:
    """Words of one language.

    Attributes:
        lang: `"en"` or `"es"`.
        table: key -> sentence with `{placeholders}`.
        articles: rows of section, rule, article and what the section gives evidence for.
    """

    lang: str
    table: dict[str, str] = field(repr=False)
    articles: tuple[dict[str, str], ...] = field(repr=False)

    def __call__(self, key: str, /, **values: Any) -> str:
        """The sentence of a key."""
        return self.table[key].format(**values)

    def known(self, prefix: str, code: str) -> str:
        """The words for a code of the record; the code itself where there are none."""
        return self.table.get(f"{prefix}.{code}", code)

    def number(self, value: float | str) -> str:
        """A number: whole ones in full, others with four figures; texts as they are.

        Example:
            >>> words("en").number(12345), words("es").number(12345), words("es").number(0.12345)
            ('12,345', '12\u202f345', '0,1235')
        """
        if isinstance(value, str):
            return value
        if not math.isfinite(value):
            return "–"
        whole = float(value).is_integer()
        return decimal(value, 0 if whole else max(0, min(9, 3 - math.floor(math.log10(abs(value))))), self.lang)


@cache
def words(lang: str) -> Words:
    """The words of a language.

    Raises:
        InputError: there is no such language.
    """
    content = read_table("audit report", "caudal.report.log", "texts", lang)
    return Words(lang, content["words"], tuple(content["articles"]))
