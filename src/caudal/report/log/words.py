"""The words of a report in one language, and numbers as its readers write them."""

import math
from dataclasses import dataclass, field
from functools import cache

from caudal.report.numbers import decimal, read_table
from caudal.report.words import PageWords


@dataclass(frozen=True)
class LogWords(PageWords):
    """Words and numbers of the report of a log.

    Attributes:
        articles: rows of section, rule, article and what the section gives evidence for.
    """

    articles: tuple[dict[str, str], ...] = field(repr=False)

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
def words(lang: str) -> LogWords:
    """The words of a language.

    Raises:
        InputError: there is no such language.
    """
    content = read_table("audit report", "caudal.report.log", "texts", lang)
    return LogWords(lang, content["words"], tuple(content["articles"]))
