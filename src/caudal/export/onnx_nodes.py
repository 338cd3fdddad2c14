"""Writes ONNX nodes as equations are written: values with operators, constants without repeats."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from caudal.errors import InputError

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

Array = NDArray[Any]


class Nodes:
    """Nodes and constants of one graph in the making.

    Arguments:
        stem: what every name in the graph begins with.
    """

    def __init__(self, stem: str = "n") -> None:
        self.stem = stem
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def value(self, name: str) -> "Value":
        """A value that the graph is given."""
        return Value(self, name)

    def constant(self, values: Array | float | Sequence[int]) -> "Value":
        """A constant: numbers become float32, lists of integers int64; an equal one is taken again.

        Raises:
            InputError: a number is beyond float32.
        """
        from onnx import numpy_helper

        array = np.asarray(values)
        if array.dtype.kind == "f":
            with np.errstate(over="ignore"):
                array = array.astype(np.float32)
            if not np.isfinite(array).all():
                remedy = "Its weights or scales are beyond 3e38; train it again."
                raise InputError("export", "model", "has numbers that float32 does not hold", remedy)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"{self.stem}k{len(self._known)}"
            self.initializers.append(numpy_helper.from_array(array.copy(order="C"), self._known[key]))
        return Value(self, self._known[key])

    def op(self, kind: str, *inputs: "Value", name: str = "", **attributes: Any) -> "Value":
        """One node of one output.

        Arguments:
            kind: its operator.
            inputs: what it reads.
            name: of its output; a short one when left out.
        """
        from onnx import helper

        out = name or f"{self.stem}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [one.name for one in inputs], [out], **attributes))
        return Value(self, out)


class Value:
    """A named value of a graph, with the operators of an equation."""

    def __init__(self, nodes: Nodes, name: str) -> None:
        self.nodes, self.name = nodes, name

    def _with(self, kind: str, other: "Value | float", turned: bool = False) -> "Value":
        second = other if isinstance(other, Value) else self.nodes.constant(float(other))
        return self.nodes.op(kind, *((second, self) if turned else (self, second)))

    def __add__(self, other: "Value | float") -> "Value":
        return self._with("Add", other)

    def __sub__(self, other: "Value | float") -> "Value":
        return self._with("Sub", other)

    def __mul__(self, other: "Value | float") -> "Value":
        return self._with("Mul", other)

    def __truediv__(self, other: "Value | float") -> "Value":
        return self._with("Div", other)

    def __rsub__(self, other: float) -> "Value":
        return self._with("Sub", other, turned=True)

    def __abs__(self) -> "Value":
        return self.nodes.op("Abs", self)

    def sigmoid(self) -> "Value":
        """Logistic function."""
        return self.nodes.op("Sigmoid", self)

    def tanh(self) -> "Value":
        """Hyperbolic tangent."""
        return self.nodes.op("Tanh", self)

    def exp(self) -> "Value":
        """Exponential."""
        return self.nodes.op("Exp", self)

    def relu(self) -> "Value":
        """Larger of the value and 0."""
        return self.nodes.op("Relu", self)

    def erf(self) -> "Value":
        """Error function."""
        return self.nodes.op("Erf", self)

    def column(self, axis: int = 1) -> "Value":
        """The value with a new axis of size 1."""
        return self.nodes.op("Unsqueeze", self, self.nodes.constant([axis]))

    def part(self, at: int) -> "Value":
        """Entry `at` of axis 1, which goes."""
        return self.nodes.op("Gather", self, self.nodes.constant(np.array(at, np.int32)), axis=1)

    def where(self, condition: "Value", otherwise: "Value") -> "Value":
        """The value where a condition holds, else the other."""
        return self.nodes.op("Where", condition, self, otherwise)

    def same(self, name: str) -> "Value":
        """The value under the name that the graph answers it by."""
        return self.nodes.op("Identity", self, name=name)
