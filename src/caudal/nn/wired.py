"""What every wired layer shares: a wiring from what the user typed, and its index vectors as buffers."""

import torch
from torch import Tensor, nn

from caudal.errors import InputError
from caudal.wiring import Synapses, Wiring, fully_connected


def resolve_wiring(owner: str, inputs: Wiring | int, units: int | None) -> Wiring:
    """A wiring as it is, or a fully connected one from `(inputs, units)`; every neuron is then motor.

    Raises:
        InputError: a wiring came with `units`, or an integer without.
    """
    if isinstance(inputs, Wiring):
        if units is not None:
            raise InputError(owner, "units", "was given beside a wiring", "Leave it out; the wiring states its units.")
        return inputs
    if units is None:
        raise InputError(
            owner,
            "units",
            "is missing",
            f"Pass `{owner}(inputs, units)` for a fully connected layer, or a wiring.",
        )
    return fully_connected(inputs, units)


def synapse_buffers(module: nn.Module, wiring: Wiring) -> None:
    """Register the index vectors of a wiring; they are rebuilt from it, so they are not saved."""
    for prefix, synapses in (("sensory", wiring.sensory_synapses), ("recurrent", wiring.recurrent_synapses)):
        module.register_buffer(f"{prefix}_ptr", torch.tensor(synapses.ptr), persistent=False)
        module.register_buffer(f"{prefix}_source", torch.tensor(synapses.source), persistent=False)


def graph_tensors(module: nn.Module) -> list[Tensor]:
    """The buffers in the order of the dynamics' `Graph`: sensory ptr and source, recurrent ptr and source."""
    return [module.get_buffer(f"{p}_{part}") for p in ("sensory", "recurrent") for part in ("ptr", "source")]


def polarity(synapses: Synapses) -> Tensor:
    """Signs of synapses as float32, in their order."""
    return torch.tensor(synapses.polarity, dtype=torch.get_default_dtype())
