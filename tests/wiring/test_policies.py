import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.errors import WiringError
from caudal.wiring import auto_ncp, heard, heeded, ncp

SIZES = st.integers(1, 12)


@st.composite
def plans(draw):
    inputs, inter, command, motor = (draw(SIZES) for _ in range(4))
    return {
        "inputs": inputs,
        "inter": inter,
        "command": command,
        "motor": motor,
        "sensory_fanout": draw(st.integers(1, inter)),
        "inter_fanout": draw(st.integers(1, command)),
        "recurrent_command": draw(st.integers(0, command**2)),
        "motor_fanin": draw(st.integers(1, command)),
        "seed": draw(st.integers(0, 2**32)),
    }


def bundles(wiring):
    """Masks of input -> inter, inter -> command, command -> command, command -> motor, and all that must be empty."""
    counts = wiring.counts()
    inter, command = counts.inter, counts.inter + counts.command
    recurrent = wiring.recurrent != 0
    rest = recurrent.copy()
    rest[:inter, inter:command] = rest[inter:command, inter:] = False
    rest[inter:command, command:] = False
    kept = recurrent[:inter, inter:command], recurrent[inter:command, inter:command], recurrent[inter:command, command:]
    return (wiring.sensory[:, :inter] != 0, *kept, rest, wiring.sensory[:, inter:] != 0)


def test_the_driving_policy_has_the_188_synapses_of_ncps():
    # 32 x 4 + 12 x 4 + 6 + 6. ncps 1.0.1 draws the 6 recurrent pairs with replacement and so may make fewer than asked.
    for seed in range(20):
        wiring = ncp(32, 12, 6, 1, sensory_fanout=4, inter_fanout=4, recurrent_command=6, motor_fanin=6, seed=seed)
        assert wiring.counts().by_pair == {
            "input -> inter": 128,
            "inter -> command": 48,
            "command -> command": 6,
            "command -> motor": 6,
        }


@given(plans())
def test_fans_and_recurrence_are_as_asked(plan):
    wiring = ncp(**plan)
    sensory, inter, command, motor, *empty = bundles(wiring)
    assert not any(mask.any() for mask in empty)
    assert command.sum() == plan["recurrent_command"]
    for mask, fan in ((sensory, plan["sensory_fanout"]), (inter, plan["inter_fanout"]), (motor.T, plan["motor_fanin"])):
        assert (mask.sum(1) >= fan).all() and mask.any(0).all()
        # Only a neuron that chance left out gets more than was asked for, and then the mean of its stage.
        mean = min(max(len(mask) * fan // mask.shape[1], 1), len(mask))
        mended = mask.sum() - len(mask) * fan
        assert mended % mean == 0 and mended <= mean * (mask.shape[1] - fan)


@given(plans())
def test_every_neuron_lies_on_a_path_from_input_to_motor(plan):
    wiring = ncp(**plan)
    assert heard(wiring).all() and heeded(wiring).all() and (wiring.sensory != 0).any(1).all()


@given(plans())
def test_building_twice_gives_the_same_circuit(plan):
    np.random.seed(0)
    first = ncp(**plan)
    np.random.seed(1)
    assert ncp(**plan) == first


def test_a_left_out_neuron_hears_the_mean_fan_in():
    # 4 inputs x 1 onto 40 inter: at least 36 are left out, and each hears max(4 x 1 // 40, 1) = 1 input.
    wiring = ncp(4, 40, 1, 1, sensory_fanout=1)
    assert (wiring.sensory[:, :40] != 0).sum(0).min() == 1
    # 40 inputs x 2 onto 8 inter: a left out one would hear 10; all fan-outs together can leave none out here.
    assert ncp(40, 8, 1, 1, sensory_fanout=2).counts().by_pair["input -> inter"] == 80


def test_unused_command_neurons_receive_an_output():
    wiring = ncp(2, 3, 10, 1, motor_fanin=1)
    assert wiring.counts().by_pair["command -> motor"] == 10


def test_half_of_the_synapses_are_excitatory():
    counts = ncp(60, 60, 60, 60, seed=3).counts()
    assert abs(counts.excitatory / counts.synapses - 0.5) < 0.03


def test_the_default_fans_are_those_of_auto_ncp():
    assert (ncp(8, 12, 8, 2, seed=7).recurrent == auto_ncp(8, 22, 2, seed=7).recurrent).all()


def test_one_circuit_is_pinned():
    # Changes here mean that seeds no longer give the circuits they gave: say so in the release notes.
    wiring = ncp(3, 4, 3, 2, seed=7)
    assert wiring.to_json() == PINNED


PINNED = """\
{
  "format": "caudal.wiring",
  "version": 1,
  "family": "ncp",
  "seed": 7,
  "neurons": {"inter": 4, "command": 3, "motor": 2},
  "layers": [0, 0, 0, 0, 1, 1, 1, 2, 2],
  "sensory": [
    ".+--.....",
    "..++.....",
    "+.+......"
  ],
  "recurrent": [
    "....-....",
    ".....++..",
    "......+..",
    "....-....",
    "....+...+",
    "....+...+",
    ".....+.-.",
    ".........",
    "........."
  ]
}
"""


@pytest.mark.parametrize("density", [0.25, 0.5, 0.75])
@pytest.mark.parametrize(("units", "motor"), [(4, 1), (7, 3), (19, 1), (22, 2), (64, 4), (100, 30)])
def test_auto_ncp_has_the_plan_of_ncps(units, motor, density):
    reference = pytest.importorskip("ncps.wirings").AutoNCP(units, motor, sparsity_level=1 - density)
    counts = auto_ncp(10, units, motor, density=density).counts()
    assert (counts.inter, counts.command) == (len(reference._inter_neurons), len(reference._command_neurons))
    asked = min(reference._recurrent_command_synapses, counts.command**2)
    assert counts.by_pair["command -> command"] == asked
    assert counts.by_pair["input -> inter"] >= 10 * reference._sensory_fanout
    assert counts.by_pair["inter -> command"] >= counts.inter * reference._inter_fanout
    assert counts.by_pair["command -> motor"] >= motor * reference._motor_fanin


@given(SIZES, st.integers(1, 9), st.integers(2, 40), st.floats(1e-6, 1.0))
def test_auto_ncp_builds_at_any_size(inputs, motor, hidden, density):
    wiring = auto_ncp(inputs, motor + hidden, motor, density=density)
    assert wiring.units == motor + hidden and heeded(wiring).all()


GOOD = {"inputs": 8, "inter": 12, "command": 8, "motor": 2}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"inputs": 0}, "`inputs` is 0; expected a whole number of at least 1. Pass for example `inputs=1`."),
        ({"inter": -3}, "`inter` is -3; expected a whole number of at least 1. Pass for example `inter=1`."),
        ({"command": 2.5}, "`command` is 2.5; expected a whole number of at least 1. Pass for example `command=1`."),
        ({"motor": True}, "`motor` is True; expected a whole number of at least 1. Pass for example `motor=1`."),
        (
            {"sensory_fanout": 13},
            "`sensory_fanout` is 13; expected a whole number from 1 to 12, the number of inter neurons. "
            "Lower it, or raise `inter`.",
        ),
        (
            {"inter_fanout": 9},
            "`inter_fanout` is 9; expected a whole number from 1 to 8, the number of command neurons. "
            "Lower it, or raise `command`.",
        ),
        (
            {"motor_fanin": 0},
            "`motor_fanin` is 0; expected a whole number from 1 to 8, the number of command neurons. "
            "Lower it, or raise `command`.",
        ),
        (
            {"recurrent_command": 65},
            "`recurrent_command` is 65; expected a whole number from 0 to 64, the pairs of 8 command neurons. "
            "Lower it, or raise `command`.",
        ),
        ({"seed": None}, "`seed` is None; expected a whole number of at least 0. Pass for example `seed=1`."),
    ],
)
def test_what_ncp_refuses(changes, text):
    with pytest.raises(WiringError) as caught:
        ncp(**GOOD | changes)
    assert str(caught.value) == f"ncp: {text}"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, 9, 2), "`inputs` is 0; expected a whole number of at least 1. Pass for example `inputs=1`."),
        ((8, 3, 2), "`units` is 3; expected a whole number of at least 4. Pass for example `units=4`."),
        ((8, 9, 0), "`motor` is 0; expected a whole number of at least 1. Pass for example `motor=1`."),
    ],
)
def test_what_auto_ncp_refuses(arguments, text):
    with pytest.raises(WiringError) as caught:
        auto_ncp(*arguments)
    assert str(caught.value) == f"auto_ncp: {text}"


@pytest.mark.parametrize("density", [0, -0.5, 1.5, float("nan"), "half", True])
def test_a_density_out_of_range_is_refused(density):
    with pytest.raises(WiringError) as caught:
        auto_ncp(8, 22, 2, density=density)
    expected = f"`density` is {density!r}; expected a number above 0 and up to 1. Pass for example `density=0.5`."
    assert str(caught.value) == f"auto_ncp: {expected}"
