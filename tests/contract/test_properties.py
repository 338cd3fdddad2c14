"""The core clauses over random sizes, times, masks and cuts, for every backend that runs here."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal import kernels, nn, wiring

# Triton needs a device; tests/kernels holds it against the reference.
BACKENDS = [name for name in kernels.names("ltc_scan") if name != "triton"]
TOLERANCE = {"rtol": 1e-9, "atol": 1e-10}


@st.composite
def problems(draw):
    """A layer over a random circuit, a batch with its own times and mask, and a start that is not zero."""
    seed = draw(st.integers(0, 2**16))
    torch.manual_seed(seed)
    motor, command, inter = (draw(st.integers(1, 3)) for _ in range(3))
    circuit = wiring.ncp(draw(st.integers(1, 4)), inter, command, motor, seed=seed)
    net = nn.LTC(circuit, substeps=draw(st.integers(1, 4)), signs=draw(st.sampled_from(["free", "fixed"]))).double()
    batch, time = draw(st.integers(1, 7)), draw(st.integers(1, 9))
    scale = draw(st.sampled_from([0.0, 1e-6, 1.0, 1e3]))
    x = torch.randn(batch, time, circuit.inputs, dtype=torch.float64) * draw(st.sampled_from([1.0, 30.0]))
    dt = scale * torch.rand(batch, time, dtype=torch.float64)
    mask = torch.rand(batch, time) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    return net, x, dt, mask, net.initial_state(batch)._replace(v=torch.randn(batch, circuit.units).double())


def _run(net, backend, *arguments, **named):
    with torch.no_grad(), kernels.use(backend):
        y, state = net(*arguments, **named)
    return y, state.v


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=30, deadline=None)
@given(problem=problems(), data=st.data())
def test_batch_chunks_and_order(backend, problem, data):
    net, x, dt, mask, start = problem
    y, end = _run(net, backend, x, dt, mask=mask, state=start)
    for i in range(x.shape[0]):
        row = slice(i, i + 1)
        alone, last = _run(net, backend, x[row], dt[row], mask=mask[row], state=type(start)(start.v[row]))
        torch.testing.assert_close(y[row], alone, **TOLERANCE)
        torch.testing.assert_close(end[row], last, **TOLERANCE)
    order = torch.tensor(data.draw(st.permutations(range(x.shape[0]))))
    turned, last = _run(net, backend, x[order], dt[order], mask=mask[order], state=type(start)(start.v[order]))
    torch.testing.assert_close(turned, y[order], **TOLERANCE)
    cut = data.draw(st.integers(1, x.shape[1]))
    first, between = _run(net, backend, x[:, :cut], dt[:, :cut], mask=mask[:, :cut], state=start)
    torch.testing.assert_close(first, y[:, :cut], **TOLERANCE)
    if cut < x.shape[1]:
        rest = {"mask": mask[:, cut:], "state": type(start)(between)}
        second, last = _run(net, backend, x[:, cut:], dt[:, cut:], **rest)
        torch.testing.assert_close(second, y[:, cut:], **TOLERANCE)
        torch.testing.assert_close(last, end, **TOLERANCE)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=30, deadline=None)
@given(problem=problems())
def test_masked_steps_are_not_there(backend, problem):
    net, x, dt, mask, start = problem
    dirty = torch.where(mask[..., None], x, float("nan"))
    y, end = _run(net, backend, dirty, torch.where(mask, dt, float("nan")), mask=mask, state=start)
    assert bool((y[~mask] == 0).all())
    for i in range(x.shape[0]):
        row, kept = slice(i, i + 1), mask[i]
        if not kept.any():
            assert torch.equal(end[row], start.v[row])
            continue
        alone, last = _run(net, backend, x[row, kept], dt[row, kept], state=type(start)(start.v[row]))
        torch.testing.assert_close(y[row, kept], alone, **TOLERANCE)
        torch.testing.assert_close(end[row], last, **TOLERANCE)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=20, deadline=None)
@given(problem=problems())
def test_steps_give_the_scan_and_no_time_changes_nothing(backend, problem):
    net, x, dt, _, start = problem
    y, end = _run(net, backend, x, dt, state=start)
    state = start
    with torch.no_grad(), kernels.use(backend):
        for t in range(x.shape[1]):
            out, state = net.step(x[:, t], dt[:, t], state)
            torch.testing.assert_close(out, y[:, t], **TOLERANCE)
    torch.testing.assert_close(state.v, end, **TOLERANCE)
    _, still = _run(net, backend, x, torch.zeros_like(dt), state=start)
    assert torch.equal(still, start.v)


@settings(max_examples=20, deadline=None)
@given(problem=problems())
def test_gradients_of_a_batch_are_the_sum_of_its_series(problem):
    net, x, dt, mask, start = problem

    def gradients(rows):
        net.zero_grad()
        state = type(start)(start.v[rows])
        net(x[rows], dt[rows], mask=mask[rows], state=state)[0].sum().backward()
        return [p.grad.clone() for p in net.parameters()]

    whole = gradients(slice(None))
    parts = [gradients(slice(i, i + 1)) for i in range(x.shape[0])]
    for together, *single in zip(whole, *parts, strict=True):
        torch.testing.assert_close(together, sum(single), rtol=1e-7, atol=1e-8)
