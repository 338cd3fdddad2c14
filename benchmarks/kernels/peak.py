"""What this machine reaches in loops that do nothing else: the yardstick of the counted floor."""

import importlib
import importlib.util
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef

from benchmarks.kernels.records import Peak
from benchmarks.kernels.timing import quiet, threads

SIDE = 512
SYNAPSES, ROUNDS = 1024, 64


def peak(count: int, seconds: float = 0.3) -> Peak:
    """Measure both peaks with a number of threads; each probe repeats for some `seconds` and keeps its best.

    Example:
        >>> peak(1, seconds=0.01).flop_per_s > 1e8
        True
    """
    with threads(count), quiet():
        return Peak(count, _products(seconds), _synapses(count, seconds))


def higher(first: Peak, second: Peak) -> Peak:
    """The better of two probes with the same number of threads: on a busy machine one of them is held up.

    Example:
        >>> higher(Peak(1, 2e9, 7e9), Peak(1, 3e9, 5e9))
        Peak(threads=1, flop_per_s=3000000000.0, synapses_per_s=7000000000.0)
    """
    rates = [probe.synapses_per_s for probe in (first, second) if probe.synapses_per_s is not None]
    return Peak(first.threads, max(first.flop_per_s, second.flop_per_s), max(rates, default=None))


def _best(call: Callable[[], object], seconds: float) -> float:
    call()
    best, end = float("inf"), time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        call()
        stop = time.perf_counter()
        best = min(best, stop - start)
        if stop > end:
            return best


def _products(seconds: float) -> float:
    a, b, out = (torch.rand(SIDE, SIDE) for _ in range(3))
    return 2 * SIDE**3 / _best(lambda: torch.mm(a, b, out=out), seconds)


def _synapses(count: int, seconds: float) -> float | None:
    if importlib.util.find_spec("numba") is None:
        return None
    probe = importlib.import_module("benchmarks.kernels.probe_jit")
    numbers = np.full(SYNAPSES, 0.5, np.float32)
    places = [np.zeros(3 * probe.LANES.count, np.float32) for _ in range(count)]

    def run(place: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> None:
        probe.synapses(probe.LANES, numbers, numbers, numbers, numbers, ROUNDS, place)

    done: int = SYNAPSES * ROUNDS * probe.LANES.count * count
    if count == 1:
        return done / _best(lambda: run(places[0]), seconds)
    with ThreadPoolExecutor(count) as pool:
        return done / _best(lambda: list(pool.map(run, places)), seconds)


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
