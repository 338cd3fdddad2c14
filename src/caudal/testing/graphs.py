"""Clauses on graphs: the compiler sees no break, and an exported layer runs at any batch and length."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.export import Dim

from caudal.testing.clause import clause
from caudal.testing.subject import Subject, leaves

LOOP = "Define the recurrence as a custom op, as `caudal.kernels` does, or skip this clause and say why."


@clause("compile", "torch.compile takes it whole and gives the same numbers and gradients")
def compiled(subject: Subject) -> None:
    """`fullgraph=True, dynamic=True` at two sizes, by the aot_eager backend, which needs no C++ compiler."""
    with _quiet():
        _compiled(subject)


def _compiled(subject: Subject) -> None:
    torch.compiler.reset()
    net, traced = subject.net(), subject.net()
    run = torch.compile(traced, fullgraph=True, dynamic=True, backend="aot_eager")
    try:
        for batch, time in ((4, 6), (3, 5)):
            x, dt = subject.series(net, batch, time)
            y, state = net(x, dt=dt)
            try:
                got, end = run(x, dt=dt)
            except Exception as error:
                subject.fail("compile", f"the compiler refused it ({_first(error)})", LOOP)
            remedy = "Look for values read in Python (`.item()`, `if tensor:`) and for tensors changed in place."
            subject.same("compile", f"outputs eager and compiled, batch {batch}, time {time}", got, y, remedy)
            subject.same_state("compile", "states eager and compiled", end, state, remedy)
            y.sum().backward()
            got.sum().backward()
        for parameter, compiled_parameter in zip(net.parameters(), traced.parameters(), strict=True):
            if parameter.grad is not None and compiled_parameter.grad is not None:
                subject.same("compile", "gradients eager and compiled", compiled_parameter.grad, parameter.grad, remedy)
    finally:
        torch.compiler.reset()


class _Flat(nn.Module):
    """A layer as a function of tensors to tensors."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, dt: Tensor) -> tuple[Tensor, ...]:
        y, state = self.net(x, dt=dt)
        return (y, *leaves(state))


@clause("export", "torch.export gives one graph for every batch and length")
def export(subject: Subject) -> None:
    """The graph has as many nodes for a long sequence as for a short one, and gives the same numbers."""
    with _quiet():
        _exported(subject)


def _exported(subject: Subject) -> None:
    net = subject.net()
    shape = {0: Dim("batch"), 1: Dim("time")}
    counts = []
    for time in (4, 9):
        x, dt = subject.series(net, 3, time)
        try:
            program = torch.export.export(_Flat(net), (x, dt), dynamic_shapes=(shape, shape))
        except Exception as error:
            subject.fail("export", f"the exporter refused it ({_first(error)})", LOOP)
        counts.append(len(list(program.graph.nodes)))
    if counts[0] != counts[1]:
        subject.fail("export", f"the graph has {counts[0]} nodes for 4 steps and {counts[1]} for 9", LOOP)
    x, dt = subject.series(net, 5, 7)
    with torch.no_grad():
        got, *end = program.module()(x, dt)
        y, state = net(x, dt=dt)
    remedy = "Compute sizes from `x.shape` at each call, never from those of an earlier one."
    subject.same("export", "outputs eager and exported", got, y, remedy)
    subject.same_state("export", "states eager and exported", end, leaves(state), remedy)


@contextmanager
def _quiet() -> Iterator[None]:
    # What the compiler warns of in its own code is not the cell's fault, and would raise where warnings are errors.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _first(error: Exception) -> str:
    text = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {text.strip()[:200]}"
