"""The step path of an LTC: parameters folded once, refolded when their memory changes, no torch dispatch per step."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.dynamics import ltc
from caudal.kernels.cpu.ltc_step_jit import step_rows
from caudal.kernels.cpu.snapshot import Watch
from caudal.kernels.cpu.synapses import Folded, fold_synapses
from caudal.kernels.cpu.tiles import flat


def _padded(count: int) -> int:
    return -(-count // 16) * 16


def _rows(folded: Folded) -> list[NDArray[Any]]:
    size = _padded(folded.slope.size)
    return [np.pad(a, (0, size - a.size)) for a in folded[2:6]]


class Stepper(Watch):
    """One layer's folded parameters, ready to step.

    Arguments:
        raw: the layer's parameters, whose memory is compared with a snapshot at every step.
        params: effective parameters made from them.
        graph: synapses.
        maps: input scale and shift, output scale and shift.
        settings: sub-steps and eps.
    """

    def __init__(
        self,
        raw: Sequence[Tensor],
        params: ltc.Params,
        graph: ltc.Graph,
        maps: Sequence[Tensor],
        settings: ltc.Settings,
    ) -> None:
        super().__init__(raw)
        p = ltc.Params(*(tensor.detach() for tensor in params))
        sensory = fold_synapses(
            graph.sensory_ptr, graph.sensory_source, p.sensory_w, p.sensory_mu, p.sensory_sigma, p.sensory_e_rev
        )
        recurrent = fold_synapses(graph.ptr, graph.source, p.w, p.mu, p.sigma, p.e_rev)
        leak = [flat(p.g_leak + settings.eps), flat(p.g_leak * p.v_leak), flat(p.c_m)]
        parts = [*_rows(sensory), *_rows(recurrent), *leak, *(flat(m) for m in maps)]
        n_sen, n_rec = sensory.source.size, recurrent.source.size
        self.units, self.motor = leak[2].size, maps[2].numel()
        sizes = (maps[0].numel(), self.units, self.motor, settings.substeps)
        ints = [sensory.ptr, sensory.source, recurrent.ptr, recurrent.source]
        folded, (addresses, lengths, snapshot) = np.concatenate(parts), self.arguments
        counts = (sum(a.size for a in ints), addresses.size, folded.size, snapshot.size)
        meta = np.asarray((*sizes, n_sen, _padded(n_sen), n_rec, _padded(n_rec), *counts))
        scratch = np.zeros(sizes[0] + 4 * self.units + 2 * max(_padded(n_sen), _padded(n_rec)) + 16, folded.dtype)
        self._plan = np.concatenate([meta, *ints, addresses, lengths]).astype(np.int64)
        self._numbers = np.concatenate([folded, snapshot, scratch])

    def step(self, x: Tensor, dt: Tensor, v: Tensor) -> tuple[int, Tensor, Tensor]:
        """Status, outputs `(batch, motor)` and potentials `(batch, units)` of contiguous `x`, `dt` and `v`."""
        batch = x.shape[0]
        y, new = torch.empty((batch, self.motor), dtype=x.dtype), torch.empty((batch, self.units), dtype=x.dtype)
        status: int = step_rows(
            self._plan, self._numbers, batch, x.data_ptr(), dt.data_ptr(), v.data_ptr(), y.data_ptr(), new.data_ptr()
        )
        return status, y, new
