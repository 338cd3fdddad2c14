"""Layers made of layers: stacks, both directions, readouts, the convolutional head."""

import pytest
import torch

from caudal import nn
from caudal.errors import InputError


def close(one, other):
    torch.testing.assert_close(one, other)


def test_a_stack_is_its_layers_one_after_another():
    low, high = nn.GRU(3, 4).double(), nn.ODERNN(4, 2).double()
    net = nn.Stack(low, high)
    x, dt = torch.randn(3, 6, 3).double(), torch.rand(3, 6).double()
    mask = torch.rand(3, 6) < 0.7
    y, state = net(x, dt=dt, mask=mask)
    middle, first = low(x, dt=dt, mask=mask)
    top, second = high(middle, dt=dt, mask=mask)
    close(y, top)
    close(state, (first, second))
    assert net.causal and net.chunked


def test_a_stack_keeps_checkpoints_of_its_layers():
    net = nn.Stack(nn.GRU(3, 4), nn.GRU(4, 2))
    x = torch.randn(2, 12, 3)
    y = net(x)[0]
    net.layers[0].checkpoint_every = 5
    close(net(x)[0], y)


def test_a_stack_knows_what_its_layers_cannot_do():
    net = nn.Stack(nn.Bidirectional(nn.GRU(3, 2), nn.GRU(3, 2)), nn.GRU(4, 2))
    assert not net.causal and not net.chunked
    with pytest.raises(InputError, match="needs the steps that are still to come"):
        net.step(torch.zeros(1, 3))


def test_both_directions_are_both_layers():
    ahead, behind = nn.GRU(3, 4).double(), nn.LSTM(3, 2).double()
    net = nn.Bidirectional(ahead, behind)
    x, dt = torch.randn(1, 5, 3).double(), torch.tensor([[0.5, 1.0, 2.0, 3.0, 4.0]]).double()
    y, state = net(x, dt=dt)
    close(y[..., :4], ahead(x, dt=dt)[0])
    turned, end = behind(x.flip(1), dt=torch.tensor([[0.5, 4.0, 3.0, 2.0, 1.0]]).double())
    close(y[..., 4:], turned.flip(1))
    close(state.backward, end)


def test_backward_time_skips_masked_steps():
    net = nn.Bidirectional(nn.GRU(2, 3).double(), nn.GRU(2, 3).double())
    x, dt = torch.randn(3, 6, 2).double(), torch.rand(3, 6).double()
    mask = torch.tensor([[0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]]).bool()
    y, _ = net(x.masked_fill(~mask[..., None], torch.nan), dt=dt, mask=mask)
    for row in (0, 2):
        kept = mask[row]
        close(y[row, kept], net(x[row : row + 1, kept], dt=dt[row : row + 1, kept])[0][0])
    assert (y[1] == 0).all()


def test_regular_series_stay_regular_backward():
    ahead = nn.GRU(2, 3)
    behind = nn.GRU(2, 3)
    behind.load_state_dict(ahead.state_dict())
    x = torch.randn(1, 4, 2)
    y = nn.Bidirectional(ahead, behind)(torch.cat([x, x.flip(1)], 1))[0]
    close(y[..., :3], y[..., 3:].flip(1))


@pytest.mark.parametrize("pool", ["last", "mean"])
def test_a_readout_answers_once_for_each_series(pool):
    layer = nn.GRU(3, 4).double()
    net = nn.Readout(layer, 2, pool=pool).double()
    x, lengths = torch.randn(4, 6, 3).double(), torch.tensor([6, 1, 0, 4])
    answer, state = net.series(x, lengths=lengths)
    assert answer.shape == (4, 2)
    for row, length in enumerate(lengths.tolist()):
        if length == 0:
            assert (answer[row] == 0).all()
            continue
        y = layer(x[row : row + 1, :length])[0][0]
        close(answer[row], net.map(y.mean(0) if pool == "mean" else y[-1]))
    second, _ = net.series(x, state=state)
    whole, _ = net.series(torch.cat([x[:1], x[:1]], 1))
    close(second[0], whole[0])


def test_last_step_of_masked_outputs():
    y = torch.arange(8.0).view(2, 4, 1)
    close(nn.last_step(y), torch.tensor([[3.0], [7.0]]))
    mask = torch.tensor([[True, False, True, False], [False] * 4])
    close(nn.last_step(y, mask=mask), torch.tensor([[2.0], [0.0]]))
    close(nn.last_step(y, mask=mask, lengths=torch.tensor([2, 4])), torch.tensor([[0.0], [0.0]]))


def test_a_narrow_mean_counts_on():
    net = nn.Readout(nn.MLP(1, 2), 1, pool="mean").bfloat16()
    state = None
    with torch.no_grad():
        for _ in range(300):
            _, state = net.step(torch.ones(1, 1, dtype=torch.bfloat16), state=state)
    assert state.steps.float().sum() == 300


def test_the_head_has_the_numbers_of_the_paper():
    head = nn.ConvHead((3, 78, 200))
    assert head.outputs == 32
    assert sum(p.numel() for p in head.parameters()) == 79_420


def test_the_head_is_convolutions_and_a_map_per_filter():
    head = nn.ConvHead((2, 9, 7), filters=((3, 5, 2), (4, 3, 1)), features=3).double()
    frames = torch.randn(2, 3, 2, 9, 7).double()
    y, state = head(frames.flatten(2))
    z = frames.flatten(0, 1)
    for weight, bias, stride, pad in zip(head.weights, head.biases, (2, 1), (2, 1), strict=True):
        z = torch.relu(torch.nn.functional.conv2d(z, weight, bias, stride=stride, padding=pad))
    expected = torch.stack([z[:, c].flatten(1) @ head.map[c].T + head.map_bias[c] for c in range(4)], 1)
    close(y, expected.reshape(2, 3, 12))
    assert state == ()
    policy = nn.Stack(head, nn.LTC(12, 4).double())
    assert policy(frames.flatten(2))[0].shape == (2, 3, 4)


def test_a_policy_is_saved_whole(tmp_path):
    net = nn.Readout(
        nn.Stack(nn.ConvHead((1, 6, 6), filters=((2, 3, 2),)), nn.Bidirectional(nn.GRU(8, 3), nn.LSTM(8, 3))),
        2,
        pool="mean",
    )
    x = torch.randn(2, 4, 36)
    nn.save(net, tmp_path / "policy.caudal")
    again = nn.load(tmp_path / "policy.caudal")
    assert torch.equal(again.series(x)[0], net.series(x)[0])
    assert repr(again) == repr(net)


GRU = nn.GRU(3, 4)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (nn.Stack, "Stack: `layers` is empty. Pass `Stack(lower, upper)`."),
        (
            lambda: nn.Stack(GRU, layers=[GRU]),
            "Stack: `layers` was given beside single layers. Pass `Stack(lower, upper)`.",
        ),
        (
            lambda: nn.Stack(torch.nn.Flatten(), GRU),
            "Stack: `layers` is a Flatten, from which a saved file could not be rebuilt; expected a layer of caudal. "
            "Apply your own module to x before the call, use `ConvHead` or `MLP`, or derive from `caudal.nn.Layer`.",
        ),
        (
            lambda: nn.Stack(nn.GRU(3, 3), nn.GRU(2, 3)),
            "Stack: `layers` answers 3 outputs at layer 0 (GRU); layer 1 (GRU) reads 2 inputs. "
            "Build layer 1 with 3 inputs.",
        ),
        (
            lambda: nn.Bidirectional(GRU, GRU),
            "Bidirectional: `backward_layer` is the forward layer. Build a second layer of the same kind.",
        ),
        (
            lambda: nn.Bidirectional(GRU, nn.GRU(2, 4)),
            "Bidirectional: `backward_layer` reads 2 inputs; the forward layer reads 3. Build both with the same "
            "inputs.",
        ),
        (
            lambda: nn.Bidirectional(GRU, nn.GRU(3, 4)).step(torch.zeros(1, 3)),
            "Bidirectional: `step` cannot run: the backward layer needs the steps that are still to come. Call the "
            "layer on the whole series, or use the forward layer alone.",
        ),
        (
            lambda: nn.Readout(GRU, 2, pool="first"),
            'Readout: `pool` is \'first\'. Pass "last" or "mean"; every step is answered with either.',
        ),
        (lambda: nn.ConvHead((3, 8)), "ConvHead: `frame` is (3, 8). Pass `(channels, height, width)`."),
        (
            lambda: nn.ConvHead((3, 8, 8), filters=((4, 2, 1),)),
            "ConvHead: `filters` is ((4, 2, 1),). Pass triples of (filters, odd size, stride), at least one.",
        ),
    ],
)
def test_refusals_are_sentences(make, says):
    with pytest.raises(InputError) as error:
        make()
    assert str(error.value) == says


def test_a_layer_twice_is_refused():
    square = nn.GRU(3, 3)
    with pytest.raises(InputError, match="holds one layer twice"):
        nn.Stack(square, square)


@pytest.mark.parametrize("layer", [nn.LTC(5, 8), nn.CfC(5, 8), nn.WiredCfC(5, 8), nn.GRU(5, 8)])
@pytest.mark.parametrize("pool", ["last", "mean"])
def test_a_readout_takes_the_quick_step_of_its_layer(layer, pool):
    net = nn.Readout(layer, 2, pool=pool)
    x, dt = torch.randn(3, 5), torch.rand(3)
    long, after = net.step(x, dt)
    with torch.no_grad():
        assert (net.quick(x, dt, None) is None) == (pool == "mean")
        short, state = net.step(x, dt)
        torch.testing.assert_close(short, long)
        torch.testing.assert_close(net.step(x, dt, state)[0], net.step(x, dt, after)[0])
