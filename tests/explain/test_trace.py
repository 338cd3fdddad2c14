"""A trace tells the whole story: its parts add up to the states, and its outputs are the net's own."""

from itertools import pairwise

import pytest
import torch

from caudal.errors import InputError, NonFiniteError, ShapeError
from caudal.explain import trace
from caudal.nn import (
    CTRNN,
    GRU,
    GRUD,
    LRC,
    LSTM,
    LTC,
    MLP,
    ODERNN,
    SSM,
    Bidirectional,
    CfC,
    MixedMemory,
    PhasedLSTM,
    Readout,
    Stack,
    Transformer,
    WiredCfC,
)
from caudal.wiring import ncp

WIRING = ncp(inputs=3, inter=5, command=4, motor=2, seed=3)
NETS = {
    "ltc": lambda: LTC(WIRING),
    "ltc-eps": lambda: LTC(WIRING, eps=1e-8, signs="fixed"),
    "ltc-euler": lambda: LTC(WIRING, substeps=40, solver="euler"),
    "ltc-rk4": lambda: LTC(WIRING, substeps=20, solver="rk4"),
    "lrc": lambda: LRC(WIRING, substeps=2),
    "lrc-explicit": lambda: LRC(WIRING, elastance="symmetric", solver="explicit"),
    "lrc-none": lambda: LRC(WIRING, elastance="none"),
    "ctrnn": lambda: CTRNN(WIRING, substeps=3),
    "wired-cfc": lambda: WiredCfC(WIRING),
    "wired-cfc-pure": lambda: WiredCfC(WIRING, mode="pure"),
    "wired-cfc-no-gate": lambda: WiredCfC(WIRING, mode="no_gate"),
    "cfc": lambda: CfC(3, 5, backbone_units=7, backbone_layers=2),
    "cfc-bare": lambda: CfC(3, 5, backbone_layers=0, mode="no_gate"),
    "cfc-pure": lambda: CfC(3, 5, backbone_units=7, mode="pure"),
    "lstm": lambda: LSTM(3, 5),
    "gru": lambda: GRU(3, 5),
    "shared": lambda: MixedMemory(3, CfC(3, 5, backbone_units=7)),
    "cascade": lambda: MixedMemory(3, CfC(5, 5, backbone_units=7), form="cascade"),
    "stacked": lambda: MixedMemory(3, LTC(4, 5), form="stacked"),
    "readout": lambda: Readout(LTC(WIRING), 2),
    "readout-mean": lambda: Readout(WiredCfC(WIRING), 2, pool="mean"),
    "stack": lambda: Stack(GRU(3, 4), LTC(4, 3), CfC(3, 2, backbone_units=4)),
    "both": lambda: Bidirectional(LTC(WIRING), LSTM(3, 4)),
    "gru-d": lambda: GRUD(3, 4),
    "ode-rnn": lambda: ODERNN(3, 4),
    "phased": lambda: PhasedLSTM(3, 4),
    "ssm": lambda: SSM(3, 4),
    "transformer": lambda: Transformer(3, 4),
    "mlp": lambda: MLP(3, 4),
}


def series(net, dtype=torch.float64):
    x, dt = torch.randn(4, 7, net.inputs, dtype=dtype), 0.2 + torch.rand(4, 7, dtype=dtype)
    mask = torch.rand(4, 7) > 0.3
    mask[:, 0] = True
    return x, dt, mask, torch.tensor([7, 4, 6, 1])


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", NETS)
def test_parts_add_up_to_the_states(name, masked):
    net = NETS[name]().double()
    x, dt, mask, lengths = series(net)
    given = {"dt": dt, **({"mask": mask, "lengths": lengths} if masked else {})}
    found = trace(net, x, **given)
    assert found.worst_residual < 1e-12
    with torch.no_grad():
        y, _ = net.eval()(x, **given)
    torch.testing.assert_close(found["outputs"] if "outputs" in found.signals else y, y, rtol=1e-12, atol=1e-12)
    for part in found.walk():
        for one in part.signals.values():
            assert len(one.axes) == one.values.dim()
            assert one.values.shape[-1] == len(one.names)
            assert torch.isfinite(one.values).all()
            assert not one.values.requires_grad


@pytest.mark.parametrize("name", ["ltc", "ltc-euler", "lrc", "ctrnn"])
def test_substeps_are_kept_apart_on_demand(name):
    net = NETS[name]().double()
    x, dt, _, _ = series(net)
    whole, parts = trace(net, x, dt=dt), trace(net, x, dt=dt, substeps=True)
    assert parts.residual < 1e-12
    assert parts["leak_moves"].shape[2] == net.substeps
    torch.testing.assert_close(parts["leak_moves"].sum(2), whole["leak_moves"])
    assert parts.signal("tau_sys").axes == ("batch", "time", "substep", "neuron")


def test_time_constants_of_the_ltc_keep_their_bounds():
    net = LTC(WIRING).double()
    x, dt, _, _ = series(net)
    found, p = trace(net, x, dt=dt, substeps=True)["tau_sys"], net.params()
    most = p.g_leak.clone()
    for ptr, w in ((net.sensory_ptr, p.sensory_w), (net.recurrent_ptr, p.w)):
        most = most + torch.stack([w[a:b].sum() for a, b in pairwise(ptr)])
    assert (found <= p.c_m / p.g_leak + 1e-12).all()
    assert (found >= p.c_m / most - 1e-12).all()


def test_names_and_strengths_and_a_later_state():
    net = LTC(WIRING).double()
    x, dt, _, _ = series(net)
    strength = torch.rand(net.synapse_count(), dtype=x.dtype)
    _, state = net(x, dt=dt)
    found = trace(net, x, dt=dt, state=state, synapses=strength, names=["age", "pulse", "ph"])
    assert found.residual < 1e-12
    assert any(name.startswith("pulse -> ") for name in found.signal("gates").names)
    each = trace(net, x, dt=dt, state=state, synapses=strength.expand(4, -1))
    torch.testing.assert_close(each["currents"], found["currents"])
    assert "currents: 4 batch x 7 time" in repr(found)


def test_the_net_is_left_as_it_was():
    net = Readout(LTC(WIRING), 2, dropout=0.5).train()
    x = torch.randn(2, 3, 3)
    assert torch.equal(trace(net, x)["contributions"], trace(net, x)["contributions"])
    assert net.training
    assert net.layer.training


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: trace(torch.nn.Linear(3, 2), torch.zeros(1, 2, 3)), InputError, "trace: `model` is a Linear"),
        (lambda: trace(LTC(3, 2), torch.zeros(1, 2, 4)), ShapeError, "LTC: `x` has 4 inputs"),
        (lambda: trace(LTC(3, 2), torch.full((1, 2, 3), torch.nan)), NonFiniteError, "LTC: `x` holds NaN"),
        (lambda: trace(LTC(3, 2), torch.zeros(1, 2, 3), names=["a"]), InputError, "trace: `names` holds 1 names"),
        (lambda: trace(LTC(3, 2), torch.zeros(1, 2, 3))["speed"], InputError, "Trace: `name` is 'speed'; there are"),
        (lambda: trace(LTC(3, 2), torch.zeros(1, 2, 3)).part("x"), InputError, "Trace.part: `path` is 'x'"),
        (
            lambda: trace(Stack(LTC(3, 2), LTC(2, 2)), torch.zeros(1, 2, 3))["gates"],
            InputError,
            "Trace: `name` is 'gates', which 'layers.0', 'layers.1' have",
        ),
    ],
)
def test_bad_input_gets_a_sentence(call, error, words):
    with pytest.raises(error, match=words):
        call()
