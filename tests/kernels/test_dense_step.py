"""The step path of the dense CfC and the input projection: the bits of the scan, and never a stale weight."""

import copy
import io

import pytest
import torch
from torch.nn.functional import linear

from caudal import nn
from caudal.errors import NonFiniteError, TimeError
from caudal.kernels import use
from caudal.kernels.affine import affine

SETTINGS = [
    {},
    {"mode": "no_gate", "activation": "silu", "backbone_layers": 3, "backbone_units": 13},
    {"mode": "pure", "backbone_units": 17, "activation": "relu"},
    {"mode": "default", "backbone_layers": 0},
    {"mode": "pure", "backbone_layers": 0},
]


def loop(net, x, dt):
    state, outputs = None, []
    for t in range(x.shape[1]):
        y, state = net.step(x[:, t].contiguous(), dt[:, t].contiguous(), state)
        outputs.append(y)
    return torch.stack(outputs, 1), state


def inputs(batch, dtype=torch.float32, time=4):
    return torch.randn(batch, time, 3, dtype=dtype), torch.rand(batch, time, dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@pytest.mark.parametrize("units", [1, 19, 64])
def test_steps_have_the_bits_of_the_scan(setting, units, dtype):
    torch.manual_seed(0)
    net = nn.CfC(3, units, **setting).to(dtype)
    x, dt = inputs(40, dtype)
    with torch.no_grad():
        whole, last = net(x, dt)
        for rows in (slice(0, 1), slice(5, 13), slice(30, 39)):
            y, state = loop(net, x[rows], dt[rows])
            assert torch.equal(y, whole[rows])
            assert torch.equal(state.h, last.h[rows])
    assert net._stepper is not None


def change_in_place(net):
    net.heads.weight.data[0, 0] += 1


def change_by_an_optimiser(net):
    optimiser = torch.optim.SGD(net.parameters(), 0.1)
    with torch.enable_grad():
        net(torch.ones(2, 3, 3))[0].sum().backward()
    optimiser.step()


def change_by_assignment(net):
    net.load_state_dict({k: v + 0.1 for k, v in net.state_dict().items()}, assign=True)


def change_by_loading(net):
    net.load_state_dict({k: v + 0.1 for k, v in net.state_dict().items()})


@pytest.mark.parametrize("change", [change_in_place, change_by_an_optimiser, change_by_assignment, change_by_loading])
def test_a_changed_weight_is_seen_at_the_next_step(change):
    net = nn.CfC(3, 19, backbone_units=13)
    x, dt = inputs(2)
    with torch.no_grad():
        before, _ = loop(net, x, dt)
        change(net)
        after, _ = loop(net, x, dt)
        assert not torch.equal(before, after)
        assert torch.equal(after, net(x, dt)[0])


def test_another_precision_folds_anew():
    net = nn.CfC(3, 19, backbone_units=13)
    x, dt = inputs(2)
    with torch.no_grad():
        loop(net, x, dt)
        net.double()
        assert torch.equal(loop(net, x.double(), dt.double())[0], net(x.double(), dt.double())[0])


def test_copies_and_files_travel_without_addresses():
    net = nn.CfC(3, 5)
    x, dt = inputs(1)
    with torch.no_grad():
        y, _ = loop(net, x, dt)
        twin = copy.deepcopy(net)
        assert twin._stepper is None
        file = io.BytesIO()
        torch.save(net, file)
        file.seek(0)
        for other in (twin, torch.load(file, weights_only=False)):
            assert torch.equal(loop(other, x, dt)[0], y)


def test_what_cannot_be_is_refused_in_words():
    net = nn.CfC(3, 5)
    with torch.no_grad():
        net.step(torch.zeros(1, 3))
        with pytest.raises(NonFiniteError):
            net.step(torch.tensor([[0.0, torch.nan, 0.0]]))
        for dt in (-1.0, torch.nan, torch.inf):
            with pytest.raises(TimeError):
                net.step(torch.zeros(1, 3), torch.tensor([dt]))


def test_gradients_and_other_backends_go_the_long_way():
    net = nn.CfC(3, 5)
    y, _ = net.step(torch.zeros(1, 3))
    assert y.requires_grad
    with torch.no_grad(), use("reference"):
        net.step(torch.zeros(1, 3))
    assert net._stepper is None


@pytest.mark.parametrize("sizes", [(1, 1), (5, 19), (16, 128), (40, 64)], ids=str)
def test_the_projection_of_a_row_does_not_depend_on_the_others(sizes):
    size, out = sizes
    x, weight, bias = torch.randn(37, 3, size), torch.randn(out, size + 2)[:, :size], torch.randn(out)
    y = affine(x, weight, bias)
    torch.testing.assert_close(y, linear(x, weight, bias), rtol=1e-5, atol=1e-5)
    assert torch.equal(affine(x[:1, :1], weight, bias), y[:1, :1])
    assert torch.equal(affine(x[20:, 2], weight, bias), y[20:, 2])
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert torch.equal(affine(x, weight, bias), y)
    finally:
        torch.set_num_threads(before)
    assert affine(x[:0], weight, bias).shape == (0, 3, out)


def test_gradients_of_the_projection():
    x, weight, bias = (torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in ((2, 3, 4), (5, 4), (5,)))
    assert torch.autograd.gradcheck(affine, (x, weight, bias))
    torch.library.opcheck(torch.ops.caudal.affine.default, (x, weight, bias, "auto"))
