import pytest
import torch
from ncps.torch import LTC, LTCCell
from ncps.wirings import NCP, AutoNCP, FullyConnected, Random

from caudal.errors import InputError, WiringError
from caudal.interop import from_ncps, neuron_order, state_from_ncps

INPUTS, STEPS = 4, 9
WIRINGS = {
    "integer": lambda: 6,
    "fully_connected": lambda: FullyConnected(7, 3),
    "no_self_connections": lambda: FullyConnected(5, 2, self_connections=False),
    "ncp": lambda: NCP(6, 4, 2, 3, 2, 4, 2),
    "auto_ncp": lambda: AutoNCP(14, 3),
    "random": lambda: Random(8, 2, sparsity_level=0.4),
}
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}


def series(dtype, steps=STEPS):
    """One series at a time: ncps cannot run a batch with its own times per series."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(1, steps, INPUTS, generator=generator, dtype=torch.float64)
    dt = torch.rand(1, steps, generator=generator, dtype=torch.float64) * 3 + 0.01
    return x.to(dtype), dt.to(dtype)


def theirs(wiring, dtype, **settings):
    torch.manual_seed(1)
    module = LTC(INPUTS, WIRINGS[wiring](), **settings).to(dtype)
    with torch.no_grad():  # as after training: away from the initial -1, 0 and 1
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.rand_like(parameter)
    return module


def close(a, b, dtype):
    """Equal within the tolerance, relative to the largest value where that exceeds 1."""
    size = max(1.0, b.detach().abs().max().item())
    torch.testing.assert_close(a, b, atol=TOLERANCE[dtype] * size, rtol=0)


def run_both(module, net, dtype):
    x, dt = series(dtype)
    weight = torch.rand(1, STEPS, net.outputs, generator=torch.Generator().manual_seed(2), dtype=dtype)
    xs = [x.clone().requires_grad_() for _ in range(2)]
    expected, hx = module(xs[0], timespans=dt)
    y, state = net(xs[1], dt=dt)
    (expected * weight).sum().backward()
    (y * weight).sum().backward()
    return (expected, hx, xs[0].grad), (y, state.v, xs[1].grad)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("wiring", WIRINGS)
def test_outputs_states_and_every_gradient_are_equal(wiring, dtype):
    module = theirs(wiring, dtype)
    net = from_ncps(module)
    (expected, hx, expected_x), (y, v, grad_x) = run_both(module, net, dtype)
    order = list(neuron_order(module))
    close(y, expected, dtype)
    close(v, hx[:, order], dtype)
    close(grad_x, expected_x, dtype)
    cell, compared = module.rnn_cell, 0
    for name, grad in gradients_of(cell, order).items():
        close(net.get_parameter(name).grad, grad, dtype)
        compared += 1
    assert compared == len(list(net.parameters()))


def gradients_of(cell, order):
    grads = {}
    for prefix, mask in (("sensory_", cell.sensory_sparsity_mask), ("", cell.sparsity_mask)):
        rows = mask if prefix else mask[order]
        target, source = torch.nonzero(rows[:, order].T, as_tuple=True)
        for ours, name in (("raw_w", "w"), ("mu", "mu"), ("sigma", "sigma"), ("e_rev", "erev")):
            grad = getattr(cell, prefix + name).grad
            grads[prefix + ours] = (grad if prefix else grad[order])[:, order][source, target]
    for ours, name in (("raw_g_leak", "gleak"), ("raw_c_m", "cm"), ("v_leak", "vleak")):
        grads[ours] = getattr(cell, name).grad[order]
    for ours, name in (
        ("input_scale", "input_w"),
        ("input_shift", "input_b"),
        ("output_scale", "output_w"),
        ("output_shift", "output_b"),
    ):
        grads[ours] = getattr(cell, name).grad
    return grads


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_explicit_constraints_gradients_agree_through_the_positive_map(dtype):
    module = theirs("ncp", dtype, implicit_param_constraints=False)
    net = from_ncps(module)
    (expected, _, expected_x), (y, _, grad_x) = run_both(module, net, dtype)
    order = list(neuron_order(module))
    close(y, expected, dtype)
    close(grad_x, expected_x, dtype)
    for name, grad in gradients_of(module.rnn_cell, order).items():
        ours = net.get_parameter(name)
        slope = torch.sigmoid(ours) if name.split("_", 1)[-1].startswith("raw") or name.startswith("raw") else 1.0
        close(ours.grad, grad * slope, dtype)


@pytest.mark.parametrize("mapping", ["affine", "linear", None])
def test_every_input_and_output_mapping_converts(mapping):
    module = theirs("ncp", torch.float64, input_mapping=mapping, output_mapping=mapping)
    x, dt = series(torch.float64)
    close(from_ncps(module)(x, dt=dt)[0], module(x, timespans=dt)[0], torch.float64)


def test_a_zero_conductance_converts_and_a_negative_one_is_refused_or_clipped():
    module = theirs("integer", torch.float64, implicit_param_constraints=False)
    cell = module.rnn_cell
    with torch.no_grad():
        cell.w[0, 0], cell.sensory_w[1, 1] = 0.0, 0.0
    x, dt = series(torch.float64)
    torch.testing.assert_close(from_ncps(module)(x, dt=dt)[0], module(x, timespans=dt)[0], atol=1e-10, rtol=1e-10)
    with torch.no_grad():
        cell.w[0, 1], cell.w[2, 3] = -0.5, -0.1
    with pytest.raises(InputError) as raised:
        from_ncps(module)
    assert str(raised.value) == (
        "from_ncps: `module` holds 2 negative values in `w`, for which the LTC equation has no bounded solution. "
        "Call `apply_weight_constraints()` on the ncps cell, as it asks for after each optimiser step, "
        'or pass `negative="clip"`.'
    )
    clipped = from_ncps(module, negative="clip")
    cell.apply_weight_constraints()
    torch.testing.assert_close(clipped(x, dt=dt)[0], module(x, timespans=dt)[0], atol=1e-10, rtol=1e-10)


def test_the_circuit_is_read_from_the_masks_and_not_from_a_wiring_built_again():
    wiring = NCP(6, 4, 2, 3, 2, 4, 2)
    module = LTC(INPUTS, wiring).double()
    live = int(module.rnn_cell.sparsity_mask.sum() + module.rnn_cell.sensory_sparsity_mask.sum())
    LTC(INPUTS, wiring)  # ncps rewires the shared object here
    net = from_ncps(module)
    assert len(net.wiring.sensory_synapses.source) + len(net.wiring.recurrent_synapses.source) == live
    x, dt = series(torch.float64)
    close(net(x, dt=dt)[0], module(x, timespans=dt)[0], torch.float64)


def test_polarity_is_the_sign_of_the_trained_reversal_potential():
    module = LTC(INPUTS, FullyConnected(3, 1))
    with torch.no_grad():
        module.rnn_cell.erev[2, 2] = -0.25 * module.rnn_cell.erev[2, 2].sign()
    drawn = module._wiring.adjacency_matrix[2, 2]
    at = neuron_order(module).index(2)
    assert from_ncps(module).wiring.recurrent[at, at] == -drawn


def test_roles_follow_the_ncps_wiring():
    net = from_ncps(LTC(INPUTS, NCP(3, 2, 1, 2, 1, 2, 1)))
    assert net.wiring.roles == ("inter",) * 3 + ("command",) * 2 + ("motor",)
    assert net.wiring.layers == (0, 0, 0, 1, 1, 2)
    assert net.wiring.family == "ncps.NCP"


def test_a_cell_converts_and_a_state_carries_over():
    torch.manual_seed(0)
    cell = LTCCell(AutoNCP(10, 2), INPUTS, implicit_param_constraints=True)
    net = from_ncps(cell)
    x, dt = series(torch.float32)
    hx = torch.zeros(1, 10)
    for t in range(4):
        expected, hx = cell(x[:, t], hx, dt[:, t])
    y, state = net(x[:, :4], dt=dt[:, :4])
    close(y[:, -1], expected, torch.float32)
    close(state_from_ncps(cell, hx).v, state.v, torch.float32)
    with pytest.raises(InputError, match=r"`hx` has shape \(10,\); expected \(batch, units\) = \(batch, 10\)"):
        state_from_ncps(cell, hx[0])


def test_parameters_that_ncps_ignores_are_refused():
    module = LTC(INPUTS, 3)
    module.load_state_dict({k: v.clone() for k, v in module.state_dict().items()}, assign=True)
    with pytest.raises(InputError, match="side dictionary"):
        from_ncps(module)


def test_a_foreign_module_and_a_silent_neuron_are_refused():
    with pytest.raises(InputError, match=r"from_ncps: `module` is a torch\.nn\.modules\.linear\.Linear"):
        from_ncps(torch.nn.Linear(1, 1))
    module = LTC(INPUTS, 3)
    with torch.no_grad():
        module.rnn_cell.sparsity_mask[:, 1] = 0
        module.rnn_cell.sensory_sparsity_mask[:, 1] = 0
    with pytest.raises(WiringError, match="without any synapse onto it"):
        from_ncps(module)


def test_mixed_memory_is_refused():
    with pytest.raises(InputError, match=r"overwrites its potentials at every step.*form=\"stacked\""):
        from_ncps(LTC(INPUTS, 3, mixed_memory=True))
