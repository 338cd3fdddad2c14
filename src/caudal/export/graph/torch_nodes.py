"""Operations as nodes of a torch graph: plain tensors and no operator of our own, so that any exporter reads it."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn.functional import pad

from caudal.export.graph.nodes import Array, Value
from caudal.export.graph.onnx_nodes import single


def _take(x: Tensor, index: Any, axis: int) -> Tensor:
    return x.select(axis, index) if isinstance(index, int) else x[(slice(None),) * axis + (index,)]


def _pad(x: Tensor, ends: Sequence[int]) -> Tensor:
    half = len(ends) // 2
    return pad(x, [end for axis in reversed(range(half)) for end in (ends[axis], ends[half + axis])])


_OPS: dict[str, Callable[..., Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
    "Abs": torch.abs,
    "Sigmoid": torch.sigmoid,
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

    def value(self, name: str) -> Value:
        """A value that the graph is given."""
        return Value(self, self.graph.placeholder(name))

    def constant(self, values: Array | float | Sequence[int]) -> Value:
        """See `Nodes`."""
        array = single(values)
        if isinstance(values, float) or (array.dtype.kind == "i" and (isinstance(values, list) or not array.ndim)):
            return Value(self, array.tolist())
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"k{len(self._known)}"
            wide = array.astype(np.int64) if array.dtype.kind == "i" else array
            self.root.register_buffer(self._known[key], torch.from_numpy(wide.copy(order="C")))
        return Value(self, self.graph.get_attr(self._known[key]))

    def op(self, kind: str, *inputs: Value, **attributes: Any) -> Value:
        """See `Nodes`."""
        return Value(self, self.graph.call_function(_OPS[kind], tuple(value.operand for value in inputs), attributes))

    def module(self, *answers: Value) -> fx.GraphModule:
        """The whole as a module that answers a tuple."""
        self.graph.output(tuple(value.operand for value in answers))
        return fx.GraphModule(self.root, self.graph)
