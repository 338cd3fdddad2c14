"""A circuit without some synapses is a valid circuit of what still has a purpose."""

import numpy as np
import pytest

from caudal.errors import WiringError
from caudal.wiring import from_matrices, fully_connected, heard, heeded, keep, ncp

WIRING = ncp(inputs=4, inter=8, command=5, motor=3, seed=1)
DENSE = fully_connected(4, 8, motor=3, seed=1)


def live_of(*gone, wiring=WIRING):
    return np.array([name not in gone for name in wiring.synapse_names])


def test_all_kept_is_the_same_circuit():
    found = keep(WIRING, live_of())
    assert found.wiring == WIRING
    assert found.neurons.all() and found.synapses.all()


def test_one_synapse_less_keeps_every_other_with_its_sign():
    found = keep(DENSE, live_of("inter/2 -> motor/1", wiring=DENSE))
    assert np.argwhere(found.wiring.recurrent != DENSE.recurrent).tolist() == [[2, 6]]
    assert np.array_equal(found.wiring.sensory, DENSE.sensory)


def test_a_neuron_that_hears_nothing_goes_with_all_it_said():
    chain = from_matrices([[1, 0, 1]], [[0, 1, 0], [0, 0, 1], [0, 0, 0]], motor=1)
    found = keep(chain, live_of("input/0 -> inter/0", wiring=chain))
    assert found.wiring.synapse_names == ("input/0 -> motor/0",)
    assert found.neurons.tolist() == [False, False, True]
    assert found.synapses.tolist() == [False, True, False, False]


def test_a_loop_that_reaches_no_motor_neuron_goes():
    loop = from_matrices([[1, 0, 1]], [[0, 1, 0], [1, 0, 1], [0, 0, 0]], motor=1)
    found = keep(loop, live_of("inter/1 -> motor/0", wiring=loop))
    assert found.wiring.units == 1


def test_a_motor_neuron_that_hears_nothing_goes():
    gone = [name for name in WIRING.synapse_names if name.endswith("-> motor/1")]
    found = keep(WIRING, live_of(*gone))
    assert found.wiring.motor == 2 and found.wiring.inputs == WIRING.inputs


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_left_reaches_a_motor_neuron_and_counts_agree(seed):
    live = np.random.default_rng(seed).random(len(DENSE.synapse_names)) < 0.15
    found = keep(DENSE, live)
    assert heeded(found.wiring).all()
    assert found.synapses.sum() == len(found.wiring.synapse_names) <= live.sum()
    assert not (found.synapses & ~live).any()
    assert found.neurons.sum() == found.wiring.units and heard(found.wiring).shape == (found.wiring.units,)
    assert found.wiring.seed == DENSE.seed and found.wiring.family == DENSE.family


@pytest.mark.parametrize("live", [np.ones(3, bool), np.ones(len(WIRING.synapse_names)), [[True]]])
def test_anything_but_one_bool_per_synapse_is_refused(live):
    with pytest.raises(WiringError, match=r"keep: `synapses` has shape .* Pass one bool per synapse"):
        keep(WIRING, live)


def test_a_circuit_without_motor_neurons_is_refused():
    with pytest.raises(WiringError, match="leave no motor neuron with a synapse onto it"):
        keep(WIRING, np.zeros(len(WIRING.synapse_names), bool))
