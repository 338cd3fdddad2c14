"""Proven ranges contain every state that sampling and gradients can find, for each cell, and are not much wider."""

import itertools

import pytest
import torch
from torch.nn.functional import softplus

from caudal.explain.proof import reach_outputs
from caudal.explain.proof.affine import Affine, Symbols, ends, sampled_line, sigmoid_line, tanh_line, times
from caudal.explain.proof.gated import activated, share_line
from caudal.explain.proof.ltc import highest, lowest
from caudal.nn import CTRNN, LSTM, LTC, CfC, LiquidSSM, Readout, WiredCfC
from caudal.wiring import ncp

WIRING = ncp(inputs=3, inter=8, command=5, motor=2, seed=1)
# The largest width over what was seen, at a radius of 0.01 and of 0.1.
LAYERS = {
    "ltc": (lambda: LTC(WIRING, substeps=2), 1.5, 5),
    "ltc dense": (lambda: LTC(3, 6), 1.5, 5),
    "ltc with eps": (lambda: LTC(WIRING, eps=1e-8), 1.5, 5),
    "cfc": (lambda: CfC(3, 8, backbone_units=12), 2, 100),
    "cfc tanh two layers": (lambda: CfC(3, 8, backbone_units=12, backbone_layers=2, activation="tanh"), 2, 100),
    "cfc relu": (lambda: CfC(3, 8, backbone_units=12, activation="relu"), 5, 200),
    "cfc no gate": (lambda: CfC(3, 8, backbone_units=12, mode="no_gate"), 2, 400),
    "cfc without backbone": (lambda: CfC(3, 8, backbone_layers=0), 2, 100),
    "wired cfc": (lambda: WiredCfC(WIRING), 2, 20),
    "ctrnn": (lambda: CTRNN(WIRING, substeps=2), 1.5, 3),
    "liquid ssm": (lambda: LiquidSSM(3, 8), 1.2, 1.5),
    "liquid ssm softplus": (lambda: LiquidSSM(3, 8, decay="softplus", target="linear"), 1.2, 1.5),
    "liquid ssm gated": (lambda: LiquidSSM(3, 8, output_gate=True), 1.3, 2),
    "liquid ssm deep": (lambda: LiquidSSM(3, 8, layers=2), 1.5, 5),
    "liquid ssm event": (lambda: LiquidSSM(3, 8, pairing="event"), 1.2, 1.5),
    "ctrnn previous": (lambda: CTRNN(3, 6, substeps=2, pairing="previous"), 1.5, 3),
    "lstm": (lambda: LSTM(3, 8), 1.5, 5),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("radius", [0.01, 0.1])
def test_ranges_contain_what_is_seen_and_are_tight(name, radius):
    build, near, far = LAYERS[name]
    net = Readout(build(), 2).double()
    x, dt = torch.randn(8, 3).double(), torch.rand(8).double() + 0.3
    low, high = (torch.from_numpy(end) for end in reach_outputs(net, x, dt, radius=radius))
    series = [x + radius * (2 * torch.rand(400, 8, 3) - 1), x + radius * torch.randn(400, 8, 3).sign()]
    for output, side in itertools.product(range(2), (-1, 1)):
        at = x[None]
        for _ in range(4):
            at = at.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(net.series(at, dt=dt[None])[0][0, output], at)
            at = x[None] + side * radius * slope.sign()
        series.append(at.detach())
    every = torch.cat(series)
    with torch.no_grad():
        seen = net.series(every, dt=dt.expand(len(every), -1))[0]
    assert (seen >= low).all() and (seen <= high).all()
    width = (high - low) / (seen.amax(0) - seen.amin(0))
    assert width.max() < (near if radius == 0.01 else far)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("far", [0.02, 0.5])
def test_ranges_contain_what_is_seen_when_times_are_uncertain_too(name, far):
    """Times down to 0, beside inputs that may move; a tolerance on times alone is no wider than it must be."""
    net = Readout(LAYERS[name][0](), 2).double()
    x, dt = torch.randn(8, 3).double(), torch.rand(8).double() + 0.05
    for radius in (0.0, 0.02):
        low, high = (torch.from_numpy(end) for end in reach_outputs(net, x, dt, radius=radius, dt_radius=far))
        moves, ticks = 2 * torch.rand(600, 8, 3).double() - 1, 2 * torch.rand(600, 8).double() - 1
        moves[:300], ticks[:300] = moves[:300].sign(), ticks[:300].sign()
        with torch.no_grad():
            seen = net.series(x + radius * moves, dt=(dt + far * ticks).clamp_min(0))[0]
        assert (seen >= low).all() and (seen <= high).all()
        if far == 0.02:
            assert ((high - low) / (seen.amax(0) - seen.amin(0))).max() < 6


@pytest.mark.parametrize("name", LAYERS)
def test_a_radius_of_zero_gives_the_output_itself(name):
    net = Readout(LAYERS[name][0](), 2).double()
    x, dt = torch.randn(5, 3).double(), torch.rand(5).double()
    low, high = (torch.from_numpy(end) for end in reach_outputs(net, x, dt, radius=0.0))
    with torch.no_grad():
        y = net.series(x[None], dt=dt[None])[0][0]
    torch.testing.assert_close(low, y, rtol=0, atol=1e-8)
    torch.testing.assert_close(high, y, rtol=0, atol=1e-8)


def test_shares_of_a_leak_are_contained():
    tau = torch.rand(40).double() * 3 + 0.01
    for centre, far in ((1.0, 0.9), (0.3, 0.3), (5.0, 1e-12), (2.0, 0.0)):
        dt = Affine(*(torch.tensor(one, dtype=torch.float64) for one in ([centre], [[far]])))
        line = share_line(dt, tau)
        for share in torch.linspace(-1, 1, 33).double():
            d = centre + share * far
            assert ((d / (tau + d) - line.slope * d - line.offset).abs() <= line.error + 1e-15).all()


def test_strips_contain_their_curves():
    low = torch.linspace(-9, 9, 60).double()[:, None].expand(60, 40).flatten()
    high = low + torch.logspace(-12, 1, 40).double().repeat(60)
    for line, curve in ((sigmoid_line(low, high), torch.sigmoid), (tanh_line(low, high), torch.tanh)):
        for share in torch.linspace(0, 1, 33).double():
            x = low + share * (high - low)
            assert ((curve(x) - line.slope * x - line.offset).abs() <= line.error + 1e-15).all()


@pytest.mark.parametrize("lapse", [1e-3, 1.0, 30.0, 1e4])
def test_sampled_strips_contain_what_is_left_of_the_way(lapse):
    low = torch.linspace(-20, 20, 40).double()[:, None].expand(40, 40).flatten()
    high = low + torch.logspace(-12, 1.5, 40).double().repeat(40)
    for curve in (lambda a: torch.exp(-lapse * torch.sigmoid(a)), lambda a: torch.exp(-lapse * softplus(a))):
        line = sampled_line(curve, low, high, 0.85)
        for share in torch.linspace(0, 1, 1001).double():
            x = low + share * (high - low)
            assert ((curve(x) - line.slope * x - line.offset).abs() <= line.error + 1e-15).all()


@pytest.mark.parametrize("activation", ["tanh", "lecun_tanh", "relu"])
def test_backbone_activations_are_contained(activation):
    from caudal.dynamics.cfc_heads import activate

    centre, far = torch.randn(50).double() * 2, torch.rand(50).double() * 3
    form = Affine(centre, torch.diag(far))
    low, high = ends(activated(form, activation, Symbols(50)))
    for share in torch.linspace(-1, 1, 41).double():
        y = activate(centre + share * far, activation)
        assert (y >= low).all() and (y <= high).all()


def test_correlation_is_kept_in_products():
    symbols = Symbols(1)
    one = Affine(torch.ones(1).double(), torch.full((1, 1), 0.5).double())
    other = Affine(torch.ones(1).double(), torch.full((1, 1), -0.5).double())
    low, high = ends(times(one, other, symbols))  # (1 + e/2)(1 - e/2), within [0.75, 1]
    assert low.item() == pytest.approx(0.75) and high.item() == pytest.approx(1.0)


def test_weighted_averages_are_exact():
    """Against all corners of the weights."""
    values, low = torch.randn(6).double(), torch.rand(6).double() + 0.01
    high = low + torch.rand(6).double()
    corners = [
        torch.where(torch.tensor(pick), high, low) for pick in itertools.product([False, True], repeat=len(values))
    ]
    answers = torch.stack([(weight * values).sum() / weight.sum() for weight in corners])
    to = torch.zeros(6, dtype=torch.int64)
    assert highest(values, low, high, to, 1).item() == pytest.approx(answers.max().item(), rel=1e-12)
    assert lowest(values, low, high, to, 1).item() == pytest.approx(answers.min().item(), rel=1e-12)
