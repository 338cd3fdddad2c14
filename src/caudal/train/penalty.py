"""A further cost beside the loss, which reads who a series belongs to; the model never does."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from caudal.train.batches import Examples

Memory = tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores beside what is known of them: a row for each series, or for each step whose truth is known.

    Attributes:
        scores: `(rows, outputs)`; numbers are scaled as the target is.
        target: `(rows,)` codes of the classes, or `(rows, outputs)` numbers.
        groups: `(rows,)` int64 code of the group; -1 unknown, which counts in no group.
        weight: `(rows,)`.
        known: `(rows, outputs)` bool, which numbers are known; None of classes, whose rows all are.

    Example:
        >>> judged = Judged(torch.zeros(2, 2), torch.tensor([0, 1]), torch.tensor([0, -1]), torch.ones(2))
        >>> Judged.joined([judged, judged]).groups.tolist()
        [0, -1, 0, -1]
    """

    scores: Tensor
    target: Tensor
    groups: Tensor
    weight: Tensor
    known: Tensor | None = None

    @staticmethod
    def joined(parts: "list[Judged]") -> "Judged":
        """All rows of several parts."""
        known = [part.known for part in parts if part.known is not None]
        return Judged(
            torch.cat([part.scores for part in parts]),
            torch.cat([part.target for part in parts]),
            torch.cat([part.groups for part in parts]),
            torch.cat([part.weight for part in parts]),
            torch.cat(known) if known else None,
        )


class Term(Protocol):
    """What `fit` may add to the mean loss of a batch; a value, whose memory is handed to it and back."""

    def start(self, groups: int, outputs: int = 1) -> Memory:
        """Memory before the first update, for so many groups, and outputs of targets that are no classes."""

    def cost(self, seen: Judged, memory: Memory, epoch: int) -> tuple[Tensor, Memory]:
        """A scalar to add to the loss of a batch, and the memory after it; `epoch` counts from 0."""

    def held(self, seen: Judged) -> Tensor:
        """A scalar to add to the loss on all validation series."""

    def sets_in(self) -> tuple[int, int]:
        """The first passes, counted from 0, in which some and in which all of the cost counts.

        No pass before the second is kept as the best.
        """


def judged(out: Tensor, batch: Examples) -> Judged | None:
    """The rows of a batch that a term reads; None where groups or targets are unknown.

    Arguments:
        out: what `answer` gave.
        batch: a batch of any task.

    Example:
        >>> x, n = torch.zeros(2, 1, 1), torch.ones(2, dtype=torch.int64)
        >>> y, known, who = torch.tensor([0, 1]), torch.tensor([True, False]), torch.tensor([1, 0])
        >>> judged(torch.zeros(2, 2), Examples(x, x[:, :, 0], n, "classify", torch.ones(2), y, known, who)).groups
        tensor([1])
    """
    target, known, groups = batch.target, batch.target_mask, batch.groups
    if target is None or known is None or groups is None:
        return None
    if not batch.task.is_classification:
        return _numbers(out.to(batch.weight.dtype), batch, target, known, groups)
    wide = [1] * (known.dim() - 1)
    weight, owner = (block.view(-1, *wide).expand(known.shape)[known] for block in (batch.weight, groups))
    return Judged(out.to(batch.weight.dtype)[known], target[known], owner, weight)


def _numbers(out: Tensor, batch: Examples, target: Tensor, known: Tensor, groups: Tensor) -> Judged:
    """A row for each series, step or step ahead of which some number is known."""
    rows = known.any(-1)
    wide = [1] * (rows.dim() - 1)
    weight, owner = (block.view(-1, *wide).expand(rows.shape)[rows] for block in (batch.weight, groups))
    return Judged(out.view(target.shape)[rows], target[rows], owner, weight, known[rows])
