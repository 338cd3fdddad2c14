"""What drives each neuron over the course of the series, in the names of the data, found by taking features away."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from caudal.data import Encoder, Sequences
from caudal.errors import InputError
from caudal.explain.neurons.responses import encoded, feature_of, neuron_names, states
from caudal.nn import Layer
from caudal.typing import Floats

TIME = "dt"


@dataclass(frozen=True)
class Phase:
    """A stretch of steps in which one feature drives a neuron most.

    Attributes:
        neuron: name.
        start, end: first and last step, from 0.
        feature: the driver; `"dt"` for the elapsed times, `""` where nothing moves the neuron.
        share: of all drives in the stretch, 0 to 1.
    """

    neuron: str
    start: int
    end: int
    feature: str
    share: float


@dataclass(frozen=True, eq=False)
class Drives:
    """How far each feature moves each neuron at each step.

    Attributes:
        features: names, the elapsed times (`"dt"`) last.
        neurons: names.
        values: `(time, neurons, features)`: root mean square, over the series, of the change of the state when the
            feature is at its training mean (the elapsed times: at the typical gap) all along.
        series: how many series were looked at.
    """

    features: tuple[str, ...]
    neurons: tuple[str, ...]
    values: Floats
    series: int

    @property
    def shares(self) -> Floats:
        """`(time, neurons, features)` share of each feature in the squared drives; 0 where nothing moves a neuron."""
        squares = self.values**2
        total = squares.sum(2, keepdims=True)
        return np.asarray(np.divide(squares, total, out=np.zeros_like(squares), where=total > 1e-20))

    def phases(self, shortest: int = 1) -> tuple[Phase, ...]:
        """For every neuron the stretches of steps with one driver.

        Arguments:
            shortest: a shorter stretch joins the one before it.
        """
        phases: list[Phase] = []
        squares = self.values**2
        for i, name in enumerate(self.neurons):
            best = np.where(squares[:, i].max(1) > 1e-20, squares[:, i].argmax(1), -1)
            # A short stretch that joined another may outweigh it: each is named by what moves it most as a whole.
            for start, end, k in _stretches(best.tolist(), shortest):
                mass = squares[start : end + 1, i].sum(0)
                best[start : end + 1] = mass.argmax() if k >= 0 else -1
            for start, end, k in _stretches(best.tolist(), 1):
                total = float(squares[start : end + 1, i].sum())
                share = float(squares[start : end + 1, i, k].sum()) / total if k >= 0 and total > 0 else 0.0
                phases.append(Phase(name, start, end, self.features[k] if k >= 0 else "", share))
        return tuple(phases)


def _stretches(best: list[int], shortest: int) -> list[tuple[int, int, int]]:
    """Runs of one driver, `(first, last, driver)`.

    Example:
        >>> _stretches([0, 0, 1, 0, 2, 2], 2)
        [(0, 3, 0), (4, 5, 2)]
    """
    runs: list[tuple[int, int, int]] = []
    for step, k in enumerate(best):
        if runs and runs[-1][2] == k:
            runs[-1] = (runs[-1][0], step, k)
        else:
            runs.append((step, step, k))
    joined: list[tuple[int, int, int]] = []
    for start, end, k in runs:
        if joined and (end - start + 1 < shortest or joined[-1][2] == k):
            joined[-1] = (joined[-1][0], end, joined[-1][2])
        else:
            joined.append((start, end, k))
    return joined


def drives(model: Layer, encoder: Encoder, data: Sequences) -> Drives:
    """What moves each neuron, step by step: every feature in turn is held at its training mean and the change measured.

    A feature takes all its channels along: its value, whether it was observed, and since when not. What two features
    do only together counts for both.

    Arguments:
        model: a layer, or a readout of one.
        encoder: fitted with it.
        data: series; one is enough.

    Raises:
        InputError: the encoder makes other channels, there is no series, or the model holds no single recurrent layer.
        DataError: the series have other inputs.
    """
    if not len(data):
        raise InputError("drives", "data", "holds no series", "Pass at least one.")
    x, dt, lengths = encoded("drives", model, encoder, data)
    whole = states(model, x, dt, lengths)
    mask = torch.arange(x.shape[1]) < lengths[:, None]
    names = list(dict.fromkeys(feature_of(channel) for channel in encoder.channels))
    parts = []
    for name in names:
        away = x.clone()
        away[..., [feature_of(channel) == name for channel in encoder.channels]] = 0
        parts.append(_moved(whole, states(model, away, dt, lengths), mask))
    even = torch.where(mask, torch.ones_like(dt), dt)
    parts.append(_moved(whole, states(model, x, even, lengths), mask))
    values = torch.stack(parts, 2).double().numpy()
    return Drives((*names, TIME), neuron_names(model, whole.shape[2]), values, len(data))


def _moved(whole: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """Root mean square change at each step, `(time, neurons)`, over the series that have it."""
    gap = torch.where(mask[..., None], (whole - other).square(), 0).sum(0)
    return (gap / mask.sum(0)[:, None].clamp_min(1)).sqrt()
