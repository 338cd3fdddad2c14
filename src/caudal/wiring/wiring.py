"""The wiring value: who may read whom, with which sign. NumPy only, so that an auditor needs no framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from caudal.errors import WiringError
from caudal.extras import need
from caudal.wiring.checks import check_heard, check_order, check_shapes, frozen, whole
from caudal.wiring.counts import Counts, count, density, describe, summary
from caudal.wiring.drawing import svg
from caudal.wiring.files import Fields, dumps, loads
from caudal.wiring.parts import ROLES, Polarity, Role, Synapses, compress, input_names, neuron_names, synapse_names


def to_graph(wiring: Wiring) -> Any:
    """A `networkx.DiGraph` of the circuit, nodes and edges named and ordered as the circuit's.

    Raises:
        MissingExtraError: networkx is not installed.
    """
    graph = need("Wiring.to_networkx", "networkx").DiGraph(family=wiring.family, seed=wiring.seed)
    for index, name in enumerate(wiring.input_names):
        graph.add_node(name, role="input", index=index)
    for index, name in enumerate(wiring.names):
        graph.add_node(name, role=wiring.roles[index], index=index, layer=wiring.layers[index])
    for sources, synapses in (
        (wiring.input_names, wiring.sensory_synapses),
        (wiring.names, wiring.recurrent_synapses),
    ):
        ends = zip(synapses.source.tolist(), synapses.target.tolist(), synapses.polarity.tolist(), strict=True)
        for source, target, polarity in ends:
            graph.add_edge(sources[source], wiring.names[target], polarity=polarity)
    return graph


def from_graph(graph: object) -> Fields:
    """The fields of a wiring that a graph states.

    Raises:
        MissingExtraError: networkx is not installed.
        WiringError: it is not a plain directed graph, or a node or an edge lacks what a circuit needs.
    """
    networkx = need("Wiring.from_networkx", "networkx")
    if not isinstance(graph, networkx.DiGraph) or graph.is_multigraph():
        raise _fault(
            f"is a {type(graph).__name__}; expected a DiGraph", "Pass a directed graph without parallel edges."
        )
    inputs, neurons = _nodes(graph)
    roles: tuple[Role, ...] = tuple(graph.nodes[node]["role"] for node in neurons)
    present = [role for role in ROLES if role in roles]
    layers = tuple(graph.nodes[node].get("layer", present.index(graph.nodes[node]["role"])) for node in neurons)
    sensory, recurrent = _matrices(graph, inputs, neurons)
    return Fields(sensory, recurrent, roles, layers, graph.graph.get("seed"), graph.graph.get("family", "custom"))


def _nodes(graph: Any) -> tuple[list[object], list[object]]:
    kinds = ("input", *ROLES)
    for node, attributes in graph.nodes(data=True):
        if attributes.get("role") not in kinds:
            raise _fault(
                f"gives node {node!r} the role {attributes.get('role')!r}", f"Set its `role` to {', '.join(kinds)}."
            )
        for name in ("index", "layer"):
            if not isinstance(attributes.get(name, 0), Integral):
                fault = f"gives node {node!r} the {name} {attributes[name]!r}"
                raise _fault(fault, f"Leave its `{name}` out, or make it a whole number.")
    place = {node: position for position, node in enumerate(graph)}
    rank = {node: kinds.index(graph.nodes[node]["role"]) for node in graph}
    ordered = sorted(graph, key=lambda node: (rank[node], graph.nodes[node].get("index", place[node])))
    return [node for node in ordered if rank[node] == 0], [node for node in ordered if rank[node] > 0]


def _matrices(graph: Any, inputs: list[Any], neurons: list[Any]) -> tuple[Polarity, Polarity]:
    row = {node: index for index, node in enumerate((*inputs, *neurons))}
    matrix = np.zeros((len(row), len(row)), dtype=np.int8)
    for source, target, polarity in graph.edges(data="polarity"):
        if polarity not in (-1, 1):
            raise _fault(f"gives {source!r} -> {target!r} the polarity {polarity!r}", "Set its `polarity` to 1 or -1.")
        if row[target] < len(inputs):
            raise _fault(f"runs from {source!r} onto the input {target!r}", "Let synapses end on neurons only.")
        matrix[row[source], row[target]] = polarity
    onto_neurons = matrix[:, len(inputs) :]
    return onto_neurons[: len(inputs)], onto_neurons[len(inputs) :]


def _fault(fault: str, remedy: str) -> WiringError:
    return WiringError("Wiring.from_networkx", "graph", fault, remedy)


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
    def from_json(cls, text: str | bytes) -> Wiring:
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
    def from_networkx(cls, graph: object) -> Wiring:
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

    def __reduce__(self) -> tuple[object, ...]:
        # A copy is born through the constructor, so its arrays are read-only and checked as well.
        return Wiring, (self.sensory, self.recurrent, self.roles, self.layers, self.seed, self.family)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Wiring) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        arrays = (self.sensory.shape, self.sensory.tobytes(), self.recurrent.tobytes())
        return (*arrays, self.roles, self.layers, self.seed, self.family)
