"""Examples that are made anew in every pass, chunk by chunk: training on more data than memory holds."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.data import Encoder, Sequences
from caudal.data.task import Task
from caudal.errors import DataError
from caudal.train.batches import MOST_PADDED, Examples, examples

# Series of a chunk, its number and that of the pass -> the same series as that pass meets them.
Change = Callable[[Sequences, int, int], Sequences]
Who = Callable[[Sequences], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class Stream:
    """Examples of a source that is read again in each pass; one chunk at a time is in memory.

    Batches are drawn within a chunk, in another order in each pass; chunks keep the order of the source. Where the file
    is sorted by the target, shuffle it once, or take larger chunks.

    Attributes:
        source: chunks of series, the same in each pass, as `ParquetSequences` gives them.
        encoder: fitted on the training series.
        sizes: series in each chunk.
        task: what is asked.
        counts: how often each class is the target; empty unless the task classifies.
        paired: as in `examples`.
        outputs: numbers predicted at once; 1 of classes.
        who: codes of the groups of a chunk, which a `Term` reads; None without one.
        kinds: how many groups there are.
        change: of each chunk in each pass; None where all passes meet the same series.

    Example:
        >>> from caudal.data import from_arrays
        >>> whole = from_arrays(np.arange(24.0).reshape(4, 1, 6), [0, 1, 0, 1])
        >>> stream = Stream.fit([whole.select([0, 1, 2]), whole.select([3])])
        >>> len(stream), stream.sizes, stream.counts, [len(chunk) for chunk in stream.chunks()]
        (4, (3, 1), (2, 2), [3, 1])
    """

    source: Iterable[Sequences]
    encoder: Encoder
    sizes: tuple[int, ...]
    task: Task
    counts: tuple[int, ...] = ()
    paired: bool = False
    outputs: int = 1
    who: Who | None = None
    kinds: int = 0
    is_uneven: bool = False
    change: Change | None = None

    @staticmethod
    def fit(
        source: Iterable[Sequences],
        encoder: Encoder | None = None,
        *,
        indicators: Literal["auto", "all", "none"] = "auto",
        paired: bool = False,
    ) -> "Stream":
        """Count the series, and fit an encoder on them unless there is one, in one pass.

        Arguments:
            source: chunks of series; an iterator, which is empty the second time, will not do.
            encoder: fitted on the training series, for a part to validate on.
            indicators: as in `Encoder.fit`.
            paired: as in `examples`.

        Raises:
            DataError: there is no series, or its target is unknown.
        """
        if isinstance(source, Iterator):
            fault = "is an iterator, which can be read once only"
            raise DataError("Stream.fit", "source", fault, "Pass `ParquetSequences` or a list of chunks.")
        seen = _Seen()
        if encoder is None:
            encoder = Encoder.fit(seen.watch(source), indicators=indicators)
        else:
            for _ in seen.watch(source):
                pass
        if seen.task is None:
            raise DataError("Stream.fit", "source", "holds no series", "Check the file, or take another share.")
        counts = tuple(map(int, seen.counts))
        return Stream(
            source, encoder, tuple(seen.sizes), seen.task, counts, paired, seen.outputs, is_uneven=seen.is_uneven
        )

    def of_groups(self, who: Who, kinds: int) -> "Stream":
        """The same series with the groups that they belong to.

        Arguments:
            who: codes `(series,)` of the groups of a chunk, -1 unknown.
            kinds: how many groups there are.
        """
        return replace(self, who=who, kinds=kinds)

    def __len__(self) -> int:
        return sum(self.sizes)

    def chunks(self, number: int = 0) -> Iterator[Examples]:
        """The chunks, encoded, as the pass of a number meets them.

        Raises:
            DataError: the source gave other chunks than in the first pass.
        """
        given = 0
        for given, part in enumerate(self.source, start=1):  # counted after the loop too
            if given > len(self.sizes) or len(part) != self.sizes[given - 1]:
                raise _changed()
            met = part if self.change is None else self.change(part, given - 1, number)
            chunk = examples(self.encoder, met, paired=self.paired)
            yield chunk if self.who is None else replace(chunk, groups=torch.tensor(self.who(part)))
        if given != len(self.sizes):
            raise _changed()

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of every example, in one pass; a checkpoint is bound to it."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk.digest.encode())
        return digest.hexdigest()


def _changed() -> DataError:
    fault = "gave other chunks than in the first pass"
    return DataError("Stream", "source", fault, "Do not change the file while training runs.")


class _Seen:
    """Counts what passes through."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.counts = np.zeros(0, np.int64)
        self.task: Task | None = None
        self.outputs = 1
        self._padded = self._steps = 0

    @property
    def is_uneven(self) -> bool:
        """Whether series of a chunk differ much in length."""
        return self._padded > MOST_PADDED * self._steps

    def watch(self, source: Iterable[Sequences]) -> Iterator[Sequences]:
        for part in source:
            if part.target is None or part.target_mask is None:
                raise DataError("Stream.fit", "source", "has no target", "Read the table with its target.")
            self.task = part.task
            self.sizes.append(len(part))
            self._padded += len(part) * part.steps
            self._steps += int(part.lengths.sum())
            self.outputs = 1 if part.classes else int(part.target.shape[-1])
            if part.classes:
                counts = np.bincount(part.target[part.target_mask], minlength=len(part.classes))
                self.counts = counts + (self.counts if self.counts.size else 0)
            yield part
