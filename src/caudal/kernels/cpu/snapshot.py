"""Parameters that were folded once, and whether their memory still holds what was folded."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from caudal.kernels.cpu.tiles import flat


def _nothing() -> None:
    return None


class Watch:
    """Addresses and a snapshot of some tensors, which are kept alive here.

    Attributes:
        arguments: addresses, sizes and snapshot, as `watch_jit.same_memory` takes them.
    """

    def __init__(self, raw: Sequence[Tensor]) -> None:
        self._kept = tuple(t.detach() for t in raw)
        self._pointers = tuple(t.data_ptr() for t in self._kept)
        self.arguments: tuple[NDArray[Any], ...] = (
            np.asarray(self._pointers, np.int64),
            np.asarray([t.numel() for t in self._kept], np.int64),
            np.concatenate([flat(t) for t in self._kept]),
        )

    def holds(self, raw: Iterable[Tensor]) -> bool:
        """Whether these tensors stand at the addresses that were folded."""
        return tuple(map(Tensor.data_ptr, raw)) == self._pointers

    def __reduce__(self) -> tuple[Any, ...]:
        """A copied or pickled layer starts without one: addresses do not travel."""
        return _nothing, ()
