"""Oscillators, Liquid-S4 and LrcSSM do what their equations say over real elapsed times."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from caudal import nn
from caudal.dynamics import lrc_ssm
from caudal.errors import InputError


@pytest.fixture(autouse=True)
def _doubles():
    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_an_oscillator_is_the_exponential_of_its_matrix():
    net = nn.DLinOSS(2, 3, states=4)
    block, dt = net.blocks[0], 1.7
    x = torch.randn(1, 1, 2)
    start = nn.oscillators.OscillatorState(torch.randn(1, 1, 4), torch.randn(1, 1, 4))
    _, end = net(x, dt=dt, state=start)
    alpha, omega = block.log_decay.exp().detach().numpy(), block.log_frequency.exp().detach().numpy()
    drawn = (block.norm(net.embed(x)) @ block.drive.T)[0, 0].detach().numpy()
    for k in range(4):
        stiffness = alpha[k] ** 2 + omega[k] ** 2
        matrix = np.array([[0, 1, 0], [-stiffness, -2 * alpha[k], stiffness * drawn[k]], [0, 0, 0]])
        p, swing = start.position[0, 0, k].item(), start.swing[0, 0, k].item()
        after = expm(dt * matrix) @ [p, omega[k] * swing - alpha[k] * p, 1.0]
        assert end.position[0, 0, k].item() == pytest.approx(after[0], abs=1e-12)
        assert omega[k] * end.swing[0, 0, k].item() - alpha[k] * after[0] == pytest.approx(after[1], abs=1e-12)


def test_an_oscillator_without_input_loses_its_energy_at_any_gap():
    net = nn.DLinOSS(1, 3)
    state = nn.oscillators.OscillatorState(torch.ones(1, 1, 3), torch.ones(1, 1, 3))
    net.blocks[0].drive.data.zero_()
    for dt in (0.1, 10.0, 1e4):
        _, after = net(torch.randn(1, 1, 1), dt=dt, state=state)
        assert (after.position**2 + after.swing**2 < state.position**2 + state.swing**2).all()


def test_liquid_s4_solves_its_bilinear_equation():
    net = nn.LiquidS4(2, 3)
    x, v = torch.randn(1, 1, 2), torch.randn(1, 3)
    _, end = net(x, dt=2.5, state=(v,))
    z = (x @ net.drive.T)[0, 0].detach().numpy()
    a = net.log_decay.exp().detach().numpy()
    rate = np.maximum(a - z, net.floor * a)
    solved = solve_ivp(lambda t, y: -rate * y + z, (0, 2.5), v[0].numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(end.v[0].detach().numpy(), solved.y[:, -1], atol=1e-8)


def test_liquid_s4_is_stable_whatever_the_input():
    net = nn.LiquidS4(2, 8)
    y, state = net(1e3 * torch.randn(3, 400, 2), dt=10.0)
    assert torch.isfinite(y).all() and torch.isfinite(state.v).all()


def net_and_series(time, scale=1.0):
    net = nn.LrcSSM(3, 6)
    for part in (net.own_o, net.own_h):
        part.data *= scale
    return net, torch.randn(4, time, 3), torch.rand(4, time) * 3


def one_by_one(net, x, dt):
    state, rows = None, []
    for step in range(x.shape[1]):
        y, state = net.step(x[:, step], dt[:, step], state)
        rows.append(y)
    return torch.stack(rows, 1)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_steps_together_are_steps_one_after_the_other(scale):
    net, x, dt = net_and_series(300, scale)
    together, apart = net(x, dt=dt)[0], one_by_one(net, x, dt)
    torch.testing.assert_close(together, apart, atol=1e-9, rtol=0)
    weight = torch.randn_like(together)
    for first, second in zip(
        torch.autograd.grad((together * weight).sum(), list(net.parameters())),
        torch.autograd.grad((apart * weight).sum(), list(net.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(first, second, atol=1e-7, rtol=1e-7)


def test_a_few_passes_settle_long_series(monkeypatch):
    net, x, dt = net_and_series(3000)
    passes = []
    settled = lrc_ssm.has_settled
    monkeypatch.setattr(lrc_ssm, "has_settled", lambda *given: passes.append(0) or settled(*given))
    monkeypatch.setattr(net, "_one_by_one", None)
    net(x, dt=dt)
    assert len(passes) <= 8


def test_the_jacobian_is_the_derivative():
    net, _, _ = net_and_series(1, 3.0)
    membrane, least = net.state_params(torch.float64), torch.tensor(0.2)
    given = lrc_ssm.FromInputs(*(torch.randn(50, 6) for _ in range(3)))
    state, lapse = torch.randn(50, 6, requires_grad=True), torch.rand(50, 1) * 4
    flow = lrc_ssm.flow(state, lapse, given, membrane, least)
    (expected,) = torch.autograd.grad(lrc_ssm.step(state, membrane, flow).sum(), state)
    torch.testing.assert_close(lrc_ssm.slope(state, lapse, membrane, least, flow), expected)


def test_a_state_is_bounded_and_forgets_at_least_by_rho():
    net = nn.LrcSSM(2, 5, rho=0.9)
    x = 10 * torch.randn(2, 200, 2)
    start = torch.full((2, 5), 3.0)
    y, _ = net(x, dt=5.0, state=(start,))
    reach = torch.maximum(2 * net.e.abs(), torch.tensor(3.0))
    reach = torch.maximum(reach, net.e.abs() / net.least)
    assert (y.abs() <= reach + 1e-9).all()
    net.e.data.zero_()
    still, _ = net(x, dt=5.0, state=(start,))
    shares = still / torch.cat((start[:, None], still[:, :-1]), 1)
    assert (shares <= 0.9**5 + 1e-12).all()


@pytest.mark.parametrize(
    ("build", "fault"),
    [
        (lambda: nn.DLinOSS(2, 0), "units"),
        (lambda: nn.DLinOSS(2, 3, period=(5.0, 1.0)), "period"),
        (lambda: nn.LiquidS4(2, 3, tau=(0.0, 1.0)), "tau"),
        (lambda: nn.LiquidS4(2, 3, floor=0.0), "floor"),
        (lambda: nn.LrcSSM(2, 3, rho=1.0), "rho"),
        (lambda: nn.LrcSSM(2, 3, pairing="later"), "pairing"),
    ],
)
def test_what_makes_no_sense_is_refused(build, fault):
    with pytest.raises(InputError, match=fault):
        build()
