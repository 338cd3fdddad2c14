"""Operations as nodes of an ONNX graph, constants without repeats."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from caudal.errors import InputError
from caudal.export.graph.nodes import Array, Value

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto


class OnnxNodes:
    """Nodes and constants of one graph in the making.

    Arguments:
        stem: what every name in the graph begins with.
    """

    def __init__(self, stem: str = "n") -> None:
        self.stem = stem
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def value(self, name: str) -> Value:
        """A value that the graph is given."""
        return Value(self, name)

    def constant(self, values: Array | float | Sequence[int]) -> Value:
        """See `Nodes`; an equal constant is taken again.

        Raises:
            InputError: a number is beyond float32.
        """
        from onnx import numpy_helper

        array = single(values)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"{self.stem}k{len(self._known)}"
            self.initializers.append(numpy_helper.from_array(array.copy(order="C"), self._known[key]))
        return Value(self, self._known[key])

    def op(self, kind: str, *inputs: Value, name: str = "", **attributes: Any) -> Value:
        """See `Nodes`; `name` is that of the output, a short one when left out."""
        from onnx import helper

        out = name or f"{self.stem}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [value.operand for value in inputs], [out], **attributes))
        return Value(self, out)


def single(values: Array | float | Sequence[int]) -> Array:
    """An array, its real numbers in float32.

    Raises:
        InputError: a number is beyond float32.

    Example:
        >>> single([1, 2]).dtype, single(0.5).dtype
        (dtype('int64'), dtype('float32'))
    """
    array = np.asarray(values)
    if array.dtype.kind != "f":
        return array
    with np.errstate(over="ignore"):
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        remedy = "Its weights or scales are beyond 3e38; train it again."
        raise InputError("export", "model", "has numbers that float32 does not hold", remedy)
    return array
