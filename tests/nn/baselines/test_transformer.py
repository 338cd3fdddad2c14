"""The window of keys and values, and the encoding of continuous time."""

import math

import torch
from torch.nn.functional import gelu

from caudal import nn


def plain(net, x, dt, context):
    """The network written out for one series, attention as explicit sums over the last `context` steps."""
    times = dt.cumsum(0)
    angle = times[:, None] * net.frequency
    h = net.embed(x) + torch.cat([angle.sin(), angle.cos()], -1)
    for block in net.blocks:
        query, key, value = block.project(block.norm_attention(h)).chunk(3, -1)
        size, rows = net.units // net.heads, []
        for k in range(len(x)):
            past, heads = slice(max(0, k + 1 - context), k + 1), []
            for head in range(net.heads):
                own = slice(head * size, (head + 1) * size)
                weight = (key[past, own] @ query[k, own] / math.sqrt(size)).softmax(0)
                heads.append(weight @ value[past, own])
            rows.append(torch.cat(heads))
        h = h + block.merge(torch.stack(rows))
        h = h + block.narrow(gelu(block.widen(block.norm_map(h))))
    return net.norm(h)


def test_equal_to_attention_written_out():
    for context in (1, 3, 50):
        net = nn.Transformer(3, 8, heads=2, context=context).double()
        x, dt = torch.randn(1, 11, 3).double(), torch.rand(1, 11).double()
        torch.testing.assert_close(net(x, dt=dt)[0][0], plain(net, x[0], dt[0], context))


def test_the_window_forgets_what_lies_before_it():
    net = nn.Transformer(2, 4, heads=1, layers=1, context=4).double()
    x = torch.randn(1, 9, 2).double()
    other = x.clone()
    other[:, :5] += 1
    y, changed = net(x)[0], net(other)[0]
    torch.testing.assert_close(y[:, 8:], changed[:, 8:])
    assert not torch.allclose(y[:, 7], changed[:, 7])


def test_the_state_does_not_grow():
    net = nn.Transformer(2, 4, heads=1, context=4)
    state, shapes = None, set()
    for _ in range(9):
        _, state = net(torch.randn(3, 2, 2), state=state)
        shapes.add((state.seen.shape, state.cache[0][0].shape))
    assert shapes == {(torch.Size([3, 4]), torch.Size([3, 1, 4, 4]))}


def test_frequencies_start_as_the_sinusoidal_encoding():
    net = nn.Transformer(1, 8, heads=2, longest=10_000.0)
    torch.testing.assert_close(net.frequency, torch.tensor([1.0, 0.1, 0.01, 0.001]))


def test_dropout_acts_in_training_only():
    net = nn.Transformer(2, 8, heads=2, dropout=0.5)
    x = torch.randn(2, 5, 2)
    assert not torch.equal(net(x)[0], net(x)[0])
    net.eval()
    assert torch.equal(net(x)[0], net(x)[0])
