"""A circuit as a networkx graph, and back."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from caudal.errors import WiringError
from caudal.extras import need
from caudal.wiring.files import Fields
from caudal.wiring.parts import ROLES, Polarity, Role

if TYPE_CHECKING:
    from caudal.wiring.wiring import Wiring


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


def from_graph(graph: Any) -> Fields:
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


def _nodes(graph: Any) -> tuple[list[Any], list[Any]]:
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
