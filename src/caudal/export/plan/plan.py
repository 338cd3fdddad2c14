"""The one description of a step that everything exported is made from: neurons that gather along links, then finish.

A `Plan` is a list of `Neurons`. Each neuron adds what its links bring onto one accumulator per channel, then finishes:
an LTC neuron relaxes towards its reversal potentials, a CfC neuron blends two heads, a gated one updates its memory.
Numbers are real (float64). `lower_float.py` and `lower_fixed.py` lower a plan to a program of float32 or of integers.
Graphs of runtimes need no bounds: their plans may hold a `Formula` and the explicit solvers too, which no program has.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from caudal.dynamics.liquid_ssm import Decay, Target
from caudal.export.graph.nodes import Symbol
from caudal.typing import Floats

Ints: TypeAlias = NDArray[np.int64]
Kind = Literal["linear", "tanh", "relu", "silu", "gelu"]
INPUT, ELAPSED, OUTPUT = "x", "elapsed", "y"


@dataclass(frozen=True)
class Vector:
    """A named row of numbers.

    Attributes:
        name: unique in the plan.
        size: how many.
        bound: what their absolute value never exceeds, in exact arithmetic.
        is_state: whether it is carried from step to step.
        is_memory: a long memory, which integers keep in 32 bits whatever the width of the others.
    """

    name: str
    size: int
    bound: float
    is_state: bool = False
    is_memory: bool = False


@dataclass(frozen=True, eq=False)
class Links:
    """Synapses that read one vector, sorted by target.

    With a gate, a channel receives `weight * sigmoid(slope * value + offset)`; without, `weight * value`.

    Attributes:
        source: the vector read.
        ptr: `(rows + 1,)`; synapses of row i are `ptr[i]:ptr[i + 1]`.
        index: `(synapses,)` element of the source.
        weights: `(synapses, channels)`.
        slope, offset: `(synapses,)` of the gate, or None.
        gated: of each channel, whether it receives the gate; the others receive the value itself.
    """

    source: str
    ptr: Ints
    index: Ints
    weights: Floats
    slope: Floats | None = None
    offset: Floats | None = None
    gated: tuple[bool, ...] = ()


@dataclass(frozen=True)
class Retain:
    """Keep the sums in vectors, one per channel, for a later block to start from."""

    outs: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Conduct:
    """LTC: channels conductance and conductance times potential; `c_m` and `eps` as in `dynamics/ltc.py`."""

    state: str
    c_m: Floats
    eps: float
    low: Floats
    high: Floats
    solver: str = "fused"


@dataclass(frozen=True, eq=False)
class Leak:
    """CT-RNN: one channel, the drive; `tau` as in `dynamics/ctrnn.py`."""

    state: str
    tau: Floats


@dataclass(frozen=True, eq=False)
class Resist:
    """LRC: channels f, z and, unless the elastance is "none", w; names as in `dynamics/lrc.py`."""

    state: str
    e_leak: Floats
    k: Floats
    elastance: str
    solver: str = "hybrid"


@dataclass(frozen=True)
class Heads:
    """CfC, "default" or "no_gate": channels ff1, ff2, t_a, t_b."""

    out: str
    mode: str


@dataclass(frozen=True, eq=False)
class Closed:
    """CfC, "pure": one channel, f."""

    out: str
    a: Floats
    w_tau: Floats


@dataclass(frozen=True)
class Squash:
    """A neuron of a backbone or a residual: one channel."""

    out: str
    kind: Kind


@dataclass(frozen=True)
class Remember:
    """LSTM: channels i, f, g, o."""

    out: str
    memory: str


@dataclass(frozen=True)
class Reset:
    """GRU: channels r, z, n of the input, n of the state."""

    state: str
    out: str


@dataclass(frozen=True, eq=False)
class Approach:
    """LiquidSSM, minGRU: channels a of the rate, z of the target and, with an output gate, that of the gate.

    Attributes:
        state: what goes towards the target.
        out: what is answered: the state itself without an output gate.
        rate: `(rows,)`, or None.
        decay, target: as in `dynamics/liquid_ssm.py`.
    """

    state: str
    out: str
    rate: Floats | None
    decay: Decay
    target: Target


@dataclass(frozen=True)
class Average:
    """Running mean of one channel; `count` is a state of one element."""

    mean: str
    count: str


@dataclass(frozen=True)
class Emit:
    """Outputs: one channel."""


Finish: TypeAlias = (
    Retain | Conduct | Leak | Resist | Heads | Closed | Squash | Remember | Reset | Approach | Average | Emit
)


@dataclass(frozen=True, eq=False)
class Neurons:
    """Rows that gather and finish alike.

    Attributes:
        name: of the block, a C identifier.
        base: `(channels, rows)` constants, or the names of held vectors.
        links: what is added.
        finish: what becomes of the sums.
        spans: first row of each group that may read what rows before it have written, then the number of rows.
        one_unit: whether the inputs act for one unit of time instead of the elapsed time, as those of an event do.
    """

    name: str
    base: Floats | tuple[str, ...]
    links: tuple[Links, ...]
    finish: Finish
    rows: int
    spans: tuple[int, ...] = ()
    one_unit: bool = False


@dataclass(frozen=True, eq=False)
class Substeps:
    """Neurons that run several times on a fraction of the elapsed time, all reading the state before the sub-step."""

    count: int
    neurons: Neurons


@dataclass(frozen=True)
class Commit:
    """The new values become the state."""

    source: str
    state: str


@dataclass(frozen=True, eq=False)
class Formula:
    """Equations of a layer, for the graphs of runtimes alone.

    Attributes:
        kind: class of the layer.
        source: what it reads.
        states: vectors that it carries.
        write: from what it reads `(batch, inputs)`, the elapsed time `(batch, 1)` and the states, to the new states.
    """

    kind: str
    source: "View"
    states: tuple[str, ...]
    write: Callable[[Symbol, Symbol, dict[str, Symbol]], dict[str, Symbol]]


Stage: TypeAlias = Neurons | Substeps | Commit | Formula


@dataclass(frozen=True)
class Scaling:
    """How numbers in the user's units become the network's: `(value - mean) / std`, elapsed time over `gap`."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    gap: float


@dataclass(frozen=True, eq=False)
class Plan:
    """A whole step.

    Attributes:
        inputs, outputs: sizes of `x` and `y`.
        scaling: of inputs and time.
        vectors: by name, inputs included.
        stages: in order.
        layer: what was exported, in words.
        dt_min: shortest elapsed time, in typical gaps, that the bounds hold for.
        answers: what each number of `y` means.
    """

    inputs: int
    outputs: int
    scaling: Scaling
    vectors: dict[str, Vector]
    stages: tuple[Stage, ...]
    layer: str
    dt_min: float = 0.0
    answers: tuple[str, ...] = ()

    def states(self) -> list[Vector]:
        """Vectors carried from step to step, in order."""
        return [vector for vector in self.vectors.values() if vector.is_state]


@dataclass(frozen=True, eq=False)
class View:
    """What a layer answers: `scale * vector[index] + shift`, left unevaluated so that who reads it can fold it in."""

    vector: str
    index: Ints
    scale: Floats
    shift: Floats


def whole(vector: Vector) -> View:
    """All of a vector as it is."""
    return View(vector.name, np.arange(vector.size), np.ones(vector.size), np.zeros(vector.size))


def linear(view: View, weight: Floats) -> tuple[Links, Floats]:
    """Links of a matrix `(channels, rows, inputs)` onto a view, weights of exactly 0 left out, and what to add.

    Returns:
        the links, and `(channels, rows)` that the shift of the view contributes.

    Example:
        >>> view = View("x", np.arange(2), np.array([2.0, 1.0]), np.array([1.0, 0.0]))
        >>> links, extra = linear(view, np.array([[[3.0, 0.0]]]))
        >>> links.weights.tolist(), links.index.tolist(), extra.tolist()
        ([[6.0]], [0], [[3.0]])
    """
    scaled = weight * view.scale
    live = (scaled != 0).any(0)
    rows, columns = np.nonzero(live)
    ptr = np.concatenate([[0], live.sum(1).cumsum()])
    links = Links(view.vector, ptr, view.index[columns], scaled[:, rows, columns].T, gated=(False,) * weight.shape[0])
    # No matrix product: how a library of linear algebra orders its sums depends on the processor and its threads.
    return links, (weight * view.shift).sum(-1)


def along(view: View, ptr: Ints, source: Ints, weight: Floats) -> tuple[Links, Floats]:
    """Links of synapse weights `(channels, synapses)` onto a view, and what its shift contributes."""
    rows = np.repeat(np.arange(len(ptr) - 1), np.diff(ptr))
    extra = np.zeros((weight.shape[0], len(ptr) - 1))
    for sums, drawn in zip(extra, weight * view.shift[source], strict=True):
        np.add.at(sums, rows, drawn)
    scaled = (weight * view.scale[source]).T
    return Links(view.vector, ptr, view.index[source], scaled, gated=(False,) * weight.shape[0]), extra


def gated(
    view: View, ptr: Ints, source: Ints, weights: Floats, mu: Floats, sigma: Floats, gate: tuple[bool, ...]
) -> Links:
    """Links with the gate `sigmoid(sigma (value - mu))`, `weights (channels, synapses)`, onto a view."""
    slope, offset = sigma * view.scale[source], sigma * (view.shift[source] - mu)
    values = np.where(np.array(gate)[:, None], weights, weights * view.scale[source])
    return Links(view.vector, ptr, view.index[source], values.T, slope, offset, gate)


class Builder:
    """Vectors and stages of a plan in the making.

    Arguments:
        graphs: whether the plan is for graphs of runtimes alone, which need no bounds.

    Attributes:
        phase: what names of stages and of vectors that are no states begin with.
        spreads: by vector, what each of its elements never exceeds, where that is known more closely than its bound.
    """

    def __init__(self, *, graphs: bool = False) -> None:
        self.graphs = graphs
        self.vectors: dict[str, Vector] = {}
        self.spreads: dict[str, Floats] = {}
        self.stages: list[Stage] = []
        self.layer, self.phase = -1, ""
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
        return f"{self.phase}{stem}{self.layer}" if self.layer > 0 else f"{self.phase}{stem}"

    def add(self, vector: Vector) -> Vector:
        """Note a vector."""
        self.vectors[vector.name] = vector
        return vector

    def view(self, stem: str, size: int, bound: float, *, is_state: bool = False, is_memory: bool = False) -> View:
        """A new vector of this layer, seen whole."""
        name = self.name(stem).removeprefix(self.phase) if is_state else self.name(stem)
        return whole(self.add(Vector(name, size, bound, is_state, is_memory)))

    def reach(self, view: View, weight: Floats, bias: Floats | float) -> float:
        """What `|weight @ view + bias|` never exceeds."""
        return float((self.reaches(view, weight) + np.abs(bias)).max())

    def reaches(self, view: View, weight: Floats) -> Floats:
        """What each row of `|weight @ view|` never exceeds."""
        bounds = self.spreads.get(view.vector, self.vectors[view.vector].bound * np.ones(1))
        within = np.abs(view.scale) * np.broadcast_to(bounds, (self.vectors[view.vector].size,))[view.index]
        return np.asarray((np.abs(weight) * (within + np.abs(view.shift))).sum(-1))


def silent(view: View) -> View:
    """The same with zeros in its place.

    Example:
        >>> linear(silent(View("x", np.arange(2), np.ones(2), np.ones(2))), np.ones((1, 1, 2)))[1].tolist()
        [[0.0]]
    """
    return replace(view, scale=np.zeros_like(view.scale), shift=np.zeros_like(view.shift))


def settled(links: Links, base: Floats) -> tuple[tuple[Links, ...], Floats]:
    """Links and base `(channels, rows)`; what the links bring joins the base where it is the same for every input."""
    slope = np.zeros(len(links.index)) if links.slope is None else links.slope
    values = links.weights[:, [k for k, gate in enumerate(links.gated) if not gate]]
    if slope.any() or values.any() or not len(links.index):
        return (links,) if len(links.index) else (), base
    gate = 0.5 + 0.5 * np.tanh((np.zeros(1) if links.offset is None else links.offset) / 2)
    base, rows = base.copy(), np.repeat(np.arange(base.shape[1]), np.diff(links.ptr))
    for sums, brought in zip(base, links.weights.T * gate, strict=True):
        np.add.at(sums, rows, brought)
    return (), base


def vector_of(tensor: Tensor) -> Floats:
    """A parameter in float64."""
    return np.asarray(tensor.detach().double().cpu().numpy())


def integers_of(tensor: Tensor) -> Ints:
    """Index vectors in int64."""
    return np.asarray(tensor.detach().long().cpu().numpy())
