"""Bytes that a forward pass keeps for its backward pass, counted without keeping them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef


class _Tally:
    """Distinct storages seen so far.

    Each is known by a weak reference that lives as long as the tally, so that no address is given out twice although
    the tensors themselves are let go: a model that would keep 8 GB is counted in the memory of one step.
    """

    def __init__(self, beside: list[Tensor]) -> None:
        self.total = 0
        self._known: dict[int, StorageWeakRef] = {}
        for tensor in beside:
            self._add(tensor)
        self.total = 0

    def _add(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        reference = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
        if reference.cdata not in self._known:
            self._known[reference.cdata] = reference
            self.total += storage.nbytes()

    def keep(self, tensor: Tensor) -> None:
        """Count what autograd wants to keep, and keep nothing."""
        self._add(tensor)

    def give(self, _kept: None) -> Tensor:
        """Backward through a counted pass has nothing to read."""
        raise RuntimeError("a pass that was counted kept no tensors, so it has no backward")


def kept_bytes(module: nn.Module, x: Tensor, scan: Callable[[Tensor], Tensor]) -> int:
    """Bytes kept for backward beyond parameters, buffers and the input itself.

    Arguments:
        module: whose parameters and buffers are not counted, since they are there anyway.
        x: the input.
        scan: the forward pass.

    Example:
        >>> net = nn.Tanh()
        >>> x = torch.zeros(4, 8, requires_grad=True)
        >>> kept_bytes(net, x, net)  # its output: 32 numbers of 4 bytes
        128
    """
    tally = _Tally([x, *module.parameters(), *module.buffers()])
    with torch.enable_grad(), saved_tensors_hooks(tally.keep, tally.give):
        scan(x)
    return tally.total
