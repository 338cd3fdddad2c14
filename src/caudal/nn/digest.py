"""A digest of what decides: recipe and numbers of a network, and all that an estimator puts around it.

Format 2 is SHA-256 over `caudal.model/2` and one canonical JSON text (keys sorted, no spaces). Of an estimator it takes
in, beside the network, the whole recipe of the table: which column is the time, what the first step is given, what
happens to rows at equal times. Fields that a recipe gains later are covered without a change here. Format 1 left
the recipe of the table out; `model_digest_1` tells whether a log or record of caudal 0.1 meant a model.
"""

import hashlib
import json
from typing import Any

import numpy as np

from caudal.nn.files import digest, encode_layer
from caudal.nn.layer import Layer

_AROUND = ("task_", "is_flat_", "horizon_", "window_", "n_features_in_")


def model_digest(model: Any) -> str:
    """SHA-256 of a layer, or of an estimator: network, encoder, recipe of the table, classes and task; 64 hex digits.

    It does not depend on the file, on the version that wrote it, or on how the training went.

    Arguments:
        model: a layer of caudal, or a trained estimator.

    Example:
        >>> from caudal.nn import LTC
        >>> net = LTC(2, 3)
        >>> before = model_digest(net)
        >>> net.v_leak.data += 1
        >>> len(before), before == model_digest(net)
        (64, False)
    """
    net = getattr(model, "net_", model)
    if not isinstance(net, Layer) and hasattr(model, "digest"):  # of trees and the like, which say their own
        return str(model.digest)
    facts: dict[str, Any] = {"network": _network(net)}
    if net is not model:
        table = getattr(model, "data_recipe_", None)
        facts |= {
            "encoder": json.loads(model.encoder_.to_json()),
            "table": None if table is None else json.loads(table.to_json()),
            "around": {name: getattr(model, name) for name in _AROUND if hasattr(model, name)},
            "classes": _labels(getattr(model, "classes_", ())),
            "features": _labels(getattr(model, "feature_names_in_", ())),
        }
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"caudal.model/2\n" + text.encode()).hexdigest()


def model_digest_1(model: Any) -> str:
    """The digest of a model as caudal 0.1 made it; it says nothing of the recipe of the table."""
    net = getattr(model, "net_", model)
    facts = _network(net)
    if net is not model:
        around = ("task_", "is_flat_", "horizon_", "window_")
        facts |= {"encoder": model.encoder_.to_json(), **{k: getattr(model, k) for k in around if hasattr(model, k)}}
        facts["classes"] = [str(label) for label in getattr(model, "classes_", ())]
    return hashlib.sha256(b"caudal.model/1" + json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _network(net: Layer) -> dict[str, object]:
    # Never kept: numbers that are changed through `.data` leave no trace that a cache could see.
    return {"recipe": encode_layer(net), "tensors": {name: digest(value) for name, value in net.state_dict().items()}}


def _labels(values: object) -> list[list[str]]:
    """Labels with their kind, so that 1 and "1" differ."""
    return [[np.asarray(label).dtype.kind, str(label)] for label in np.asarray(values, object).tolist()]
