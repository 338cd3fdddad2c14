"""States of healthy layers stay within what the weights prove; faults that leave it are named."""

import numpy as np
import pytest
import torch

from caudal.errors import InputError, ShapeError
from caudal.explain.proof import ranges
from caudal.monitor import Monitor
from caudal.nn import CTRNN, GRU, LRC, LSTM, LTC, MLP, SSM, CfC, Readout, WiredCfC
from caudal.wiring import ncp

WIRING = ncp(inputs=3, inter=8, command=5, motor=2, seed=1)
LAYERS = {
    "ltc": lambda: LTC(WIRING),
    "ltc eps": lambda: LTC(WIRING, eps=1e-8, substeps=1),
    "ltc dense fixed": lambda: LTC(3, 6, signs="fixed"),
    "cfc": lambda: CfC(3, 6),
    "cfc no gate": lambda: CfC(3, 6, mode="no_gate"),
    "wired cfc": lambda: WiredCfC(WIRING),
    "ctrnn": lambda: CTRNN(WIRING),
    "lrc": lambda: LRC(WIRING),
    "lrc symmetric": lambda: LRC(WIRING, elastance="symmetric"),
    "gru": lambda: GRU(3, 6),
    "lstm": lambda: LSTM(3, 6),
}


def wild(layer):
    """Weights drawn far wider than training leaves them."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter) * 3)
    return layer


@pytest.mark.parametrize("name", LAYERS)
def test_healthy_states_never_leave_their_ranges(name):
    layer = wild(LAYERS[name]())
    watch, proven = Monitor(layer), ranges(layer)
    x, dt = torch.randn(64, 30, 3) * 10, torch.rand(64, 30) * 20
    state = None
    for part in range(3):
        y, state = layer(x[:, part * 10 : part * 10 + 10], dt=dt[:, part * 10 : part * 10 + 10], state=state)
        assert watch.check(state) == []
    y = y.detach().double().numpy()
    slack = 1e-4 * (1 + np.abs(proven.output_high - proven.output_low))
    assert (y >= proven.output_low - slack).all() and (y <= proven.output_high + slack).all()


@pytest.mark.parametrize("name", ["ltc", "cfc", "ctrnn", "lrc", "gru"])
@pytest.mark.parametrize("fault", ["nan", "inf", "exponent", "sign and scale"])
def test_faults_that_leave_the_ranges_are_named(name, fault):
    layer = LAYERS[name]()
    watch = Monitor(layer)
    _, state = layer(torch.randn(4, 5, 3), dt=torch.rand(4, 5))
    value = state[0].detach().clone()
    value[2, 1] = {"nan": float("nan"), "inf": float("inf"), "exponent": 2.0**64, "sign and scale": -50.0}[fault]
    (violation,) = watch.check((value,))
    assert (violation.series, violation.unit) == (2, 1)
    assert violation.kind == {"nan": "nan", "sign and scale": "low"}.get(fault, "high")
    assert "series 2, step 0, unit 1: the state is" in str(violation)


def test_states_over_time_name_the_step():
    watch = Monitor(LTC(3, 4))
    states = torch.zeros(2, 7, 4)
    states[1, 5, 3] = 7.0
    assert [(v.series, v.step, v.unit) for v in watch.check(states)] == [(1, 5, 3)]


def test_weights_that_change_behind_the_monitor_show():
    layer = LTC(3, 4)
    watch = Monitor(layer)
    with torch.no_grad():
        layer.sensory_e_rev.fill_(40.0)
    _, state = layer(torch.ones(1, 50, 3) * 5, dt=torch.ones(1, 50))
    assert watch.check(state)


def test_time_constants_hold():
    layer = wild(LTC(WIRING))
    proven, params = ranges(layer), layer.params()
    from caudal.dynamics import ltc
    from caudal.nn.wired import graph_tensors

    graph = ltc.Graph(*graph_tensors(layer))
    sensory = ltc.sensory_sums(torch.randn(500, 3) * 5, params, graph)
    gates = ltc.gates(torch.randn(500, layer.units), graph.source, params.mu, params.sigma)
    tau = params.c_m / (sensory.den + ltc.sums(gates, graph.ptr, params.w, params.e_rev).den)
    tau = tau.detach().double().numpy()
    assert (tau >= proven.tau_low * (1 - 1e-5)).all() and (tau <= proven.tau_high * (1 + 1e-5)).all()


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (SSM(3, 4), "is a SSM, whose states have no proven range"),
        (MLP(3, 4), "MLP"),
        (CfC(3, 4, mode="pure"), "pure mode"),
        (LRC(3, 4, solver="explicit"), "explicit"),
        (Readout(LTC(3, 4, solver="euler"), 2), "euler"),
    ],
)
def test_layers_without_a_proof_are_refused_in_words(layer, words):
    with pytest.raises(InputError, match=words):
        Monitor(layer)


def test_the_state_of_another_layer_is_refused_in_words():
    with pytest.raises(ShapeError, match=r"holds 3 numbers a series; the monitored layer has 4"):
        Monitor(LTC(2, 4)).check(torch.zeros(1, 3))


def test_sharper_than_the_published_bound():
    """Hasani et al. bound every neuron by the extremes over the whole net; here each has its own."""
    layer = LTC(WIRING)
    proven = ranges(layer)
    published = max(abs(layer.params().e_rev).max().item(), abs(layer.params().sensory_e_rev).max().item())
    assert (np.maximum(-proven.low, proven.high) <= published + 1e-6).all()
    assert (proven.high - proven.low).mean() < 2 * published


def test_a_memory_without_bounds_must_still_be_finite():
    layer = LSTM(3, 4)
    watch = Monitor(layer)
    state = torch.zeros(1, 8)
    state[0, 6] = float("inf")
    assert [(v.kind, v.unit) for v in watch.check(state)] == [("high", 6)]
    state[0, 6] = 1e30
    assert not watch.check(state)


def test_gathered_states_name_their_step():
    layer = LTC(3, 4)
    watch, state, violations = Monitor(layer, every=4), None, []
    for step in range(10):
        _, state = layer.step(torch.zeros(2, 3), dt=torch.ones(2), state=state)
        shown = (torch.full((2, 4), 7.0),) if step == 5 else state
        violations += watch.watch(shown)
    assert {(v.series, v.step) for v in violations} == {(0, 5), (1, 5)}
    assert not watch.flush() and not watch.flush()
    watch.watch((torch.zeros(1, 4),))
    watch.watch((torch.zeros(2, 4),))
    with pytest.raises(ShapeError, match="different numbers of series"):
        watch.flush()
    with pytest.raises(InputError, match="`every` is 0"):
        Monitor(layer, every=0)
