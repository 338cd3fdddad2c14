"""What every wired layer owes, checked from outside: the wiring obeyed, one graph for every size, a faithful recipe."""

import copy

import pytest
import torch
from torch.func import functional_call

from caudal import nn, wiring
from caudal.errors import InputError
from caudal.nn.wired import graph_tensors

POLICY = wiring.ncp(3, 5, 4, 2, seed=3)
LAYERS = {
    "ltc": lambda inputs=POLICY, units=None, **more: nn.LTC(inputs, units, **more),
    "lrc": lambda inputs=POLICY, units=None, **more: nn.LRC(inputs, units, **more),
    "lrc-symmetric": lambda inputs=POLICY, units=None, **more: nn.LRC(inputs, units, elastance="symmetric", **more),
    "ctrnn": lambda inputs=POLICY, units=None, **more: nn.CTRNN(inputs, units, **more),
}


@pytest.fixture(params=list(LAYERS))
def build(request):
    torch.manual_seed(0)
    return LAYERS[request.param]


def test_one_substep_reads_nobody_but_the_wired(build):
    net = build(substeps=1).double()
    u, v = torch.randn(3, dtype=torch.float64), torch.randn(POLICY.units, dtype=torch.float64)

    def after(u, v):
        return net.step(u[None], state=type(net.initial_state(1))(v[None]))[1].v[0]

    with torch.no_grad():
        rows = [after(u + torch.eye(3, dtype=u.dtype)[k], v) - after(u, v) for k in range(3)]
    assert (torch.stack(rows)[torch.tensor(POLICY.sensory) == 0] == 0).all()
    by_input, by_neuron = torch.autograd.functional.jacobian(after, (u, v))
    assert (by_input.T[torch.tensor(POLICY.sensory) == 0] == 0).all()
    assert (by_input.T[torch.tensor(POLICY.sensory) != 0] != 0).all()
    off = (torch.tensor(POLICY.recurrent) == 0) & ~torch.eye(POLICY.units, dtype=torch.bool)
    assert (by_neuron.T[off] == 0).all()
    assert (by_neuron.T[torch.tensor(POLICY.recurrent) != 0] != 0).all()


def test_exports_as_one_graph_of_the_same_size_at_any_length(build):
    net = build().eval()
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("time")}
    counts = set()
    for length in (3, 40):
        arguments = (torch.randn(2, length, 3), torch.rand(2, length))
        program = torch.export.export(net, arguments, dynamic_shapes=(sizes, sizes))
        counts.add(len(program.graph.nodes))
    assert len(counts) == 1
    x, dt = torch.randn(5, 17, 3), torch.rand(5, 17)
    torch.testing.assert_close(program.module()(x, dt)[0], net(x, dt)[0])


def test_compiles_whole_forward_and_backward(build):
    net = build()
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager", dynamic=True)
    x, dt = torch.randn(2, 5, 3, requires_grad=True), torch.rand(2, 5)
    expected = torch.autograd.grad(net(x, dt)[0].sum(), [x, *net.parameters()])
    found = torch.autograd.grad(compiled(x, dt)[0].sum(), [x, *net.parameters()])
    torch.testing.assert_close(found, expected)


def test_padding_may_hold_nan(build):
    net, lengths = build(), torch.tensor([4, 2])
    x, dt = torch.randn(2, 4, 3), torch.rand(2, 4)
    x[1, 2:], dt[1, 2:] = float("nan"), float("nan")
    y, state = net(x, dt, lengths=lengths)
    alone, end = net(x[1:, :2], dt[1:, :2])
    torch.testing.assert_close(y[1, :2], alone[0])
    torch.testing.assert_close(state.v[1], end.v[0])
    assert (y[1, 2:] == 0).all()
    gradients = torch.autograd.grad(y.sum(), list(net.parameters()))
    assert all(torch.isfinite(g).all() for g in gradients)


def test_parameters_are_read_where_they_stand(build):
    net, x = build(), torch.randn(2, 3, 3)
    blank = {name: torch.zeros_like(p) for name, p in net.named_parameters()}
    assert (functional_call(net, blank, (x,))[0] == 0).all()
    other = build()
    expected = other(x)[0]
    net.load_state_dict(other.state_dict(), assign=True)
    assert torch.equal(net(x)[0], expected)
    assert torch.equal(copy.deepcopy(other)(x)[0], expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_results_follow_the_dtype_of_the_parameters(build, dtype):
    net = build()
    x, dt = torch.randn(2, 4, 3), torch.rand(2, 4)
    expected = net(x, dt)[0]
    y, state = net.to(dtype)(x.to(dtype), dt.to(dtype))
    assert y.dtype == state.v.dtype == dtype
    torch.testing.assert_close(y.float(), expected, rtol=0, atol=0.1)


def test_only_parameters_are_saved(build):
    net = build()
    assert set(net.state_dict()) == {name for name, _ in net.named_parameters()}


def test_arguments_rebuild_the_layer(build):
    net, x = build(), torch.randn(2, 3, 3)
    again = type(net)(**net.arguments())
    again.load_state_dict(net.state_dict())
    assert again.arguments() == net.arguments()
    assert torch.equal(again(x)[0], net(x)[0])


def test_reset_draws_anew_and_follows_the_seed(build):
    net = build()
    draws = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        net.reset_parameters()
        draws.append(net(torch.ones(1, 3, 3))[0])
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_repr_tells_sizes_and_live_synapses(build):
    synapses = POLICY.sensory_synapses.source.size + POLICY.recurrent_synapses.source.size
    assert f"ncp: 3 inputs, 11 units, {synapses} synapses, substeps=" in repr(build())


def test_units_come_from_the_wiring_or_from_the_caller(build):
    assert build(3, 7).outputs == 7
    assert build().outputs == 2
    with pytest.raises(InputError, match="`units` was given beside a wiring"):
        build(POLICY, 3)
    with pytest.raises(InputError, match="`units` is missing"):
        build(3)


def test_the_op_keeps_the_rules_of_torch(build):
    """Schema, fake tensors, autograd registration and tracing, as `torch.library.opcheck` tests them."""
    net = build(substeps=2).double()
    op = getattr(torch.ops.caudal, f"{type(net).__name__.lower()}_scan").default
    params = [p.detach().requires_grad_() for p in net.params()]
    x = torch.randn(2, 3, 3, dtype=torch.float64, requires_grad=True)
    dt, state = torch.rand(2, 3, dtype=torch.float64, requires_grad=True), list(net.initial_state(2))
    mask = torch.tensor([[True, False, True], [True, True, False]])
    for steps in (None, mask):
        torch.library.opcheck(op, (x, dt, steps, state, params, graph_tensors(net), net._settings, "auto"))
