"""The dense CfC equation: explicit backward against autograd, hand-computed steps, limits."""

import itertools

import pytest
import torch

from caudal.dynamics import cfc
from caudal.dynamics.cfc_heads import ACTIVATIONS, HEADS, Decay, update

B, T, U, F = 3, 5, 4, 6


def draw(mode, layers, seed=0, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    rand = lambda *shape: torch.randn(*shape, generator=g, dtype=dtype) * 0.7  # noqa: E731
    heads = HEADS[mode] * U
    flat = [rand(F if layers else heads, U)]
    for _ in range(layers - 1):
        flat += [rand(F, F), rand(F)]
    if layers:
        flat += [rand(heads, F), rand(heads)]
    if mode == "pure":
        flat += [rand(U), rand(U)]
    x = rand(B, T, F if layers else heads)
    dt = torch.rand(B, T, generator=g, dtype=dtype) * 2
    mask = torch.rand(B, T, generator=g) > 0.3
    return x, dt, mask, rand(B, U), flat, rand(B, T, U)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("mode", "activation", "layers"),
    [(m, a, n) for m, a, n in itertools.product(HEADS, ACTIVATIONS, (0, 1, 2)) if n or a == "tanh"],
)
def test_backward_equals_autograd(mode, activation, layers, masked):
    x, dt, mask, h, flat, grad = draw(mode, layers)
    settings = cfc.Settings(mode, activation, layers)
    leaves = [t.requires_grad_() for t in (x, dt, h, *flat)]
    mask = mask if masked else None
    states = cfc.scan(x, dt, mask, *cfc.unpack([h], flat, []), settings)
    expected = torch.autograd.grad(states.h, leaves, grad)
    with torch.no_grad():
        got = cfc.scan_backward(cfc.State(grad), states, x, dt, mask, *cfc.unpack([h], flat, []), settings)
    for have, want in zip([got.x, got.dt, got.state.h, *got.params], expected, strict=True):
        assert have.shape == want.shape
        torch.testing.assert_close(have, want, rtol=1e-11, atol=1e-12)


def test_one_step_by_hand():
    pre = torch.tensor([[[0.3], [-0.2], [1.5], [-0.4]]], dtype=torch.float64)
    dt = torch.tensor([[2.0]], dtype=torch.float64)
    f1, f2 = torch.tanh(torch.tensor([0.3, -0.2], dtype=torch.float64))
    t = 1 / (1 + torch.exp(torch.tensor(-(1.5 * 2.0 - 0.4), dtype=torch.float64)))
    assert update(pre, dt, "default", None).item() == pytest.approx((f1 * (1 - t) + t * f2).item(), abs=1e-15)
    assert update(pre, dt, "no_gate", None).item() == pytest.approx((f1 + t * f2).item(), abs=1e-15)


def test_pure_tends_to_its_asymptote_and_starts_at_its_head():
    f = torch.tensor([[[0.5, -2.0]]])
    decay = Decay(torch.tensor([0.7, -0.3]), torch.tensor([0.1, -0.2]))
    far = update(f, torch.tensor([[1e9]]), "pure", decay)
    torch.testing.assert_close(far, decay.a[None])
    torch.testing.assert_close(update(f, torch.tensor([[0.0]]), "pure", decay), decay.a * (1 - f[:, 0]))


@pytest.mark.parametrize("mode", HEADS)
def test_huge_times_and_weights_stay_finite(mode):
    x, _, _, h, flat, grad = draw(mode, 1, dtype=torch.float32)
    flat = [t * 1e3 for t in flat]
    dt = torch.full((B, T), 1e12)
    settings = cfc.Settings(mode, "lecun_tanh", 1)
    states = cfc.scan(x, dt, None, *cfc.unpack([h], flat, []), settings)
    got = cfc.scan_backward(cfc.State(grad), states, x, dt, None, *cfc.unpack([h], flat, []), settings)
    for tensor in (states.h, got.x, got.dt, got.state.h, *got.params):
        assert torch.isfinite(tensor).all()


@pytest.mark.parametrize(("mode", "layers"), list(itertools.product(HEADS, (0, 1, 3))))
def test_flat_layout_survives_naming(mode, layers):
    flat = draw(mode, layers)[4]
    back = cfc.flatten(cfc.gather(flat))
    assert len(back) == len(flat)
    assert all(a is b for a, b in zip(back, flat, strict=True))
