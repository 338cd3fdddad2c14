"""The strength of synapses as an argument: 0 is the wiring without the synapse, on every backend and path."""

import numpy as np
import pytest
import torch

from caudal import kernels
from caudal.errors import DtypeError, InputError, NonFiniteError, ShapeError
from caudal.nn import CTRNN, LRC, LTC, Bidirectional, CfC, MixedMemory, Readout, Stack, WiredCfC
from caudal.wiring import Wiring, ncp

WIRING = ncp(inputs=3, inter=5, command=4, motor=2, seed=3)
CELLS = {
    "ltc": lambda w: LTC(w, substeps=3),
    "ltc-fixed": lambda w: LTC(w, substeps=2, signs="fixed"),
    "ltc-rk4": lambda w: LTC(w, substeps=3, solver="rk4"),
    "cfc": WiredCfC,
    "cfc-pure": lambda w: WiredCfC(w, mode="pure"),
    "lrc": lambda w: LRC(w, elastance="symmetric"),
    "lrc-none": lambda w: LRC(w, elastance="none", substeps=2),
    "ctrnn": lambda w: CTRNN(w, substeps=2),
}


def series(batch=4, time=6, dtype=torch.float64):
    return torch.randn(batch, time, 3, dtype=dtype), 0.2 + torch.rand(batch, time, dtype=dtype)


def without(cell, net, k):
    """The same net on a wiring that lacks synapse `k`, with the parameters of the others."""
    sensory, recurrent = WIRING.sensory.copy(), WIRING.recurrent.copy()
    count = len(WIRING.sensory_synapses.source)
    kind, at, matrix = ("sensory", k, sensory) if k < count else ("recurrent", k - count, recurrent)
    synapses = getattr(WIRING, f"{kind}_synapses")
    matrix[synapses.source[at], synapses.target[at]] = 0
    lacking = CELLS[cell](Wiring(sensory, recurrent, WIRING.roles, WIRING.layers)).double()
    for name, own in lacking.named_parameters():
        given = net.get_parameter(name).detach()
        if own.shape != given.shape:
            given = torch.tensor(np.delete(given.numpy(), at, axis=-1))
        own.data.copy_(given)
    return lacking


def removable():
    """Synapses whose target hears something else."""
    found = []
    for k, name in enumerate(WIRING.synapse_names):
        target = WIRING.names.index(name.split(" -> ")[1])
        if (WIRING.sensory[:, target] != 0).sum() + (WIRING.recurrent[:, target] != 0).sum() > 1:
            found.append(k)
    return found


@pytest.mark.parametrize("cell", CELLS)
def test_strength_0_is_the_wiring_without_the_synapse(cell):
    net = CELLS[cell](WIRING).double()
    x, dt = series()
    one = torch.ones(net.synapse_count(), dtype=x.dtype)
    assert torch.equal(net(x, dt=dt, synapses=one)[0], net(x, dt=dt)[0])
    for k in removable()[:: 1 if cell in ("ltc", "cfc") else 5]:
        cut = one.clone()
        cut[k] = 0
        torch.testing.assert_close(
            net(x, dt=dt, synapses=cut)[0], without(cell, net, k)(x, dt=dt)[0], rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("backend", ["reference", "numba"])
def test_every_path_gives_the_same_numbers_and_gradients(cell, backend):
    net = CELLS[cell](WIRING).double()
    x, dt = series()
    shared = torch.rand(net.synapse_count(), dtype=x.dtype).requires_grad_()
    each = shared.detach().expand(4, -1).clone().requires_grad_()
    with kernels.use(backend):
        y, end = net(x, dt=dt, synapses=shared)
        y_each, _ = net(x, dt=dt, synapses=each)
        torch.testing.assert_close(y, y_each, rtol=1e-12, atol=1e-12)
        weight = torch.randn_like(y)
        (g,) = torch.autograd.grad((y * weight).sum(), shared)
        (g_each,) = torch.autograd.grad((y_each * weight).sum(), each)
        torch.testing.assert_close(g, g_each.sum(0), rtol=1e-9, atol=1e-11)
        state, steps = None, []
        with torch.no_grad():
            for t in range(x.shape[1]):
                out, state = net.step(x[:, t], dt=dt[:, t], state=state, synapses=shared)
                steps.append(out)
        torch.testing.assert_close(torch.stack(steps, 1), y, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(state[0], end[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_of_the_strengths_is_exact(cell):
    net = CELLS[cell](WIRING).double()
    x, dt = series(2, 3)
    strength = (0.2 + torch.rand(net.synapse_count(), dtype=x.dtype)).requires_grad_()
    assert torch.autograd.gradcheck(lambda m: net(x, dt=dt, synapses=m)[0], strength)


@pytest.mark.parametrize("cell", CELLS)
def test_a_removed_synapse_leaves_no_derivative(cell):
    net = CELLS[cell](WIRING).double()
    sensory = WIRING.sensory_synapses
    cut = torch.ones(net.synapse_count(), dtype=torch.float64)
    cut[: len(sensory.source)][torch.tensor(sensory.source == 1)] = 0
    x, dt = series()
    x.requires_grad_()
    (g,) = torch.autograd.grad(net(x, dt=dt, synapses=cut)[0].sum(), x)
    assert (g[..., 1] == 0).all()
    assert (g[..., 0] != 0).any()


def test_compositions_hand_each_layer_its_part():
    low, high = LTC(WIRING, substeps=2), WiredCfC(2, 3)
    net = Readout(Stack(low, CfC(2, 2, backbone_units=4), high), 2, pool="mean").double()
    x, dt = series()
    strength = torch.rand(net.synapse_count(), dtype=x.dtype)
    assert net.synapse_count() == low.synapse_count() + high.synapse_count()
    y = low(x, dt=dt, synapses=strength[: low.synapse_count()])[0]
    y = high(net.layer.layers[1](y, dt=dt)[0], dt=dt, synapses=strength[low.synapse_count() :])[0]
    torch.testing.assert_close(net.series(x, dt=dt, synapses=strength)[0], net.map(y.mean(1)), rtol=1e-12, atol=1e-12)
    both = Bidirectional(LTC(WIRING), LTC(WIRING)).double()
    assert both(x, dt=dt, synapses=torch.rand(4, both.synapse_count(), dtype=x.dtype))[0].shape == (4, 6, 4)
    mixed = MixedMemory(3, LTC(WIRING), form="stacked").double()
    assert not torch.equal(mixed(x, synapses=torch.zeros(mixed.synapse_count(), dtype=x.dtype))[0], mixed(x)[0])


def test_checkpoints_carry_the_strengths():
    net = LTC(WIRING, substeps=2).double()
    x, dt = series()
    strength = torch.rand(net.synapse_count(), dtype=x.dtype).requires_grad_()
    whole = torch.autograd.grad(net(x, dt=dt, synapses=strength)[0].sum(), strength)[0]
    net.checkpoint_every = 2
    torch.testing.assert_close(torch.autograd.grad(net(x, dt=dt, synapses=strength)[0].sum(), strength)[0], whole)


@pytest.mark.parametrize(
    ("net", "synapses", "error", "words"),
    [
        (CfC(3, 4), torch.ones(3), InputError, "CfC: `synapses` was given, and no layer in it has a wiring"),
        (LTC(WIRING), torch.ones(3), ShapeError, r"LTC: `synapses` has shape \(3,\); expected \(\d+,\), or \(2, \d+\)"),
        (LTC(WIRING), torch.ones(51).double(), DtypeError, "LTC: `synapses` is torch.float64"),
        (LTC(WIRING), torch.full((51,), torch.nan), NonFiniteError, "LTC: `synapses` holds NaN"),
    ],
)
def test_bad_strengths_get_a_sentence(net, synapses, error, words):
    if len(synapses) > 3:
        synapses = synapses[:1].expand(net.synapse_count())
    with pytest.raises(error, match=words):
        net(torch.zeros(2, 4, 3), synapses=synapses)
    with pytest.raises(error, match=words):
        net.step(torch.zeros(2, 3), synapses=synapses)
