"""Which series share a batch, and in which order the batches come."""

from collections.abc import Sequence

import torch
from torch import Tensor

# Batches that are sorted by length together.
_POOL = 20


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
