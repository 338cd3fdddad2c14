"""A digest of what decides: recipe and numbers of a network, and what an estimator puts around it."""

import hashlib
import json
from typing import Any

from caudal.nn.files import digest
from caudal.nn.layer import Layer
from caudal.nn.recipe import encode_layer

# A row's arithmetic is the same whatever its neighbours and the threads; `tests/audit/test_replay.py` holds them to it.
EXACT = frozenset({"CfC", "WiredCfC", "LTC", "LRC", "CTRNN", "Readout", "Stack"})
_AROUND = ("task_", "is_flat_", "horizon_", "window_")


def model_digest(model: Any) -> str:
    """SHA-256 of a layer, or of an estimator: its network, encoder, classes and task; 64 hexadecimal digits.

    It does not depend on the file, on the version that wrote it, or on how the training went.

    Arguments:
        model: a layer of caudal, or a trained estimator.

    Example:
        >>> from caudal.nn import LTC
        >>> net = LTC(2, 3)
        >>> one = model_digest(net)
        >>> net.v_leak.data += 1
        >>> len(one), one == model_digest(net)
        (64, False)
    """
    net: Layer = getattr(model, "net_", model)
    around: dict[str, Any] = {}
    if net is not model:
        around = {"encoder": model.encoder_.to_json(), **{k: getattr(model, k) for k in _AROUND if hasattr(model, k)}}
        around["classes"] = [str(one) for one in getattr(model, "classes_", ())]
    # Never kept: numbers that are changed through `.data` leave no trace that a cache could see.
    tensors = {name: digest(value) for name, value in net.state_dict().items()}
    facts = {"recipe": encode_layer(net), "tensors": tensors, **around}
    return hashlib.sha256(b"caudal.model/1" + json.dumps(facts, sort_keys=True).encode()).hexdigest()


def is_replayable(model: Any) -> bool:
    """Whether the replay mode of the kernels covers every layer of a model, on its device.

    Example:
        >>> from caudal.nn import GRU, LTC
        >>> is_replayable(LTC(2, 3)), is_replayable(GRU(2, 3))
        (True, False)
    """
    net: Layer = getattr(model, "net_", model)
    layers = (type(one).__name__ for one in net.modules() if isinstance(one, Layer))
    return next(net.parameters()).device.type == "cpu" and all(name in EXACT for name in layers)
