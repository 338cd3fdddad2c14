"""What each channel of a net is in the user's units: an affine map of a raw value, or an expression of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from caudal.data import Encoder
from caudal.explain.equations.algebra import Numbers, function, over, plus
from caudal.explain.equations.naming import Names


@dataclass(frozen=True)
class Channel:
    """`u = scale * raw + shift`, where `raw` is a symbol or an expression of one.

    Attributes:
        symbol: what the user supplies.
        raw: what is scaled.
        scale, shift: of the map.
    """

    symbol: Any
    raw: Any
    scale: float = 1.0
    shift: float = 0.0


def channels(names: Names, labels: Sequence[str], encoder: Encoder | None, numbers: Numbers) -> list[Channel]:
    """The channels of a net, in their order."""
    if encoder is None:
        return [Channel(one, one) for one in names.every(labels)]
    scaler = encoder.scaler
    scales = dict(zip(encoder.names, zip(scaler.mean, scaler.std, strict=True), strict=True))
    scales |= dict(zip(encoder.static_names, zip(scaler.static_mean, scaler.static_std, strict=True), strict=True))
    found = []
    for label in encoder.channels:
        made = names.new(label)
        if label in scales:
            mean, std = scales[label]
            found.append(Channel(made, made, 1 / std, -mean / std))
        elif label.startswith("since("):
            found.append(_since(made, encoder, numbers))
        else:
            found.append(Channel(made, made))
    return found


def _since(made: Any, encoder: Encoder, numbers: Numbers) -> Channel:
    gap = encoder.scaler.gap
    if encoder.elapsed == "raw":
        return Channel(made, made, 1 / gap)
    return Channel(made, function("log")(plus([numbers(1.0), over(made, numbers(gap))])))
