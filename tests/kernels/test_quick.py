"""Compiled single steps of the wired layers: the bits of the scan, parameters watched in memory, refusals in words."""

import copy

import pytest
import torch

from caudal import kernels, nn, wiring
from caudal.errors import NonFiniteError, ShapeError, TimeError

POLICY = wiring.ncp(3, 6, 4, 2, seed=1)
LAYERS = {
    "ltc": lambda: nn.LTC(POLICY, substeps=3, eps=1e-8),
    "lrc": lambda: nn.LRC(POLICY, substeps=2),
    "lrc-symmetric": lambda: nn.LRC(3, 17, elastance="symmetric", signs="fixed"),
    "lrc-none": lambda: nn.LRC(POLICY, elastance="none", solver="explicit", substeps=3),
    "ctrnn": lambda: nn.CTRNN(POLICY),
    "ctrnn-fixed": lambda: nn.CTRNN(3, 17, substeps=1, signs="fixed"),
    "liquid-ssm": lambda: nn.LiquidSSM(3, 17),
    "liquid-ssm-softplus": lambda: nn.LiquidSSM(3, 32, decay="softplus", target="linear"),
    "wired": lambda: nn.WiredCfC(POLICY),
    "wired-no_gate": lambda: nn.WiredCfC(3, 17, mode="no_gate"),
    "wired-pure": lambda: nn.WiredCfC(POLICY, mode="pure"),
}


@pytest.fixture(params=LAYERS)
def net(request):
    torch.manual_seed(0)
    made = LAYERS[request.param]()
    with torch.no_grad():
        for name in ("output_scale", "output_shift"):
            if hasattr(made, name):
                getattr(made, name).normal_()
    return made


def series(net, batch, time, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, time, net.inputs, generator=generator, dtype=dtype)
    return x, torch.rand(batch, time, generator=generator, dtype=dtype)


def loop(net, x, dt):
    """Steps one by one, each of which must take the quick way."""
    state, ys = None, []
    for t in range(x.shape[1]):
        given = None if dt is None else dt[:, t].contiguous()
        done = net.quick(x[:, t].contiguous(), given, state)
        assert done is not None
        y, state = done
        ys.append(y)
    return torch.stack(ys, 1), state


@pytest.mark.parametrize("timed", [True, False], ids=["dt", "no-dt"])
@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
@torch.no_grad()
def test_a_loop_of_steps_gives_the_bits_of_the_scan(net, dtype, batch, timed):
    net = net.to(dtype)
    x, dt = series(net, batch, 9, dtype)
    dt = dt if timed else None
    y, state = net(x, dt)
    ys, end = loop(net, x, dt)
    assert torch.equal(ys, y)
    assert torch.equal(end[0], state[0])


@torch.no_grad()
def test_any_change_of_a_parameter_is_seen(net):
    x, _ = series(net, 1, 1)
    net.step(x[:, 0])
    for name, parameter in net.named_parameters():
        if parameter.numel():
            before = parameter.detach().clone()
            parameter.view(-1)[-1] += 0.5
            assert torch.equal(net.step(x[:, 0])[0], net(x)[0][:, 0]), name
            parameter.copy_(before)
    moved = {name: p.detach() * 1.25 for name, p in net.named_parameters()}
    wanted = torch.func.functional_call(net, moved, (x,))[0]
    net.load_state_dict({**net.state_dict(), **moved}, assign=True)
    assert torch.equal(net.step(x[:, 0])[0], wanted[:, 0])


@torch.no_grad()
def test_a_copy_steps_by_its_own_parameters(net):
    x, _ = series(net, 1, 1)
    before = net.step(x[:, 0])[0]
    twin = copy.deepcopy(net)
    for parameter in twin.parameters():
        parameter.mul_(1.5)
    assert torch.equal(twin.step(x[:, 0])[0], twin(x)[0][:, 0])
    assert torch.equal(net.step(x[:, 0])[0], before)


@torch.no_grad()
def test_what_cannot_be_is_refused_in_words(net):
    x, dt = (t[:, 0] for t in series(net, 2, 1))
    with pytest.raises(NonFiniteError, match="`x` holds"):
        net.step(torch.full_like(x, torch.nan))
    with pytest.raises(TimeError, match="`dt` holds"):
        net.step(x, -dt)
    with pytest.raises(ShapeError):
        net.step(x[:, :1])


def test_the_long_way_is_taken_with_gradients_and_where_another_backend_is_asked_for(net):
    x, _ = (t[:, 0] for t in series(net, 1, 1))
    assert net.quick(x, None, None) is None
    assert net.step(x)[0].requires_grad
    with torch.no_grad(), kernels.use("reference"):
        assert net.quick(x, None, None) is None
