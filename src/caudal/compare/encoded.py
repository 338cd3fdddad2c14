"""Series as networks eat them, encoded once per process and kept as long as their parts are."""

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch

from caudal.compare.job import Parts
from caudal.data import Encoder, Sequences
from caudal.train import Examples, examples


@dataclass(frozen=True, eq=False)
class Lens:
    """How one contender sees series.

    Attributes:
        encoder: fitted on the training series.
        paired: values first and then an indicator for each, as GRU-D reads them.
        log_dt: whether elapsed time is passed as `log(1 + dt)`.
    """

    encoder: Encoder
    paired: bool = False
    log_dt: bool = False

    def __call__(self, data: Sequences) -> Examples:
        """Encode series; equal series give equal tensors, whoever stands beside them."""
        seen = examples(self.encoder, data, paired=self.paired)
        return replace(seen, dt=torch.log1p(seen.dt)) if self.log_dt else seen


_Kept = dict[tuple[bool, bool], tuple[Lens, Examples, Examples]]
_KEPT: WeakKeyDictionary[Parts, _Kept] = WeakKeyDictionary()


def encode(parts: Parts, *, paired: bool, log_dt: bool) -> tuple[Lens, Examples, Examples]:
    """The lens fitted on the training series, and training and validation series through it.

    Targets of several outputs are scaled by one number for all of them, so that the loss of the training is in
    proportion to the error that the study reports.
    """
    kept = _KEPT.setdefault(parts, {})
    if (paired, log_dt) not in kept:
        encoder = Encoder.fit(parts.train, indicators="all" if paired else "auto")
        lens = Lens(_level(encoder), paired, log_dt)
        held = lens(parts.val)
        # Short and long series apart: the order of validation changes nothing but the padding.
        held = held.rows(torch.argsort(held.lengths, stable=True))
        kept[paired, log_dt] = (lens, lens(parts.train), held)
    return kept[paired, log_dt]


def _level(encoder: Encoder) -> Encoder:
    scaler = encoder.scaler
    if not scaler.target_std:
        return encoder
    mean_square = sum(one**2 for one in scaler.target_std) / len(scaler.target_std)
    return replace(encoder, scaler=replace(scaler, target_std=(mean_square**0.5,) * len(scaler.target_std)))
