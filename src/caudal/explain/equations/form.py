"""The parts of a set of equations, before they are printed or compiled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor

from caudal.data import Encoder
from caudal.explain.equations.algebra import Expression, Numbers, function, minus, over, plus, times
from caudal.explain.equations.naming import Names
from caudal.typing import Floats


@dataclass(frozen=True)
class Channel:
    """`u = scale * raw + shift`, where `raw` is a symbol or an expression of one.

    Attributes:
        symbol: what the user supplies.
        raw: what is scaled.
        scale, shift: of the map.
    """

    symbol: Expression
    raw: Expression
    scale: float = 1.0
    shift: float = 0.0


def channels(names: Names, labels: Sequence[str], encoder: Encoder | None, numbers: Numbers) -> list[Channel]:
    """The channels of a net, in their order."""
    if encoder is None:
        return [Channel(variable, variable) for variable in names.every(labels)]
    scaler = encoder.scaler
    scales = dict(zip(encoder.names, zip(scaler.mean, scaler.std, strict=True), strict=True))
    scales |= dict(zip(encoder.static_names, zip(scaler.static_mean, scaler.static_std, strict=True), strict=True))
    result = []
    for label in encoder.channels:
        variable = names.new(label)
        if label in scales:
            mean, std = scales[label]
            result.append(Channel(variable, variable, 1 / std, -mean / std))
        elif label.startswith("since("):
            result.append(_since(variable, encoder, numbers))
        else:
            result.append(Channel(variable, variable))
    return result


def _since(variable: Expression, encoder: Encoder, numbers: Numbers) -> Channel:
    gap = encoder.scaler.gap
    if encoder.elapsed == "raw":
        return Channel(variable, variable, 1 / gap)
    return Channel(variable, function("log")(plus([numbers(1.0), over(variable, numbers(gap))])))


@dataclass(frozen=True)
class Equation:
    """One line.

    Attributes:
        symbol: what the line gives; of a derivative the state that changes.
        expression: sympy expression.
        derivative: whether the line gives the rate of change of `symbol`.
    """

    symbol: Expression
    expression: Expression
    derivative: bool = False


class Form(NamedTuple):
    """The equations of one cell.

    Attributes:
        ode: rates of change; empty for cells without a differential equation.
        step: lines of one (sub-)step, in order; each may read those before it.
        new: symbols of the new states.
        substeps: how often the step is taken for one elapsed time.
        motor: `(symbol, scale, shift)` of each output of the layer.
    """

    ode: tuple[Equation, ...]
    step: tuple[Equation, ...]
    new: list[Expression]
    substeps: int
    motor: list[tuple[Expression, float, float]]


class Scene(NamedTuple):
    """Symbols and numbers from which the equations of a cell are built.

    Attributes:
        channels: inputs.
        old, new: symbols of the states before and after.
        dt: symbol of the elapsed time, in the user's unit.
        gap: the net's unit of time in the user's.
        numbers: how numbers are written.
    """

    channels: list[Channel]
    old: list[Expression]
    new: list[Expression]
    dt: Expression
    gap: float
    numbers: Numbers

    def gate(
        self, value: "Channel | Expression", mu: float, sigma: float, scale: float = 1.0, shift: float = 0.0
    ) -> Expression:
        """`sigmoid(sigma (scale u + shift - mu))`, with the threshold in the user's units."""
        sigmoid = function("sigmoid")
        if not isinstance(value, Channel):
            return sigmoid(times(self.numbers(sigma), minus(value, self.numbers(mu))))
        slope, offset = scale * value.scale, scale * value.shift + shift - mu
        if sigma * slope == 0:
            return sigmoid(self.numbers(sigma * offset))
        return sigmoid(times(self.numbers(sigma * slope), minus(value.raw, self.numbers(-offset / slope))))

    def linear(self, weights: Sequence[tuple[float, "Channel | Expression"]], bias: float) -> Expression:
        """`bias + sum w u`, the shifts of the inputs taken into the bias; weights of 0 are left out."""
        terms, constant = [], bias
        for weight, value in weights:
            if weight == 0:
                continue
            if isinstance(value, Channel):
                constant += weight * value.shift
                terms.append(times(self.numbers(weight * value.scale), value.raw))
            else:
                terms.append(times(self.numbers(weight), value))
        return plus([self.numbers(constant), *terms] if constant or not terms else terms)


def array(tensor: Tensor) -> Floats:
    """A tensor as float64."""
    return np.asarray(tensor.detach().cpu().double().numpy(), np.float64)


def by_target(ptr: Tensor, source: Tensor) -> list[list[tuple[int, int]]]:
    """For each neuron its synapses, `(number of the synapse, source)`."""
    ends, sources = ptr.tolist(), source.tolist()
    return [[(k, sources[k]) for k in range(ends[i], ends[i + 1])] for i in range(len(ends) - 1)]
