"""One door to the cards: which forms there are, and what each is written with."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from caudal.audit.cards.cyclonedx import cyclonedx
from caudal.audit.cards.hugging_face import hugging_face
from caudal.audit.cards.record import ModelRecord, record_of
from caudal.errors import InputError
from caudal.extras import need
from caudal.files import put


def croissant(record: ModelRecord) -> str:
    """JSON-LD of the data set; nothing is said of its files, which are where its card says.

    Raises:
        InputError: the package has no data card.
        MissingExtraError: `mlcroissant` is not installed.
    """
    facts = record.data
    if not facts:
        remedy = 'Package the model with `data={"card": load(name).card.to_dict()}`.'
        raise InputError("card", "folder", f"holds no data card ({record.name})", remedy)
    library = need("card", "mlcroissant")
    name = str(facts.get("name") or "training")
    notes = logging.getLogger("absl")
    before, notes.disabled = notes.disabled, True  # it recommends fields that no card has, in the user's terminal
    try:
        metadata = library.Metadata(
            name=name,
            description=f"{facts.get('title') or name}. {facts.get('task') or ''}".strip(),
            cite_as=_text(facts, "citation") or _text(facts, "source"),
            license=[_text(facts, "licence")] if facts.get("licence") else None,
            conforms_to=["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
            data_collection=_text(facts, "source"),
            data_biases=_list(facts, "bias"),
            data_limitations=[*_list(facts, "leaks"), *record.limits] or None,
            personal_sensitive_information=_list(facts, "sensitive") or None,
            data_preprocessing_protocol=[f"{k}: {v}" for k, v in dict(facts.get("protocols") or {}).items()] or None,
            data_use_cases=[f"Training of {record.name} ({record.digest})."],
            data_release_maintenance_plan=_text(facts, "obtain"),
        ).to_json()
    finally:
        notes.disabled = before
    return json.dumps(metadata, indent=1, ensure_ascii=False, default=str) + "\n"


def _text(facts: Any, name: str) -> str | None:
    return str(facts[name]) if facts.get(name) else None


def _list(facts: Any, name: str) -> list[str]:
    return [str(item) for item in facts.get(name) or ()]


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
