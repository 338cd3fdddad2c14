"""What a circuit holds, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from caudal.wiring.parts import ROLES, pair_of

if TYPE_CHECKING:
    from caudal.wiring.wiring import Wiring


@dataclass(frozen=True)
class Counts:
    """Neurons by role and synapses by kind, sign and pair of roles; only what exists is counted.

    Attributes:
        inputs: inputs (sensory neurons).
        inter: inter neurons.
        command: command neurons.
        motor: motor neurons.
        sensory: synapses from inputs.
        recurrent: synapses from neurons.
        excitatory: synapses of polarity +1.
        inhibitory: synapses of polarity -1.
        by_pair: synapses between roles, such as `"inter -> command"`, pairs without any left out.
    """

    inputs: int
    inter: int
    command: int
    motor: int
    sensory: int
    recurrent: int
    excitatory: int
    inhibitory: int
    by_pair: dict[str, int]

    @property
    def neurons(self) -> int:
        """Inter, command and motor neurons: the size of the state."""
        return self.inter + self.command + self.motor

    @property
    def synapses(self) -> int:
        """Synapses of every kind."""
        return self.sensory + self.recurrent


def count(wiring: Wiring) -> Counts:
    """Count the neurons and the synapses of a circuit."""
    sources = np.array(["input"] * wiring.inputs + list(wiring.roles))
    matrix = np.concatenate([wiring.sensory, wiring.recurrent])
    live, targets = matrix != 0, np.array(wiring.roles)
    by_pair = {
        pair_of(source, target): int(live[np.ix_(sources == source, targets == target)].sum())
        for source in ("input", *ROLES)
        for target in ROLES
    }
    return Counts(
        inputs=wiring.inputs,
        inter=wiring.roles.count("inter"),
        command=wiring.roles.count("command"),
        motor=wiring.motor,
        sensory=int(np.count_nonzero(wiring.sensory)),
        recurrent=int(np.count_nonzero(wiring.recurrent)),
        excitatory=int((matrix == 1).sum()),
        inhibitory=int((matrix == -1).sum()),
        by_pair={pair: number for pair, number in by_pair.items() if number},
    )


def density(wiring: Wiring) -> float:
    """Share of the possible synapses that exist: 1.0 when everything reads everything."""
    possible = (wiring.inputs + wiring.units) * wiring.units
    return int(np.count_nonzero(wiring.sensory) + np.count_nonzero(wiring.recurrent)) / possible


def summary(wiring: Wiring) -> str:
    """One line: family, seed, neurons by role, synapses."""
    counts = count(wiring)
    seed = "" if wiring.seed is None else f", seed {wiring.seed}"
    neurons = ", ".join(f"{number} {role}" for role in ROLES if (number := getattr(counts, role)))
    return f"{wiring.family}{seed}: {plural(counts.inputs, 'input')}, {neurons}, {plural(counts.synapses, 'synapse')}"


def describe(wiring: Wiring) -> str:
    """Several lines: the summary, signs and density, then the synapses of each pair of roles."""
    counts = count(wiring)
    signs = f"{counts.excitatory} excitatory, {counts.inhibitory} inhibitory, density {density(wiring):.3f}"
    widest = max(map(len, counts.by_pair))
    pairs = (f"  {pair:<{widest}}  {number}" for pair, number in counts.by_pair.items())
    return "\n".join((summary(wiring), f"  {signs}", *pairs))


def plural(number: int, noun: str) -> str:
    """A number and its noun.

    Example:
        >>> plural(1, "synapse"), plural(188, "synapse")
        ('1 synapse', '188 synapses')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
