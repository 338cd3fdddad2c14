"""What the readers of layers share: vectors and stages as they come, names that stay unique in a stack."""

from typing import TypeVar

import numpy as np
from torch import Tensor

from caudal.export.plan.plan import Floats, Ints, Stage, Vector, View, whole

_Named = TypeVar("_Named", bound=Vector)


class Builder:
    """Vectors and stages of a plan in the making.

    Arguments:
        graphs: whether the plan is for graphs of runtimes alone, which need no bounds.
    """

    def __init__(self, *, graphs: bool = False) -> None:
        self.graphs = graphs
        self.vectors: dict[str, Vector] = {}
        self.stages: list[Stage] = []
        self.layer = -1
        self.dt_min = 0.0

    def next_layer(self) -> None:
        """Names that follow belong to the next layer of the stack."""
        self.layer += 1

    def name(self, stem: str) -> str:
        """A name of its own in this layer.

        Example:
            >>> builder = Builder()
            >>> builder.next_layer(), builder.name("v")
            (None, 'v')
            >>> builder.next_layer(), builder.name("v")
            (None, 'v1')
        """
        return f"{stem}{self.layer}" if self.layer > 0 else stem

    def add(self, vector: Vector) -> Vector:
        """Note a vector."""
        self.vectors[vector.name] = vector
        return vector

    def view(self, stem: str, size: int, bound: float, *, is_state: bool = False, is_memory: bool = False) -> View:
        """A new vector of this layer, seen whole."""
        return whole(self.add(Vector(self.name(stem), size, bound, is_state, is_memory)))

    def reach(self, view: View, weight: Floats, bias: Floats) -> float:
        """What `|weight @ view + bias|` never exceeds."""
        within = np.abs(view.scale) * self.vectors[view.vector].bound + np.abs(view.shift)
        return float(((np.abs(weight) * within).sum(-1) + np.abs(bias)).max())


def vector_of(tensor: Tensor) -> Floats:
    """A parameter in float64."""
    return np.asarray(tensor.detach().double().cpu().numpy())


def integers_of(tensor: Tensor) -> Ints:
    """Index vectors in int64."""
    return np.asarray(tensor.detach().long().cpu().numpy())
