"""CfC, WiredCfC and MixedMemory as layers: the whole contract, and what is theirs alone."""

import itertools

import pytest
import torch

from caudal.dynamics.cfc_heads import ACTIVATIONS, HEADS
from caudal.errors import InputError
from caudal.nn import LTC, CfC, MixedMemory, WiredCfC
from caudal.testing import check_cell
from caudal.wiring import Wiring, fully_connected, ncp

CIRCUIT = ncp(inputs=3, inter=5, command=4, motor=2, seed=1)
LAYERS = {
    **{f"cfc-{m}-{n}": lambda m=m, n=n: CfC(3, 4, mode=m, backbone_units=5, backbone_layers=n)
       for m, n in itertools.product(HEADS, (0, 1, 2))},
    **{f"wired-{m}": lambda m=m: WiredCfC(CIRCUIT, mode=m) for m in HEADS},
    "shared": lambda: MixedMemory(3, CfC(3, 4, backbone_units=5)),
    "shared-pure": lambda: MixedMemory(3, CfC(3, 4, mode="pure", backbone_layers=0)),
    "cascade": lambda: MixedMemory(3, CfC(4, 4, backbone_units=5, backbone_layers=2), form="cascade"),
    "stacked-ltc": lambda: MixedMemory(2, LTC(CIRCUIT, substeps=2), form="stacked"),
    "stacked-wired": lambda: MixedMemory(2, WiredCfC(CIRCUIT), form="stacked"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LAYERS))
def test_keeps_the_contract(name):
    check_cell(LAYERS[name])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_has_right_gradients(activation):
    check_cell(lambda: CfC(2, 3, activation=activation, backbone_units=4), clauses=["gradcheck", "steps"])


@pytest.mark.parametrize("name", ["cfc-default-1", "wired-pure", "shared", "cascade", "stacked-wired"])
def test_autocast_keeps_the_dtype_of_the_parameters(name):
    torch.manual_seed(0)
    net = LAYERS[name]()
    x, dt = torch.randn(2, 6, net.inputs), torch.rand(2, 6)
    expected, _ = net(x, dt=dt)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, _ = net(x, dt=dt)
        y.sum().backward()
    assert y.dtype == torch.float32
    torch.testing.assert_close(y, expected, rtol=0.05, atol=0.05)
    assert all(p.grad is not None and p.grad.dtype == torch.float32 for p in net.parameters())


@pytest.mark.parametrize("name", ["cfc-pure-1", "wired-default", "shared", "cascade", "stacked-ltc"])
def test_checkpoints_change_nothing(name):
    net = LAYERS[name]().double()
    x, dt = torch.randn(2, 7, net.inputs).double(), torch.rand(2, 7).double()
    lengths = torch.tensor([3, 7])
    grads = []
    for every in (None, 3):
        net.checkpoint_every = every
        net.zero_grad()
        net(x, dt=dt, lengths=lengths)[0].square().sum().backward()
        grads.append([p.grad.clone() for p in net.parameters()])
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_wired_output_is_the_motor_neurons():
    net = WiredCfC(CIRCUIT)
    y, state = net(torch.randn(2, 5, 3))
    assert torch.equal(y[:, -1], state.h[:, -2:])


def test_a_signal_passes_the_layers_within_one_step():
    chain = Wiring(
        [[1, 0, 0]], [[0, 1, 0], [0, 0, 1], [0, 0, 0]], ("inter", "command", "motor"), (0, 1, 2)
    )  # fmt: skip
    net = WiredCfC(chain)
    x = torch.randn(1, 1, 1, requires_grad=True)
    net(x)[0].sum().backward()
    assert x.grad.abs().item() > 0
    against = Wiring([[1, 0, 0]], [[0, 1, 0], [0, 0, 1], [0, 0, 0]], ("inter", "inter", "motor"), (0, 0, 1))
    x = torch.randn(1, 2, 1, requires_grad=True)
    WiredCfC(against)(x)[0][:, 1].sum().backward()
    assert x.grad[0, 1].item() == 0
    assert x.grad[0, 0].abs().item() > 0


def test_polarity_is_the_first_sign_of_the_candidates_only():
    net = WiredCfC(CIRCUIT)
    signs = torch.tensor(CIRCUIT.recurrent_synapses.polarity)
    assert (net.weight.detach()[:2].sign() == signs).all()
    assert not (net.weight.detach()[2:].sign() == signs).all()
    assert sum(p.numel() for p in net.parameters()) == 4 * (
        len(signs) + len(CIRCUIT.sensory_synapses.source) + 2 * CIRCUIT.units
    )


def test_pure_starts_where_every_parameter_can_train():
    for net in (CfC(2, 3, mode="pure"), WiredCfC(2, 3, mode="pure")):
        assert (net.a == 1).all()
        assert ((net.w_tau >= 0.01) & (net.w_tau <= 0.1)).all()


def test_time_zero_returns_no_previous_state():
    state = CfC(2, 3).initial_state(1)._replace(h=torch.full((1, 3), 0.9))
    y, _ = CfC(2, 3).step(torch.zeros(1, 2), dt=torch.zeros(1), state=state)
    assert not torch.allclose(y, state.h)


def test_mixed_memory_holds_its_liquid_layer_and_leaves_it_as_it_was():
    liquid = CfC(3, 4)
    before = liquid.entry.weight.clone()
    net = MixedMemory(3, liquid)
    assert net.liquid is liquid
    assert torch.equal(liquid.entry.weight, before)
    net.reset_parameters()
    assert not torch.equal(liquid.entry.weight, before)


REFUSALS = {
    "CfC: `inputs` is a wiring, and a backbone would read past it. Pass `WiredCfC(wiring)` to obey a wiring, or "
    "`CfC(inputs, units)` for a dense layer.": lambda: CfC(fully_connected(2, 3), 3),
    'CfC: `mode` is \'gated\'. Pass "default", "no_gate" or "pure".': lambda: CfC(2, 3, mode="gated"),
    "CfC: `units` is 0; expected an integer of at least 1. Pass `units=32`.": lambda: CfC(2, 0),
    "CfC: `backbone_layers` is -1; expected at least 0. Pass `backbone_layers=1`.": lambda: CfC(
        2, 3, backbone_layers=-1
    ),
    "CfC: `activation` is 'elu'. Pass one of lecun_tanh, tanh, relu, silu, gelu.": lambda: CfC(2, 3, activation="elu"),
    'WiredCfC: `mode` is \'gated\'. Pass "default", "no_gate" or "pure".': lambda: WiredCfC(2, 3, mode="gated"),
    "WiredCfC: `units` is missing. Pass `WiredCfC(inputs, units)` for a fully connected layer, or a wiring.": (
        lambda: WiredCfC(2)
    ),
    'MixedMemory: `form` is \'both\'. Pass "shared", "cascade" or "stacked".': lambda: MixedMemory(
        2, CfC(2, 3), form="both"
    ),
    "MixedMemory: `liquid` is a LTC; form='shared' is written for the dense CfC. Pass a `CfC`, or `form=\"stacked\"`, "
    "which takes any layer.": lambda: MixedMemory(2, LTC(2, 3)),
    "MixedMemory: `liquid` has 2 inputs; form='cascade' needs 3. Pass `CfC(3, 3)`.": lambda: MixedMemory(
        2, CfC(2, 3), form="cascade"
    ),
    "MixedMemory: `liquid` has 3 inputs; form='shared' needs 2. Pass `CfC(2, 3)`.": lambda: MixedMemory(2, CfC(3, 3)),
    "MixedMemory: `inputs` is 0; expected an integer of at least 1. Pass `inputs=8`.": lambda: MixedMemory(
        0, CfC(2, 3)
    ),
}


@pytest.mark.parametrize("sentence", list(REFUSALS))
def test_refuses_in_a_sentence(sentence):
    with pytest.raises(InputError) as raised:
        REFUSALS[sentence]()
    assert str(raised.value) == sentence
