"""`caudal.export.torch_program`, `aoti` and `executorch`: the same step for torch's own runtimes.

A plan has two programs: one step with its state in the open, and a whole sequence by torch's scan. Both are plain
tensors without an operator of our own, so that any exporter reads them.
"""

import operator
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.export import Dim, ExportedProgram, export
from torch.nn.functional import pad, softplus

from caudal._version import __version__
from caudal.data import Encoder
from caudal.errors import BackendError
from caudal.export.files import Exported, Graph, checked, written
from caudal.export.graph.nodes import Symbol
from caudal.export.graph.onnx_graph import single
from caudal.export.graph.step import advance
from caudal.export.plan.plan import Plan
from caudal.export.plan.read import describe
from caudal.extras import require
from caudal.typing import Array


def _take(x: Tensor, index: Any, axis: int) -> Tensor:
    return x.select(axis, index) if isinstance(index, int) else x[(slice(None),) * axis + (index,)]


def _pad(x: Tensor, ends: Sequence[int]) -> Tensor:
    half = len(ends) // 2
    return pad(x, [end for axis in reversed(range(half)) for end in (ends[axis], ends[half + axis])])


_OPS: dict[str, Callable[..., object]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
    "Abs": torch.abs,
    "Sigmoid": torch.sigmoid,
    "Softplus": softplus,
    "Tanh": torch.tanh,
    "Exp": torch.exp,
    "Relu": torch.relu,
    "Erf": torch.erf,
    "MatMul": torch.matmul,
    "Where": torch.where,
    "Unsqueeze": lambda x, axes: x.unsqueeze(axes[0]),
    "Reshape": lambda x, shape: x.unflatten(1, shape[1:]),
    "ReduceSum": lambda x, axes, keepdims: x.sum(axes[0]),
    "Gather": _take,
    "Pad": _pad,
    "Concat": lambda *parts, axis: torch.cat(parts, axis),
}


class TorchNodes:
    """Nodes of one `torch.fx` graph in the making; constants become buffers of `root`, without repeats."""

    def __init__(self) -> None:
        self.root, self.graph = nn.Module(), fx.Graph()
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def value(self, name: str) -> Symbol:
        """A value that the graph is given."""
        return Symbol(self, self.graph.placeholder(name))

    def constant(self, values: Array | float | Sequence[int]) -> Symbol:
        """See `Nodes`."""
        array = single(values)
        if isinstance(values, float) or (array.dtype.kind == "i" and (isinstance(values, list) or not array.ndim)):
            return Symbol(self, array.tolist())
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"k{len(self._known)}"
            wide = array.astype(np.int64) if array.dtype.kind == "i" else array
            self.root.register_buffer(self._known[key], torch.from_numpy(wide.copy(order="C")))
        return Symbol(self, self.graph.get_attr(self._known[key]))

    def op(self, kind: str, *inputs: Symbol, **attributes: Any) -> Symbol:
        """See `Nodes`."""
        return Symbol(self, self.graph.call_function(_OPS[kind], tuple(value.operand for value in inputs), attributes))

    def module(self, *answers: Symbol) -> fx.GraphModule:
        """The whole as a module that answers a tuple."""
        self.graph.output(tuple(value.operand for value in answers))
        return fx.GraphModule(self.root, self.graph)


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


def torch_program(
    model: Any, path: str | os.PathLike[str], graph: Graph = "step", *, encoder: Encoder | None = None
) -> Exported:
    """Write a model as an exported program of torch (`.pt2`), which runs without caudal.

    `torch.export.load(path).module()` takes the inputs of the ONNX graph in its order and answers a tuple:
    `(x, dt, *states) -> (y, *new states)` for `"step"`, `(x, dt, mask, *states) -> (y, last, *new states)` for
    `"sequence"`. It holds plain operators of torch, synapses as they are, and any batch and time.

    Arguments:
        model: a layer (see `export.describe`) or a fitted estimator.
        path: of the file; an older one stays whole when anything fails.
        graph: `"step"` or `"sequence"`.
        encoder: scales that become part of the program; an estimator brings its own.

    Raises:
        InputError: the model has no export, or an argument is out of range.
        OSError: the file cannot be written.
    """
    place = checked(path, graph)
    plan = describe(model, encoder, graphs=True)
    program = step_program(plan) if graph == "step" else sequence_program(plan)
    return written(
        place,
        "torch",
        graph,
        plan,
        lambda beside: torch.export.save(program, beside, extra_files={"caudal": __version__}),
    )


def aoti(model: Any, path: str | os.PathLike[str], *, encoder: Encoder | None = None) -> Exported:
    """Write a model's step as compiled by AOTInductor (`.pt2`), for this kind of processor and any batch.

    `torch._inductor.aoti_load_package(path)` takes contiguous `(x, dt, *states)`, answers `(y, *new states)`, and runs
    from C++ without Python. Compiling takes half a minute and more. There is no sequence: AOTInductor of torch 2.13
    fails on the scan operator with dynamic sizes.

    Arguments:
        model, path, encoder: as in `torch_program`.

    Raises:
        InputError: as `torch_program`.
        BackendError: there is no C++ compiler, or the compilation fails.
    """
    place = checked(path, "step")
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        fault = "export: AOTInductor needs a C++ compiler, and there is no `g++`."
        raise BackendError(f"{fault} Install one, or use `torch_program`, which needs none.")
    plan = describe(model, encoder, graphs=True)

    def compiled(beside: os.PathLike[str]) -> None:
        from torch._inductor import aoti_compile_and_package

        try:
            with quietly():
                aoti_compile_and_package(step_program(plan), package_path=os.fspath(beside))
        except RuntimeError as error:
            lines = str(error).strip().splitlines()[:1]
            raise BackendError(f"export: AOTInductor failed: {' '.join(lines)}. Use `torch_program`.") from error

    return written(place, "aoti", "step", plan, compiled)


def executorch(model: Any, path: str | os.PathLike[str], *, encoder: Encoder | None = None) -> Exported:
    """Write a model's step for ExecuTorch's portable kernels (`.pte`), for phones and small boards; a batch of 1.

    The method `forward` takes `(x (1, inputs), dt (1,), *states (1, size))` and answers `(y, *new states)`; copy the
    answers before the next call, which writes them anew.

    Arguments:
        model, path, encoder: as in `torch_program`.

    Raises:
        InputError: as `torch_program`.
        MissingExtraError: `executorch` is not installed.
    """
    place = checked(path, "step")
    require("export", "executorch")
    plan = describe(model, encoder, graphs=True)
    with quietly():
        from executorch.exir import to_edge_transform_and_lower

        program = to_edge_transform_and_lower(step_program(plan, batch=1)).to_executorch()
    return written(place, "executorch", "step", plan, lambda beside: beside.write_bytes(program.buffer))
