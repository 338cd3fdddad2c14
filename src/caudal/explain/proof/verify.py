"""Whether a decision holds for every input within a tolerance: proven by sets, refuted by search, or left open."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.explain.proof.affine import Affine, Symbols, ends, point, through
from caudal.explain.proof.box import Box, box
from caudal.explain.proof.layers import paired_machine
from caudal.explain.proof.reach import Machine, trimmed
from caudal.nn import Layer, Readout


class Seen(NamedTuple):
    """Series within a tolerance, and the outputs of the model for them.

    Attributes:
        x, dt: `(count, time, input)`, `(count, time)`.
        outputs: `(count, outputs)`.
        leads: `(count,)` lead of the decision over the nearest other class.
    """

    x: Tensor
    dt: Tensor
    outputs: Tensor
    leads: Tensor


def search(model: Readout, box: Box, decision: int, samples: int, seed: int) -> Seen:
    """Random corners, and sign gradients towards each end of each output and lead.

    Example:
        >>> from caudal.explain.proof.box import Box
        >>> from caudal.nn import LTC
        >>> x = torch.zeros(5, 2)
        >>> seen = search(Readout(LTC(2, 4), 2), Box(x, x + 0.1, torch.ones(5), torch.zeros(5)), 0, 8, 0)
        >>> bool((seen.x.abs() <= 0.1).all()), bool((seen.dt == 1).all())
        (True, True)
    """
    parameter = next(model.parameters())
    x, x_far, dt, dt_far = (tensor.to(parameter) for tensor in box)
    draw = torch.Generator().manual_seed(seed)
    corners, ticks = (torch.randint(0, 2, (samples, *like.shape), generator=draw).to(like) * 2 - 1 for like in (x, dt))
    series, times = [x[None], x + x_far * corners], [dt[None], dt + dt_far * ticks]
    aims = torch.eye(model.outputs).to(x)
    for aim in (*aims, *-aims, *(aims - aims[decision])):
        at, when = x[None], dt[None]
        for _ in range(4 if bool(aim.any()) else 0):
            at, when = at.detach().requires_grad_(True), when.detach().requires_grad_(True)
            goal = (model.series(at, dt=when)[0] @ aim).sum()
            slopes = torch.autograd.grad(goal, (at, when), materialize_grads=True)
            at, when = (x + x_far * slopes[0].sign()).detach(), (dt + dt_far * slopes[1].sign()).detach()
            series.append(at)
            times.append(when)
    candidates, candidate_dt = torch.cat(series), torch.cat(times)
    with torch.no_grad():
        outputs = model.series(candidates, dt=candidate_dt)[0]
    others = outputs.clone()
    others[:, decision] = -torch.inf
    return Seen(candidates, candidate_dt, outputs, outputs[:, decision] - others.amax(1))


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
        example, example_dt: `(time, input)` series and its times `(time,)` that change the decision, or None.
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
    example_dt: NDArray[np.float64] | None = None

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
    dt_radius: float | Tensor = 0.0,
    boxes: int = 32,
    samples: int = 256,
    seed: int = 0,
) -> Certificate:
    """Whether the class of one series stands for every x, and every time between steps, within a tolerance.

    Sets of states go through the very steps that the model takes, in float64 arithmetic; a lead counts as proven when
    it exceeds what float32 rounding may take away (1e-5 of the outputs). Where a proof fails, the input or time that
    matters most is halved, up to `boxes` sets; where a search by gradients finds another class, that series is
    returned.

    Arguments:
        model: a readout of the last step over LTC, CfC, WiredCfC, CTRNN, LiquidSSM or LSTM, with two outputs or more.
        x: one series `(time, input)`, as the model sees it (scaled).
        dt: `(time,)`; 1 when left out.
        radius: tolerance of every entry, or one for each, `(time, input)` or `(input,)`.
        dt_radius: tolerance of every elapsed time, or one for each, `(time,)`, in the unit of `dt`; none goes below 0.
        boxes: most sets to try.
        samples: random series of the search, beside those that follow gradients.
        seed: of the search.

    Raises:
        InputError: the model is of another kind, or a radius is negative.
        ShapeError: shapes do not fit, or the series is empty.
        NonFiniteError: x, dt or a radius hold NaN or infinity.

    Source: affine arithmetic, see `caudal.explain.proof.affine`; for general networks compare Zhang et al., NeurIPS
    2018 (CROWN), and auto_LiRPA.

    Example:
        >>> from caudal.nn import LTC
        >>> model = Readout(LTC(2, 4), 2)
        >>> verify(model, torch.zeros(5, 2), radius=0.0).status
        'holds'
    """
    whole = box("verify", model, x, dt, radius, dt_radius)
    with torch.no_grad():
        answer = model.series(x.detach()[None], dt=None if dt is None else dt.detach()[None])[0][0]
    decision = int(answer.argmax())
    seen = search(model, whole, decision, samples, seed)
    worst = int(seen.leads.argmin())
    proof = _Proof(paired_machine(model), decision, model.outputs)
    spare = _ROUNDING * float(1 + answer.abs().max())
    fails = bool(seen.leads[worst] < 0)
    proven, tried = proof.split(whole, 1 if fails else boxes, spare)
    low, high = (tensor.numpy() for tensor in (proven.low, proven.high))
    seen_low, seen_high = (end.double().numpy() for end in (seen.outputs.amin(0), seen.outputs.amax(0)))
    status: Status = "fails" if fails else "holds" if proven.margin > spare else "open"
    example, times = (tensor[worst].double().numpy() if fails else None for tensor in (seen.x, seen.dt))
    leads = (proven.margin, float(seen.leads[worst]))
    return Certificate(status, decision, low, high, seen_low, seen_high, *leads, example, tried, times)


class _Proven(NamedTuple):
    """Range of the outputs, proven lead, and how much each input and time matters `(entries,)`."""

    low: Tensor
    high: Tensor
    margin: float
    weight: Tensor


class _Proof:
    """Propagates sets of inputs through one model."""

    def __init__(self, model: Machine, decision: int, outputs: int) -> None:
        self.model, self.decision = model, decision
        rows = torch.eye(outputs, dtype=torch.float64)
        others = [k for k in range(outputs) if k != decision]
        self.lead = rows[decision] - rows[others]

    def of(self, part: Box) -> _Proven:
        """What is proven of one box."""
        form = _outputs(self.model, part)
        leads = through(form, self.lead)
        least = ends(leads)[0]
        nearest = int(least.argmin())
        entries = part.x.numel() + part.dt.numel()
        weight = part.x.new_zeros(entries)
        known = leads.parts[:entries, nearest].abs()
        weight[: len(known)] = known
        return _Proven(*ends(form), float(least.min()), weight)

    def split(self, whole: Box, boxes: int, needed: float) -> tuple[_Proven, int]:
        """Halve what is not proven yet, the worst box first, until all are proven or `boxes` were tried."""
        pieces = [(self.of(whole), whole)]
        tried = 1
        while tried + 2 <= boxes:
            worst = min(range(len(pieces)), key=lambda k: pieces[k][0].margin)
            proven, part = pieces[worst]
            if proven.margin > needed or not bool(proven.weight.any()):
                break
            del pieces[worst]
            pieces += [(self.of(half), half) for half in part.halves(int(proven.weight.argmax()))]
            tried += 2
        bounds = [proven for proven, _ in pieces]
        low, high = (
            torch.stack([bound.low for bound in bounds]).amin(0),
            torch.stack([bound.high for bound in bounds]).amax(0),
        )
        return _Proven(low, high, min(bound.margin for bound in bounds), bounds[0].weight), tried


def reach_outputs(
    model: Layer,
    x: Tensor,
    dt: Tensor | None = None,
    *,
    radius: float | Tensor,
    dt_radius: float | Tensor = 0.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Proven range of the outputs after the last step, for every x and dt within a radius; arguments as in `verify`.

    Returns:
        lowest and highest value of each output, `(outputs,)`.

    Example:
        >>> from caudal.nn import LTC
        >>> low, high = reach_outputs(LTC(2, 4), torch.zeros(5, 2), radius=0.1)
        >>> bool((low < high).all())
        True
    """
    whole = box("reach_outputs", model, x, dt, radius, dt_radius)
    low, high = ends(_outputs(paired_machine(model), whole))
    return low.numpy(), high.numpy()


def _outputs(model: Machine, part: Box) -> Affine:
    """Outputs after the last step; symbol `t * inputs + i` is the deviation of `x[t, i]`, those of dt come after."""
    steps, inputs = part.x.shape
    keep = steps * inputs + steps
    symbols, reach, before = Symbols(keep), model.start, point(part.x.new_zeros(inputs))
    for t in range(steps):
        parts = part.x.new_zeros((t + 1) * inputs, inputs)
        parts[t * inputs :] = torch.diag(part.x_far[t])
        ticks = part.x.new_zeros(steps * inputs + t + 1 if bool(part.dt_far[t] > 0) else 0, 1)
        ticks[-1:] = part.dt_far[t]
        x, dt = Affine(part.x[t], parts), Affine(part.dt[t : t + 1], ticks)
        acting, before = (before, x) if model.is_late else (x, x)
        reach = trimmed(model.advance(reach, acting, dt, symbols), symbols, keep, keep + _MOST)
    return model.read(reach)
