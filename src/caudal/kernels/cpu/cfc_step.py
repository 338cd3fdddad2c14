"""The step path of a dense CfC: weights folded once, refolded when their memory changes, no torch dispatch per step."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from caudal.dynamics import cfc
from caudal.dynamics.cfc_heads import HEADS
from caudal.kernels.cpu.affine import folded
from caudal.kernels.cpu.cfc import ACTIVATIONS, MODES
from caudal.kernels.cpu.cfc_step_jit import step_rows
from caudal.kernels.cpu.snapshot import Watch
from caudal.kernels.cpu.tiles import flat


class Stepper(Watch):
    """One layer's folded weights, ready to step.

    Arguments:
        raw: the layer's parameters, whose memory is compared with a snapshot at every step.
        entry: weight `(first, inputs + units)` and bias of the first matrix, inputs first.
        params: the further ones.
        settings: mode, activation and layers.
    """

    def __init__(
        self, raw: Sequence[Tensor], entry: tuple[Tensor, Tensor], params: cfc.Params, settings: cfc.Settings
    ) -> None:
        super().__init__(raw)
        self.units = params.w_h.shape[1]
        maps, heads, padded = [entry, *params.dense], HEADS[settings.mode], self.units + -self.units % 16
        parts, plan, at = [], [], 0
        for weight, bias in maps:
            parts.append(folded(weight, bias, heads if weight is maps[-1][0] else 1))
            size = weight.shape[1]
            plan.append((size, parts[-1].size // (size + 1), at))
            at += parts[-1].size
        ends = np.zeros((2, padded), parts[0].dtype)
        for row, end in zip(ends, params.decay or (), strict=False):
            row[: self.units] = flat(end)
        inputs = entry[0].shape[1] - self.units
        wide = max(max(row[:2]) for row in plan) + 16
        mode, kind = MODES[settings.mode], ACTIVATIONS[settings.activation]
        self._arguments = (
            np.asarray(plan, np.int64),
            np.asarray((inputs, self.units, padded, mode, kind, wide), np.int64),
            np.concatenate([*parts, ends.reshape(-1)]),
            *self.arguments,
            np.zeros(3 * wide + 32, ends.dtype),
        )

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> tuple[int, Tensor, Tensor]:
        """Status, outputs and new state, one `(batch, units)` tensor for both, of contiguous `x`, `dt` and `h`."""
        new = torch.empty((x.shape[0], self.units), dtype=x.dtype)
        status: int = step_rows(*self._arguments, x.shape[0], x.data_ptr(), dt.data_ptr(), h.data_ptr(), new.data_ptr())
        return status, new, new
