"""Step paths of the wired cells: parameters folded once, refolded when their memory changes, no dispatch per step.

A step runs the loops of the scan over a sequence of one step, so that its bits are those of the scan.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.dynamics import cfc_wired, ctrnn, lrc
from caudal.kernels.cpu import wired_step_jit
from caudal.kernels.cpu.cfc import MODES
from caudal.kernels.cpu.cfc_wired import walk
from caudal.kernels.cpu.lrc import KINDS, fold
from caudal.kernels.cpu.snapshot import Watch
from caudal.kernels.cpu.tiles import NARROW, flat

Array = NDArray[Any]


def _joined(arrays: Sequence[Array]) -> tuple[NDArray[np.int64], Array]:
    cuts = np.cumsum([0, *(a.size for a in arrays)]).astype(np.int64)
    return cuts, np.concatenate(arrays)


class Stepper(Watch):
    """One layer's folded parameters, ready to step.

    Arguments:
        raw: the layer's parameters, whose memory is compared with a snapshot at every step.
        kernel: compiled step, see `wired_step_jit`.
        sizes: inputs, units, motor neurons, then what the kernel wants to know.
        ints, numbers: index vectors and folded parameters, in the kernel's order.
        rows: rows of scratch of the scan.
    """

    def __init__(
        self,
        raw: Sequence[Tensor],
        kernel: Callable[..., int],
        sizes: Sequence[int],
        ints: Sequence[Array],
        numbers: Sequence[Array],
        rows: int,
    ) -> None:
        super().__init__(raw)
        _, self.units, self.motor = sizes[:3]
        self._run = kernel
        scratch = np.zeros(rows * NARROW.count, numbers[0].dtype)
        self._arguments = (np.asarray(sizes, np.int64), *_joined(ints), *_joined(numbers), *self.arguments, scratch)

    def step(self, x: Tensor, dt: Tensor, v: Tensor) -> tuple[int, Tensor, Tensor]:
        """Status, outputs `(batch, motor)` and states `(batch, units)` of contiguous `x`, `dt` and `v`."""
        batch = x.shape[0]
        y, new = torch.empty((batch, self.motor), dtype=x.dtype), torch.empty((batch, self.units), dtype=x.dtype)
        status = self._run(
            *self._arguments, batch, x.data_ptr(), dt.data_ptr(), v.data_ptr(), y.data_ptr(), new.data_ptr()
        )
        return status, y, new


def step_ctrnn(
    raw: Sequence[Tensor],
    inputs: int,
    params: ctrnn.Params,
    graph: Sequence[Tensor],
    maps: Sequence[Tensor],
    settings: ctrnn.Settings,
) -> Stepper:
    """Stepper of a CT-RNN; `maps` are output scale and shift."""
    units = params.b.shape[0]
    sizes = (inputs, units, maps[0].numel(), settings.substeps)
    numbers = [flat(t) for t in (*params, *maps)]
    rows = inputs + 1 + 3 * units
    return Stepper(raw, wired_step_jit.ctrnn_step, sizes, [flat(t) for t in graph], numbers, rows)


def step_lrc(
    raw: Sequence[Tensor],
    inputs: int,
    params: lrc.Params,
    graph: Sequence[Tensor],
    maps: Sequence[Tensor],
    settings: lrc.Settings,
) -> Stepper:
    """Stepper of an LRC; `maps` are output scale and shift."""
    p = lrc.Params(*(t.detach() for t in params))
    sensory, recurrent = fold(p, lrc.Graph(*graph))
    units = p.g_leak.shape[0]
    kind, hybrid = KINDS[settings.elastance], int(settings.solver == "hybrid")
    sizes = (inputs, units, maps[0].numel(), settings.substeps, kind, hybrid)
    numbers = [*sensory[2:], *recurrent[2:], *(flat(t) for t in (p.sensory_o, p.o, *p[10:], *maps))]
    ints, rows = [*sensory[:2], *recurrent[:2]], inputs + 1 + 5 * units
    return Stepper(raw, wired_step_jit.lrc_step, sizes, ints, numbers, rows)


def step_cfc_wired(
    raw: Sequence[Tensor],
    inputs: int,
    params: cfc_wired.Params,
    graph: Sequence[Tensor],
    motor: int,
    settings: cfc_wired.Settings,
) -> Stepper:
    """Stepper of a wired CfC."""
    laid = walk(params, cfc_wired.Graph(*graph))
    units = params.bias.shape[1]
    sizes = (inputs, units, motor, MODES[settings.mode])
    as_it_is = (np.ones(motor, laid.neurons.dtype), np.zeros(motor, laid.neurons.dtype))
    numbers = [laid.sensory[2], laid.recurrent[2], laid.neurons, laid.ends, *as_it_is]
    ints, rows = [*laid.sensory[:2], *laid.recurrent[:2]], 2 + inputs + 6 * units
    return Stepper(raw, wired_step_jit.cfc_wired_step, sizes, ints, numbers, rows)
