"""Operations on batches, written as equations are written; who makes them real (ONNX, torch) stands behind them."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from caudal.typing import Array


class Nodes(Protocol):
    """What makes an operation real: a node of an ONNX graph, or a call of torch. Operators bear their ONNX names."""

    def constant(self, values: Array | float | Sequence[int]) -> "Symbol":
        """Numbers as float32, index arrays as they are, lists of integers as axes, shapes or paddings."""

    def op(self, kind: str, *inputs: "Symbol", **attributes: Any) -> "Symbol":
        """One operation of one result."""


class Symbol:
    """A value of a step, with the operators of an equation.

    Attributes:
        nodes: what makes operations on it real.
        operand: its name in a graph, or its tensor.
    """

    def __init__(self, nodes: Nodes, operand: Any) -> None:
        self.nodes, self.operand = nodes, operand

    def _with(self, kind: str, other: "Symbol | float", turned: bool = False) -> "Symbol":
        second = other if isinstance(other, Symbol) else self.nodes.constant(float(other))
        return self.nodes.op(kind, *((second, self) if turned else (self, second)))

    def __add__(self, other: "Symbol | float") -> "Symbol":
        return self._with("Add", other)

    def __sub__(self, other: "Symbol | float") -> "Symbol":
        return self._with("Sub", other)

    def __mul__(self, other: "Symbol | float") -> "Symbol":
        return self._with("Mul", other)

    def __truediv__(self, other: "Symbol | float") -> "Symbol":
        return self._with("Div", other)

    def __rsub__(self, other: float) -> "Symbol":
        return self._with("Sub", other, turned=True)

    def __abs__(self) -> "Symbol":
        return self.nodes.op("Abs", self)

    def sigmoid(self) -> "Symbol":
        """Logistic function."""
        return self.nodes.op("Sigmoid", self)

    def tanh(self) -> "Symbol":
        """Hyperbolic tangent."""
        return self.nodes.op("Tanh", self)

    def exp(self) -> "Symbol":
        """Exponential."""
        return self.nodes.op("Exp", self)

    def softplus(self) -> "Symbol":
        """`log(1 + exp(value))`."""
        return self.nodes.op("Softplus", self)

    def relu(self) -> "Symbol":
        """Larger of the value and 0."""
        return self.nodes.op("Relu", self)

    def erf(self) -> "Symbol":
        """Error function."""
        return self.nodes.op("Erf", self)

    def column(self, axis: int = 1) -> "Symbol":
        """The value with a new axis of size 1."""
        return self.nodes.op("Unsqueeze", self, self.nodes.constant([axis]))

    def where(self, condition: "Symbol", otherwise: "Symbol") -> "Symbol":
        """The value where a condition holds, else the other."""
        return self.nodes.op("Where", condition, self, otherwise)


def gelu(z: Symbol) -> Symbol:
    """`z` times the share of a normal distribution below it."""
    return z * ((z * math.sqrt(0.5)).erf() + 1.0) * 0.5


def runge_kutta(slope: Callable[[Symbol], Symbol], v: Symbol, d: Symbol) -> Symbol:
    """One classical step of fourth order, `d (batch, 1)` long."""
    half = d * 0.5
    k1 = slope(v)
    k2 = slope(v + half * k1)
    k3 = slope(v + half * k2)
    k4 = slope(v + d * k3)
    return v + d / 6.0 * (k1 + k2 * 2.0 + k3 * 2.0 + k4)
