"""Encoded series as tensors, cut into batches no longer than they must be."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from caudal.data import Encoder, Sequences
from caudal.data.task import Task
from caudal.errors import DataError
from caudal.typing import Array


@dataclass(frozen=True, eq=False)
class Examples:
    """What a model is trained on or asked about.

    Attributes:
        x: `(batch, time, input)`, finite, 0 in the padding.
        dt: `(batch, time)`, in typical gaps of the training data.
        lengths: `(batch,)` int64.
        task: what is asked.
        weight: `(batch,)` weight of each series in the loss.
        target: as in `Sequences.target`, scaled; None when unknown.
        target_mask: which entries count; None when the target is unknown.
        groups: `(batch,)` int64 code of the group of each series, -1 unknown, read by a `Term` alone.
        redrawn: number of a pass, from 0 -> the same series as that pass meets them, where passes differ.
    """

    x: Tensor
    dt: Tensor
    lengths: Tensor
    task: Task
    weight: Tensor
    target: Tensor | None = None
    target_mask: Tensor | None = None
    groups: Tensor | None = None
    redrawn: "Callable[[int], Examples] | None" = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "task", Task(self.task))

    def __len__(self) -> int:
        return int(self.x.shape[0])

    def rows(self, index: Tensor, device: torch.device | None = None) -> "Examples":
        """Some of the series, cut to the longest of them, on a device.

        Example:
            >>> x, n = torch.zeros(2, 5, 1), torch.tensor([2, 5])
            >>> Examples(x, x[:, :, 0], n, Task.CLASSIFY, torch.ones(2)).rows(torch.tensor([0])).x.shape
            torch.Size([1, 2, 1])
        """
        longest = int(self.lengths[index].max())
        per_step = self.task.is_per_step

        def cut(whole: Tensor, steps: bool) -> Tensor:
            part = whole[index]
            return (part[:, :longest] if steps else part).to(device)

        return replace(
            self,
            x=cut(self.x, True),
            dt=cut(self.dt, True),
            lengths=cut(self.lengths, False),
            weight=cut(self.weight, False),
            target=None if self.target is None else cut(self.target, per_step),
            target_mask=None if self.target_mask is None else cut(self.target_mask, per_step),
            groups=None if self.groups is None else cut(self.groups, False),
            redrawn=None,
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        """All series are one chunk."""
        return (len(self),)

    def chunks(self, number: int = 0) -> Iterator["Examples"]:
        """The one chunk that there is, as a `Stream` gives many, as the pass of a number meets it."""
        yield self if self.redrawn is None else self.redrawn(number)

    @property
    def kinds(self) -> int:
        """Groups that a `Term` meets: one more than the highest code."""
        return 0 if self.groups is None or not len(self) else int(self.groups.max()) + 1

    @property
    def outputs(self) -> int:
        """Numbers predicted at once, of targets that are no classes."""
        return 1 if self.target is None or self.task.is_classification else int(self.target.shape[-1])

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of every number and of the task; a checkpoint is bound to it."""
        digest = hashlib.sha256(self.task.encode())
        for part in (self.x, self.dt, self.lengths, self.weight, self.target, self.target_mask, self.groups):
            if part is not None:
                digest.update(f"{part.dtype} {tuple(part.shape)} ".encode())
                digest.update(part.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
        if self.redrawn is not None:
            digest.update(self.redrawn(0).digest.encode())
        return digest.hexdigest()


def examples(encoder: Encoder, data: Sequences, weight: ArrayLike | None = None, *, paired: bool = False) -> Examples:
    """Series as an encoder sees them.

    A forecast gets the gaps up to each step ahead as further channels, the same at every step, so that a model knows
    how far ahead it is asked.

    Arguments:
        encoder: fitted on the training series.
        data: series with its inputs.
        weight: `(batch,)` weights of the series, finite and at least 0; None for 1 each.
        paired: all values first and then an indicator for each of them, as `GRUD` reads its inputs; the encoder must
            have been fitted with `indicators="all"`.

    Raises:
        DataError: the inputs are others, the weights do not fit, or indicators are missing.

    Example:
        >>> from caudal.data import from_arrays
        >>> data = from_arrays(np.arange(12.0).reshape(2, 1, 6), [0, 1])
        >>> examples(Encoder.fit(data), data).x.shape
        torch.Size([2, 6, 1])
    """
    seen = encoder(data)
    x, within = seen.x, (np.arange(seen.x.shape[1]) < seen.lengths[:, None])[:, :, None]
    if seen.ahead is not None:
        ahead = np.broadcast_to(seen.ahead[:, None, :], (*x.shape[:2], seen.ahead.shape[1]))
        x = np.concatenate([x, ahead * within], axis=2).astype(x.dtype)
    if paired:
        x = _paired(x, encoder, within)
    weights = np.ones(len(data)) if weight is None else np.asarray(weight, np.float64)
    if weights.shape != (len(data),) or not np.isfinite(weights).all() or (weights < 0).any():
        fault = f"has shape {weights.shape}, or holds a negative or non-finite number; expected ({len(data)},)"
        raise DataError("examples", "weight", fault, "Pass one weight of at least 0 per series.")
    return Examples(
        x=torch.tensor(x),
        dt=torch.tensor(seen.dt),
        lengths=torch.tensor(seen.lengths),
        task=data.task,
        weight=torch.tensor(weights.astype(x.dtype)),
        target=None if seen.target is None else torch.tensor(seen.target),
        target_mask=None if seen.target_mask is None else torch.tensor(seen.target_mask),
    )


def _paired(x: Array, encoder: Encoder, within: Array) -> Array:
    inputs, statics = len(encoder.names), len(encoder.static_names)
    if len(encoder.indicators) != inputs + statics or encoder.elapsed != "none":
        fault = f"has {len(encoder.indicators)} indicators for {inputs + statics} features"
        raise DataError("examples", "encoder", fault, 'Fit it with `indicators="all", elapsed="none"`.')
    values, marks, fixed, fixed_marks, ahead = np.split(x, np.cumsum([inputs, inputs, statics, statics]), axis=2)
    # The gaps ahead are always known.
    known = np.ones_like(ahead) * within
    return np.concatenate([values, fixed, ahead, marks, fixed_marks, known], axis=2).astype(x.dtype)


# Batches that are sorted by length together.
_POOL = 20
# Steps with their padding, for each step that there is, beyond which series are dealt by length.
MOST_PADDED = 1.3


def deal(lengths: Tensor, batch_size: int, by_length: bool, seed: int) -> Sequence[Tensor]:
    """Batches of rows, drawn from the seed alone.

    Arguments:
        lengths: `(batch,)` steps of each series.
        batch_size: series of a batch.
        by_length: whether series of like length share a batch. They are sorted within pools of 20 batches, so that who
            shares a batch with whom is drawn anew, and the batches then come in random order.
        seed: of the draw.

    Example:
        >>> sorted(part.tolist() for part in deal(torch.tensor([9, 1, 8, 2]), 2, True, 0))
        [[1, 3], [2, 0]]
    """
    rng = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(lengths), generator=rng)
    if not by_length:
        return torch.split(order, batch_size)
    pools = torch.split(order, _POOL * batch_size)
    order = torch.cat([pool[torch.argsort(lengths[pool], stable=True)] for pool in pools])
    batches = torch.split(order, batch_size)
    return [batches[k] for k in torch.randperm(len(batches), generator=rng).tolist()]
