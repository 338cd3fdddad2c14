"""How names and numbers are written in cells: one spelling for each name, and numbers in the forms of people."""

import re
import unicodedata
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.errors import DataError
from caudal.typing import Array

# What pandas takes for missing, and what is so in a column of names unless the user says other words.
MISSING = frozenset(
    {"#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"}
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)
_WHOLE = re.compile(r"-?[1-9]\d*|0")
_POINT_ZERO = re.compile(r"(-?[1-9]\d*|0)\.0+")
_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_BOOLS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
_BETWEEN = re.compile(r"(?<=\w)[\s_\-.]+(?=\w)")
_SPACES = " \u00a0\u202f\u2009\u2007"
# Thousands, or hundreds above the first thousand as in India.
_GROUPS = r"(?:\d{1,3}(?:[" + _SPACES + r"'\u2019,._]\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})"
_DIGITS = rf"(?:{_GROUPS}|\d+)(?:[.,]\d+)?"
_MONEY = r"(?:[$\u20ac\u00a3\u00a5]|(?:EUR|USD|GBP|CHF|MXN|ARS|CLP|COP|PEN|BRL|JPY|CNY)|US\$|R\$|S/)"
_DISGUISES = (
    ("a percent sign", re.compile(rf"[+-]?{_DIGITS}[{_SPACES}]?%"), 1),
    ("parentheses", re.compile(rf"\({_DIGITS}\)"), 1),
    ("a minus at the end", re.compile(rf"{_DIGITS}-"), 1),
    ("a currency", re.compile(rf"[+-]?{_MONEY}[{_SPACES}]?{_DIGITS}|[+-]?{_DIGITS}[{_SPACES}]?{_MONEY}"), 1),
    ("a minus that is no hyphen", re.compile(rf"[\u2212\u2013]{_DIGITS}"), 1),
    # What follows may name things while it is rare: doses, bands, codes.
    ("a sign before them", re.compile(rf"[~\u2248<>\u2264\u2265\u00b1=][{_SPACES}]?{_DIGITS}"), 5),
    ("an exponent of D", re.compile(r"[+-]?\d+\.?\d*[dD][+-]?\d{2,3}"), 5),
    ("a base of 16", re.compile(r"0[xX][0-9a-fA-F]+"), 8),
    ("a second number", re.compile(rf"{_DIGITS}/{_DIGITS}"), 8),
    ("a unit", re.compile(rf"[+-]?{_DIGITS}[A-Za-z\u00b5\u00b0\u03a9]{{1,4}}(?:/[A-Za-z]{{1,4}})?"), 10),
    ("a unit", re.compile(rf"[+-]?{_DIGITS}[{_SPACES}][A-Za-z\u00b5\u00b0\u03a9]{{1,4}}(?:/[A-Za-z]{{1,4}})?"), 5),
)
# A comma that is left is no number for pandas, so what it means is never guessed.
_STRIPPED = 'column.str.replace(r"[^0-9.,-]", "", regex=True).astype(float)'
_CONVERSIONS = {
    "parentheses": r'column.str.replace(r"^\((.+)\)$", r"-\1", regex=True).astype(float)',
    "a minus at the end": r'column.str.replace(r"^(.+)-$", r"-\1", regex=True).astype(float)',
}
_GROUPED = re.compile(rf"[+-]?{_GROUPS}(?:[.,]\d+)?")


@dataclass(frozen=True)
class TextForm:
    """How a table is written as text, where the usual reading does not fit.

    Attributes:
        sep: separator of columns, or `""` for what the file shows.
        decimal: decimal mark.
        thousands: mark between groups of three digits, or `""`; a space stands for every kind of space.
        na: words that mean missing; empty for the usual ones (NA, NaN, null, None, ...).
        comment: what begins a line that is no row, or `""`.

    Example:
        >>> TextForm(decimal=",", thousands=".").plain("1.069,5")
        '1069.5'
    """

    sep: str = ""
    decimal: str = "."
    thousands: str = ""
    na: tuple[str, ...] = ()
    comment: str = ""

    def check(self, owner: str) -> None:
        """Refuse marks that cannot be told apart.

        Raises:
            DataError: names the option.
        """
        for name, most in (("sep", 1), ("decimal", 1), ("thousands", 1), ("comment", 8)):
            mark = getattr(self, name)
            if len(mark) > most or (name == "decimal" and not mark) or mark.isalnum():
                raise DataError(owner, name, f"is {mark!r}; expected one sign", f"Pass {_EXAMPLES[name]}.")
        if self.decimal in (self.thousands, self.sep) or (self.sep and self.sep == self.thousands):
            fault = f"is {self.decimal!r}, which separates columns or thousands as well"
            raise DataError(owner, "decimal", fault, "Pass three different signs.")

    def plain(self, cell: str) -> str:
        """A number as Python writes it, of one written in this form; other text unchanged."""
        if self.thousands:
            marks = next((like for like in (_SPACES, "'\u2019") if self.thousands in like), self.thousands)
            groups = rf"(\d{{1,3}}([{marks}]\d{{3}})+|\d{{1,2}}([{marks}]\d{{2}})+[{marks}]\d{{3}})"
            if re.fullmatch(rf"\s*[+-]?{groups}({re.escape(self.decimal)}\d*)?\s*", cell):
                cell = re.sub(f"[{marks}]", "", cell)
        if self.decimal == ".":
            return cell
        return f"{cell} holds a point" if "." in cell else cell.replace(self.decimal, ".", 1)


_EXAMPLES = {"sep": '`sep=";"`', "decimal": '`decimal=","`', "thousands": '`thousands="."`', "comment": '`comment="#"`'}


USUAL = TextForm()


@dataclass(frozen=True, eq=False)
class Coded:
    """A column as codes of its different cells.

    Attributes:
        codes: `(rows,)` position in `cells`, -1 where missing.
        cells: the different cells, in order of first appearance.
    """

    codes: NDArray[np.int64]
    cells: tuple[Any, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The spelling of each cell as a category or label."""
        return tuple(map(spelled, self.cells))

    def take(self, values: Array) -> Array:
        """One of `values` per row, by code; those that are missing take the first."""
        if not len(values):
            return np.zeros(len(self.codes), values.dtype)
        return np.asarray(values[np.maximum(self.codes, 0)])

    def without(self, gone: Sequence[bool]) -> "Coded":
        """The column with some of its cells missing."""
        if not any(gone):
            return self
        stays = ~np.array(gone, np.bool_)
        place = np.append(np.where(stays, np.cumsum(stays) - 1, -1), -1)
        return Coded(place[self.codes], tuple(cell for cell, keep in zip(self.cells, stays, strict=True) if keep))


def coded(cells: Any) -> Coded:
    """A list of cells, or an Arrow array, as codes; None, NaN and blank text are missing."""
    if isinstance(cells, list):
        place: dict[tuple[type, Any], int] = {}
        # Lists are no names; as texts they can at least be compared, and their column is refused by its type.
        cells = [cell if isinstance(cell, Hashable) else str(cell) for cell in cells]
        codes = np.array([place.setdefault((type(cell), cell), len(place)) for cell in cells], np.int64)
        distinct = [cell for _, cell in place]
    else:
        if hasattr(cells, "combine_chunks"):
            cells = cells.combine_chunks()
        if hasattr(cells, "dictionary_decode"):
            cells = cells.dictionary_decode()
        encoded = cells.dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        distinct = encoded.dictionary.to_pylist()
        if str(encoded.dictionary.type) in ("float", "halffloat"):
            # The shortest spelling that is this number in its own precision: 0.1, not 0.10000000149.
            distinct = [None if cell is None else float(str(np.float32(cell))) for cell in distinct]
    return Coded(codes, tuple(distinct)).without(_missing(distinct))


def _missing(cells: Sequence[object]) -> list[bool]:
    """`is_missing` of each cell; of texts alone, of which there may be as many as rows, in one pass."""
    texts = [cell for cell in cells if type(cell) is str]
    return [not text.strip() for text in texts] if len(texts) == len(cells) else [is_missing(cell) for cell in cells]


def is_missing(cell: object) -> bool:
    """Whether a cell holds nothing: None, NaN, NaT, or blank text."""
    # pandas.NA answers a comparison with itself, which has no truth value.
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return (isinstance(cell, str) and not cell.strip()) or (not isinstance(cell, str) and bool(cell != cell))


def spelled(cell: object) -> str:
    """The one spelling of a name: a whole number has no decimals, whatever type its column has.

    Example:
        >>> spelled(1.0), spelled("1.0"), spelled("007"), spelled(2**53 + 1), spelled(True)
        ('1', '1', '007', '9007199254740993', 'True')
    """
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        return str(int(cell))
    text = str(cell)
    whole = _POINT_ZERO.fullmatch(text) if text.endswith("0") else None
    return whole.group(1) if whole else text


def spellings(label: object) -> tuple[str, ...]:
    """The ways in which a class is written in text.

    Example:
        >>> spellings(True), spellings(7)
        (('True', 'TRUE', 'true'), ('7',))
    """
    text = spelled(label)
    return (text, text.upper(), text.lower()) if isinstance(label, bool) else (text,)


def accent_forms(name: str) -> tuple[str, ...]:
    """A name with its accents composed and decomposed (NFC and NFD of Unicode), which look the same.

    Example:
        >>> [len(form) for form in accent_forms("lactato á")], accent_forms("pulse")
        ([9, 10], ('pulse',))
    """
    forms = (name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD")))
    return tuple(dict.fromkeys(forms))


def exact(names: Sequence[str]) -> Array:
    """Names as int64 where each is the usual spelling of a whole number, else as text.

    Example:
        >>> exact(["7", "12"]).tolist(), exact(["007", "12"]).tolist()
        ([7, 12], ['007', '12'])
    """
    if all(map(_WHOLE.fullmatch, names)) and all(-(2**63) <= int(name) < 2**63 for name in names):
        return np.array([int(name) for name in names], np.int64)
    return np.array(names, np.str_)


def written_kind(cells: Sequence[str]) -> str:
    """What a column of text is, by how its cells are written: `"number"`, `"bool"` or `"text"`.

    Example:
        >>> written_kind(["0", "1.5"]), written_kind(["007", "1"]), written_kind(["TRUE", "False"])
        ('number', 'text', 'bool')
    """
    if cells and all(cell in _BOOLS for cell in cells):
        return "bool"
    return "number" if all(map(_NUMBER.fullmatch, cells)) else "text"


def truth(cell: str) -> bool:
    """The value of a cell of a column that `written_kind` calls `"bool"`."""
    return _BOOLS[cell]


def is_number(cell: str) -> bool:
    """Whether the text is a number; `1_000` is none, although Python reads it."""
    if ":" in cell:  # a time, of which a column holds many; an exception costs more than all the rest
        return False
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def folded(text: str) -> str:
    """The text without case, accents, signs that do not show, and the kind of blanks between words.

    Example:
        >>> folded("\ufeffPa\u0308r  1"), folded("par-1")
        ('par 1', 'par 1')
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(sign for sign in plain if not "\u0300" <= sign <= "\u036f" and unicodedata.category(sign) != "Cf")
    plain = plain.strip()
    return _BETWEEN.sub(" ", plain) if any(sign.isalpha() for sign in plain) else plain


def twin_of(text: str, known: Sequence[object]) -> str:
    """The known name from which a text differs in spelling alone, `""` for none."""
    return next((str(name) for name in known if folded(str(name)) == folded(text)), "")


def disguise(cells: Sequence[str]) -> tuple[str, str, str] | None:
    """A cell that is a number in a form of people, what it is written with, and the remedy; None for plain texts.

    At least half of the cells must be such numbers, and a group of thousands must be among those that only look so.

    Example:
        >>> disguise(["1 069", "1 071"])[:2], disguise(["ICU", "A 1"])
        (('1 069', 'a space between thousands'), None)
    """
    shown = [cell.strip() for cell in cells]
    for words, pattern, least in _DISGUISES:
        hits = [cell for cell in shown if pattern.fullmatch(cell)]
        if 2 * len(hits) >= len(shown) and len(hits) >= least:
            remedy = "Write plain numbers, or list the column in `categorical` if they are names."
            return hits[0], words, f"{remedy} In pandas: `{_CONVERSIONS.get(words, _STRIPPED)}`."
    hits = [cell for cell in shown if _GROUPED.fullmatch(cell) and not is_number(cell)]
    plain = sum(map(is_number, shown))
    if hits and 2 * (len(hits) + plain) >= len(shown):
        return hits[0], *_grouping(hits)
    return None


def _grouping(hits: Sequence[str]) -> tuple[str, str]:
    """What thousands are written with, and the option that reads them."""
    cell = hits[0]
    mark = next(sign for sign in cell.lstrip("+-") if not sign.isdigit())
    if mark == ",":
        remedy = (
            'Pass `thousands=","` (`--thousands ,`) where 1,069 is more than a thousand, '
            'or `decimal=","` (`--decimal ,`) where it is about one.'
        )
        return "commas", remedy
    if mark == ".":
        return "points between thousands", 'Pass `thousands=".", decimal=","` (`--thousands . --decimal ,`).'
    word = "a space" if mark in _SPACES else "an underscore" if mark == "_" else "an apostrophe"
    shown = " " if mark in _SPACES else "_" if mark == "_" else "'"
    comma = re.search(r",\d+$", cell)
    more, option = (', decimal=","', " --decimal ,") if comma else ("", "")
    remedy = f'Pass `thousands="{shown}"{more}` (`--thousands "{shown}"{option}`).'
    return f"{word} between thousands", remedy
