"""Clauses on elapsed time, for the cells that claim them: an exact flow, a state that stays, a state within bounds."""

from typing import Any

import torch
from torch import Tensor, nn

from caudal.testing.clause import clause
from caudal.testing.states import floating, mapped
from caudal.testing.subject import BOTH, Subject

BATCH = 4


@clause("flow", "two elapsed times under one input are their sum", needs=("exact_in_time",))
def flow(subject: Subject) -> None:
    """Cut one step at a tenth, at a half and at all of its time; outputs and states must agree."""
    remedy = "Solve the equation exactly in `dt`, or leave `exact_in_time` False: a step by sub-steps is no exact flow."
    for dtype in BOTH:
        net = subject.net(dtype)
        x, dt = subject.series(net, BATCH, 1)
        warm = subject.warm(net, BATCH)
        with torch.no_grad():
            y, end = net(x, dt=dt, state=warm)
            for part in (0.1, 0.5, 1.0):
                _, between = net(x, dt=part * dt, state=warm)
                cut, cut_end = net(x, dt=(1 - part) * dt, state=between)
                what = f"a step and the same step cut at {part:g} of its time"
                subject.same("flow", f"outputs of {what}", cut, y, remedy)
                subject.same_state("flow", f"states of {what}", cut_end, end, remedy)


@clause("still", "no elapsed time leaves the state to the bit", needs=("keeps_state_at_zero",))
def still(subject: Subject) -> None:
    """At `dt = 0`, whatever the input, also a huge one."""
    remedy = "Add to the state an increment that `dt` multiplies, or leave `keeps_state_at_zero` False."
    for dtype in BOTH:
        net = subject.net(dtype)
        warm = subject.warm(net, BATCH)
        x, dt = subject.series(net, BATCH, 1)
        with torch.no_grad():
            for scale in (1.0, 1e3):
                _, end = net(scale * x, dt=torch.zeros_like(dt), state=warm)
                for before, after in zip(floating(warm), floating(end), strict=True):
                    if not torch.equal(before, after):
                        difference = float((after - before).abs().max())
                        subject.fail("still", f"a step of dt = 0 moved a state by {difference:.2g}", remedy)


@clause("bounded", "no state leaves [-1, 1], whatever inputs and elapsed times", needs=("bounded",))
def bounded(subject: Subject) -> None:
    """From zeros and from states at the bounds, inputs and times of very different sizes."""
    remedy = "Let each step move a state towards a target within [-1, 1], never past it, or leave `bounded` False."
    for dtype in BOTH:
        net = subject.net(dtype)
        for start in (None, _at_bounds(net, subject)):
            for scale in (1.0, 1e3, 1e8):
                for times in (1e-6, 1.0, 1e3, 1e9):
                    x, dt = subject.series(net, BATCH, 20)
                    with torch.no_grad():
                        y, end = net(scale * x, dt=times * dt, state=start)
                    largest = max(_largest(part) for part in (y, *floating(end)))
                    # Each of twenty steps may round once.
                    if not largest <= 1 + 40 * torch.finfo(dtype).eps:
                        fault = (
                            f"a state or output of size {largest:.6g} after inputs times {scale:g}, dt times {times:g}"
                        )
                        subject.fail("bounded", fault, remedy)


def _at_bounds(net: nn.Module, subject: Subject) -> Any:
    return mapped(subject.warm(net, BATCH), lambda leaf: torch.where(leaf > 0, 1, -1).to(leaf.dtype))


def _largest(part: Tensor) -> float:
    """Largest size of a number, infinity where one is NaN."""
    return float(part.abs().nan_to_num(nan=float("inf")).max())
