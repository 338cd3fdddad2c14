import sys

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.errors import MissingExtraError, WiringError
from caudal.wiring import Wiring, from_matrices, ncp


@given(st.from_type(Wiring))
def test_a_graph_comes_back_exactly(wiring):
    graph = wiring.to_networkx()
    assert Wiring.from_networkx(graph) == wiring
    assert graph.number_of_nodes() == wiring.inputs + wiring.units
    assert {f"{source} -> {target}" for source, target in graph.edges} == set(wiring.synapse_names)


@given(st.from_type(Wiring), st.randoms(use_true_random=False))
def test_the_order_of_nodes_does_not_matter(wiring, random):
    graph = wiring.to_networkx()
    shuffled = networkx.DiGraph(**graph.graph)
    nodes = list(graph.nodes(data=True))
    random.shuffle(nodes)
    shuffled.add_nodes_from(nodes)
    shuffled.add_edges_from(graph.edges(data=True))
    assert Wiring.from_networkx(shuffled) == wiring


def test_a_graph_by_hand_needs_only_roles_and_polarities():
    graph = networkx.DiGraph()
    graph.add_node("steer", role="motor")
    graph.add_node("AVB", role="command")
    graph.add_node("touch", role="input")
    graph.add_edge("touch", "AVB", polarity=1)
    graph.add_edge("AVB", "steer", polarity=-1)
    expected = from_matrices([[1, 0]], [[0, -1], [0, 0]], roles=["command", "motor"])
    assert Wiring.from_networkx(graph) == expected


def test_without_networkx_the_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    for name, call in (("to", ncp(1, 1, 1, 1).to_networkx), ("from", lambda: Wiring.from_networkx(None))):
        with pytest.raises(MissingExtraError) as caught:
            call()
        assert str(caught.value) == (
            f'Wiring.{name}_networkx: needs `networkx`, which is not installed. Run `pip install "caudal[graph]"`.'
        )


def broken(change):
    graph = from_matrices([[1, -1]], [[0, 1], [0, 0]], motor=1).to_networkx()
    return change(graph) or graph


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda graph: graph.to_undirected(),
            "is a Graph; expected a DiGraph. Pass a directed graph without parallel edges.",
        ),
        (
            networkx.MultiDiGraph,
            "is a MultiDiGraph; expected a DiGraph. Pass a directed graph without parallel edges.",
        ),
        (
            lambda graph: graph.add_node("glia"),
            "gives node 'glia' the role None. Set its `role` to input, inter, command, motor.",
        ),
        (
            lambda graph: graph.nodes["inter/0"].update(layer="deep"),
            "gives node 'inter/0' the layer 'deep'. Leave its `layer` out, or make it a whole number.",
        ),
        (
            lambda graph: graph.edges["inter/0", "motor/0"].update(polarity=0),
            "gives 'inter/0' -> 'motor/0' the polarity 0. Set its `polarity` to 1 or -1.",
        ),
        (
            lambda graph: graph.add_edge("motor/0", "input/0", polarity=1),
            "runs from 'motor/0' onto the input 'input/0'. Let synapses end on neurons only.",
        ),
    ],
)
def test_an_unusable_graph_is_a_sentence(change, text):
    with pytest.raises(WiringError) as caught:
        Wiring.from_networkx(broken(change))
    assert str(caught.value) == f"Wiring.from_networkx: `graph` {text}"


def test_an_invalid_circuit_is_refused_as_one():
    with pytest.raises(WiringError, match="Give at least one input and one neuron"):
        Wiring.from_networkx(networkx.DiGraph())
