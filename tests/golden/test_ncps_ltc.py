"""The LTC beside `ncps` 1.0.1: the same parameters give the same outputs and gradients.

Their neurons stand motor, command, inter and ours inter, command, motor, so parameters move by that permutation. One
elapsed time is shared by the batch: with one per series their program raises, or mixes series (see its issue 82).
"""

import pytest
import torch

from caudal import kernels, nn
from caudal.wiring import Wiring

pytest.importorskip("ncps", reason="ncps is not installed; `pip install ncps==1.0.1` compares with it")
ncps_torch = pytest.importorskip("ncps.torch", reason="ncps needs torch")
ncps_wirings = pytest.importorskip("ncps.wirings", reason="ncps wirings are needed")

INPUTS, BATCH, TIME = 5, 3, 7
KINDS = {"sensory_": "sensory_", "": ""}
PER_SYNAPSE = {"raw_w": "w", "mu": "mu", "sigma": "sigma", "e_rev": "erev"}
PER_UNIT = {"raw_g_leak": "gleak", "v_leak": "vleak", "raw_c_m": "cm"}
PER_MAP = {
    "input_scale": "input_w",
    "input_shift": "input_b",
    "output_scale": "output_w",
    "output_shift": "output_b",
}


def fully_connected():
    return ncps_wirings.FullyConnected(9)


def policy():
    return ncps_wirings.NCP(
        inter_neurons=6, command_neurons=4, motor_neurons=3,
        sensory_fanout=4, inter_fanout=3, recurrent_command_synapses=4, motor_fanin=3, seed=5,
    )  # fmt: skip


def ours_from(theirs):
    """Order of their neurons in ours, and our wiring of their circuit."""
    units, motor = theirs.units, theirs.output_dim
    inter = range(motor + 4, units) if theirs.num_layers > 1 else ()
    command = range(motor, motor + 4) if theirs.num_layers > 1 else ()
    order = [*inter, *command, *range(motor)]
    roles = ["inter"] * len(inter) + ["command"] * len(command) + ["motor"] * motor
    ranks = {"inter": 0, "command": 1, "motor": 2}
    sensory = theirs.sensory_adjacency_matrix.astype("int8")[:, order]
    recurrent = theirs.adjacency_matrix.astype("int8")[order][:, order]
    return order, Wiring(sensory, recurrent, roles, [ranks[role] for role in roles])


def per_synapse(matrix, order, wiring, prefix):
    """Their `(sources, units)` matrix as our vector of live synapses."""
    kind = wiring.sensory_synapses if prefix else wiring.recurrent_synapses
    source = torch.tensor(kind.source).long()
    target = torch.repeat_interleave(torch.arange(wiring.units), torch.tensor(kind.ptr).diff().long())
    at = torch.tensor(order)
    return matrix[source if prefix else at[source], at[target]]


def in_our_layout(values, order, wiring):
    """Their parameters (or gradients), by name, as ours."""
    moved = {
        prefix + ours: per_synapse(values[prefix + theirs], order, wiring, prefix)
        for prefix in KINDS
        for ours, theirs in PER_SYNAPSE.items()
    }
    moved |= {ours: values[theirs][order] for ours, theirs in PER_UNIT.items()}
    return moved | {ours: values[theirs] for ours, theirs in PER_MAP.items()}


@pytest.fixture(params=[fully_connected, policy], ids=["full", "policy"])
def pair(request):
    """Their layer and ours with its parameters, in float64; their wiring is built once, by the layer."""
    torch.manual_seed(0)
    circuit = request.param()
    theirs = ncps_torch.LTC(INPUTS, circuit)
    cell = theirs.rnn_cell
    with torch.no_grad():
        for name in (*PER_MAP.values(), "erev", "sensory_erev"):
            getattr(cell, name).add_(0.2 * torch.randn_like(getattr(cell, name)))
    order, wiring = ours_from(circuit)
    ours = nn.LTC(wiring, eps=1e-8)
    ours.load_state_dict(in_our_layout(dict(cell.named_parameters()), order, wiring))
    return theirs, ours, order, wiring


def run_theirs(theirs, x, dt, state):
    """Their cell step by step, with one elapsed time per step."""
    outputs = []
    for t in range(x.shape[1]):
        y, state = theirs.rnn_cell(x[:, t], state, dt[t])
        outputs.append(y)
    return torch.stack(outputs, 1), state


# Triton needs a device; tests/kernels holds it against the reference.
@pytest.mark.parametrize("backend", [name for name in kernels.names("ltc_scan") if name != "triton"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)], ids=str)
def test_outputs_states_and_gradients_are_those_of_ncps(pair, dtype, tolerance, backend):
    theirs, ours, order, wiring = pair
    theirs, ours = theirs.to(dtype), ours.to(dtype)
    x = torch.randn(BATCH, TIME, INPUTS, dtype=dtype)
    dt, start = 0.1 + torch.rand(TIME, dtype=dtype), 0.5 * torch.randn(BATCH, wiring.units, dtype=dtype)
    weight, end_weight = torch.randn(BATCH, TIME, wiring.motor, dtype=dtype), torch.randn(BATCH, 1, dtype=dtype)

    theirs_in = [x.clone().requires_grad_(), dt.clone().requires_grad_(), start.clone().requires_grad_()]
    y_theirs, end_theirs = run_theirs(theirs, *theirs_in)
    ((y_theirs * weight).sum() + (end_theirs * end_weight).sum()).backward()

    state = type(ours.initial_state(1))(start[:, order].clone().requires_grad_())
    x_ours, dt_ours = x.clone().requires_grad_(), dt.clone().requires_grad_()
    with kernels.use(backend):
        y_ours, end_ours = ours(x_ours, dt_ours.expand(BATCH, TIME), state=state)
    ((y_ours * weight).sum() + (end_ours.v * end_weight).sum()).backward()

    close = {"rtol": tolerance, "atol": tolerance}
    torch.testing.assert_close(y_ours, y_theirs, **close)
    torch.testing.assert_close(end_ours.v, end_theirs[:, order], **close)
    given = {name: p.grad for name, p in theirs.rnn_cell.named_parameters() if p.requires_grad}
    expected = in_our_layout(given, order, wiring)
    found = {name: p.grad for name, p in ours.named_parameters()}
    assert expected.keys() == found.keys()
    expected |= {"x": theirs_in[0].grad, "dt": theirs_in[1].grad, "state": theirs_in[2].grad[:, order]}
    found |= {"x": x_ours.grad, "dt": dt_ours.grad, "state": state.v.grad}
    tolerance = max(tolerance, 32 * torch.finfo(dtype).eps)  # in float32 each sums some hundred rounded terms
    for name, gradient in expected.items():
        scale = max(1.0, gradient.abs().max().item())
        difference = (found[name] - gradient).abs().max().item()
        assert difference <= tolerance * scale, f"gradient of {name} differs by {difference:.1e} at scale {scale:.1e}"


def test_without_elapsed_times_one_unit_passes_per_step(pair):
    theirs, ours, order, _ = pair
    x = torch.randn(BATCH, TIME, INPUTS)
    y_theirs, end_theirs = theirs(x)
    y_ours, end_ours = ours(x)
    torch.testing.assert_close(y_ours, y_theirs, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(end_ours.v, end_theirs[:, order], rtol=1e-5, atol=1e-6)


def test_only_synapses_that_exist_have_parameters(pair):
    theirs, ours, _, wiring = pair
    live = wiring.sensory_synapses.source.size + wiring.recurrent_synapses.source.size
    assert sum(p.numel() for p in ours.parameters()) == 4 * live + 3 * wiring.units + 2 * (INPUTS + wiring.motor)
    if live < wiring.units * (INPUTS + wiring.units):
        assert sum(p.numel() for p in theirs.parameters()) > 2 * sum(p.numel() for p in ours.parameters())
