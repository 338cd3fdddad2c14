"""One door to the cards: which forms there are, and what each is written with."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from caudal.audit.cards.croissant import croissant
from caudal.audit.cards.cyclonedx import cyclonedx
from caudal.audit.cards.hugging_face import hugging_face
from caudal.audit.cards.record import ModelRecord, record_of
from caudal.errors import InputError
from caudal.files import put

Form = Literal["hf", "cyclonedx", "croissant"]
FORMS: tuple[str, ...] = get_args(Form)
_RENDER: dict[str, Callable[[ModelRecord], str]] = {
    "hf": hugging_face,
    "cyclonedx": cyclonedx,
    "croissant": croissant,
}


def card(folder: str | os.PathLike[str], to: Form, out: str | os.PathLike[str] | None = None) -> str:
    """A card of a model package; the same package gives the same text.

    Arguments:
        folder: that `audit.package` wrote.
        to: `"hf"`: README.md of Hugging Face; `"cyclonedx"`: ML-BOM, CycloneDX 1.6 JSON; `"croissant"`: the data set it
            was trained on, with the responsible-AI fields.
        out: file to write, whole or not at all.

    Raises:
        InputError: there is no such form, or the package has no data card for Croissant.
        MissingFileError: there is no package.
        FileFormatError: it is damaged.
        MissingExtraError: `huggingface_hub` or `mlcroissant` is not installed.
    """
    if to not in FORMS:
        raise InputError("card", "to", f"is {to!r}", f"Pass one of {', '.join(FORMS)}.")
    text = _spelled(_RENDER[to](record_of(folder)))
    if out is not None:
        place = Path(out)
        place.parent.mkdir(parents=True, exist_ok=True)
        put(place, text.encode(), sync=True)
    return text


def _spelled(text: str) -> str:
    """The card with signs that move a cursor or turn the direction spelled as JSON does."""
    return "".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in text)
