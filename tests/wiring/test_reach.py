import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.errors import WiringError
from caudal.wiring import Wiring, heard, heeded, ncp, one_substep, within_step, within_substeps

WIRINGS = st.from_type(Wiring)


def toy_substep(wiring, x, v):
    """A cell whose every synapse acts: new value = own + synapses, all weights distinct and positive."""
    rng = np.random.default_rng(0)
    sensory = rng.uniform(0.5, 1, wiring.sensory.shape) * (wiring.sensory != 0)
    recurrent = rng.uniform(0.5, 1, wiring.recurrent.shape) * (wiring.recurrent != 0)
    return v + x @ sensory + v @ recurrent


def toy_layered_step(wiring, x, v):
    """The same, neuron by neuron, where lower layers are read at their new value."""
    new = v.copy()
    for target in range(wiring.units):
        new[target] += x @ (wiring.sensory[:, target] != 0)
        for source in range(wiring.units):
            is_lower = wiring.layers[source] < wiring.layers[target]
            new[target] += (wiring.recurrent[source, target] != 0) * (new if is_lower else v)[source]
    return new


def influence(step, wiring):
    """What a unit impulse in each input and each neuron changes; exact, as the toys are linear and positive."""
    x, v = np.zeros(wiring.inputs), np.zeros(wiring.units)
    sensory = np.array([step(wiring, row, v) for row in np.eye(wiring.inputs)])
    recurrent = np.array([step(wiring, x, row) for row in np.eye(wiring.units)])
    return sensory > 0, recurrent > 0


def agree(reach, measured):
    return all((mask == seen).all() for mask, seen in zip(reach, measured, strict=True))


@given(WIRINGS)
def test_one_substep_is_what_a_linear_cell_shows(wiring):
    assert agree(one_substep(wiring), influence(toy_substep, wiring))


@given(WIRINGS, st.integers(1, 9))
def test_substeps_are_what_a_linear_cell_shows(wiring, substeps):
    def several(wiring, x, v):
        for _ in range(substeps):
            v = toy_substep(wiring, x, v)
        return v

    assert agree(within_substeps(wiring, substeps), influence(several, wiring))


@given(WIRINGS)
def test_a_layered_step_is_what_a_linear_cell_shows(wiring):
    assert agree(within_step(wiring), influence(toy_layered_step, wiring))


@given(WIRINGS)
def test_enough_substeps_reach_all_that_is_ever_reached(wiring):
    sensory, recurrent = within_substeps(wiring, 10**9)
    assert (sensory.any(0) == heard(wiring)).all()
    assert (recurrent[:, np.array(wiring.roles) == "motor"].any(1) == heeded(wiring)).all()


def test_inputs_reach_a_policys_motors_within_one_step_but_not_one_substep():
    wiring = ncp(4, 6, 4, 2, seed=1)
    motor = slice(-wiring.motor, None)
    assert within_step(wiring).sensory[:, motor].any() and not one_substep(wiring).sensory[:, motor].any()


def test_no_substep_is_refused():
    with pytest.raises(WiringError) as caught:
        within_substeps(ncp(1, 1, 1, 1), 0)
    assert str(caught.value) == (
        "within_substeps: `substeps` is 0; expected a whole number of at least 1. Pass for example `substeps=1`."
    )
