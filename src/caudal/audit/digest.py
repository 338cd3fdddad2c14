"""Which model a record means, and whether its decisions can be made again to the bit."""

from typing import Any

from caudal.nn.digest import model_digest as model_digest
from caudal.nn.digest import model_digest_1 as model_digest_1
from caudal.nn.layer import Layer

# A row's arithmetic is the same whatever its neighbours and the threads; `tests/audit/test_replay.py` holds them to it.
EXACT = frozenset({"CfC", "WiredCfC", "LTC", "LRC", "CTRNN", "Readout", "Stack"})


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
