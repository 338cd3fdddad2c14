"""Does a decision hold for every input within a tolerance? Proven by sets, refuted by search, or said to be open."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.errors import InputError, NonFiniteError, ShapeError
from caudal.explain.proof.affine import Affine, Symbols, ends, through
from caudal.explain.proof.machines import machine
from caudal.explain.proof.reach import Machine, trimmed
from caudal.nn import Layer, Readout

Status = Literal["holds", "fails", "open"]
_MOST = 3000
_ROUNDING = 1e-5


@dataclass(frozen=True, eq=False)
class Certificate:
    """What is proven of one decision.

    Attributes:
        status: `"holds"`: no input within the radius changes it; `"fails"`: one does, and it is given; `"open"`:
            neither was shown.
        decision: class of the undisturbed series.
        low, high: `(outputs,)` proven range of each output.
        seen_low, seen_high: `(outputs,)` what the search reached: the truth lies between these and the proof.
        margin: proven lead of the decision over the nearest other class; above 0 where it holds.
        seen_margin: smallest lead that the search found.
        example: `(time, input)` series that changes the decision, or None.
        boxes: sets that were taken through the model.
    """

    status: Status
    decision: int
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    seen_low: NDArray[np.float64]
    seen_high: NDArray[np.float64]
    margin: float
    seen_margin: float
    example: NDArray[np.float64] | None
    boxes: int

    @property
    def looseness(self) -> float:
        """Width of the proven range over that of the searched one, mean over outputs; 1 is exact."""
        width = np.maximum(self.seen_high - self.seen_low, 1e-300)
        return float(((self.high - self.low) / width).mean())


def verify(
    model: Readout,
    x: Tensor,
    dt: Tensor | None = None,
    *,
    radius: float | Tensor,
    boxes: int = 32,
    samples: int = 256,
    seed: int = 0,
) -> Certificate:
    """Whether the class of one series stands for every x within a radius, entry by entry.

    Sets of states go through the very steps that the model takes, in float64 arithmetic; a lead counts as proven when
    it exceeds what float32 rounding may take away (1e-5 of the outputs). Where a proof fails, the input that matters
    most is halved, up to `boxes` sets; where a search by gradients finds another class, that series is returned.

    Arguments:
        model: a readout of the last step over LTC, CfC, WiredCfC, CTRNN or LSTM, with two outputs or more.
        x: one series `(time, input)`, as the model sees it (scaled).
        dt: `(time,)`; 1 when left out.
        radius: tolerance of every entry, or one for each, `(time, input)` or `(input,)`.
        boxes: most sets to try.
        samples: random series of the search, beside those that follow gradients.
        seed: of the search.

    Raises:
        InputError: the model is of another kind, or the radius is negative.
        ShapeError: shapes do not fit, or the series is empty.
        NonFiniteError: x, dt or radius hold NaN or infinity.

    Source: affine arithmetic, see `caudal.explain.proof.affine`; for general networks compare Zhang et al., NeurIPS
    2018 (CROWN), and auto_LiRPA.

    Example:
        >>> from caudal.nn import LTC
        >>> model = Readout(LTC(2, 4), 2)
        >>> verify(model, torch.zeros(5, 2), radius=0.0).status
        'holds'
    """
    spread = _checked(model, x, dt, radius)
    times = torch.ones(len(x), dtype=torch.float64) if dt is None else dt.detach().double()
    centre = x.detach().double()
    with torch.no_grad():
        answer = model.series(x[None], dt=times.to(x)[None])[0][0]
    decision = int(answer.argmax())
    seen, margins = _search(model, x.detach(), times.to(x), spread.to(x), decision, samples, seed)
    worst = int(margins.argmin())
    seen_low, seen_high = (end.double().numpy() for end in (seen.outputs.amin(0), seen.outputs.amax(0)))
    proof = _Proof(machine(model), times, decision, model.outputs)
    if margins[worst] < 0:
        low, high, margin, _ = proof.box(centre, spread)
        example = seen.series[worst].double().numpy()
        return Certificate(
            "fails", decision, low, high, seen_low, seen_high, margin, float(margins[worst]), example, 1
        )  # fmt: skip
    low, high, margin, tried = proof.split(centre, spread, boxes, _ROUNDING * float(1 + answer.abs().max()))
    status: Status = "holds" if margin > _ROUNDING * float(1 + answer.abs().max()) else "open"
    return Certificate(
        status, decision, low, high, seen_low, seen_high, margin, float(margins[worst]), None, tried
    )  # fmt: skip


class _Proof:
    """Sets through one model."""

    def __init__(self, model: Machine, dt: Tensor, decision: int, outputs: int) -> None:
        self.model, self.dt, self.decision = model, dt, decision
        rows = torch.eye(outputs, dtype=torch.float64)
        others = [k for k in range(outputs) if k != decision]
        self.lead = rows[decision] - rows[others]

    def box(self, centre: Tensor, spread: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64], float, Tensor]:
        """Range of the outputs, proven lead, and how much each input matters `(time, input)`."""
        form = _outputs(self.model, centre, spread, self.dt)
        low, high = ends(form)
        leads = through(form, self.lead)
        least = ends(leads)[0]
        nearest = int(least.argmin())
        weight = torch.zeros_like(spread)
        known = leads.parts[: spread.numel(), nearest].abs()
        weight.view(-1)[: len(known)] = known
        return low.numpy(), high.numpy(), float(least.min()), weight

    def split(
        self, centre: Tensor, spread: Tensor, boxes: int, needed: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float, int]:
        """Halve what is not proven yet, the worst box first, until all are proven or `boxes` were tried."""
        found = [(self.box(centre, spread), centre, spread)]
        tried = 1
        while tried + 2 <= boxes:
            worst = min(range(len(found)), key=lambda k: found[k][0][2])
            (_, _, margin, weight), at, far = found[worst]
            if margin > needed or not bool(weight.any()):
                break
            del found[worst]
            entry = np.unravel_index(int(weight.argmax()), tuple(weight.shape))
            half = far.clone()
            half[entry] /= 2
            for side in (-1, 1):
                middle = at.clone()
                middle[entry] += side * half[entry]
                found.append((self.box(middle, half), middle, half))
            tried += 2
        low = np.min([one[0][0] for one in found], axis=0)
        high = np.max([one[0][1] for one in found], axis=0)
        return low, high, min(one[0][2] for one in found), tried


def reach_outputs(
    model: Layer, x: Tensor, dt: Tensor | None = None, *, radius: float | Tensor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Proven range of the outputs after the last step, for every x within a radius; arguments as in `verify`.

    Returns:
        lowest and highest value of each output, `(outputs,)`.

    Example:
        >>> from caudal.nn import LTC
        >>> low, high = reach_outputs(LTC(2, 4), torch.zeros(5, 2), radius=0.1)
        >>> bool((low < high).all())
        True
    """
    spread = _checked(model, x, dt, radius)
    times = torch.ones(len(x), dtype=torch.float64) if dt is None else dt.detach().double()
    low, high = ends(_outputs(machine(model), x.detach().double(), spread, times))
    return low.numpy(), high.numpy()


def _outputs(model: Machine, centre: Tensor, spread: Tensor, dt: Tensor) -> Affine:
    """Outputs after the last step; symbol `t * inputs + i` is the deviation of `x[t, i]`."""
    steps, inputs = centre.shape
    keep = steps * inputs
    symbols, reach = Symbols(keep), model.start
    for t in range(steps):
        parts = centre.new_zeros((t + 1) * inputs, inputs)
        parts[t * inputs :] = torch.diag(spread[t])
        reach = model.advance(reach, Affine(centre[t], parts), float(dt[t]), symbols)
        reach = trimmed(reach, symbols, keep, keep + _MOST)
    return model.read(reach)


@dataclass(frozen=True, eq=False)
class _Seen:
    series: Tensor
    outputs: Tensor


def _search(
    model: Readout, x: Tensor, dt: Tensor, spread: Tensor, decision: int, samples: int, seed: int
) -> tuple[_Seen, Tensor]:
    """Series within the radius: random corners, and sign gradients towards each end of each output and lead."""
    draw = torch.Generator().manual_seed(seed)
    corners = torch.randint(0, 2, (samples, *x.shape), generator=draw).to(x) * 2 - 1
    own = torch.eye(model.outputs).to(x)
    series = [x[None], x + spread * corners]
    for aim in (*own, *-own, *(own - own[decision])):
        at = x[None]
        for _ in range(4 if bool(aim.any()) else 0):
            at = at.detach().requires_grad_(True)
            goal = (model.series(at, dt=dt[None])[0] @ aim).sum()
            (slope,) = torch.autograd.grad(goal, at)
            at = (x + spread * slope.sign()).detach()
            series.append(at)
    every = torch.cat(series)
    with torch.no_grad():
        outputs = model.series(every, dt=dt.expand(len(every), -1))[0]
    others = outputs.clone()
    others[:, decision] = -torch.inf
    return _Seen(every, outputs), outputs[:, decision] - others.amax(1)


def _checked(model: Layer, x: Tensor, dt: Tensor | None, radius: float | Tensor) -> Tensor:
    """Radius of every entry, `(time, input)` float64, if all arguments fit."""
    if isinstance(model, Readout) and model.outputs < 2:
        raise InputError("verify", "model", "has one output, and so no classes", "Use `reach_outputs` for its range.")
    if x.dim() != 2 or not len(x) or x.shape[1] != model.inputs:
        fault = f"has shape {tuple(x.shape)}; expected (time, {model.inputs})"
        raise ShapeError("verify", "x", fault, "Pass one series with at least one step.")
    if dt is not None and dt.shape != x.shape[:1]:
        fault = f"has shape {tuple(dt.shape)}; expected ({len(x)},)"
        raise ShapeError("verify", "dt", fault, "Pass one elapsed time per step.")
    spread = torch.as_tensor(radius, dtype=torch.float64)
    if spread.dim() > 2 or (spread.dim() and spread.shape[-1] != x.shape[1]):
        fault = f"has shape {tuple(spread.shape)}; expected a number, ({x.shape[1]},) or {tuple(x.shape)}"
        raise ShapeError("verify", "radius", fault, "Pass one tolerance, or one per input.")
    for name, value in (("x", x), ("dt", dt), ("radius", spread)):
        if value is not None and not bool(torch.isfinite(value).all()):
            raise NonFiniteError("verify", name, "holds NaN or infinity", "Pass finite numbers.")
    if bool((spread < 0).any()):
        raise InputError("verify", "radius", "is negative", "Pass a tolerance of at least 0.")
    return spread.expand(x.shape).clone()
