"""A sound leaky integrator of four units, and one planted fault per clause."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from caudal import shapes

SENSORY = np.array([[1, -1, 0, 0], [0, 0, 1, 1], [0, 0, 0, -1]], dtype=np.int8)


class Sound(nn.Module):
    """v_t = exp(-rate dt) v_{t-1} + x_t W, in closed form over the sequence."""

    inputs, wired = 3, True

    def __init__(self):
        super().__init__()
        self.rate = nn.Parameter(torch.rand(4))
        self.weight = nn.Parameter(torch.randn(3, 4))
        self.register_buffer("synapses", torch.tensor(SENSORY != 0), persistent=False)
        self.wiring = SimpleNamespace(sensory=SENSORY, recurrent=np.zeros((4, 4), dtype=np.int8), layers=(0,) * 4)

    def admit(self, x, dt, mask, lengths):
        shapes.check_sequence("Toy", x, dt, mask, lengths, self.inputs)

    def drive(self, x):
        return x @ (self.weight * self.synapses)

    def start(self, x):
        return x.new_zeros(x.shape[0], 4)

    def decay(self, dt):
        return dt[..., None] * self.rate.exp()

    def scan(self, drive, dt, v):
        passed = self.decay(dt).cumsum(1)
        past = torch.ones(dt.shape[1], dt.shape[1], dtype=torch.bool).tril()[None, :, :, None]
        gap = torch.where(past, passed[:, :, None] - passed[:, None], 0)
        kept = torch.where(past, torch.exp(-gap), 0)
        return (kept * drive[:, None]).sum(2) + torch.exp(-passed) * v[:, None]

    def step(self, x, dt=None, state=None):
        shapes.check_step("Toy", x, dt, self.inputs)
        y, state = self.forward(x[:, None], None if dt is None else dt[:, None], state=state)
        return y[:, 0], state

    def forward(self, x, dt=None, mask=None, lengths=None, state=None):
        self.admit(x, dt, mask, lengths)
        counts = shapes.steps_mask(x, mask, lengths)
        dt = torch.ones_like(x[..., 0]) if dt is None else dt
        if counts is not None:
            x, dt = self.clean(x, dt, counts)
        shapes.check_values("Toy", x, dt)
        v = self.scan(self.drive(x), dt, self.start(x) if state is None else state)
        return (v if counts is None else torch.where(counts[..., None], v, 0)), v[:, -1]

    def clean(self, x, dt, counts):
        return torch.where(counts[..., None], x, 0), torch.where(counts, dt, 0)


class Relaxing(Sound):
    """dv/dt = rate (tanh(x W) - v), solved exactly: it claims what follows from that."""

    exact_in_time = keeps_state_at_zero = bounded = True

    def share(self, dt):
        return 1 - torch.exp(-self.decay(dt))

    def target(self, drive):
        return torch.tanh(drive)

    def scan(self, drive, dt, v):
        return super().scan(self.share(dt) * self.target(drive), dt, v)


class OneEulerStep(Relaxing):
    """Moves to the target as if one coarse step were the flow."""

    def share(self, dt):
        return self.decay(dt) / (1 + self.decay(dt))


class NeverStill(Relaxing):
    """Lets a little time pass in any case."""

    def decay(self, dt):
        return super().decay(dt + 0.01)


class TargetWithoutBound(Relaxing):
    """Is drawn as far as the input says."""

    def target(self, drive):
        return drive


class HiddenState(Sound):
    """Starts where the last call ended."""

    def start(self, x):
        return getattr(self, "last", x.new_zeros(1, 4))[:1].expand(x.shape[0], 4)

    def scan(self, drive, dt, v):
        v = super().scan(drive, dt, v)
        self.last = v[:, -1].detach()
        return v


class TimeAlongUnits(Sound):
    """Gives the dt of series i to unit i: raises only where batch and units differ, so it repeats the first else."""

    def decay(self, dt):
        if dt.shape[0] == 4:
            return dt.T[None] * self.rate.exp()
        return super().decay(dt)


class OtherStep(Sound):
    """A step that takes half of the elapsed time."""

    def step(self, x, dt=None, state=None):
        return super().step(x, dt if dt is None else dt / 2, state)


class ForgetsState(Sound):
    """Starts from zeros whatever state it is given."""

    def scan(self, drive, dt, v):
        return super().scan(drive, dt, torch.zeros_like(v))


class StepsThroughPadding(Sound):
    """Hides padded outputs but lets the state run on."""

    def clean(self, x, dt, counts):
        return torch.where(counts[..., None], x, 0), torch.where(counts, dt, 1)


class TimesZero(Sound):
    """Multiplies padding by 0: NaN survives."""

    def clean(self, x, dt, counts):
        return x * counts[..., None], torch.where(counts, dt, 0)


class DirtyGradient(Sound):
    """Values are cleaned, but NaN comes back on the way of the gradient."""

    def clean(self, x, dt, counts):
        return torch.where(counts[..., None], x * x.detach() / x.detach(), 0), torch.where(counts, dt, 0)


class CentresBatch(Sound):
    """Subtracts from each series its neighbour's drive: depends on the order of series."""

    def drive(self, x):
        drive = super().drive(x)
        return drive - 0.1 * drive.roll(1, 0)


class ReadsFuture(Sound):
    """Centres the drive over the whole sequence."""

    def drive(self, x):
        drive = super().drive(x)
        return drive - drive.mean(1, keepdim=True)


class DeadParameter(Sound):
    """A parameter that nothing reads."""

    def __init__(self):
        super().__init__()
        self.spare = nn.Parameter(torch.rand(2))


class CutGradient(Sound):
    """Detaches the elapsed time."""

    def decay(self, dt):
        return super().decay(dt.detach())


class Dense(Sound):
    """Ignores its wiring."""

    def drive(self, x):
        return x @ self.weight


class Unsaved(Sound):
    """Keeps a drawn number outside of parameters and buffers."""

    def __init__(self):
        super().__init__()
        self.gain = float(torch.rand(()))

    def drive(self, x):
        return self.gain * super().drive(x)


class SecondReference(Sound):
    """Keeps its weight in a list besides, and reads that."""

    def __init__(self):
        super().__init__()
        self.cache = [self.weight]

    def drive(self, x):
        return x @ (self.cache[0].to(x) * self.synapses)


class DefaultDtype(Sound):
    """Creates its first state in torch's default dtype."""

    def start(self, x):
        return torch.zeros(x.shape[0], 4)


class ReadsValue(Sound):
    """Branches on a number in Python."""

    def drive(self, x):
        return super().drive(x) if float(x.abs().max()) < 1e6 else x @ self.weight


class TimeLoop(Sound):
    """Loops over time in Python: a node per step."""

    def scan(self, drive, dt, v):
        vs = []
        for t in range(drive.shape[1]):
            v = torch.exp(-self.decay(dt[:, t])) * v + drive[:, t]
            vs.append(v)
        return torch.stack(vs, 1)


class TakesAnything(Sound):
    """Checks no shapes."""

    def admit(self, x, dt, mask, lengths):
        pass


FAULTS = {
    HiddenState: "repeat",
    TimeAlongUnits: "batch",
    OtherStep: "steps",
    ForgetsState: "chunks",
    StepsThroughPadding: "padding",
    TimesZero: "padding",
    DirtyGradient: "padding",
    CentresBatch: "rows",
    ReadsFuture: "future",
    DeadParameter: "gradients",
    CutGradient: "gradcheck",
    Dense: "wiring",
    Unsaved: "save",
    SecondReference: "functional",
    DefaultDtype: "dtype",
    ReadsValue: "compile",
    TimeLoop: "export",
    TakesAnything: "refusals",
    OneEulerStep: "flow",
    NeverStill: "still",
    TargetWithoutBound: "bounded",
}
