"""What each channel of a net is in the user's units: an affine map of a raw value, or an expression of one."""

from collections.abc import Sequence
from dataclasses import dataclass

from caudal.data import Encoder
from caudal.explain.equations.algebra import Expression, Numbers, function, over, plus
from caudal.explain.equations.naming import Names


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
