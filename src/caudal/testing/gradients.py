"""Clauses on derivatives and on elapsed time.

Every parameter learns, gradients are right, and a wiring is obeyed to the last zero. Cells that claim it have an exact
flow, a state that stays, or a state within bounds.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from caudal.testing.clause import clause
from caudal.testing.subject import BOTH, Subject, floating, leaves, mapped

Matrix = NDArray[np.bool_]


@clause("gradients", "every parameter gets a finite gradient other than 0")
def gradients(subject: Subject) -> None:
    """Of a loss on outputs and final state over six steps."""
    net = subject.net()
    x, dt = subject.series(net, 5, 6)
    y, state = net(x, dt=dt, state=subject.warm(net, 5))
    weights = torch.linspace(0.5, 1.5, y.numel(), dtype=y.dtype).view_as(y)
    loss = (weights * y).sum() + sum(leaf.sin().sum() for leaf in floating(state) if leaf.requires_grad)
    loss.backward()
    dead, broken = [], []
    for name, parameter in net.named_parameters():
        if not parameter.requires_grad or parameter.numel() == 0:
            continue
        if parameter.grad is None or not bool(parameter.grad.any()):
            dead.append(name)
        elif not bool(parameter.grad.isfinite().all()):
            broken.append(name)
    if dead:
        subject.fail("gradients", f"no gradient reaches {', '.join(dead)}", "Use each parameter, or remove it.")
    if broken:
        fault = f"the gradient of {', '.join(broken)} is NaN or infinite"
        subject.fail("gradients", fault, "Look for 0/0, sqrt(0) or log(0), and for NaN hidden behind `torch.where`.")


@clause("gradcheck", "gradients agree with finite differences in float64")
def gradcheck(subject: Subject) -> None:
    """By x, dt, state and every parameter at once."""
    net = subject.net()
    x, dt = subject.series(net, 2, 3)
    warm = subject.warm(net, 2)
    names = [name for name, p in net.named_parameters() if p.requires_grad]
    parameters = [p.detach().clone() for p in net.parameters() if p.requires_grad]
    start = [leaf.clone() for leaf in floating(warm)]

    def run(x: Tensor, dt: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        given = iter(rest[: len(start)])
        state = mapped(warm, lambda leaf: next(given) if leaf.is_floating_point() else leaf)
        values = dict(zip(names, rest[len(start) :], strict=True))
        y, end = torch.func.functional_call(net, values, (x,), {"dt": dt, "state": state})
        return (y, *floating(end))

    arguments = [t.requires_grad_() for t in (x, dt, *start, *parameters)]
    try:
        torch.autograd.gradcheck(run, arguments, fast_mode=True, atol=1e-5, rtol=1e-3)
    except RuntimeError as error:
        fault = f"analytic and numerical gradients disagree ({' '.join(str(error).split())[:300]})"
        remedy = "Check the backward formula against autograd in float64, one argument at a time."
        subject.fail("gradcheck", fault, remedy)


@clause("wiring", "d(new state)/d(source) is exactly 0 off the wiring", needs=("wired",))
def wiring(subject: Subject) -> None:
    """For one step: along one synapse for each of the layer's `substeps`, if it has any.

    A class that declares `passes_layers = True` lets a signal rise through all layers of the wiring within one step.
    """
    net = subject.net()
    hops: Any = getattr(net, "substeps", 1)
    sensory, recurrent = reach(net.wiring, int(hops), bool(getattr(net, "passes_layers", False)))
    x, dt = subject.series(net, 1, 1)
    warm = subject.warm(net, 1)
    wide = [i for i, leaf in enumerate(leaves(warm)) if leaf.shape[1:] == (recurrent.shape[0],)]

    def run(x: Tensor, *given: Tensor) -> tuple[Tensor, ...]:
        source = iter(given)
        state = mapped(warm, lambda leaf: next(source))
        end = leaves(net.step(x, dt=dt[:, 0], state=state)[1])  # type: ignore[operator]
        return tuple(end[i] for i in wide)

    jacobians = torch.autograd.functional.jacobian(run, (x[:, 0], *leaves(warm)))  # type: ignore[no-untyped-call]
    for row in jacobians:
        _obeyed(subject, row[0][0, :, 0], sensory, "input")
        for i in wide:
            _obeyed(subject, row[1 + i][0, :, 0], recurrent, "neuron")


def _obeyed(subject: Subject, jacobian: Tensor, allowed: Matrix, source: str) -> None:
    off = jacobian.T.abs() * torch.from_numpy(~allowed)
    if bool((off != 0).any()):
        place = tuple(int(i) for i in off.nonzero()[0])
        fault = f"neuron {place[1]} reads {source} {place[0]} without a synapse, by up to {float(off.max()):.2g}"
        subject.fail("wiring", fault, "Compute only over the synapses of the wiring; mask in the step, not at birth.")


def reach(drawn: Any, hops: int, passes_layers: bool) -> tuple[Matrix, Matrix]:
    """Who may influence whom within one step.

    Arguments:
        drawn: the wiring: `sensory (inputs, units)`, `recurrent (units, units)` and `layers (units,)`.
        hops: the most synapses that a signal follows within one step.
        passes_layers: whether a synapse onto a higher layer carries the new value of its source, not the previous.

    Returns:
        bool matrices `(inputs, units)` and `(units, units)`, sources in rows; every neuron reaches itself.
    """
    synapses, itself = np.asarray(drawn.recurrent) != 0, np.eye(len(drawn.recurrent), dtype=bool)
    layers = np.asarray(drawn.layers)
    rising = synapses & (layers[:, None] < layers) if passes_layers else np.zeros_like(synapses)
    within = itself
    for _ in range(len(np.unique(layers))):
        within = within @ (itself | rising)
    recurrent, sensory = (itself | (synapses & ~rising)) @ within, (np.asarray(drawn.sensory) != 0) @ within
    onward = recurrent
    for _ in range(hops - 1):
        sensory, recurrent = sensory @ onward, recurrent @ onward
    return sensory, recurrent


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


def _at_bounds(net: nn.Module, subject: Subject) -> object:
    return mapped(subject.warm(net, BATCH), lambda leaf: torch.where(leaf > 0, 1, -1).to(leaf.dtype))


def _largest(part: Tensor) -> float:
    """Largest size of a number, infinity where one is NaN."""
    return float(part.abs().nan_to_num(nan=float("inf")).max())
