"""Clauses on derivatives: every parameter learns, gradients are right, and a wiring is obeyed to the last zero."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.testing.clause import clause
from caudal.testing.states import floating, leaves, mapped
from caudal.testing.subject import Subject

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
