"""The encoder as a differentiable map of the raw values and gaps of one series: what was observed stays observed."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from caudal.data import Encoded, Encoder, Sequences


@dataclass(frozen=True, eq=False)
class Encoding:
    """One series, ready to be changed.

    Attributes:
        encoder: fitted on the training series.
        data: the series alone.
        values: `(time, input)` raw, float64; 0 where not observed.
        observed: `(time, input)` bool.
        gaps: `(time,)` elapsed times, float64.
        fixed: `(time, channels)` of the static features, which never change.
        dtype: of the net.
    """

    encoder: Encoder
    data: Sequences
    values: Tensor
    observed: Tensor
    gaps: Tensor
    fixed: Tensor
    dtype: torch.dtype

    @staticmethod
    def of(encoder: Encoder, data: Sequences, row: int, dtype: torch.dtype) -> "Encoding":
        """The series at a row, cut to its own length; steps that are not computed are not there."""
        encoder, data = encoder.computed(data)
        series, steps = data.select([row]), int(data.lengths[row])
        series = replace(
            series.without_target(),
            values=series.values[:, :steps],
            observed=series.observed[:, :steps],
            dt=series.dt[:, :steps],
        )
        values, observed = torch.tensor(series.values[0], dtype=torch.float64), torch.tensor(series.observed[0])
        moving = len(encoder.names) + sum(name in encoder.indicators for name in encoder.names)
        moving += len(encoder.names) if encoder.elapsed != "none" else 0
        fixed = torch.tensor(encoder(series).x[0, :, moving:], dtype=torch.float64)
        return Encoding(encoder, series, values, observed, torch.tensor(series.dt[0]), fixed, dtype)

    def __call__(self, values: Tensor, gaps: Tensor) -> tuple[Tensor, Tensor]:
        """Channels `(batch, time, input)` and scaled gaps `(batch, time)` of changed series.

        Arguments:
            values: `(batch, time, input)` raw.
            gaps: `(batch, time)` raw.
        """
        scaler, batch = self.encoder.scaler, len(values)
        mean, std = values.new_tensor(scaler.mean), values.new_tensor(scaler.std)
        scaled = torch.where(self.observed, (values - mean) / std, 0)
        if self.encoder.fill == "forward":
            steps = torch.arange(len(self.observed))[:, None]
            last = torch.where(self.observed, steps, 0).cummax(0).values
            scaled = scaled.gather(1, last.expand(batch, -1, -1))
        time = gaps / scaler.gap
        marks = [name in self.encoder.indicators for name in self.encoder.names]
        parts = [scaled, self.observed[:, torch.tensor(marks)].to(scaled).expand(batch, -1, -1)]
        if self.encoder.elapsed != "none":
            since = self._since(time)
            parts.append(torch.log1p(since) if self.encoder.elapsed == "log" else since)
        parts.append(self.fixed.expand(batch, -1, -1))
        dt = torch.log1p(time) if self.encoder.clock == "log" else time
        return torch.cat(parts, 2).to(self.dtype), dt.to(self.dtype)

    def _since(self, time: Tensor) -> Tensor:
        since = [torch.zeros_like(self.values[0]).expand(len(time), -1)]
        for step in range(1, time.shape[1]):
            since.append(time[:, step, None] + torch.where(self.observed[step - 1], 0.0, since[-1]))
        return torch.stack(since, 1)

    def changed(self, values: Tensor, gaps: Tensor) -> Sequences:
        """The series with other values and gaps, as a checked value."""
        masked = np.where(self.observed.numpy(), values.numpy(), 0).astype(self.data.values.dtype)
        return replace(self.data, values=masked[None], dt=gaps.numpy()[None])

    def real(self, data: Sequences) -> Encoded:
        """The series as the real encoder encodes it."""
        return self.encoder(data)
