"""Why a backend runs a recurrence: the choice for one example tensor, and every refusal before it."""

import torch
from torch import Tensor

from caudal.kernels import choice
from caudal.kernels.recurrence import Call


def why(recurrence: str, x: Tensor, **settings: object) -> choice.Choice:
    """Print and return the choice for calls with inputs like `x`, with the reason of each backend refused before it.

    The rest of the call is taken to fit `x`: same dtype and device, few synapses, usual settings where none are given.

    Arguments:
        recurrence: for example `"cfc_scan"`.
        x: inputs `(batch, time, input)`, of the dtype and on the device in question.
        settings: constants of the recurrence that a backend may refuse, for example `activation="gelu"`.

    Raises:
        BackendError: there is no such recurrence.

    Example:
        >>> _ = why("ltc_scan", torch.zeros(1, 2, 3))
        ltc_scan: numba
    """
    choice.names(recurrence)
    batch, time = x.shape[:2]
    no_synapses = [x.new_empty(0, dtype=torch.int32)] * 6
    call = Call(x, x.new_ones(batch, time), None, [x.new_zeros(batch, 1)], [], no_synapses, _Usual(settings))
    found = choice.explain(recurrence, call)
    print(found)
    return found


class _Usual(dict[str, object]):
    """Settings of which those not given are None, so that no backend refuses them."""

    def __missing__(self, name: str) -> None:
        return None
