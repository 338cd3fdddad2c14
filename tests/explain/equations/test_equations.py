"""The equations are the net: compiled, they give its numbers to float64 precision, in scaled and in raw units."""

import numpy as np
import pytest
import torch

from caudal.data import Encoder, from_arrays
from caudal.errors import InputError, NonFiniteError, ShapeError
from caudal.explain.equations import dead_synapses, equations
from caudal.nn import CTRNN, GRU, LRC, LTC, CfC, LiquidSSM, Readout, Stack, WiredCfC
from caudal.wiring import ncp

WIRING = ncp(inputs=3, inter=5, command=4, motor=2, seed=3)
NETS = {
    "ltc": lambda: LTC(WIRING),
    "ltc-eps-fixed": lambda: LTC(WIRING, eps=1e-8, signs="fixed"),
    "ltc-euler": lambda: LTC(WIRING, substeps=40, solver="euler"),
    "ltc-dense": lambda: LTC(3, 4, substeps=1),
    "lrc": lambda: LRC(WIRING, substeps=2),
    "lrc-symmetric-explicit": lambda: LRC(WIRING, elastance="symmetric", solver="explicit", signs="fixed"),
    "lrc-none": lambda: LRC(WIRING, elastance="none"),
    "ctrnn": lambda: CTRNN(WIRING, substeps=3),
    "wired-cfc": lambda: WiredCfC(WIRING),
    "wired-cfc-pure": lambda: WiredCfC(WIRING, mode="pure"),
    "wired-cfc-no-gate": lambda: WiredCfC(WIRING, mode="no_gate"),
    "cfc": lambda: CfC(3, 4, backbone_units=5, backbone_layers=2),
    "cfc-bare": lambda: CfC(3, 4, backbone_layers=0, mode="no_gate"),
    "cfc-pure": lambda: CfC(3, 4, backbone_units=5, mode="pure", activation="silu"),
    "cfc-gelu": lambda: CfC(3, 4, backbone_units=5, activation="gelu"),
    "cfc-relu": lambda: CfC(3, 4, backbone_units=5, activation="relu"),
    "liquid-ssm": lambda: LiquidSSM(3, 4),
    "liquid-ssm-softplus": lambda: LiquidSSM(3, 4, decay="softplus", target="linear"),
    "readout-liquid-ssm": lambda: Readout(LiquidSSM(3, 4), 2, pool="mean"),
    "readout": lambda: Readout(LTC(WIRING), 3),
    "readout-mean": lambda: Readout(WiredCfC(WIRING), 2, pool="mean"),
}


def series(count=4, steps=6):
    return torch.randn(count, steps, 3, dtype=torch.float64), torch.rand(count, steps, dtype=torch.float64) * 2


@pytest.mark.parametrize("name", NETS)
def test_compiled_equations_are_the_net(name):
    net = NETS[name]().double()
    x, dt = series()
    found = equations(net).run(x.numpy(), dt.numpy())
    assert np.abs(found - net(x, dt=dt)[0].detach().numpy()).max() < 1e-13


def test_one_step_gives_state_and_output():
    net = LTC(WIRING).double()
    x, dt = series()
    _, state = net(x[:, :3], dt=dt[:, :3])
    y, after = net.step(x[:, 3], dt=dt[:, 3], state=state)
    new, out = equations(net).function()(x[:, 3].numpy(), dt[:, 3].numpy(), state.v.detach().numpy())
    assert np.abs(new - after.v.detach().numpy()).max() < 1e-14
    assert np.abs(out - y.detach().numpy()).max() < 1e-14


def test_rates_of_change_are_the_limit_of_the_step():
    net = LTC(WIRING, substeps=1).double()
    found = equations(net)
    from caudal.explain.equations.algebra import compiled

    x, state = np.random.default_rng(0).normal(size=(5, 3)), np.random.default_rng(1).normal(size=(5, 11))
    rates = compiled([*found.inputs, *found.states], [one.expression for one in found.ode])(*x.T, *state.T)
    tiny = 1e-7
    new, _ = found.function()(x, np.full(5, tiny), state)
    assert np.abs((new - state) / tiny - np.stack(rates, 1)).max() < 1e-5


@pytest.mark.parametrize("make", [lambda: LTC(2, 3), lambda: LRC(2, 3), lambda: CTRNN(2, 3), lambda: WiredCfC(2, 3)])
def test_raw_units_need_no_encoder_any_more(make):
    rng = np.random.default_rng(0)
    values, gaps = rng.normal([[[5.0], [200.0]]], [[[2.0], [40.0]]], (6, 2, 5)), rng.uniform(0.5, 9.0, (6, 5))
    data = from_arrays(values, rng.normal(30, 8, 6), dt=gaps, dtype="float64", task="regress")
    encoder = Encoder.fit(data)
    net = Readout(make(), 1).double()
    seen = encoder(data)
    told = net(torch.tensor(seen.x), dt=torch.tensor(seen.dt))[0].detach().numpy()
    found = equations(net, encoder=encoder)
    raw = found.run(np.asarray(data.values), np.asarray(data.dt))
    assert np.abs(raw - encoder.scaler.restore(told)).max() < 1e-10
    assert [str(one) for one in found.inputs] == list(encoder.channels)


def test_holes_and_elapsed_channels_in_raw_units():
    rng = np.random.default_rng(0)
    values = rng.normal(5, 2, (6, 1, 5))
    values[0, 0, 2] = np.nan
    data = from_arrays(values, [0, 1, 0, 1, 0, 1], dt=rng.uniform(1, 3, (6, 5)), dtype="float64")
    encoder = Encoder.fit(data, elapsed="log")
    net = LTC(3, 4).double()
    seen = encoder(data)
    mean, std, gap = encoder.scaler.mean[0], encoder.scaler.std[0], encoder.scaler.gap
    raw = np.stack([seen.x[..., 0] * std + mean, seen.x[..., 1], np.expm1(seen.x[..., 2]) * gap], -1)
    told = net(torch.tensor(seen.x), dt=torch.tensor(seen.dt))[0].detach().numpy()
    found = equations(net, encoder=encoder)
    assert np.abs(found.run(raw, np.asarray(data.dt)) - told).max() < 1e-12
    assert "log(1.0 + since_x0/" in found.text()


def test_dead_synapses_are_gone_and_their_error_is_true():
    net = LTC(WIRING).double()
    x, dt = series(16)
    dead = dead_synapses(net, x, dt, within=0.01)
    assert 0 < len(dead.names) < 31
    whole, without = net(x, dt=dt)[0], net(x, dt=dt, synapses=torch.tensor(dead.strengths, dtype=torch.float64))[0]
    assert float((whole - without).detach().abs().max()) == pytest.approx(dead.error)
    assert dead.error <= 0.01
    found = equations(net, without=dead)
    assert np.abs(found.run(x.numpy(), dt.numpy()) - without.detach().numpy()).max() < 1e-13
    gates = sum(str(one.expression).count("sigmoid(") for one in found.ode)
    assert gates == net.synapse_count() - len(dead.names)
    assert "16 series" in found.text()


def test_precision_is_chosen_and_its_cost_can_be_measured():
    net = LTC(WIRING).double()
    x, dt = series()
    found = equations(net)
    errors = [
        np.abs(found.rounded(n).run(x.numpy(), dt.numpy()) - found.run(x.numpy(), dt.numpy())).max() for n in (2, 5)
    ]
    assert errors[1] < 1e-4 < errors[0] < 0.2
    first = found.text(3).splitlines()
    assert all(len(line) <= 110 for line in first)


def test_names_are_told_and_never_clash():
    found = equations(LTC(3, 2), names=["AST (U/L)", "AST [U/L]", "tanh"])
    assert [str(one) for one in found.inputs] == ["AST_U_L", "AST_U_L_2", "tanh_2"]
    assert "# AST_U_L: AST (U/L)" in found.text()
    assert r"\mathrm{AST\ (U/L)}" in found.latex(form="ode")


def test_closed_form_has_no_rates():
    found = equations(CfC(2, 3, backbone_units=4))
    assert found.ode == ()
    with pytest.raises(InputError, match="closed form without a differential equation"):
        found.latex(form="ode")
    assert "z_1_0" in found.latex()


def test_refusals_are_sentences():
    with pytest.raises(InputError, match="is a GRU"):
        equations(GRU(2, 3))
    with pytest.raises(InputError, match="of a Stack each layer by itself"):
        equations(Stack(LTC(2, 3), LTC(3, 2)))
    with pytest.raises(InputError, match="rk4"):
        equations(LTC(2, 3, solver="rk4"))
    with pytest.raises(InputError, match="holds 1 names; the model has 2"):
        equations(LTC(2, 3), names=["a"])
    with pytest.raises(InputError, match="digits"):
        equations(LTC(2, 3)).rounded(0)
    with pytest.raises(ShapeError, match="expected"):
        equations(LTC(2, 3)).run(np.zeros((1, 2, 3)))
    data = from_arrays(np.zeros((2, 3, 4)), [0, 1])
    with pytest.raises(InputError, match="makes 3 channels; the net reads 2"):
        equations(LTC(2, 3), encoder=Encoder.fit(data))
    with pytest.raises(InputError, match="without a wiring"):
        dead_synapses(CfC(2, 3), torch.zeros(1, 2, 2))
    with pytest.raises(InputError, match="within"):
        dead_synapses(LTC(2, 3), torch.zeros(1, 2, 2), within=-1)
    with pytest.raises(NonFiniteError, match="NaN"):
        dead_synapses(LTC(2, 3), torch.full((1, 2, 2), torch.nan))
    with pytest.raises(InputError, match="tells of"):
        equations(LTC(2, 3), without=dead_synapses(LTC(1, 2), torch.zeros(1, 2, 1)))
