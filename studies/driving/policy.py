"""Networks as drivers: built at matched sizes, fed with raw inputs, asked one step at a time."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.data import Encoder
from caudal.nn import Readout, build_cell
from caudal.nn.layer import State, leaves
from caudal.wiring import Wiring
from studies.driving.records import LIQUID
from studies.racing import INPUTS, OUTPUTS, Action, Expert, Pose, Spot, Track

NEURONS = 19
"""Of the circuits, as in the driving policy of Lechner et al. 2020: here 11 inter, 6 command, 2 motor neurons."""


class Driver(Protocol):
    """Whoever can be asked for an action; it forgets everything at the start of a race."""

    def start(self, track: Track) -> None:
        """A race begins."""

    def act(self, inputs: NDArray[np.float64], dt: float, pose: Pose, spot: Spot) -> Action:
        """Steering and throttle; networks look at `inputs` and `dt` only, the expert at the rest."""


@dataclass
class ExpertDriver:
    """The scripted expert, which sees the true state instead of the inputs: an upper mark, not a rival."""

    expert: Expert
    track: Track | None = None

    def start(self, track: Track) -> None:
        """See `Driver.start`."""
        self.track = track

    def act(self, inputs: NDArray[np.float64], dt: float, pose: Pose, spot: Spot) -> Action:
        """See `Driver.act`."""
        return (0.0, 0.0) if self.track is None else self.expert.act(self.track, pose, spot)


class Policy:
    """A trained network behind the wheel, asked by `net.step`.

    Arguments:
        net: a readout of two numbers.
        encoder: fitted on the recordings that it learnt from.

    Attributes:
        state: of the layer, None before the first step.
    """

    def __init__(self, net: Readout, encoder: Encoder) -> None:
        self.net, self.encoder = net.eval(), encoder
        scaler = encoder.scaler
        self._mean, self._std = np.array(scaler.mean), np.array(scaler.std)
        self._target_mean, self._target_std = np.array(scaler.target_mean), np.array(scaler.target_std)
        self._gap = scaler.gap
        self.state: State | None = None

    def start(self, track: Track) -> None:
        """See `Driver.start`."""
        self.state = None

    def act(self, inputs: NDArray[np.float64], dt: float, pose: Pose, spot: Spot) -> Action:
        """See `Driver.act`."""
        scaled = ((inputs - self._mean) / self._std).astype(np.float32)
        with torch.inference_mode():
            x, gap = torch.from_numpy(scaled)[None], torch.tensor([dt / self._gap], dtype=torch.float32)
            y, self.state = self.net.step(x, gap, self.state)
        decided = y[0].numpy() * self._target_std + self._target_mean
        return float(decided[0]), float(decided[1])

    def activity(self) -> NDArray[np.float64]:
        """Every number of the state `(n,)`: the neurons, in their order, of a circuit."""
        parts = [] if self.state is None else [part.reshape(-1).numpy() for part in leaves(self.state)]
        return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)


def build(model: str, seed: int) -> Readout:
    """A fresh network: circuits of 19 neurons, the others with as nearly as many parameters as the LTC.

    Example:
        >>> build("ltc-ncp", 0).layer.wiring
        Wiring(auto_ncp, seed 0: 18 inputs, 11 inter, 6 command, 2 motor, 137 synapses)
        >>> [parameters(build(model, 0)) for model in ("ltc-ncp", "lstm")]
        [651, 662]
    """
    if model in LIQUID:
        options = {"motor": len(OUTPUTS), "wiring_seed": seed}
        return build_cell("drive", model, len(INPUTS), NEURONS, len(OUTPUTS), options, seed=seed)
    wanted = parameters(build("ltc-ncp", 0))
    sizes = {n: parameters(build_cell("drive", model, len(INPUTS), n, len(OUTPUTS))) for n in range(2, 40)}
    units = min(sizes, key=lambda n: abs(sizes[n] - wanted))
    return build_cell("drive", model, len(INPUTS), units, len(OUTPUTS), seed=seed)


def parameters(net: Readout) -> int:
    """How many numbers train."""
    return sum(one.numel() for one in net.parameters() if one.requires_grad)


def units_and_synapses(net: Readout) -> tuple[int, int]:
    """Neurons, and synapses of a wired network (0 otherwise)."""
    wiring = getattr(net.layer, "wiring", None)
    if not isinstance(wiring, Wiring):
        return int(getattr(net.layer, "units", net.layer.outputs)), 0
    return wiring.units, len(wiring.synapse_names)
