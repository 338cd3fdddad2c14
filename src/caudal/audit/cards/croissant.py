"""The data set that a model was trained on, as Croissant 1.0 with its responsible-AI fields (MLCommons)."""

import json
import logging
from typing import Any

from caudal.audit.cards.record import ModelRecord
from caudal.data.need import need
from caudal.errors import InputError


def croissant(record: ModelRecord) -> str:
    """JSON-LD of the data set; nothing is said of its files, which are where its card says.

    Raises:
        InputError: the package has no data card.
        MissingExtraError: `mlcroissant` is not installed.
    """
    held = record.data
    if not held:
        remedy = 'Package the model with `data={"card": load(name).card.to_dict()}`.'
        raise InputError("card", "folder", f"holds no data card ({record.name})", remedy)
    library: Any = need("card", "mlcroissant", "cards")
    name = str(held.get("name") or "training")
    notes = logging.getLogger("absl")
    before, notes.disabled = notes.disabled, True  # it recommends fields that no card has, in the user's terminal
    try:
        found = library.Metadata(
            name=name,
            description=f"{held.get('title') or name}. {held.get('task') or ''}".strip(),
            cite_as=_text(held, "citation") or _text(held, "source"),
            license=[_text(held, "licence")] if held.get("licence") else None,
            conforms_to=["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
            data_collection=_text(held, "source"),
            data_biases=_list(held, "bias"),
            data_limitations=[*_list(held, "leaks"), *record.limits] or None,
            personal_sensitive_information=_list(held, "sensitive") or None,
            data_preprocessing_protocol=[f"{k}: {v}" for k, v in dict(held.get("protocols") or {}).items()] or None,
            data_use_cases=[f"Training of {record.name} ({record.digest})."],
            data_release_maintenance_plan=_text(held, "obtain"),
        ).to_json()
    finally:
        notes.disabled = before
    return json.dumps(found, indent=1, ensure_ascii=False, default=str) + "\n"


def _text(held: Any, name: str) -> str | None:
    return str(held[name]) if held.get(name) else None


def _list(held: Any, name: str) -> list[str]:
    return [str(one) for one in held.get(name) or ()]
