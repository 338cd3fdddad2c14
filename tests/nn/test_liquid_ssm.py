"""The liquid state-space layer: start, blocks, bits of step and scan, files, and what is refused."""

import pytest
import torch

import caudal as cd
from caudal.dynamics import liquid_ssm
from caudal.errors import InputError

FORMS = {
    "plain": {},
    "softplus": {"decay": "softplus"},
    "linear": {"target": "linear"},
    "gated": {"output_gate": True},
    "deep": {"layers": 3},
    "deep-gated": {"layers": 2, "output_gate": True, "decay": "softplus"},
}


@pytest.fixture(params=FORMS)
def net(request):
    torch.manual_seed(0)
    return cd.nn.LiquidSSM(3, 5, **FORMS[request.param])


def series(batch=4, time=11):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, time, 3, generator=generator), 2 * torch.rand(batch, time, generator=generator)


@pytest.mark.parametrize("decay", liquid_ssm.DECAYS)
def test_time_constants_start_spread_over_their_range_on_a_logarithmic_scale(decay):
    net = cd.nn.LiquidSSM(3, 9, decay=decay, tau=(0.5, 32.0))
    params = net.blocks[0].params()
    rates = liquid_ssm.gates(torch.zeros(1, 3), params, net.settings()).rate[0]
    expected = torch.logspace(-1, 5, 9, base=2.0)
    torch.testing.assert_close(1 / rates, expected, rtol=1e-4, atol=0)


def test_parameters_of_one_block_are_those_of_its_equation():
    inputs, units = 8, 16
    assert sum(p.numel() for p in cd.nn.LiquidSSM(inputs, units).parameters()) == units * (2 * inputs + 3)


def test_a_deep_layer_is_its_blocks_with_residual_and_mixing(net):
    x, dt = series()
    y, state = net(x, dt)
    h, ends = x, []
    for block in net.blocks:
        start = liquid_ssm.State(torch.zeros(4, 5))
        (v,) = liquid_ssm.scan(h, dt, None, start, block.params(), (), net.settings())
        out = v if block.gate is None else torch.sigmoid(block.gate(h)) * v
        h = out if block.mix is None else h + block.mix(out)
        ends.append(v[:, -1])
    torch.testing.assert_close(y, h)
    torch.testing.assert_close(state.v, torch.cat(ends, -1))


@torch.no_grad()
def test_steps_give_the_bits_of_the_scan(net):
    x, dt = series()
    y, state = net(x, dt)
    carry, ys = None, []
    for t in range(x.shape[1]):
        out, carry = net.step(x[:, t], dt[:, t], carry)
        ys.append(out)
    assert torch.equal(torch.stack(ys, 1), y)
    assert torch.equal(carry.v, state.v)


def test_a_saved_layer_is_the_same(net, tmp_path):
    x, dt = series()
    cd.save(net, tmp_path / "net.caudal")
    loaded = cd.load(tmp_path / "net.caudal")
    assert loaded.arguments() == net.arguments()
    assert torch.equal(loaded(x, dt)[0], net(x, dt)[0])


def test_no_gradient_of_inputs_is_computed_where_none_is_asked_for(net):
    x, dt = series()
    net(x, dt)[0].square().mean().backward()
    alone = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    x.requires_grad_()
    net(x, dt)[0].square().mean().backward()
    assert x.grad.abs().min() > 0
    assert all(torch.equal(a, p.grad) for a, p in zip(alone, net.parameters(), strict=True))


def test_slow_units_keep_their_time_in_small_steps():
    """A thousand steps of 1 and one of 1000 arrive at the same state, where 1 - exp(-x) of a small x is not rounded."""
    net = cd.nn.LiquidSSM(1, 16, tau=(1e3, 1e5))
    x = torch.ones(1, 1, 1)
    many = net(x.expand(1, 1000, 1), dt=1.0)[1].v
    once = net(x, dt=1000.0)[1].v
    torch.testing.assert_close(many, once, rtol=2e-5, atol=0)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({"units": 0}, r"`units` is 0\. Pass an integer"),
        ({"inputs": 0}, r"`inputs` is 0\."),
        ({"layers": 0}, r"`layers` is 0\."),
        ({"decay": "exp"}, r'`decay` is \'exp\'\. Pass "sigmoid" or "softplus"'),
        ({"target": "relu"}, r'`target` is \'relu\'\. Pass "tanh" or "linear"'),
        ({"tau": (60.0, 1.0)}, r"`tau` is \(60\.0, 1\.0\); expected 0 < shortest <= longest"),
        ({"tau": (0.0, 1.0)}, r"expected 0 < shortest"),
        ({"tau": (1.0, float("inf"))}, r"expected 0 < shortest"),
        ({"tau": (1.0, float("nan"))}, r"expected 0 < shortest"),
        ({"tau": 3.0}, r"expected shortest and longest time"),
        ({"tau": (1.0, 2.0, 3.0)}, r"expected shortest and longest time"),
        ({"tau": ("a", "b")}, r"expected shortest and longest time"),
    ],
)
def test_what_cannot_be_is_refused_in_words(arguments, fault):
    with pytest.raises(InputError, match=fault):
        cd.nn.LiquidSSM(**{"inputs": 3, "units": 4, **arguments})
