"""The Triton kernels on the CPU: pytest runs this file from `test_triton.py`, with `TRITON_INTERPRET=1` set.

Triton reads that variable when a kernel is defined; a process of its own keeps it from the tests that use a device.
"""

import pytest
import torch

from caudal.errors import BackendError
from caudal.kernels import dispatch, names, use
from caudal.kernels.recurrence import Call

# Outputs, gradients: those of dt sum over neurons and sub-steps what cancels.
CLOSE = {torch.float32: (1e-6, 1e-5), torch.float64: (1e-13, 1e-12)}


def exact(call):
    """The reference in float64, rounded: in float32 its own sums over neurons and batch lose more than the kernels."""
    double = call._replace(
        x=call.x.double(), dt=call.dt.double(), state=[s.double() for s in call.state],
        params=[p.double() for p in call.params], weight=call.weight.double(),
    )  # fmt: skip
    return [t.to(call.x.dtype) for t in double.gradients("reference")]


def near(call, gap):
    """Fail where outputs or gradients leave their limits."""
    found, wanted = call.gradients("triton"), exact(call)
    outputs, gradients = CLOSE[call.x.dtype]
    assert gap(found[:1], wanted[:1]) < outputs
    assert gap(found[1:], wanted[1:]) < gradients


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(params=["random", "poisoned"])
def memory(request):
    """Memory that a kernel forgets to write holds NaN."""
    poisoned = request.param == "poisoned"
    torch.use_deterministic_algorithms(poisoned)
    torch.utils.deterministic.fill_uninitialized_memory = poisoned
    yield request.param
    torch.use_deterministic_algorithms(False)


LEADS = ("ltc", "lrc-symmetric", "ctrnn", "wired-default", "cfc-default")
SIZES = {
    "one of all": {"batch": 1, "time": 1, "units": 1, "inputs": 1, "density": 1.0},
    "odd": {"batch": 5, "time": 7, "units": 5, "masked": True},
    "units": {"batch": 2, "time": 2, "units": 19, "inputs": 2},
    "no synapses": {"batch": 2, "time": 2, "density": 0.0},
    "rows": {"batch": 33, "time": 1, "units": 3, "inputs": 1},
}


@pytest.fixture(params=LEADS)
def lead(request):
    """Name of each recurrence under one of its settings; running the interpreter under all of them takes minutes."""
    return request.param


def test_reference_is_met_under_every_setting(triton_case, make, gap):
    call = make(triton_case, batch=2, time=2, units=5, masked=True)
    near(call, gap)


# One row after another is the slow part, and the loop over rows is the same in all cells that walk synapses.
PAIRS = [(lead, size) for lead in LEADS for size in SIZES if size != "rows" or lead in ("ltc", "cfc-default")]


@pytest.mark.parametrize(("lead", "size"), PAIRS)
def test_reference_is_met_at_every_size(lead, make, gap, size):
    call = make(lead, **SIZES[size])
    near(call, gap)


BACKBONES = [(0, "default", "tanh"), (3, "no_gate", "gelu"), (2, "pure", "tanh")]


@pytest.mark.parametrize("settings", BACKBONES, ids=str)
def test_backbones_of_any_depth(make, gap, settings):
    layers, mode, activation = settings
    units, size = 5, 20
    heads = 1 if mode == "pure" else 4
    call = make(f"cfc-{mode}", batch=3, time=3, inputs=size if layers else heads * units, units=units, masked=True)
    generator = torch.Generator().manual_seed(1)
    inner = [
        0.4 * torch.randn(*shape, generator=generator) for _ in range(layers - 1) for shape in ((size, size), (size,))
    ]
    first, *rest = call.params
    params = [first, *inner, *rest] if layers else [first, *rest[2:]]
    call = call._replace(params=params, settings={"mode": mode, "activation": activation, "layers": layers})
    near(call, gap)


def test_reference_is_met_in_float64(lead, make, gap):
    call = make(lead, batch=2, time=3, masked=True, dtype=torch.float64)
    near(call, gap)


def test_bits_repeat_and_no_memory_is_left_unwritten(lead, make, memory):
    call = make(lead, batch=2, time=2, units=5, masked=True)
    first, again = call.gradients("triton"), call.gradients("triton")
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(torch.isfinite(t).all() for t in first)


def test_empty_batch_and_no_steps(lead, make):
    for size in ({"batch": 0}, {"time": 0}):
        states, *grads = make(lead, **size).gradients("triton")
        assert states.numel() == 0
        assert not any(g.abs().sum() for g in grads)


def test_masked_steps_read_nothing(lead, make):
    call = make(lead, batch=2, time=3, masked=True)
    spoilt = call._replace(
        x=call.x.masked_fill(~call.mask[..., None], torch.nan), dt=call.dt.masked_fill(~call.mask, torch.nan)
    )
    assert torch.equal(spoilt.run("triton"), call.run("triton"))


def test_totals_are_moved_more_than_once(make, gap):
    call = make("ctrnn-1", batch=1, time=65, units=2, inputs=1)
    near(call, gap)


def test_half_precision_is_computed_in_float32(lead, make, gap):
    call = make(lead, batch=2, time=3)
    half = call._replace(
        x=call.x.bfloat16(), dt=call.dt.bfloat16(), state=[s.bfloat16() for s in call.state],
        params=[p.bfloat16() for p in call.params], weight=call.weight.bfloat16(),
    )  # fmt: skip
    wide = call._replace(
        x=half.x.float(), dt=half.dt.float(), state=[s.float() for s in half.state],
        params=[p.float() for p in half.params], weight=half.weight.float(),
    )  # fmt: skip
    found, wanted = half.gradients("triton"), wide.gradients("triton")
    assert {t.dtype for t in found} == {torch.bfloat16}
    assert gap([t.float() for t in found], wanted) < 2e-2


def _call(sample) -> Call:
    return Call(sample.x, sample.dt, sample.mask, sample.state, sample.params, sample.graph, sample.settings)


def test_auto_never_takes_the_interpreter(lead, make):
    call = _call(make(lead))
    assert "triton" in names(make(lead).name)
    half = call._replace(x=call.x.bfloat16(), dt=call.dt.bfloat16())
    chosen = dispatch.explain(make(lead).name, half)
    assert chosen.backend == "reference"
    assert dict(chosen.refused)["triton"] == (
        "Triton's interpreter is on (TRITON_INTERPRET=1), which runs only when asked for by name"
    )


def test_a_block_may_ask_for_it(make):
    call = make("ltc")
    with use("triton"):
        assert torch.equal(call.run("auto"), call.run("triton"))


def test_refusals_are_sentences(make):
    call = make("ltc")
    mixed = call._replace(x=call.x.double())
    with pytest.raises(BackendError) as raised:
        mixed.run("triton")
    assert str(raised.value) == (
        "ltc_scan: backend 'triton' cannot run this call: it was given torch.float32, torch.float64, and this backend "
        'computes float32 (also for half precision) or float64. Ask for "auto" to let caudal choose.'
    )
    crowd = make("ltc", batch=1, time=1, units=100, density=1.0)
    with pytest.raises(BackendError, match="it has 10000 recurrent synapses, and one program holds 8192"):
        crowd.run("triton")
    many = make("ltc", batch=1, time=1, units=1, inputs=2000, density=1.0)
    with pytest.raises(BackendError, match="it has more than 1024 units or inputs, and one program holds no more"):
        many.run("triton")
