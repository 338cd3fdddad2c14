"""Markup that cannot be broken by a name: every text is escaped unless it was made here."""

import re
from collections.abc import Iterable
from html import escape

VOID = frozenset({"br", "hr", "input", "link", "meta"})
# HTML has no spelling for these code points, not even escaped; and some turn the direction of all that follows.
_UNSPEAKABLE = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def text(value: object) -> Html:
    """A value as markup: escaped, unless it is markup.

    Example:
        >>> text("<b>"), text(Html("<b>"))
        ('&lt;b&gt;', '<b>')
    """
    return value if isinstance(value, Html) else Html(escape(_UNSPEAKABLE.sub("\ufffd", str(value))))


def join(parts: Iterable[object], between: str = "") -> Html:
    """Several values as one piece of markup."""
    return Html(between.join(text(part) for part in parts))


def tag(name: str, /, *inside: object, **attributes: object) -> Html:
    """One element.

    Arguments:
        name: of the element.
        inside: texts and markup.
        attributes: by name, with `_` for `-` and a final `_` dropped; None and False leave one out, True is bare.

    Example:
        >>> tag("a", "<x>", class_="b", aria_label='"', hidden=True, title=None)
        '<a class="b" aria-label="&quot;" hidden>&lt;x&gt;</a>'
    """
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        spelled = key.removesuffix("_").replace("_", "-")
        words.append(spelled if value is True else f'{spelled}="{text(str(value))}"')
    start = f"<{' '.join(words)}>"
    return Html(start if name in VOID else f"{start}{join(inside)}</{name}>")
