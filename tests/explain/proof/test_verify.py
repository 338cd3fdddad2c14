"""A decision that holds is proven, one that falls is refuted by example, and bad input gets a sentence."""

import pytest
import torch

from caudal.errors import InputError, NonFiniteError, ShapeError
from caudal.explain.proof import verify
from caudal.nn import GRU, LTC, CfC, Readout, Stack


def sure(lead):
    """A readout whose first class leads by `lead` at rest."""
    net = Readout(LTC(2, 4), 2)
    with torch.no_grad():
        net.map.weight.mul_(0.1)
        net.map.bias.copy_(torch.tensor([lead, 0.0]))
    return net


def test_a_wide_lead_holds():
    found = verify(sure(5.0), torch.randn(6, 2), torch.rand(6), radius=0.5)
    assert found.status == "holds" and found.decision == 0
    assert 0 < found.margin <= found.seen_margin and found.example is None


def test_a_narrow_lead_falls_with_an_example():
    net = Readout(LTC(2, 4), 2)
    x, dt = torch.randn(6, 2), torch.rand(6)
    found = verify(net, x, dt, radius=50.0)
    if found.status != "fails":
        with torch.no_grad():
            net.map.bias.zero_()
            net.map.weight.mul_(20)
        found = verify(net, x, dt, radius=50.0)
    assert found.status == "fails" and found.margin < 0
    example = torch.from_numpy(found.example).float()
    assert ((example - x).abs() <= 50.0 + 1e-3).all()
    assert net.series(example[None], dt=dt[None])[0].argmax().item() != found.decision


def test_more_boxes_prove_more():
    net, x = sure(0.02), torch.randn(4, 2)
    margins = [verify(net, x, radius=0.3, boxes=boxes).margin for boxes in (1, 15, 63)]
    assert margins[0] <= margins[1] <= margins[2]


def test_a_radius_per_input():
    net, x = sure(0.5), torch.randn(4, 2)
    one = verify(net, x, radius=torch.tensor([0.2, 0.0]))
    both = verify(net, x, radius=0.2)
    assert (one.high - one.low <= both.high - both.low + 1e-12).all()


def test_times_within_a_tolerance():
    net = sure(1.0)
    x, dt = torch.randn(5, 2), torch.tensor([0.0, 0.1, 1.0, 2.0, 1.0])
    still, moved = (verify(net, x, dt, radius=0.05, dt_radius=far) for far in (0.0, 0.3))
    assert still.status == moved.status == "holds"
    assert (moved.low <= still.low + 1e-9).all() and (moved.high >= still.high - 1e-9).all()
    assert (moved.high - moved.low).sum() > (still.high - still.low).sum()
    some = verify(net, x, dt, radius=0.0, dt_radius=torch.tensor([0.0, 0.0, 0.0, 0.0, 0.5]))
    assert (some.high - some.low).max() > 1e-4


def test_a_decision_that_falls_by_its_timing_names_the_times():
    net = Readout(LTC(2, 4), 2)
    x, dt = torch.randn(6, 2), torch.ones(6)
    with torch.no_grad():
        late, soon = net.series(x[None], dt=dt[None] * 3)[0][0], net.series(x[None], dt=dt[None] * 0.01)[0][0]
        aim = late - soon
        net.map.weight.copy_(torch.stack((net.map.weight[0], net.map.weight[1])) * 30)
        now, later = (net.series(x[None], dt=dt[None] * by)[0][0] for by in (1.0, 3.0))
        # Put the border between now and later.
        lead, other = now[0] - now[1], later[0] - later[1]
        net.map.bias += torch.stack((-(lead + other) / 2, torch.zeros(())))
    assert aim.isfinite().all()
    found = verify(net, x, dt, radius=0.0, dt_radius=2.0)
    assert found.status == "fails"
    times = torch.from_numpy(found.example_dt).float()
    assert ((times - dt).abs() <= 2.0).all() and (times >= 0).all()
    assert net.series(x[None], dt=times[None])[0].argmax().item() != found.decision


def test_steps_that_take_no_time_change_nothing():
    found = verify(sure(1.0), torch.randn(3, 2), torch.zeros(3), radius=9.0)
    assert found.status == "holds" and (found.high - found.low).max() < 1e-9


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Readout(GRU(2, 3), 2), r"verify: `model` is a GRU; sets go through LTC, CfC, .* Use one of them"),
        (Readout(Stack(LTC(2, 3), LTC(3, 3)), 2), "is a Stack"),
        (Readout(LTC(2, 3), 2, pool="mean"), "pools by"),
        (Readout(CfC(2, 3, mode="pure"), 2), "pure mode"),
        (Readout(CfC(2, 3, activation="gelu"), 2), "backbone of gelu"),
        (Readout(LTC(2, 3, solver="rk4"), 2), "rk4"),
        (Readout(LTC(2, 3), 1), "has one output"),
    ],
)
def test_models_beyond_reach_are_refused_in_words(model, words):
    with pytest.raises(InputError, match=words):
        verify(model, torch.zeros(3, 2), radius=0.1)


@pytest.mark.parametrize(
    ("x", "dt", "radius", "error", "words"),
    [
        (torch.zeros(0, 2), None, 0.1, ShapeError, "at least one step"),
        (torch.zeros(3, 5), None, 0.1, ShapeError, r"has shape \(3, 5\); expected \(time, 2\)"),
        (torch.zeros(3, 2), torch.ones(4), 0.1, ShapeError, "one elapsed time per step"),
        (torch.zeros(3, 2), None, -0.1, InputError, "is negative"),
        (torch.zeros(3, 2), None, float("nan"), NonFiniteError, "`radius` holds NaN"),
        (torch.full((3, 2), float("inf")), None, 0.1, NonFiniteError, "`x` holds NaN"),
        (torch.zeros(3, 2), None, torch.zeros(3), ShapeError, "one tolerance, or one per input"),
    ],
)
def test_bad_input_gets_a_sentence(x, dt, radius, error, words):
    with pytest.raises(error, match=words):
        verify(sure(1.0), x, dt, radius=radius)


@pytest.mark.parametrize(
    ("far", "error", "words"),
    [
        (-0.1, InputError, "`dt_radius` is negative"),
        (float("inf"), NonFiniteError, "`dt_radius` holds NaN or infinity"),
        (torch.zeros(2), ShapeError, r"`dt_radius` has shape \(2,\); expected a number or \(3,\)"),
    ],
)
def test_a_bad_tolerance_of_time_gets_a_sentence(far, error, words):
    with pytest.raises(error, match=words):
        verify(sure(1.0), torch.zeros(3, 2), radius=0.1, dt_radius=far)
