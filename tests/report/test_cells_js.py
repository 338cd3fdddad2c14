"""The equations that pages run in the browser give the library's numbers."""

import numpy as np
import pytest
import torch

from caudal.explain import trace
from caudal.nn import CTRNN, GRU, LRC, LSTM, LTC, CfC, LiquidSSM, MixedMemory, Readout, Stack, WiredCfC
from caudal.report.cells import described
from caudal.wiring import ncp
from tests.report.cells_js import evaluated

NETS = {
    "ltc": lambda: LTC(3, 4),
    "ltc ncp, previous": lambda: LTC(ncp(3, 5, 4, 2, seed=1), substeps=2, eps=1e-8, signs="fixed", pairing="previous"),
    "ltc, event": lambda: LTC(3, 4, substeps=1, pairing="event"),
    "lrc": lambda: LRC(ncp(3, 5, 4, 2, seed=1), substeps=2),
    "lrc, symmetric": lambda: LRC(3, 4, elastance="symmetric", solver="explicit"),
    "lrc, none": lambda: LRC(3, 4, elastance="none"),
    "ctrnn": lambda: CTRNN(3, 4, tau=2.0),
    "cfc": lambda: CfC(3, 4, backbone_units=6, backbone_layers=2),
    "cfc without backbone": lambda: CfC(3, 4, backbone_layers=0, mode="no_gate"),
    "cfc, gelu": lambda: CfC(3, 4, backbone_units=6, activation="gelu"),
    "cfc, pure": lambda: CfC(3, 4, backbone_units=6, mode="pure", activation="silu"),
    "wired cfc": lambda: WiredCfC(ncp(3, 5, 4, 2, seed=1)),
    "wired cfc, pure": lambda: WiredCfC(ncp(3, 5, 4, 2, seed=1), mode="pure", pairing="event"),
    "liquid ssm": lambda: LiquidSSM(3, 4),
    "liquid ssm, blocks": lambda: LiquidSSM(3, 4, layers=3, decay="softplus", target="linear", output_gate=True),
    "gru": lambda: GRU(3, 4),
    "lstm": lambda: LSTM(3, 4),
    "readout": lambda: Readout(LTC(ncp(3, 5, 4, 2, seed=1)), 2),
    "readout of means over a stack": lambda: Readout(
        Stack(GRU(3, 4), LiquidSSM(4, 3, pairing="previous")), 2, pool="mean"
    ),
}
RUN = "data.map(({ net, x, dt }) => Cells.run(Cells.build(net), x, dt))"


def job(net, steps=7):
    torch.manual_seed(3)
    x, dt = torch.randn(1, steps, 3, dtype=torch.float64), torch.rand(1, steps, dtype=torch.float64) * 3
    dt[0, 2] = 0
    return x, dt, {"net": described(net), "x": x[0].tolist(), "dt": dt[0].tolist()}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    torch.manual_seed(0)
    nets = {name: make().double() for name, make in NETS.items()}
    jobs = {name: job(net) for name, net in nets.items()}
    outcome = evaluated(RUN, [jobs[name][2] for name in NETS], tmp_path_factory.mktemp("js"))
    return {name: (nets[name], *jobs[name][:2], answer) for name, answer in zip(NETS, outcome, strict=True)}


@pytest.mark.parametrize("name", NETS)
def test_outputs_in_the_browser_are_those_of_the_library(answers, name):
    net, x, dt, answer = answers[name]
    with torch.no_grad():
        y, _ = net(x, dt=dt)
    assert np.abs(np.array(answer["outputs"]) - y[0].numpy()).max() < 1e-9


@pytest.mark.parametrize("name", ["ltc", "lrc, symmetric", "ctrnn", "liquid ssm", "cfc, pure"])
def test_states_and_time_constants_are_those_of_the_trace(answers, name):
    net, x, dt, answer = answers[name]
    if isinstance(net, LTC):
        substeps = trace(net, x, dt=dt, substeps=True).signals["tau_sys"].values[0, :, -1]
    else:
        substeps = trace(net, x, dt=dt).signals["tau_sys"].values[0] if not isinstance(net, CTRNN) else None
    if substeps is not None:
        assert np.abs(np.array(answer["taus"]) / substeps.numpy() - 1).max() < 1e-9
    states = trace(net, x, dt=dt).signals["states"].values[0].numpy()
    assert np.abs(np.array(answer["states"])[:, :4] - states).max() < 1e-9


def test_numbers_of_a_net_in_single_precision_stay_within_a_millionth(tmp_path):
    torch.manual_seed(0)
    net = Readout(LTC(ncp(3, 5, 4, 2, seed=1)), 2)
    x, dt, whole = job(net)
    (answer,) = evaluated(RUN, [whole], tmp_path)
    with torch.no_grad():
        y, _ = net.double()(x, dt=dt)
    assert np.abs(np.array(answer["outputs"]) - y[0].numpy()).max() < 1e-6


@pytest.mark.parametrize("kind", [LTC, LRC, WiredCfC, CTRNN])
def test_a_neuron_that_is_scaled_answers_as_with_scaled_synapses(kind, tmp_path):
    torch.manual_seed(0)
    net = kind(ncp(3, 5, 4, 2, seed=1)).double()
    x, dt, whole = job(net)
    change = "net.strength[6] = 0.4; net.cut[1] = 0; net.update(); return Cells.run(net, x, dt)"
    script = f"data.map(({{ net: spec, x, dt }}) => {{ const net = Cells.build(spec); {change}; }})"
    (answer,) = evaluated(script, [whole], tmp_path)
    strength = torch.ones(net.synapse_count(), dtype=torch.float64)
    for at, name in enumerate(net.wiring.synapse_names):
        if net.wiring.names[6] in name.split(" -> "):
            strength[at] = 0.4
    strength[1] *= 0
    with torch.no_grad():
        y, _ = net(x, dt=dt, synapses=strength)
    assert np.abs(np.array(answer["outputs"]) - y[0].numpy()).max() < 1e-9


def test_cells_without_equations_in_the_page_have_no_description():
    assert described(Readout(MixedMemory(3, CfC(3, 4)), 2)) is None
    assert described(Stack(GRU(3, 4), LTC(4, 2, solver="rk4"))) is None
