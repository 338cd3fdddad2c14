"""Writing down what a row computes, by computing with values that note every operation."""

from typing import Self

from caudal.export.program.program import Node


class Recorder:
    """The nodes of one block, as they are written.

    Example:
        >>> trace = Recorder()
        >>> total = trace.total(0) + trace.number(1)
        >>> [node.op for node in trace.nodes], total.at
        (['total', 'imm', 'add'], 2)
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[Node, int] = {}

    def node(self, op: str, *args: "Value", name: str = "", values: tuple[float, ...] = ()) -> "Value":
        """The value of an operation; an equal one is not written twice."""
        node = Node(op, tuple(arg.at for arg in args), name, values)
        if node not in self._known:
            self._known[node] = len(self.nodes)
            self.nodes.append(node)
        return Value(self, self._known[node])

    def total(self, channel: int) -> "Value":
        """What a channel has gathered."""
        return self.node("total", values=(channel,))

    def number(self, value: float) -> "Value":
        """A literal."""
        return self.node("imm", values=(value,))

    def load(self, slot: str) -> "Value":
        """Element of a slot, for the row at hand."""
        return self.node("load", name=slot)

    def scalar(self, slot: str) -> "Value":
        """The only element of a slot."""
        return self.node("scalar", name=slot)

    def constant(self, name: str) -> "Value":
        """Element of a constant, for the row at hand."""
        return self.node("const", name=name)


class Value:
    """A number that knows how it came about."""

    def __init__(self, trace: Recorder, at: int) -> None:
        self.trace, self.at = trace, at

    def _of(self, other: "Value | float") -> "Value":
        return other if isinstance(other, Value) else self.trace.number(other)

    def __add__(self, other: "Value | float") -> "Value":
        return self.trace.node("add", self, self._of(other))

    def __sub__(self, other: "Value | float") -> "Value":
        return self.trace.node("sub", self, self._of(other))

    def __mul__(self, other: "Value | float") -> "Value":
        return self.trace.node("mul", self, self._of(other))

    def __truediv__(self, other: "Value | float") -> "Value":
        return self.trace.node("div", self, self._of(other))

    def __abs__(self) -> "Value":
        return self.trace.node("abs", self)

    def table(self, name: str) -> "Value":
        """Looked up, between entries by a straight line (integers) or by its derivatives (floats)."""
        return self.trace.node("table", self, name=name)

    def clip(self, low: int, high: int) -> "Value":
        """Kept within two numbers."""
        return self.trace.node("clip", self, values=(low, high))

    def half_up(self, bits: int) -> "Value":
        """Divided by a power of two, rounded half up."""
        return self.trace.node("rnd", self, values=(bits,)) if bits else self

    def floor(self, bits: int) -> "Value":
        """Divided by a power of two, rounded down."""
        return self.trace.node("shr", self, values=(bits,)) if bits else self

    def times(self, other: "Value | float", bits: int) -> "Value":
        """Product in 64 bits, divided by a power of two and rounded down; the result must fit 32 bits."""
        return self.trace.node("mulsh", self, self._of(other), values=(bits,))

    def times_clipped(self, other: "Value", bits: int, limit: int) -> "Value":
        """Like `times`, kept within `limit` of 0."""
        return self.trace.node("mulsat", self, other, values=(bits, limit))

    def times_most(self, other: "Value", bits: int, limit: int) -> "Value":
        """Like `times`, of two factors that are never below 0, and at most `limit`."""
        return self.trace.node("mulmost", self, other, values=(bits, limit))

    def at_unit(self, dt: "Value", otherwise: "Value") -> "Value":
        """The value itself after exactly one unit of time, else the other one."""
        return self.trace.node("at_unit", dt, self, otherwise)

    def toward(self, other: Self, share: Self, *, wide: bool = False) -> "Value":
        """`self + (other - self) share / 2**15` (`2**30` where wide), rounded half up: never beyond the two."""
        return self.trace.node("blend_wide" if wide else "blend", self, other, share)
