"""Work of a step against TorchLens, which counts what it sees torch do and knows nothing of caudal.

Each cell is written out once more as a dense equation of plain torch, without a scatter and with what depends on the
parameters alone folded beforehand; that it is the cell, its numbers say. TorchLens weighs curved functions (a sigmoid
as 4); here each is one. Where it counts by another rule than ours, what the rule makes is taken off and printed:

- a sum of n products is n additions to it, n - 1 to us, wherever it is a matrix product;
- a sum of n numbers likewise;
- a negation is an operation to it, and free to us.
"""

from collections import Counter

import pytest
import torch

from caudal import nn
from caudal.energy import Count
from caudal.nn.cfc_wired import WiredCfC
from caudal.nn.layer import leaves
from caudal.nn.operations import operations

torchlens = pytest.importorskip("torchlens", reason="torchlens is missing: its count is NOT compared with ours")

CURVED = {"sigmoid", "tanh", "exp", "erf", "sqrt"}
# What one call is in scalar operations of one number, as the formula that it stands for.
COMPOSED = {"gelu": 5, "silu": 2}
FREE = {"neg": "negations, which are free to us"}
SUMMED = {"linear", "matmul", "__matmul__", "sum"}


def linear(x, weight, bias=None):
    """A map as a product of matrices: TorchLens counts `linear` only for parameters that the traced module owns."""
    product = torch.matmul(x, weight.T)
    return product if bias is None else product + bias


class Step(torch.nn.Module):
    """One step as a module, to be traced."""

    def __init__(self, run, net):
        super().__init__()
        self.run, self.net = run, net

    def forward(self, x, dt, *state):
        return self.run(x, dt, *state)


def counted(run, net, x, dt, *state):
    """Operations that TorchLens finds, each as one; and those that only its rule makes, by rule."""
    with torch.no_grad():
        log = torchlens.trace(Step(run, net), (x, dt, *state))
    assert not log.unknown_flop_ops
    total, rules = 0.0, Counter()
    for op in log.ops:
        if op.flops_forward is None:
            continue
        size = torch.Size(op.shape).numel()
        name = op.func_name.strip("_")
        if name in CURVED:
            total += size
        elif name in COMPOSED:
            total += COMPOSED[name] * size
        else:
            total += float(op.flops_forward)
        if name in FREE:
            rules[FREE[name]] += size
        if op.func_name in SUMMED:
            rules["first terms counted as additions"] += size
    return total, rules


def _folded(net):
    return [part.detach() for part in net.params()]


def ltc(net):
    """All to all: the gates of each synapse, both sums, and the fused or Euler's step."""
    w_s, mu_s, sigma_s, e_s, w, mu, sigma, e, g_leak, v_leak, c_m = _folded(net)
    n, u = net.inputs, net.units
    s, r = ([part.reshape(u, -1) for part in of] for of in ((w_s, mu_s, sigma_s, w_s * e_s), (w, mu, sigma, w * e)))
    leak, runs = g_leak * v_leak, net.substeps

    def sums(seen, parts):
        weight, mean, slope, pull = parts
        gate = torch.sigmoid((seen - mean) * slope)
        return (gate * weight).sum(1), (gate * pull).sum(1)

    def run(x, dt, v):
        held = sums(x * net.input_scale + net.input_shift, s)
        den0, num0 = held[0] + g_leak, held[1] + leak
        d = dt / runs if runs > 1 else dt
        for _ in range(runs):
            own = sums(v, r)
            den, num = den0 + own[0], num0 + own[1]
            if net.solver == "euler":
                v = v + d * ((num - den * v) / c_m)
            else:
                v = v + d * (num - den * v) / (d * den + c_m)
        return v * net.output_scale + net.output_shift

    return run, (u,), n


def ctrnn(net):
    sensory, w, b, tau = _folded(net)
    u, runs = net.units, net.substeps
    first, own = sensory.reshape(u, -1), w.reshape(u, u)

    def run(x, dt, v):
        held, d = linear(x[None], first, b)[0], dt / runs
        for _ in range(runs):
            drive = held + linear(v[None], own)[0]
            v = v + d * (tau * torch.tanh(drive) - v) / (tau + d)
        return v * net.output_scale + net.output_shift

    return run, (u,), net.inputs


def lrc(net):
    p = {name: part.detach() for name, part in net.params()._asdict().items()}
    u, runs = net.units, net.substeps
    s = [p[f"sensory_{name}"].reshape(u, -1) for name in ("g_max", "k_max", "o", "mu", "sigma")]
    r = [p[name].reshape(u, -1) for name in ("g_max", "k_max", "o", "mu", "sigma")]

    def sums(seen, parts):
        g, k, o, mean, slope = parts
        gate = torch.sigmoid((seen - mean) * slope)
        return (gate * g).sum(1), (gate * k).sum(1), (o * seen).sum(1)

    def run(x, dt, v):
        held = [a + b for a, b in zip(sums(x, s), (p["g_leak"], p["g_leak"], p["p"]), strict=True)]
        d = dt / runs if runs > 1 else dt
        for _ in range(runs):
            f, z, w = (a + b for a, b in zip(held, sums(v, r), strict=True))
            rate, pull = d * torch.sigmoid(w), torch.sigmoid(f)
            v = v + rate * (torch.tanh(z) * p["e_leak"] - pull * v) / (rate * pull + 1)
        return v * net.output_scale + net.output_shift

    return run, (u,), net.inputs


def cfc(net):
    """Dense, one hidden layer or none; and the closed form of each mode."""
    act = {"lecun_tanh": lambda z: torch.tanh(z * 0.666) * 1.7159, "gelu": torch.nn.functional.gelu}.get(net.activation)
    speed = None if net.w_tau is None else net.w_tau.detach().abs()
    maps = [part for part in (net.entry, *net.backbone, net.heads) if part is not None]

    def run(x, dt, h):
        z = torch.cat([x, h])[None]
        for k, one in enumerate(maps):
            z = linear(z, one.weight, one.bias)
            z = act(z) if k < len(maps) - 1 else z
        return closed(net, z.reshape(-1, net.units), dt, speed)

    return run, (net.units,), net.inputs


def closed(net, heads, dt, speed=None):
    if net.mode == "pure":
        f = heads[0]
        return net.a - net.a * torch.exp(-dt * (torch.abs(f) + speed)) * f
    f1, f2 = torch.tanh(heads[0]), torch.tanh(heads[1])
    t = torch.sigmoid(heads[2] * dt + heads[3])
    return f1 + t * f2 if net.mode == "no_gate" else f1 * (1 - t) + t * f2


def wired_cfc(net):
    """All to all: every neuron reads every input, every old state and its own membrane among them."""
    sensory, w, own, bias = (part.detach() for part in net.params()[:4])
    count, u = sensory.shape[0], net.units
    first, back = sensory.reshape(count * u, -1), w.reshape(count, u, u).clone()
    back[:, range(u), range(u)] += own

    def run(x, dt, h):
        z = linear(torch.cat([x, h])[None], torch.cat([first, back.reshape(count * u, u)], 1), bias.reshape(-1))
        return closed(net, z.reshape(-1, u), dt)

    return run, (u,), net.inputs


def gated(net):
    """LSTM and GRU of torch, the elapsed time as their last feature."""
    u = net.units

    def run(x, dt, h, *memory):
        own = linear(torch.cat([x, dt])[None], net.weight_ih, net.bias_ih)[0]
        back = linear(h[None], net.weight_hh, net.bias_hh)[0]
        if isinstance(net, nn.GRU):
            r, z = torch.sigmoid(own[: 2 * u] + back[: 2 * u]).chunk(2)
            new = torch.tanh(own[2 * u :] + r * back[2 * u :])
            return new + z * (h - new)
        i, f, g, o = (own + back).chunk(4)
        after = torch.sigmoid(f) * memory[0] + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(after)

    return run, (u, u) if isinstance(net, nn.LSTM) else (u,), net.inputs


def plain(net):
    """Layers that are plain torch are traced as they are."""
    sizes = [part.shape[-1] for part in leaves(net.initial_state(1))]
    kind = type(net.initial_state(1))

    def run(x, dt, *state):
        return net.tick(x[None], dt, kind(*(part[None] for part in state)) if state else ())[0][0]

    return run, tuple(sizes), net.inputs


CELLS = {
    "LTC, 6 sub-steps": (ltc, lambda: nn.LTC(3, 8)),
    "LTC, 1 sub-step": (ltc, lambda: nn.LTC(3, 8, substeps=1)),
    "LTC, Euler": (ltc, lambda: nn.LTC(3, 8, substeps=2, solver="euler")),
    "LRC": (lrc, lambda: nn.LRC(3, 8)),
    "CT-RNN": (ctrnn, lambda: nn.CTRNN(3, 8)),
    "CfC": (cfc, lambda: nn.CfC(3, 8, backbone_units=12)),
    "CfC, no gate, gelu": (cfc, lambda: nn.CfC(3, 8, backbone_units=12, mode="no_gate", activation="gelu")),
    "CfC, pure": (cfc, lambda: nn.CfC(3, 8, backbone_layers=0, mode="pure")),
    "WiredCfC": (wired_cfc, lambda: WiredCfC(3, 8)),
    "LSTM": (gated, lambda: nn.LSTM(3, 8)),
    "GRU": (gated, lambda: nn.GRU(3, 8)),
    "GRU-D": (plain, lambda: nn.GRUD(3, 8)),
    "MLP": (plain, lambda: nn.MLP(3, 8)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CELLS)
def test_torchlens_counts_the_same(name):
    make, build = CELLS[name]
    torch.manual_seed(0)
    net = build().eval()
    run, sizes, inputs = make(net)
    x, dt = torch.randn(inputs), torch.tensor([0.3])
    state = [0.5 * torch.randn(size) for size in sizes]
    with torch.no_grad():
        kind = type(net.initial_state(1))
        before = kind(*(part[None] for part in state)) if state else ()
        y = net.scan(x[None, None], dt[None], None, before)[0][0, 0]
        assert torch.allclose(run(x, dt, *state), y, atol=1e-6)
    theirs, rules = counted(run, net, x, dt, *state)
    ours = Count.of(operations(net)).total
    fair = theirs - sum(rules.values())
    apart = 100 * (fair - ours) / ours
    print(f"| {name} | {ours:,.0f} | {theirs:,.0f} | {sum(rules.values()):,.0f} | {apart:+.2f} % |")
    assert abs(fair - ours) <= 0.01 * ours
