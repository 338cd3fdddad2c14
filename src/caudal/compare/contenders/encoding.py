"""Series as networks eat them, encoded once per process and kept as long as their parts are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch

from caudal.compare.job import Parts
from caudal.compare.record import Scalar
from caudal.data import Encoder, Sequences
from caudal.train import Examples, examples


@dataclass(frozen=True, eq=False)
class Lens:
    """How one contender sees series.

    Attributes:
        encoder: fitted on the training series.
        paired: values first and then an indicator for each, as GRU-D reads them.
        pace: factor of the elapsed time, which is in typical gaps of the training series.
    """

    encoder: Encoder
    paired: bool = False
    pace: float = 1.0

    def __call__(self, data: Sequences) -> Examples:
        """Encode series; equal series give equal tensors, whoever stands beside them."""
        seen = examples(self.encoder, data, paired=self.paired)
        return seen if self.pace == 1 else replace(seen, dt=self.pace * seen.dt)

    @property
    def unit(self) -> float | None:
        """The unit of the time that the network lives in, in that of the study; None where it is bent."""
        return None if self.encoder.clock == "log" else self.encoder.scaler.gap / self.pace


_Kept = dict[tuple[bool, bool, float], tuple[Lens, Examples, Examples]]
_KEPT: WeakKeyDictionary[Parts, _Kept] = WeakKeyDictionary()


def encode(parts: Parts, model: str, chosen: Mapping[str, Scalar]) -> tuple[Lens, Examples, Examples]:
    """The lens fitted on the training series, and training and validation series through it.

    Arguments:
        parts: the series, divided.
        model: name of the contender.
        chosen: its settings; `dt` and `pace` count.

    Targets of several outputs are scaled by one number for all of them, so that the loss of the training is in
    proportion to the error that the study reports.
    """
    kept = _KEPT.setdefault(parts, {})
    key = (model == "gru-d", chosen["dt"] == "log", float(chosen["pace"] or 1))
    if key not in kept:
        encoder = Encoder.fit(parts.train, indicators="all" if key[0] else "auto")
        lens = Lens(replace(_level(encoder), clock="log" if key[1] else "plain"), key[0], key[2])
        held = lens(parts.val)
        # Short and long series apart: the order of validation changes nothing but the padding.
        held = held.rows(torch.argsort(held.lengths, stable=True))
        kept[key] = (lens, lens(parts.train), held)
    return kept[key]


def _level(encoder: Encoder) -> Encoder:
    scaler = encoder.scaler
    if not scaler.target_std:
        return encoder
    mean_square = sum(one**2 for one in scaler.target_std) / len(scaler.target_std)
    return replace(encoder, scaler=replace(scaler, target_std=(mean_square**0.5,) * len(scaler.target_std)))
