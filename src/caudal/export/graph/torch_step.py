"""The two torch programs of a plan: one step with its state in the open, and a whole sequence by torch's scan."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram, export

from caudal.export.graph.step import advance
from caudal.export.graph.torch_nodes import TorchNodes
from caudal.export.plan.plan import Plan

# Of the example that torch traces; 1 would make the batch a constant.
_BATCH, _TIME = 3, 5


@contextmanager
def quietly() -> Iterator[None]:
    """Leave out what torch's exporters warn of about torch itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def step_module(plan: Plan) -> fx.GraphModule:
    """One step: `(x (batch, inputs), dt (batch,), *states) -> (y (batch, outputs), *new states)`.

    Example:
        >>> from caudal.export.plan.read import describe
        >>> from caudal.nn import LTC
        >>> step = step_module(describe(LTC(2, 3)))
        >>> [part.shape for part in step(torch.zeros(4, 2), torch.ones(4), torch.zeros(4, 3))]
        [torch.Size([4, 3]), torch.Size([4, 3])]
    """
    nodes = TorchNodes()
    x, dt = nodes.value("x"), nodes.value("dt")
    states = {state.name: nodes.value(f"state_{state.name}") for state in plan.states()}
    y, after = advance(nodes, plan, x, dt.column(), states)
    return nodes.module(y, *after.values())


class SequenceModule(nn.Module):
    """A whole sequence: `(x, dt, mask, *states) -> (y, last, *new states)`; shapes and masks as in `onnx_graph`.

    Arguments:
        plan: what each step computes.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.step, self.outputs = step_module(plan), plan.outputs

    def forward(self, x: Tensor, dt: Tensor, mask: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Run over `x (batch, time, inputs)`, `dt (batch, time)`, `mask (batch, time)` of bool."""
        from torch._higher_order_ops.scan import scan

        def body(carried: tuple[Tensor, ...], now: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
            counts = now[2][:, None]
            y, *after = self.step(now[0], now[1], *carried[1:])
            chosen = [torch.where(counts, new, old) for new, old in zip((y, *after), carried, strict=True)]
            return tuple(chosen), torch.where(counts, y, 0)

        inputs = (torch.where(mask[..., None], x, 0), torch.where(mask, dt, 0), mask)
        # The operator refuses results that share memory with what went in.
        start = (x.new_zeros(x.shape[0], self.outputs), *(state.clone() for state in states))
        ends, y = scan(body, start, tuple(tensor.movedim(1, 0) for tensor in inputs))
        return (y.movedim(0, 1), *ends)


def step_program(plan: Plan, *, batch: int | None = None) -> ExportedProgram:
    """One step as torch exports it, for any batch or for a fixed one."""
    count = _BATCH if batch is None else batch
    states = [torch.zeros(count, state.size) for state in plan.states()]
    args = (torch.zeros(count, plan.inputs), torch.ones(count), *states)
    free = None if batch is not None else tuple({0: Dim("batch")} for _ in args)
    with quietly():
        return export(step_module(plan), args, dynamic_shapes=free)


def sequence_program(plan: Plan) -> ExportedProgram:
    """A whole sequence as torch exports it, for any batch and time."""
    states = [torch.zeros(_BATCH, state.size) for state in plan.states()]
    x, dt = torch.zeros(_BATCH, _TIME, plan.inputs), torch.ones(_BATCH, _TIME)
    batch, time = Dim("batch"), Dim("time")
    series = [{0: batch, 1: time}] * 3
    with quietly():
        return export(
            SequenceModule(plan),
            (x, dt, dt > 0, *states),
            dynamic_shapes=(*series, tuple({0: batch} for _ in states)),
        )
