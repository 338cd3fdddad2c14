from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from caudal.wiring import Wiring, from_matrices, fully_connected


@given(st.from_type(Wiring))
def test_counts_agree_with_the_matrices_and_with_each_other(wiring):
    counts = wiring.counts()
    assert counts.sensory == (wiring.sensory != 0).sum() and counts.recurrent == (wiring.recurrent != 0).sum()
    assert counts.synapses == counts.excitatory + counts.inhibitory == sum(counts.by_pair.values())
    assert counts.excitatory - counts.inhibitory == wiring.sensory.sum(dtype=int) + wiring.recurrent.sum(dtype=int)
    assert (counts.inputs, counts.neurons, counts.motor) == (wiring.inputs, wiring.units, wiring.motor)
    assert wiring.density == counts.synapses / (wiring.units * (wiring.inputs + wiring.units))


@given(st.from_type(Wiring))
def test_pairs_of_roles_are_counted_as_synapses_are_named(wiring):
    pairs = (" -> ".join(end.partition("/")[0] for end in name.split(" -> ")) for name in wiring.synapse_names)
    assert wiring.counts().by_pair == Counter(pairs)


def test_repr_is_one_line_and_describe_several():
    wiring = from_matrices([[1, -1]], [[0, 1], [0, 0]], motor=1)
    assert repr(wiring) == "Wiring(custom: 1 input, 1 inter, 1 motor, 3 synapses)"
    assert wiring.describe().splitlines() == [
        "custom: 1 input, 1 inter, 1 motor, 3 synapses",
        "  2 excitatory, 1 inhibitory, density 0.500",
        "  input -> inter  1",
        "  input -> motor  1",
        "  inter -> motor  1",
    ]


def test_one_synapse_is_singular():
    assert repr(from_matrices([[1]], np.zeros((1, 1), int), motor=1)).endswith("1 motor, 1 synapse)")
    assert repr(fully_connected(2, 3)) == "Wiring(fully_connected, seed 0: 2 inputs, 3 motor, 15 synapses)"
