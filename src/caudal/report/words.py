"""The words of a page in one language: sentences from a table, filled in, and lists as its readers write them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from string import Formatter

from caudal.report.html import Html, text
from caudal.report.numbers import decimal, listed


@dataclass(frozen=True)
class PageWords:
    """Words of one language; each page adds the numbers that it writes.

    Attributes:
        lang: `"en"` or `"es"`.
        table: key -> sentence with `{placeholders}`.
    """

    lang: str
    table: dict[str, str] = field(repr=False)

    def __call__(self, key: str, /, **values: object) -> str:
        """The sentence of a key with its placeholders filled in, as plain text."""
        return self.table[key].format(**values)

    def html(self, key: str, /, **values: object) -> Html:
        """The sentence of a key as markup; values that are markup stay so, all others are escaped."""
        parts = []
        for literal, name, _, _ in Formatter().parse(self.table[key]):
            parts.append(text(literal))
            if name is not None:
                parts.append(text(values[name]))
        return Html("".join(parts))

    def known(self, prefix: str, code: str) -> str:
        """The words for a code of the record; the code itself where there are none."""
        return self.table.get(f"{prefix}.{code}", code)

    def listed(self, items: Iterable[str]) -> str:
        """Items with commas, and the last one with "and".

        Example:
            >>> PageWords("en", {"and": "and"}).listed(["a", "b", "c"])
            'a, b and c'
        """
        return listed(items, self.lang, self("and"))

    def fixed(self, value: float, digits: int = 2, signed: bool = False) -> str:
        """A number with so many decimals.

        Example:
            >>> PageWords("es", {}).fixed(-1234.5, 1), PageWords("en", {}).fixed(12345, 0)
            ('−1234,5', '12,345')
        """
        return decimal(value, digits, self.lang, signed)
