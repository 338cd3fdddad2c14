"""The wired CfC equation: explicit backward against autograd, a naive loop over neurons, the wiring obeyed."""

import pytest
import torch

from caudal.dynamics import cfc_wired
from caudal.dynamics.cfc_heads import HEADS, Decay, update

B, T, INPUTS, U = 3, 4, 3, 6
LAYERS = torch.tensor([0, 0, 1, 1, 1, 2])


def csr(matrix):
    to, source = torch.nonzero(matrix.T, as_tuple=True)
    ptr = torch.zeros(matrix.shape[1] + 1, dtype=torch.int32)
    ptr[1:] = torch.bincount(to, minlength=matrix.shape[1]).cumsum(0)
    return ptr, source.int(), to


def draw(mode, seed=0, density=0.5):
    g = torch.Generator().manual_seed(seed)
    rand = lambda *shape: torch.randn(*shape, generator=g, dtype=torch.float64) * 0.7  # noqa: E731
    sensory, recurrent = torch.rand(INPUTS, U, generator=g) < density, torch.rand(U, U, generator=g) < density
    sensory_ptr, sensory_source, _ = csr(sensory)
    ptr, source, to = csr(recurrent)
    current = (LAYERS[source.long()] < LAYERS[to]).int()
    graph = [sensory_ptr, sensory_source, ptr, source, current, torch.tensor([0, 2, 5, 6], dtype=torch.int32)]
    heads = HEADS[mode]
    flat = [rand(heads, len(sensory_source)), rand(heads, len(source)), rand(heads, U), rand(heads, U)]
    if mode == "pure":
        flat += [rand(U), rand(U)]
    dt = torch.rand(B, T, generator=g, dtype=torch.float64) * 2
    mask = torch.rand(B, T, generator=g) > 0.3
    return rand(B, T, INPUTS), dt, mask, rand(B, U), flat, graph, rand(B, T, U), sensory, recurrent


def naive_step(u, dt, h, flat, graph, mode):
    """One neuron after the other, one synapse after the other."""
    sensory_weight, weight, own, bias = flat[:4]
    sensory_ptr, sensory_source, ptr, source, current, _ = graph
    new = list(h.unbind(1))
    for i in range(U):
        pre = bias[:, i] + own[:, i] * h[:, i, None]
        for s in range(sensory_ptr[i], sensory_ptr[i + 1]):
            pre = pre + sensory_weight[:, s] * u[:, sensory_source[s], None]
        for s in range(ptr[i], ptr[i + 1]):
            value = new[source[s]] if current[s] else h[:, source[s]]
            pre = pre + weight[:, s] * value[:, None]
        decay = Decay(flat[4][i : i + 1], flat[5][i : i + 1]) if mode == "pure" else None
        new[i] = update(pre[..., None], dt[:, None], mode, decay)[:, 0]
    return torch.stack(new, 1)


@pytest.mark.parametrize("mode", HEADS)
def test_layer_by_layer_equals_neuron_by_neuron(mode):
    x, dt, _, h, flat, graph, *_ = draw(mode)
    got = cfc_wired.step(x[:, 0], dt[:, 0], *cfc_wired.unpack([h], flat, graph), cfc_wired.Settings(mode)).h
    torch.testing.assert_close(got, naive_step(x[:, 0], dt[:, 0], h, flat, graph, mode), rtol=0, atol=1e-14)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("density", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("mode", HEADS)
def test_backward_equals_autograd(mode, density, masked):
    x, dt, mask, h, flat, graph, grad, *_ = draw(mode, density=density)
    settings = cfc_wired.Settings(mode)
    leaves = [t.requires_grad_() for t in (x, dt, h, *flat)]
    mask = mask if masked else None
    states = cfc_wired.scan(x, dt, mask, *cfc_wired.unpack([h], flat, graph), settings)
    expected = torch.autograd.grad(states.h, leaves, grad)
    with torch.no_grad():
        named = cfc_wired.unpack([h], flat, graph)
        got = cfc_wired.scan_backward(cfc_wired.State(grad), states, x, dt, mask, *named, settings)
    for have, want in zip([got.x, got.dt, got.state.h, *got.params], expected, strict=True):
        assert have.shape == want.shape
        torch.testing.assert_close(have, want, rtol=1e-11, atol=1e-12)


def closure(sensory, recurrent):
    """Who may influence whom within one step: `(inputs, units)` and `(units, units)` of previous values."""
    rises = LAYERS[:, None] < LAYERS[None, :]
    held = (recurrent & ~rises) | torch.eye(U, dtype=torch.bool)
    onward = torch.eye(U)
    for _ in range(len(LAYERS.unique())):
        onward = ((onward @ (recurrent & rises).float() + onward) > 0).float()
    return (sensory.float() @ onward) > 0, (held.float() @ onward) > 0


@pytest.mark.parametrize("mode", HEADS)
@pytest.mark.parametrize("seed", range(5))
def test_what_the_wiring_does_not_connect_has_exactly_no_influence(mode, seed):
    x, dt, _, h, flat, graph, _, sensory, recurrent = draw(mode, seed, density=0.25)
    settings = cfc_wired.Settings(mode)
    may_input, may_state = closure(sensory, recurrent)
    assert not (may_input.all() and may_state.all())
    for i in range(U):
        pick = torch.zeros(B, 1, U, dtype=torch.float64)
        pick[..., i] = 1
        named = cfc_wired.unpack([h], flat, graph)
        states = cfc_wired.scan(x[:, :1], dt[:, :1], None, *named, settings)
        got = cfc_wired.scan_backward(cfc_wired.State(pick), states, x[:, :1], dt[:, :1], None, *named, settings)
        assert (got.x[:, 0, ~may_input[:, i]] == 0).all()
        assert (got.state.h[:, ~may_state[:, i]] == 0).all()
        assert (got.state.h[:, i] != 0).all()
        assert (got.x[:, 0, may_input[:, i]] != 0).all()
