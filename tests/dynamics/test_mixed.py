"""Memory cell and mixed memory: explicit backward against autograd, and the memory cell against torch's own."""

import itertools

import pytest
import torch

from caudal.dynamics import lstm, mixed
from caudal.dynamics.cfc_heads import HEADS

B, T, U, F = 3, 5, 4, 6


def rand_from(seed):
    g = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(*shape, generator=g, dtype=torch.float64) * 0.7


def compare(cell, x, dt, mask, states, flat, settings, rand):
    leaves = [t.requires_grad_() for t in (x, dt, *states, *flat)]
    out = cell.scan(x, dt, mask, *cell.unpack(states, flat, []), settings)
    grads = [rand(B, T, U), rand(B, T, U)]
    expected = torch.autograd.grad(list(out), leaves, grads, materialize_grads=True)
    with torch.no_grad():
        named = cell.unpack(states, flat, [])
        got = cell.scan_backward(cell.State(*grads), out, x, dt, mask, *named, settings)
    for have, want in zip([got.x, got.dt, *got.state, *got.params], expected, strict=True):
        assert have.shape == want.shape
        torch.testing.assert_close(have, want, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("masked", [False, True])
def test_memory_cell_backward_equals_autograd(masked):
    rand = rand_from(0)
    mask = rand(B, T) > -0.4 if masked else None
    compare(lstm, rand(B, T, 4 * U), rand(B, T).abs(), mask, [rand(B, U), rand(B, U)], [rand(4 * U, U)],
            lstm.Settings(), rand)  # fmt: skip


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("form", "mode", "layers"), list(itertools.product(("shared", "cascade"), HEADS, (0, 1, 2))))
def test_mixed_backward_equals_autograd(form, mode, layers, masked):
    rand = rand_from(1)
    heads = HEADS[mode] * U
    first = F if layers else heads
    flat = [rand(4 * U, U), rand(first, U if form == "shared" else 2 * U)]
    for _ in range(layers - 1):
        flat += [rand(F, F), rand(F)]
    if layers:
        flat += [rand(heads, F), rand(heads)]
    if mode == "pure":
        flat += [rand(U), rand(U)]
    mask = rand(B, T) > -0.4 if masked else None
    settings = mixed.Settings(mode, "silu", layers, form)
    compare(mixed, rand(B, T, 4 * U + first), rand(B, T).abs(), mask, [rand(B, U), rand(B, U)], flat, settings, rand)


def test_memory_cell_equals_torch_with_its_forget_bias_raised():
    rand = rand_from(2)
    x, w_r, w_x, b = rand(B, T, 3), rand(4 * U, U), rand(4 * U, 3), rand(4 * U)
    ours = lstm.scan(
        x @ w_x.t() + b, rand(B, T), None, lstm.State(torch.zeros(B, U).double(), torch.zeros(B, U).double()),
        lstm.Params(w_r), (), lstm.Settings(),
    )  # fmt: skip
    theirs = torch.nn.LSTM(3, U, batch_first=True).double()
    to_torch = lambda t: torch.cat([t.chunk(4)[k] for k in (1, 2, 0, 3)])  # noqa: E731  # torch: i, f, g, o
    raised = to_torch(b)
    raised[U : 2 * U] += lstm.FORGET_BIAS
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(to_torch(w_x))
        theirs.weight_hh_l0.copy_(to_torch(w_r))
        theirs.bias_ih_l0.copy_(raised)
        theirs.bias_hh_l0.zero_()
        y, (_, c) = theirs(x)
    torch.testing.assert_close(ours.h, y, rtol=0, atol=1e-14)
    torch.testing.assert_close(ours.c[:, -1], c[0], rtol=0, atol=1e-14)
