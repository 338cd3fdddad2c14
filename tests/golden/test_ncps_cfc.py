"""The same numbers as ncps 1.0.1: unwired CfC in every mode, and its mixed memory, outputs and all gradients.

ncps cannot run a batch in which each series has its own times, so it is driven one series at a time.
"""

import pytest
import torch

from caudal.dynamics.cfc_heads import ACTIVATIONS, HEADS
from caudal.nn import CfC, MixedMemory

ncps = pytest.importorskip("ncps.torch", reason="parity with ncps needs `pip install ncps==1.0.1`")

BATCH, TIME, INPUTS, UNITS, WIDTH = 3, 6, 3, 4, 7
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


def pairs(cell, net):
    """Which rows of which of our parameters hold each parameter of ncps: a list of (theirs, ours, rows)."""
    dense = [] if cell.backbone is None else [m for m in cell.backbone if isinstance(m, torch.nn.Linear)]
    heads = [cell.ff1] if cell.mode == "pure" else [cell.ff1, cell.ff2, cell.time_a, cell.time_b]
    ours = [net.entry, *net.backbone]
    found = []
    for theirs, mine in zip(dense, ours[: len(dense)], strict=True):
        found += [(theirs.weight, mine.weight, slice(None)), (theirs.bias, mine.bias, slice(None))]
    last = net.heads if dense else net.entry
    for k, theirs in enumerate(heads):
        rows = slice(k * UNITS, (k + 1) * UNITS)
        found += [(theirs.weight, last.weight, rows), (theirs.bias, last.bias, rows)]
    if cell.mode == "pure":
        found += [(cell.A, net.a, slice(None)), (cell.w_tau, net.w_tau, slice(None))]
    return found


def series(dtype):
    g = torch.Generator().manual_seed(3)
    x = torch.randn(BATCH, TIME, INPUTS, generator=g, dtype=torch.float64).to(dtype)
    dt = (2 * torch.rand(BATCH, TIME, generator=g, dtype=torch.float64)).to(dtype)
    weight = torch.randn(BATCH, TIME, UNITS, generator=g, dtype=torch.float64) / (BATCH * TIME)
    return x.requires_grad_(), dt, weight.to(dtype)


def compare(theirs, net, found, start, dtype):
    with torch.no_grad():
        for source, target, rows in found:
            target[rows] = source.view_as(target[rows])
    x, dt, weight = series(dtype)
    y, _ = net(x, dt=dt)
    (y * weight).sum().backward()
    ours, x.grad = x.grad, None
    rows = [theirs(x[k : k + 1], start, timespans=dt[k : k + 1])[0] for k in range(BATCH)]
    (torch.cat(rows) * weight).sum().backward()
    close = {"rtol": TOLERANCE[dtype] * 10, "atol": TOLERANCE[dtype]}
    # Rounding follows the largest number: two heads of amplitude 1.7 add up without a gate.
    largest = max(1.0, y.detach().abs().max().item())
    torch.testing.assert_close(y, torch.cat(rows), rtol=0, atol=TOLERANCE[dtype] * largest)
    torch.testing.assert_close(ours, x.grad, **close)
    for source, target, part in found:
        torch.testing.assert_close(target.grad[part], source.grad.view_as(target.grad[part]), **close)


CASES = [(m, a, 1) for m in HEADS for a in ACTIVATIONS] + [(m, "silu", n) for m in HEADS for n in (0, 2, 3)]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("mode", "activation", "layers"), CASES)
def test_unwired_cfc(mode, activation, layers, dtype):
    torch.manual_seed(0)
    theirs = ncps.CfC(INPUTS, UNITS, mode=mode, activation=activation, backbone_units=WIDTH, backbone_layers=layers).to(
        dtype
    )
    net = CfC(INPUTS, UNITS, mode=mode, activation=activation, backbone_units=WIDTH, backbone_layers=layers)
    net.to(dtype)
    compare(theirs, net, pairs(theirs.rnn_cell, net), torch.zeros(1, UNITS, dtype=dtype), dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("mode", HEADS)
def test_mixed_memory_is_the_shared_form(mode, dtype):
    torch.manual_seed(0)
    theirs = ncps.CfC(INPUTS, UNITS, mode=mode, mixed_memory=True, backbone_units=WIDTH).to(dtype)
    net = MixedMemory(INPUTS, CfC(INPUTS, UNITS, mode=mode, backbone_units=WIDTH)).to(dtype)
    found = pairs(theirs.rnn_cell, net.liquid)
    found += [
        (theirs.lstm.input_map.weight, net.input_map.weight, slice(None)),
        (theirs.lstm.input_map.bias, net.input_map.bias, slice(None)),
        (theirs.lstm.recurrent_map.weight, net.recurrent_map.weight, slice(None)),
    ]
    zeros = torch.zeros(1, UNITS, dtype=dtype)
    compare(theirs, net, found, (zeros, zeros), dtype)


@pytest.mark.parametrize("mode", HEADS)
def test_cascade_is_the_keras_recurrence_built_from_ncps_cells(mode):
    """As `MixedMemoryRNN` writes it: the memory reads the liquid state, its output is the liquid input."""
    torch.manual_seed(0)
    theirs = ncps.CfC(INPUTS, UNITS, mode=mode, mixed_memory=True, backbone_units=WIDTH).double()
    cell = ncps.CfCCell(UNITS, UNITS, mode=mode, backbone_units=WIDTH).double()
    net = MixedMemory(INPUTS, CfC(UNITS, UNITS, mode=mode, backbone_units=WIDTH), form="cascade").double()
    with torch.no_grad():
        for source, target, rows in pairs(cell, net.liquid):
            target[rows] = source.view_as(target[rows])
    net.input_map.load_state_dict(theirs.lstm.input_map.state_dict())
    net.recurrent_map.load_state_dict(theirs.lstm.recurrent_map.state_dict())
    x, dt, _ = series(torch.float64)
    h = c = torch.zeros(BATCH, UNITS, dtype=torch.float64)
    expected = []
    for t in range(TIME):
        m, c = theirs.lstm(x[:, t], (h, c))
        h, _ = cell(m, h, dt[:, t, None])
        expected.append(h)
    y, state = net(x, dt=dt)
    torch.testing.assert_close(y, torch.stack(expected, 1), rtol=0, atol=1e-12)
    torch.testing.assert_close(state.c, c, rtol=0, atol=1e-12)
