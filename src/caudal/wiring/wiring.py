"""The wiring value: who may read whom, with which sign. NumPy only, so that an auditor needs no framework."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from caudal.errors import WiringError
from caudal.wiring.checks import check_heard, check_order, check_shapes, frozen, whole
from caudal.wiring.counts import Counts, count, density, describe, summary
from caudal.wiring.drawing import svg
from caudal.wiring.files import dumps, loads
from caudal.wiring.graph import from_graph, to_graph
from caudal.wiring.parts import Polarity, Role, Synapses, compress, input_names, neuron_names, synapse_names


@dataclass(frozen=True, eq=False, repr=False)
class Wiring:
    """A circuit: neurons by role and layer, and signed synapses. Frozen, checked at birth, equal by content.

    Neurons stand in one order everywhere: inter, command, motor, and by layer within a role. `layers` ranks them for
    drawing and for cells that pass a signal through the layers within one step.

    Attributes:
        sensory: `(inputs, units)` int8; +1, -1 or 0 from each input to each neuron.
        recurrent: `(units, units)` int8; +1, -1 or 0 from each neuron (row) to each neuron (column).
        roles: role of each neuron, in the order of `ROLES`.
        layers: layer of each neuron, from 0, never decreasing.
        seed: seed of the random choices, or None when there were none.
        family: name of the constructor that made it, for example `"ncp"`.

    Raises:
        WiringError: sizes disagree, a polarity is not -1, 0 or +1, roles or layers are out of order, there is no
            motor neuron, or a neuron receives nothing at all.

    Example:
        >>> from caudal.wiring import ncp
        >>> wiring = ncp(inputs=8, inter=12, command=8, motor=2, seed=7)
        >>> wiring.counts().by_pair["command -> command"]
        8
        >>> Wiring.from_json(wiring.to_json()) == wiring
        True
    """

    sensory: Polarity
    recurrent: Polarity
    roles: tuple[Role, ...]
    layers: tuple[int, ...]
    seed: int | None = None
    family: str = "custom"

    def __post_init__(self) -> None:
        for name in ("sensory", "recurrent"):
            object.__setattr__(self, name, frozen(name, getattr(self, name)))
        object.__setattr__(self, "roles", tuple(self.roles))
        object.__setattr__(self, "layers", tuple(int(layer) for layer in self.layers))
        check_shapes(self.sensory, self.recurrent, self.roles, self.layers)
        check_order(self.roles, self.layers)
        check_heard(np.logical_or.reduce([*self.sensory, *self.recurrent]), self.roles)
        if self.seed is not None:
            object.__setattr__(self, "seed", whole("Wiring", "seed", self.seed, 0))
        if not isinstance(self.family, str):
            raise WiringError("Wiring", "family", f"is {self.family!r}", "Pass the name of a constructor.")

    @property
    def inputs(self) -> int:
        """Number of inputs (sensory neurons)."""
        return int(self.sensory.shape[0])

    @property
    def units(self) -> int:
        """Number of neurons: inter, command and motor."""
        return int(self.recurrent.shape[0])

    @property
    def motor(self) -> int:
        """Number of motor neurons; they are the last ones."""
        return self.roles.count("motor")

    @property
    def sensory_synapses(self) -> Synapses:
        """Synapses from inputs to neurons."""
        return compress(self.sensory)

    @property
    def recurrent_synapses(self) -> Synapses:
        """Synapses from neurons to neurons."""
        return compress(self.recurrent)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs: `"input/0"` and so on."""
        return input_names(self.inputs)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the neurons, in the order of the state: `"inter/0"`, ..., `"motor/1"`."""
        return neuron_names(self.roles)

    @property
    def synapse_names(self) -> tuple[str, ...]:
        """Names of the synapses, `"command/3 -> motor/0"`: those of `sensory_synapses`, then `recurrent_synapses`."""
        names = self.names
        sensory = synapse_names(self.sensory_synapses, self.input_names, names)
        return sensory + synapse_names(self.recurrent_synapses, names, names)

    @property
    def density(self) -> float:
        """Share of the possible synapses that exist: 1.0 when everything reads everything."""
        return density(self)

    def counts(self) -> Counts:
        """Neurons by role, synapses by kind, sign and pair of roles."""
        return count(self)

    def describe(self) -> str:
        """The counts in words, over several lines.

        Example:
            >>> from caudal.wiring import ncp
            >>> print(ncp(8, 12, 8, 2, seed=7).describe())
            ncp, seed 7: 8 inputs, 12 inter, 8 command, 2 motor, 114 synapses
              51 excitatory, 63 inhibitory, density 0.173
              input -> inter      48
              inter -> command    48
              command -> command  8
              command -> motor    10
        """
        return describe(self)

    def to_json(self) -> str:
        """An exact, versioned and legible text; equal wirings give equal text."""
        return dumps(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Wiring":
        """The wiring that `to_json` wrote.

        Raises:
            FileFormatError: the text is no JSON, no wiring, of another version, or altered beyond reading.
            WiringError: it states a circuit that is not valid.
        """
        return cls(*loads(text))

    def to_networkx(self) -> Any:
        """A `networkx.DiGraph`: nodes with `role`, `index` and `layer`, edges with `polarity`.

        Raises:
            MissingExtraError: networkx is not installed.
        """
        return to_graph(self)

    @classmethod
    def from_networkx(cls, graph: Any) -> "Wiring":
        """The wiring that a `networkx.DiGraph` states, with the attributes of `to_networkx`.

        Nodes need a `role` ("input", "inter", "command" or "motor") and edges a `polarity`. `index` orders the nodes
        of a role, else their own order does; `layer` may be left out: one per role then.

        Raises:
            MissingExtraError: networkx is not installed.
            WiringError: the graph is not directed, an attribute is missing or foreign, or the circuit is not valid.
        """
        return cls(*from_graph(graph))

    def draw(
        self,
        path: str | Path | None = None,
        *,
        inputs: Sequence[str] | None = None,
        outputs: Sequence[str] | None = None,
        weights: Mapping[str, float] | None = None,
        values: Mapping[str, float] | None = None,
        title: str | None = None,
    ) -> str:
        """The picture of the circuit as SVG text, also written to `path` if one is given; see `svg`.

        Raises:
            WiringError: labels, weights or values do not fit the circuit.
        """
        text = svg(self, inputs=inputs, outputs=outputs, weights=weights, values=values, title=title)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def _repr_svg_(self) -> str:
        return svg(self)

    def __repr__(self) -> str:
        return f"Wiring({summary(self)})"

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy is born through the constructor, so its arrays are read-only and checked as well.
        return Wiring, (self.sensory, self.recurrent, self.roles, self.layers, self.seed, self.family)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Wiring) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        arrays = (self.sensory.shape, self.sensory.tobytes(), self.recurrent.tobytes())
        return (*arrays, self.roles, self.layers, self.seed, self.family)
