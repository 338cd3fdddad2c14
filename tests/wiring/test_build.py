import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.errors import WiringError
from caudal.wiring import from_matrices, fully_connected, heard, heeded, layers, random

SIZES = st.integers(1, 12)


@given(SIZES, SIZES, st.data())
def test_fully_connected_leaves_nothing_out(inputs, units, data):
    motor = data.draw(st.integers(1, units))
    wiring = fully_connected(inputs, units, motor, seed=3)
    assert wiring.density == 1.0 and wiring.motor == motor and wiring.family == "fully_connected"
    assert fully_connected(inputs, units, motor, seed=3) == wiring


def test_fully_connected_makes_every_neuron_motor_by_default():
    wiring = fully_connected(3, 8)
    assert wiring.roles == ("motor",) * 8 and wiring.layers == (0,) * 8
    assert fully_connected(3, 8, 2).layers == (0,) * 6 + (1,) * 2


def test_two_synapses_in_three_are_excitatory():
    for wiring in (fully_connected(60, 60), random(60, 60)):
        counts = wiring.counts()
        assert abs(counts.excitatory / counts.synapses - 2 / 3) < 0.03


@given(SIZES, SIZES, st.floats(0, 0.999), st.integers(0, 2**32), st.data())
def test_random_keeps_its_share_and_mends_only_what_is_lost(inputs, units, sparsity, seed, data):
    motor = data.draw(st.integers(1, units))
    wiring = random(inputs, units, motor, sparsity=sparsity, seed=seed)
    assert heard(wiring).all() and heeded(wiring).all()
    asked = round(inputs * units * (1 - sparsity)) + round(units * units * (1 - sparsity))
    assert asked <= wiring.counts().synapses <= asked + 2 * units
    assert random(inputs, units, motor, sparsity=sparsity, seed=seed) == wiring


def test_random_at_a_common_sparsity_is_exact():
    counts = random(8, 40, 4, sparsity=0.5, seed=1).counts()
    assert (counts.sensory, counts.recurrent) == (160, 800)


@given(st.lists(SIZES, min_size=2, max_size=6), st.floats(0.01, 1), st.integers(0, 2**32))
def test_layers_read_only_onto_the_next(sizes, density, seed):
    wiring = layers(sizes, density=density, seed=seed)
    assert (wiring.inputs, wiring.units, wiring.motor) == (sizes[0], sum(sizes[1:]), sizes[-1])
    assert heard(wiring).all() and heeded(wiring).all()
    rank = np.array(wiring.layers)
    source, target = np.nonzero(wiring.recurrent)
    inside = rank[source] == rank[target]
    assert ((rank[target] - rank[source] == 1) | inside).all()
    assert not wiring.sensory[:, rank > 0].any()
    assert all(wiring.roles[neuron] == "command" for neuron in source[inside])
    assert layers(sizes, density=density, seed=seed) == wiring


def test_layers_have_the_roles_of_a_policy():
    assert layers([8, 6, 4, 2]).roles == ("inter",) * 6 + ("command",) * 4 + ("motor",) * 2
    assert layers([8, 6, 5, 4, 2]).layers == (0,) * 6 + (1,) * 5 + (2,) * 4 + (3,) * 2
    assert layers([8, 4, 2]).roles == ("command",) * 4 + ("motor",) * 2
    assert layers([8, 2]).roles == ("motor",) * 2


@given(st.integers(0, 16))
def test_layers_hold_exactly_the_recurrent_synapses_asked_for(recurrent):
    counts = layers([8, 6, 4, 2], recurrent=recurrent).counts()
    assert counts.by_pair.get("command -> command", 0) == recurrent


def test_layers_take_an_array():
    assert layers(np.array([8, 6, 2])) == layers((8, 6, 2))


def test_matrices_stand_as_given():
    wiring = from_matrices([[1, -1, 0]], [[0, 0, 1], [0, 0, -1], [0, 0, 0]], roles=["inter", "command", "motor"])
    assert wiring.layers == (0, 1, 2) and wiring.family == "custom" and wiring.seed is None
    assert wiring.sensory.tolist() == [[1, -1, 0]]
    assert from_matrices(wiring.sensory, wiring.recurrent, motor=3).layers == (0, 0, 0)
    assert from_matrices(wiring.sensory, wiring.recurrent, motor=1, layers=[0, 1, 5]).layers == (0, 1, 5)


TWO = "Pass inputs first and motor last, as in [8, 6, 4, 2]."


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (
            lambda: fully_connected(3, 0),
            "fully_connected: `units` is 0; expected a whole number of at least 1. Pass for example `units=1`.",
        ),
        (
            lambda: fully_connected(3, 4, 5),
            "fully_connected: `motor` is 5; expected a whole number from 1 to 4, the number of neurons. "
            "Lower `motor`, or raise `units`.",
        ),
        (
            lambda: random(3, 4, 0),
            "random: `motor` is 0; expected a whole number from 1 to 4, the number of neurons. "
            "Lower `motor`, or raise `units`.",
        ),
        (
            lambda: random(3, 4, sparsity=1.0),
            "random: `sparsity` is 1.0; expected a number from 0 and below 1. Pass for example `sparsity=0.5`.",
        ),
        (
            lambda: random(3, 4, seed=-1),
            "random: `seed` is -1; expected a whole number of at least 0. Pass for example `seed=1`.",
        ),
        (lambda: layers([8]), f"layers: `sizes` is [8]; expected two or more numbers. {TWO}"),
        (lambda: layers(8), f"layers: `sizes` is 8; expected two or more numbers. {TWO}"),
        (lambda: layers("86"), f"layers: `sizes[0]` is '8'; expected a whole number of at least 1. {TWO}"),
        (lambda: layers([8, 0, 2]), f"layers: `sizes[1]` is 0; expected a whole number of at least 1. {TWO}"),
        (
            lambda: layers([8, 3, 2], recurrent=10),
            "layers: `recurrent` is 10; expected a whole number from 0 to 9, the pairs of 3 command neurons. "
            "Widen the layer before the last.",
        ),
        (
            lambda: layers([8, 2], density=0),
            "layers: `density` is 0; expected a number above 0 and up to 1. Pass for example `density=0.5`.",
        ),
        (
            lambda: from_matrices([[1]], [[0]]),
            "from_matrices: `motor` is missing. Pass either `motor=2` or one role per neuron.",
        ),
        (
            lambda: from_matrices([[1]], [[0]], motor=1, roles=["motor"]),
            "from_matrices: `motor` was given beside `roles`. Pass either `motor=2` or one role per neuron.",
        ),
        (
            lambda: from_matrices([[1]], [[0]], motor=2),
            "from_matrices: `motor` is 2; expected a whole number from 1 to 1, the number of neurons. "
            "Count the last neurons that form the output.",
        ),
        (
            lambda: from_matrices([[1]], [[0.5]], motor=1),
            "Wiring: `recurrent` is 2-dimensional of dtype float64; expected a 2-dimensional integer matrix. "
            "Pass rows of sources and columns of neurons, with +1, -1 or 0.",
        ),
    ],
)
def test_what_constructors_refuse(build, text):
    with pytest.raises(WiringError) as caught:
        build()
    assert str(caught.value) == text
