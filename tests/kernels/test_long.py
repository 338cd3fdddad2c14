"""Very long sequences: 100,000 steps train in bounded memory, with the gradients of the whole."""

import pytest
import torch

from caudal import nn, wiring

LAYERS = {
    "ltc": lambda: nn.LTC(wiring.ncp(2, 3, 2, 1, seed=0), substeps=1),
    "lrc": lambda: nn.LRC(wiring.ncp(2, 3, 2, 1, seed=0)),
    "ctrnn": lambda: nn.CTRNN(2, 3, substeps=1),
    "wired": lambda: nn.WiredCfC(wiring.ncp(2, 3, 2, 1, seed=0)),
    "liquid-ssm": lambda: nn.LiquidSSM(2, 4),
    "cfc": lambda: nn.CfC(2, 4),
}


def size(tensor):
    return tensor.untyped_storage().nbytes()


def train(net, x, dt, every):
    """Gradients of one pass, the bytes that it kept for them, and those of inputs, times and outputs."""
    net.checkpoint_every = every
    net.zero_grad()
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = size(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y, _ = net(x, dt)
        loss = y.square().mean()
    loss.backward()
    return (
        [p.grad.clone() for p in net.parameters() if p.grad is not None],
        sum(kept.values()),
        sum(map(size, (x, dt, y))),
    )


@pytest.mark.parametrize("layer", LAYERS)
def test_a_hundred_thousand_steps_train_in_bounded_memory(layer, gap):
    torch.manual_seed(0)
    net = LAYERS[layer]()
    x, dt = torch.randn(1, 100_000, 2), torch.rand(1, 100_000)
    chunks, kept, given = train(net, x, dt, 2_000)
    whole, kept_whole, _ = train(net, x, dt, None)
    assert kept <= given < kept_whole
    # Chunks add their fifty gradients in float32, where the whole adds its parts in float64.
    assert gap(chunks, whole) < 1e-5
