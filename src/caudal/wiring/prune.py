"""A circuit without some of its synapses, and without the neurons that lose their purpose with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.errors import WiringError
from caudal.wiring.parts import Mask
from caudal.wiring.wiring import Wiring


class Kept(NamedTuple):
    """What is left of a circuit.

    Attributes:
        wiring: the smaller circuit.
        neurons: `(units,)` bool over the old neurons, which of them are left.
        synapses: `(synapses,)` bool over the old synapses, in the order of `synapse_names`.
    """

    wiring: Wiring
    neurons: Mask
    synapses: Mask


def keep(wiring: Wiring, synapses: ArrayLike) -> Kept:
    """The circuit of some of the synapses.

    A neuron onto which no synapse is left goes, and so does an inter or command neuron that no longer reaches a motor
    neuron; their remaining synapses go with them. Inputs stay, read or not, so that data fit as before.

    Arguments:
        wiring: the circuit.
        synapses: `(synapses,)` bool, in the order of `synapse_names`; True stays.

    Raises:
        WiringError: there is not one bool per synapse, or no motor neuron would be left.

    Example:
        >>> from caudal.wiring import from_matrices
        >>> chain = from_matrices([[1, 0, 1]], [[0, 1, 0], [0, 0, 1], [0, 0, 0]], motor=1)
        >>> chain.synapse_names[-1]
        'inter/1 -> motor/0'
        >>> keep(chain, [True, True, True, False]).wiring
        Wiring(custom: 1 input, 1 motor, 1 synapse)
    """
    sensory, recurrent = wiring.sensory_synapses, wiring.recurrent_synapses
    count, first = len(sensory.source) + len(recurrent.source), len(sensory.source)
    live = np.asarray(synapses)
    if live.dtype != np.bool_ or live.shape != (count,):
        fault = f"has shape {live.shape} and dtype {live.dtype}; expected ({count},) bool"
        raise WiringError("keep", "synapses", fault, "Pass one bool per synapse, in the order of `synapse_names`.")
    source = np.concatenate([np.full(first, -1), recurrent.source])
    target = np.concatenate([sensory.target, recurrent.target])
    neurons = np.ones(wiring.units, np.bool_)
    reaches = np.array(wiring.roles) == "motor"
    while True:
        live = live & neurons[target] & ((source < 0) | neurons[source])
        hears = np.bincount(target[live], minlength=wiring.units) > 0
        left = neurons & hears & _reaching(source[live], target[live], reaches & neurons)
        if (left == neurons).all():
            break
        neurons = left
    if not (neurons & reaches).any():
        remedy = "Keep more synapses, above all those onto motor neurons."
        raise WiringError("keep", "synapses", "leave no motor neuron with a synapse onto it", remedy)
    return Kept(_smaller(wiring, live, neurons), neurons, live)


def _reaching(source: NDArray[np.int64], target: NDArray[np.int64], motor: Mask) -> Mask:
    """`(units,)` bool, neurons from which a path leads to a motor neuron, those included."""
    reached = motor.copy()
    inner = source >= 0
    while True:
        more = reached.copy()
        more[source[inner & reached[target]]] = True
        if (more == reached).all():
            return reached
        reached = more


def _smaller(wiring: Wiring, live: Mask, neurons: Mask) -> Wiring:
    parts = []
    halves = np.split(live, [len(wiring.sensory_synapses.source)])
    kinds = (wiring.sensory_synapses, wiring.recurrent_synapses)
    for matrix, kind, stays in zip((wiring.sensory, wiring.recurrent), kinds, halves, strict=True):
        part = np.zeros_like(matrix)
        part[kind.source[stays], kind.target[stays]] = kind.polarity[stays]
        parts.append(part)
    at = np.flatnonzero(neurons).tolist()
    roles, layers = tuple(wiring.roles[k] for k in at), tuple(wiring.layers[k] for k in at)
    return Wiring(parts[0][:, at], parts[1][np.ix_(at, at)], roles, layers, wiring.seed, wiring.family)
