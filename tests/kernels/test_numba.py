"""Every recurrence with a compiled CPU backend against its reference: numbers, odd shapes, memory, bits, threads."""

import numpy as np
import pytest
import torch

# Outputs stay within 1e-6 of the largest value. Gradients of parameters are sums over batch, time and sub-steps of
# float32 terms of both signs, each with its own rounding: 32 eps, a few times what a sum of this length loses.
LIMITS = {torch.float32: (1e-6, 32 * 2.0**-23), torch.float64: (1e-12, 1e-12)}
SHAPES = [(1, 1, 3, 1), (33, 63, 3, 19), (1, 63, 2, 19), (33, 1, 5, 6)]


def in_double(call):
    """The same numbers in float64, so that the oracle's own rounding stays out of the comparison."""
    tensors = {name: getattr(call, name).double() for name in ("x", "dt", "weight")}
    lists = {name: [t.double() for t in getattr(call, name)] for name in ("state", "params")}
    return call._replace(**tensors, **lists)


def check(found, call, gap):
    wanted = [t.to(call.x.dtype) for t in in_double(call).gradients("reference")]
    outputs, gradients = LIMITS[call.x.dtype]
    assert gap(found[:1], wanted[:1]) <= outputs
    assert gap(found[1:], wanted[1:]) <= gradients


@pytest.fixture
def threads():
    """`torch.set_num_threads`, set back at the end."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
def test_outputs_and_gradients_are_those_of_the_reference(make, gap, case, dtype, shape, masked):
    call = make(case, *shape, masked=masked, dtype=dtype)
    check(call.gradients(), call, gap)


@pytest.mark.parametrize("density", [0.0, 1.0])
def test_also_without_synapses_and_with_all(make, gap, case, density):
    call = make(case, density=density, dtype=torch.float64)
    check(call.gradients(), call, gap)


def test_masked_steps_leave_the_state_to_the_bit(make, case):
    call = make(case, masked=True)
    states = torch.cat((call.state[0][:, None], call.run()), 1)
    stays = ~call.mask
    assert torch.equal(states[:, 1:][stays], states[:, :-1][stays])


def test_an_empty_batch_gives_empty_states_and_zero_gradients(make, case):
    call = make(case, batch=0)
    states, x, dt, state, *params = call.gradients()
    assert states.shape == (0, *call.weight.shape[1:])
    assert [x.shape, dt.shape, state.shape] == [call.x.shape, call.dt.shape, call.state[0].shape]
    assert all(torch.equal(grad, torch.zeros_like(p)) for grad, p in zip(params, call.params, strict=True))


def test_strides_do_not_matter(make, case):
    call = make(case, masked=True)

    def strided(tensor):
        wide = torch.full((*tensor.shape, 2), -7, dtype=tensor.dtype) if tensor.dtype != torch.bool else None
        if wide is None:
            return tensor.t().contiguous().t()
        wide[..., 0] = tensor
        return wide[..., 0]

    odd = call._replace(
        x=strided(call.x),
        dt=strided(call.dt),
        mask=strided(call.mask),
        weight=strided(call.weight),
        state=[strided(s) for s in call.state],
        params=[strided(p) for p in call.params],
        graph=[strided(g) for g in call.graph],
    )
    assert not odd.x.is_contiguous()
    assert all(torch.equal(a, b) for a, b in zip(odd.gradients(), call.gradients(), strict=True))


def test_nothing_is_read_before_it_is_written(make, case, monkeypatch):
    """Fresh memory is full of NaN: what a kernel forgets to write, or reads too early, cannot pass."""
    call = make(case, 17, 5, masked=True)
    wanted = call.gradients()

    def poisoned(allocate):
        def fresh(*args, **kwargs):
            made = allocate(*args, **kwargs)
            if isinstance(made, np.ndarray):
                if made.dtype.kind == "f":
                    made.fill(np.nan)
            elif made.is_floating_point():
                made.fill_(torch.nan)
            return made

        return fresh

    for owner, name in (
        (np, "empty"), (np, "empty_like"), (torch, "empty"), (torch, "empty_like"), (torch.Tensor, "new_empty"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, poisoned(getattr(owner, name)))
    assert np.isnan(np.empty(3)).all()
    found = call.gradients()
    monkeypatch.undo()
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_two_runs_give_the_same_bits(make, case, threads):
    threads(2)
    call = make(case, 33, 9)
    first = call.gradients()
    for _ in range(3):
        assert all(torch.equal(a, b) for a, b in zip(call.gradients(), first, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["f32", "f64"])
def test_bits_of_a_row_do_not_depend_on_its_neighbours(make, case, dtype):
    call = make(case, 40, 9, masked=True, dtype=dtype)
    whole = call.run()
    for rows in (slice(0, 1), slice(3, 20), slice(35, 40)):
        assert torch.equal(call.rows(rows).run(), whole[rows])
    x = call.x.clone()
    x[1:] = torch.nan
    assert torch.equal(call._replace(x=x).run()[:1], whole[:1])


def test_threads_change_no_bit_of_the_states_and_little_of_the_gradients(make, gap, case, threads):
    call = make(case, 33, 9)
    threads(1)
    one = call.gradients()
    threads(2)
    two = call.gradients()
    assert torch.equal(one[0], two[0])
    assert gap(two, one) <= 1e-6
