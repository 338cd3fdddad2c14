"""The circuit that an ncps module computes with, read from its masks, in caudal's order of neurons."""

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.wiring import Role, Wiring

ROLE_ORDER: tuple[Role, ...] = ("inter", "command", "motor")


def wiring_from_ncps(wiring: Any) -> Wiring:
    """The caudal wiring of an ncps 1.0.1 wiring that has been built.

    Arguments:
        wiring: any `ncps.wirings.Wiring` after `build(inputs)`.

    Raises:
        InputError: the wiring has not been built, so that it has no sensory synapses yet.
        WiringError: the circuit is not valid, for example a neuron that receives nothing.

    Example:
        >>> from ncps.wirings import AutoNCP
        >>> theirs = AutoNCP(12, 2)
        >>> theirs.build(5)
        >>> ours = wiring_from_ncps(theirs)
        >>> ours.inputs, ours.units, ours.motor
        (5, 12, 2)
    """
    if wiring.sensory_adjacency_matrix is None:
        raise InputError(
            "wiring_from_ncps",
            "wiring",
            "has not been built, so it has no sensory synapses",
            "Call `wiring.build(inputs)` once (twice changes it).",
        )
    sensory, recurrent = (torch.as_tensor(m) for m in (wiring.sensory_adjacency_matrix, wiring.adjacency_matrix))
    return circuit_of(wiring, sensory, recurrent, sensory, recurrent)


def roles_of(wiring: Any) -> list[Role]:
    """Role of each neuron of an ncps wiring, in ncps's own order (motor, command, inter).

    Raises:
        InputError: the wiring names a role that is not inter, command or motor.
    """
    roles = [str(wiring.get_type_of_neuron(i)) for i in range(int(wiring.units))]
    unknown = sorted(set(roles) - set(ROLE_ORDER))
    if unknown:
        raise InputError(
            "from_ncps",
            "module",
            f"has a wiring with neurons of type {unknown[0]!r}",
            f"Return one of {', '.join(ROLE_ORDER)} from `get_type_of_neuron`.",
        )
    return cast("list[Role]", roles)


def order_of(wiring: Any) -> list[int]:
    """The ncps index of each caudal neuron: inter first, then command, then motor, each in ncps's own order."""
    roles = roles_of(wiring)
    return sorted(range(len(roles)), key=lambda i: (ROLE_ORDER.index(roles[i]), i))


def synapse_index(mask: Tensor, order: list[int], sources: list[int]) -> tuple[Tensor, Tensor]:
    """Rows and columns, in ncps numbering, of the live synapses, sorted as caudal sorts them: target, then source.

    Arguments:
        mask: `(sources, units)`, non-zero where ncps lets a synapse act.
        order: ncps index of each caudal neuron.
        sources: ncps index of each caudal source (the inputs, or `order` again).
    """
    ours = mask.detach().cpu()[sources][:, order]
    target, source = torch.nonzero(ours.T, as_tuple=True)
    return torch.tensor(sources)[source], torch.tensor(order)[target]


def circuit_of(wiring: Any, sensory_mask: Tensor, mask: Tensor, sensory_e_rev: Tensor, e_rev: Tensor) -> Wiring:
    """The wiring value of a trained ncps cell.

    Synapses are read from the masks inside the cell, not from the wiring object, which ncps changes whenever it is
    built again. A polarity is the sign of the *trained* reversal potential, so that the drawn circuit is what the
    cell computes; where that potential is exactly 0, the sign drawn at first.

    Raises:
        WiringError: the circuit is not one that caudal accepts, for example a neuron that receives nothing.
    """
    order = order_of(wiring)
    roles = sorted(roles_of(wiring), key=ROLE_ORDER.index)
    present = [role for role in ROLE_ORDER if role in roles]
    sensory = _polarity(sensory_mask, sensory_e_rev, wiring.sensory_adjacency_matrix)[:, order]
    recurrent = _polarity(mask, e_rev, wiring.adjacency_matrix)[order][:, order]
    layers = tuple(present.index(role) for role in roles)
    return Wiring(sensory, recurrent, tuple(roles), layers, None, f"ncps.{type(wiring).__name__}")


def _polarity(mask: Tensor, e_rev: Tensor, drawn: Any) -> Any:
    trained = np.sign(e_rev.detach().cpu().double().numpy())
    first = np.where(np.asarray(drawn) < 0, -1, 1)
    signs = np.where(trained == 0, first, trained)
    return np.where(mask.detach().cpu().numpy() != 0, signs, 0).astype(np.int8)
