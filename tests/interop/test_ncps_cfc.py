import pytest
import torch
from ncps.torch import CfC, CfCCell
from ncps.wirings import NCP, AutoNCP, Wiring

from caudal.errors import InputError
from caudal.interop import from_ncps, neuron_order, state_from_ncps, wiring_from_ncps

INPUTS, UNITS, STEPS = 4, 5, 9
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
SHAPES = {
    "default": {},
    "two_layers": {"backbone_layers": 2, "backbone_units": 7},
    "no_backbone": {"backbone_layers": 0},
    "silu": {"activation": "silu"},
    "relu": {"activation": "relu"},
    "tanh": {"activation": "tanh"},
    "gelu": {"activation": "gelu", "backbone_layers": 3, "backbone_units": 6},
}


def series(dtype):
    """One series at a time: ncps cannot run a batch with its own times per series."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, STEPS, INPUTS, generator=generator, dtype=torch.float64)
    dt = torch.rand(1, STEPS, generator=generator, dtype=torch.float64) * 3
    return x.to(dtype), dt.to(dtype)


def close(a, b, dtype):
    """Equal within the tolerance, relative to the largest value where that exceeds 1."""
    size = max(1.0, b.detach().abs().max().item())
    torch.testing.assert_close(a, b, atol=TOLERANCE[dtype] * size, rtol=0)


def gradients_of(cell, mode):
    dense = [] if cell.backbone is None else [m for m in cell.backbone if isinstance(m, torch.nn.Linear)]
    heads = [cell.ff1] if mode == "pure" else [cell.ff1, cell.ff2, cell.time_a, cell.time_b]
    grads = [g for layer in dense for g in (layer.weight.grad, layer.bias.grad)]
    grads += [torch.cat([h.weight.grad for h in heads]), torch.cat([h.bias.grad for h in heads])]
    return grads


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
@pytest.mark.parametrize("shape", SHAPES)
def test_outputs_states_and_every_gradient_are_equal(shape, mode, dtype):
    torch.manual_seed(1)
    module = CfC(INPUTS, UNITS, mode=mode, **SHAPES[shape]).to(dtype)
    net = from_ncps(module)
    x, dt = series(dtype)
    weight = torch.rand(1, STEPS, UNITS, generator=torch.Generator().manual_seed(2), dtype=dtype)
    xs = [x.clone().requires_grad_() for _ in range(2)]
    expected, hx = module(xs[0], torch.zeros(1, UNITS, dtype=dtype), timespans=dt)
    y, state = net(xs[1], dt=dt)
    (expected * weight).sum().backward()
    (y * weight).sum().backward()
    close(y, expected, dtype)
    close(state.h, hx, dtype)
    close(xs[1].grad, xs[0].grad, dtype)
    cell = module.rnn_cell
    if mode == "pure":
        close(net.a.grad, cell.A.grad[0], dtype)
        close(net.w_tau.grad, cell.w_tau.grad[0], dtype)
    ours = [p.grad for name, p in net.named_parameters() if name.split(".")[0] in ("entry", "backbone", "heads")]
    theirs = gradients_of(cell, mode)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        close(mine, other, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
def test_mixed_memory_is_equal_and_its_state_carries_over(mode, dtype):
    torch.manual_seed(1)
    module = CfC(INPUTS, UNITS, mode=mode, mixed_memory=True).to(dtype)
    net = from_ncps(module)
    x, dt = series(dtype)
    zero = torch.zeros(1, UNITS, dtype=dtype)
    expected, hx = module(x, (zero, zero), timespans=dt)
    y, state = net(x, dt=dt)
    expected.square().sum().backward()
    y.square().sum().backward()
    close(y, expected, dtype)
    carried = state_from_ncps(module, hx)
    close(state.h, carried.h, dtype)
    close(state.c, carried.c, dtype)
    for name in ("input_map", "recurrent_map"):
        close(getattr(net, name).weight.grad, getattr(module.lstm, name).weight.grad, dtype)
    heads = gradients_of(module.rnn_cell, mode)
    close(net.liquid.heads.weight.grad, heads[-2], dtype)
    close(net.liquid.entry.weight.grad, heads[0], dtype)
    with pytest.raises(InputError, match="expected a pair of"):
        state_from_ncps(module, hx[0])


@pytest.mark.parametrize("memory", [False, True])
def test_a_projection_becomes_a_readout(memory):
    module = CfC(INPUTS, UNITS, proj_size=2, mixed_memory=memory).double()
    x, dt = series(torch.float64)
    zero = torch.zeros(1, UNITS).double()
    expected, _ = module(x, (zero, zero) if memory else zero, timespans=dt)
    net = from_ncps(module)
    y, _ = net(x, dt=dt)
    expected.square().sum().backward()
    y.square().sum().backward()
    close(y, expected, torch.float64)
    close(net.map.weight.grad, module.fc.weight.grad, torch.float64)
    close(net.map.bias.grad, module.fc.bias.grad, torch.float64)


def test_a_cell_converts_and_a_state_carries_over():
    torch.manual_seed(0)
    cell = CfCCell(INPUTS, UNITS)
    x, dt = series(torch.float32)
    hx = torch.rand(1, UNITS)
    expected, new = cell(x[:, 0], hx, dt[:, :1])
    y, state = from_ncps(cell).step(x[:, 0], dt=dt[:, 0], state=state_from_ncps(cell, hx))
    close(y, expected, torch.float32)
    close(state_from_ncps(cell, new).h, state.h, torch.float32)
    assert neuron_order(cell) == tuple(range(UNITS))


def test_a_wired_cfc_is_refused_with_the_reason():
    with pytest.raises(InputError) as raised:
        from_ncps(CfC(INPUTS, AutoNCP(10, 2)))
    assert str(raised.value) == (
        "from_ncps: `module` is a CfC over AutoNCP, and ncps does not obey that wiring: its time gates read every "
        "input, each layer reads the whole of itself, and polarities are ignored, so no circuit gives the same "
        "numbers. Train `caudal.nn.WiredCfC(wiring_from_ncps(wiring))` afresh, or convert an LTC."
    )
    with pytest.raises(InputError, match="sparsity mask"):
        from_ncps(CfC(INPUTS, AutoNCP(10, 2)).rnn_cell.layer_0)


def test_dropout_is_refused_while_training_only():
    module = CfC(INPUTS, UNITS, backbone_layers=2, backbone_dropout=0.25)
    with pytest.raises(InputError, match=r"drops 0\.25 of its backbone while training"):
        from_ncps(module)
    x, dt = series(torch.float32)
    close(from_ncps(module.eval())(x, dt=dt)[0], module(x, timespans=dt)[0], torch.float32)


def test_a_wiring_converts_alone_and_an_unbuilt_one_is_refused():
    theirs = NCP(5, 3, 2, 2, 2, 3, 2)
    with pytest.raises(InputError, match="has not been built"):
        wiring_from_ncps(theirs)
    theirs.build(4)
    ours = wiring_from_ncps(theirs)
    assert ours.roles == ("inter",) * 5 + ("command",) * 3 + ("motor",) * 2
    order = [5, 6, 7, 8, 9, 2, 3, 4, 0, 1]
    assert (ours.recurrent == theirs.adjacency_matrix[order][:, order]).all()
    assert (ours.sensory == theirs.sensory_adjacency_matrix[:, order]).all()


def test_an_unknown_role_is_refused():
    class Odd(Wiring):
        def get_type_of_neuron(self, neuron_id):
            return "relay"

    wiring = Odd(2)
    wiring.build(1)
    with pytest.raises(InputError, match="neurons of type 'relay'"):
        wiring_from_ncps(wiring)
