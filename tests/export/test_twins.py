"""The twins against torch: every cell and mode, in float32 and in integers, over a roll-out with irregular times."""

import numpy as np
import pytest
import torch

from caudal import export, wiring
from caudal.errors import InputError, ShapeError, TimeError
from caudal.export import Twin
from caudal.export.c.package import lower
from caudal.export.program.lower_fixed import lower_fixed
from caudal.export.program.lower_float import lower_float
from caudal.nn import CTRNN, GRUD, LRC, LTC, CfC, DLinOSS, MixedMemory, Readout

STEPS = 24


def _series(inputs: int, dt: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = np.round(rng.normal(size=(3, STEPS, inputs)) * 4096) / 4096
    times = rng.uniform(0.1, 2, (3, STEPS)) if dt is None else np.full((3, STEPS), dt)
    times[0, 3] = 0.0
    return x, np.round(times * 2**20) / 2**20


def _torch(net, x, dt):
    with torch.no_grad():
        return net(torch.tensor(x, dtype=torch.float32), dt=torch.tensor(dt, dtype=torch.float32))[0].numpy()


def test_float_twin_is_torch_to_the_rounding(net):
    x, dt = _series(net.inputs)
    y = Twin(lower_float(export.describe(net))).run(x, dt)
    assert np.abs(y - _torch(net, x, dt)).max() <= 2e-6 * max(1, np.abs(y).max())


@pytest.mark.parametrize(
    ("dtype", "wide", "widest"), [("int16", False, 2e-3), ("int16", True, 2e-3), ("int8", False, 3e-2)]
)
def test_integer_twin_stays_close(net, dtype, wide, widest):
    x, dt = _series(net.inputs)
    y = _torch(net, x, dt)
    found = Twin(lower_fixed(export.describe(net), dtype, wide=wide)).run(x, dt)
    # Backbones and blocks without a bound of their own have coarser units, from their row sums.
    slack = 4 if any(word in repr(net) for word in ("relu", "silu", "gelu", "3 layers")) else 1
    assert np.abs(found - y).max() <= slack * widest * max(1.0, np.abs(y).max())


@pytest.mark.parametrize(("dtype", "widest"), [("int16", 2e-3), ("int8", 3e-2)])
@pytest.mark.parametrize("silent", [slice(None), slice(0, 1)])
def test_a_gate_without_a_slope_is_its_constant(dtype, widest, silent):
    torch.manual_seed(0)
    net = LTC(3, 4).eval()
    with torch.no_grad():
        net.input_scale[silent] = 0.0
    x, dt = _series(3)
    found = Twin(lower_fixed(export.describe(net), dtype)).run(x, dt)
    assert np.abs(found - _torch(net, x, dt)).max() <= widest


@pytest.mark.parametrize("dt", [1.0, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("cell", ["ltc", "lrc", "ctrnn"])
def test_wide_states_follow_short_times_where_narrow_ones_freeze(cell, dt):
    torch.manual_seed(1)
    circuit = wiring.ncp(16, 8, 5, 2, seed=2)
    net = {"ltc": LTC, "lrc": LRC, "ctrnn": CTRNN}[cell](circuit).eval()
    x, times = _series(16, dt)
    x, times = np.tile(x, (1, 10, 1)), np.full((3, 10 * STEPS), dt)
    program = lower_fixed(export.describe(net), wide=True)
    assert np.abs(Twin(program).run(x, times) - _torch(net, x, times)).max() <= 1e-3


def test_nothing_moves_where_no_time_passes():
    net = LTC(3, 4)
    twin = Twin(lower_fixed(export.describe(net)))
    state = twin.start(1)
    _, state = twin.step(np.array([[4096, 0, 0]]), np.array([2**20]), state)
    _, after = twin.step(np.array([[0, -9000, 12]]), np.array([0]), state)
    assert (after["v"] == state["v"]).all()
    assert (state["v"] != 0).any()


def test_scales_and_target_are_inside(trained):
    model = trained("cfc")
    for dtype, widest in (("float32", 1e-5), ("int16", 5e-3)):
        program, _ = lower(export.describe(model.net, model.encoder), dtype)
        lost = export.lost(model.net, program, model.data.test, model.encoder)
        assert lost.metric == "accuracy"
        assert lost.widest <= widest
        assert abs(lost.change) <= 0.02


def test_int16_equals_the_network_on_real_data(model):
    program, _ = lower(export.describe(model.net, model.encoder), "int16")
    assert abs(export.lost(model.net, program, model.data.test, model.encoder).change) <= 0.02


@pytest.mark.parametrize(
    "make",
    [lambda: GRUD(4, 3), lambda: MixedMemory(3, GRUD(4, 4), form="stacked"), lambda: Readout(GRUD(4, 3), 2)],
)
def test_a_layer_that_cannot_be_exported_is_refused_by_name(make):
    with pytest.raises(InputError, match=r"export: `model` holds a GRUD, whose step cannot be exported"):
        export.describe(make())


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (lambda: LTC(2, 3, solver="euler"), "solver='euler'"),
        (lambda: LRC(2, 3, solver="explicit"), "solver='explicit'"),
        (lambda: 3, "is a int"),
        (lambda: LTC(wiring.ncp(4, 6, 4, 2, seed=3), solver="exact"), 'solver="exact", which has no form'),
        (lambda: DLinOSS(3, 4), "holds a DLinOSS, whose step cannot be exported: its oscillators"),
    ],
)
def test_what_no_bound_holds_for_is_refused(net, words):
    with pytest.raises(InputError, match=words):
        export.describe(net())


def test_bad_input_of_the_twin_is_refused():
    twin = Twin(lower_fixed(export.describe(LTC(2, 3))))
    with pytest.raises(ShapeError, match="Twin: `x` has shape"):
        twin.run(np.zeros((1, 2, 3)))
    with pytest.raises(TimeError, match="negative or NaN"):
        twin.run(np.zeros((1, 2, 2)), [[1.0, -1.0]])


def test_huge_weights_have_no_integers():
    net = CfC(2, 3, backbone_layers=0)
    with torch.no_grad():
        net.entry.weight.fill_(1e6)
    with pytest.raises(InputError, match="too large for integers"):
        lower_fixed(export.describe(net))
