import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.errors import WiringError
from caudal.wiring import Wiring, ncp

ONE = np.ones((1, 1), dtype=np.int8)


def test_a_wiring_is_frozen():
    wiring = ncp(3, 4, 3, 2)
    with pytest.raises(ValueError, match="read-only"):
        wiring.sensory[0, 0] = 1
    with pytest.raises(AttributeError):
        wiring.seed = 3


def test_the_callers_arrays_are_copied():
    sensory = np.ones((1, 1), dtype=np.int8)
    wiring = Wiring(sensory, ONE, ("motor",), (0,))
    sensory[0, 0] = -1
    assert wiring.sensory[0, 0] == 1


@given(st.from_type(Wiring))
def test_copies_are_equal_and_frozen(wiring):
    for copied in (copy.copy(wiring), copy.deepcopy(wiring), pickle.loads(pickle.dumps(wiring))):
        assert copied == wiring and hash(copied) == hash(wiring)
        assert not copied.sensory.flags.writeable and not copied.recurrent.flags.writeable


@given(st.from_type(Wiring))
def test_compressed_synapses_are_the_matrix(wiring):
    for matrix, synapses in (
        (wiring.sensory, wiring.sensory_synapses),
        (wiring.recurrent, wiring.recurrent_synapses),
    ):
        rebuilt = np.zeros_like(matrix)
        rebuilt[synapses.source, synapses.target] = synapses.polarity
        assert (rebuilt == matrix).all()
        assert synapses.ptr.dtype == synapses.source.dtype == synapses.target.dtype == np.int32
        for target in range(wiring.units):
            row = synapses.source[synapses.ptr[target] : synapses.ptr[target + 1]]
            assert (np.diff(row) > 0).all()


def test_equal_means_equal_content():
    assert ncp(3, 4, 3, 2, seed=5) == ncp(3, 4, 3, 2, seed=5)
    assert ncp(3, 4, 3, 2, seed=5) != ncp(3, 4, 3, 2, seed=6)
    assert ncp(3, 4, 3, 2) != "ncp"


def test_names_follow_the_one_order():
    wiring = ncp(2, 2, 1, 1, seed=1)
    assert wiring.input_names == ("input/0", "input/1")
    assert wiring.names == ("inter/0", "inter/1", "command/0", "motor/0")


def test_drawing_writes_the_text_it_returns(tmp_path):
    wiring = ncp(2, 2, 1, 1)
    text = wiring.draw(tmp_path / "circuit.svg", title="température")
    assert (tmp_path / "circuit.svg").read_text(encoding="utf-8") == text
    assert wiring.draw() == wiring._repr_svg_()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ([1], ONE, ("motor",), (0,)),
            "Wiring: `sensory` is 1-dimensional of dtype int64; expected a 2-dimensional integer matrix. "
            "Pass rows of sources and columns of neurons, with +1, -1 or 0.",
        ),
        (
            (ONE * 2, ONE, ("motor",), (0,)),
            "Wiring: `sensory` holds a value other than -1, 0 and +1. Give each synapse the sign of its effect.",
        ),
        (
            (ONE, [[1], [1, 0]], ("motor",), (0,)),
            "Wiring: `recurrent` has rows of different lengths. Make every row one entry per neuron.",
        ),
        (
            (np.zeros((0, 1), int), ONE, ("motor",), (0,)),
            "Wiring: `sensory` has shape (0, 1). Give at least one input and one neuron.",
        ),
        (
            (ONE, np.ones((1, 2), int), ("motor",), (0,)),
            "Wiring: `recurrent` has shape (1, 2) beside sensory (1, 1). "
            "Make recurrent (units, units) and sensory (inputs, units).",
        ),
        (
            (ONE, ONE, (), ()),
            "Wiring: `roles` names 0 roles and 0 layers for 1 neurons. Give one role and one layer per neuron.",
        ),
        ((ONE, ONE, ("boss",), (0,)), "Wiring: `roles` holds 'boss'. Use inter, command, motor."),
        (
            (np.ones((1, 2), int), np.eye(2, dtype=int), ("motor", "inter"), (0, 1)),
            "Wiring: `roles` or layers are out of order. "
            "Order neurons inter, command, motor, with layers that never decrease.",
        ),
        (
            (ONE, ONE, ("inter",), (0,)),
            "Wiring: `roles` holds no motor neuron. Mark the neurons that form the output as motor.",
        ),
        (
            ([[1, 0]], np.zeros((2, 2), int), ("inter", "motor"), (0, 1)),
            "Wiring: `recurrent` leaves motor/0 without any synapse onto it. "
            "Connect it to an input or a neuron, or remove it.",
        ),
        (
            (ONE, ONE, ("motor",), (0,), -1),
            "Wiring: `seed` is -1; expected a whole number of at least 0. Pass for example `seed=1`.",
        ),
        ((ONE, ONE, ("motor",), (0,), 0, 3), "Wiring: `family` is 3. Pass the name of a constructor."),
    ],
)
def test_an_invalid_wiring_is_a_sentence(arguments, text):
    with pytest.raises(WiringError) as caught:
        Wiring(*arguments)
    assert str(caught.value) == text
