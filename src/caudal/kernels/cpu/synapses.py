"""What every synapse-by-synapse kernel shares: folded gates and the moments that give their gradients."""

import math
from typing import Any, NamedTuple

from numpy.typing import NDArray
from torch import Tensor

from caudal.kernels.cpu.tiles import flat

_LOG2E = 1.0 / math.log(2.0)


class Folded(NamedTuple):
    """Synapses of one kind as flat arrays; the gate is `1 / (1 + 2 ** (slope v + offset))`.

    Attributes:
        ptr, source: rows by target, as in the dynamics' `Graph`.
        slope, offset: `-sigma log2(e)` and `sigma mu log2(e)`.
        w, w_e: weights into the two sums; in the LTC conductance, and conductance times reversal potential.
        sigma: kept for the chain rule.
    """

    ptr: NDArray[Any]
    source: NDArray[Any]
    slope: NDArray[Any]
    offset: NDArray[Any]
    w: NDArray[Any]
    w_e: NDArray[Any]
    sigma: NDArray[Any]


def fold_gates(ptr: Tensor, source: Tensor, mu: Tensor, sigma: Tensor, w: Tensor, w_e: Tensor) -> Folded:
    """Fold the gates of one kind of synapses, each parameter `(synapses,)`, beside their two weights."""
    slope = sigma * -_LOG2E
    return Folded(flat(ptr), flat(source), flat(slope), flat(-slope * mu), flat(w), flat(w_e), flat(sigma))


def fold_synapses(ptr: Tensor, source: Tensor, w: Tensor, mu: Tensor, sigma: Tensor, e_rev: Tensor) -> Folded:
    """Fold conductances, gates and reversal potentials of one kind of synapses, each `(synapses,)`."""
    w, mu, sigma, e_rev = (t.detach() for t in (w, mu, sigma, e_rev))
    return fold_gates(ptr, source, mu, sigma, w, w * e_rev)


def moments(sums: Tensor, mu: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of `(w_e, w, mu, sigma)` from the float64 sums `(synapses, 4)` of `synapses_jit.pull`.

    With `a` and `b` the gradients of the sums that the gate `s` enters through `w` and through `w_e`, and `z` its
    argument, the columns are `sum s b`, `sum s a`, `sum dL/dz` and `sum dL/dz v`.
    """
    by_w_e, by_w, slope, slope_v = sums.unbind(1)
    return by_w_e, by_w, -sigma.double() * slope, slope_v - mu.double() * slope
