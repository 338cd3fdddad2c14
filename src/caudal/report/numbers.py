"""Numbers and lists as the readers of a language write them."""

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from caudal.errors import InputError

LANGUAGES = ("en", "es")
_MINUS, _THIN = "\u2212", "\u202f"


def decimal(value: float, digits: int, lang: str, signed: bool = False) -> str:
    r"""A number with so many decimals.

    Arguments:
        value: finite.
        digits: after the point, rounded.
        lang: `"en"`, or `"es"` with its comma and thin spaces.
        signed: whether a number above 0 has its sign too.

    Example:
        >>> decimal(-1234.5, 1, "es"), decimal(12345.678, 1, "en"), decimal(12345, 0, "es"), decimal(2, 0, "en", True)
        ('−1234,5', '12,345.7', '12\u202f345', '+2')
    """
    spelled = f"{abs(value):,.{digits}f}"
    sign = _MINUS if value < 0 and float(spelled.replace(",", "")) else "+" if signed and value > 0 else ""
    if lang == "es":
        whole, _, rest = spelled.partition(".")
        spelled = whole.replace(",", "" if len(whole) <= 5 else _THIN) + ("," + rest if rest else "")
    return sign + spelled


def listed(items: Iterable[str], lang: str, link: str) -> str:
    """Items with commas, and the last one with "and".

    Arguments:
        items: in order.
        lang: `"en"` or `"es"`.
        link: the word for "and" in this language.

    Example:
        >>> listed(["a", "b", "c"], "en", "and"), listed(["a", "i"], "es", "y"), listed(["a"], "en", "and")
        ('a, b and c', 'a e i', 'a')
    """
    texts = list(items)
    if len(texts) < 2:
        return "".join(texts)
    # Spanish says "e" before a word that begins with the sound of an i.
    soft = lang == "es" and texts[-1][:1].lower() == "i"
    return f"{', '.join(texts[:-1])} {'e' if soft else link} {texts[-1]}"


def read_table(owner: str, package: str, folder: str, lang: str) -> Any:
    """The table of words of a room in one language, from `<package>/<folder>/<lang>.json`.

    Raises:
        InputError: there is no such language; `owner` stands in its sentence.

    Example:
        >>> read_table("explain", "caudal.report.decision", "texts", "fr")
        Traceback (most recent call last):
        caudal.errors.InputError: explain: `lang` is 'fr', a language without words. Pass 'en' or 'es'.
    """
    if lang not in LANGUAGES:
        remedy = f"Pass {' or '.join(repr(code) for code in LANGUAGES)}."
        raise InputError(owner, "lang", f"is {lang!r}, a language without words", remedy)
    return json.loads((files(package) / folder / f"{lang}.json").read_text(encoding="utf-8"))
