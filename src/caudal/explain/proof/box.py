"""What a tolerance allows: a box around a series and its times."""

from typing import NamedTuple

import torch
from torch import Tensor

from caudal.errors import InputError, NonFiniteError, ShapeError
from caudal.nn import Layer, Readout


class Box(NamedTuple):
    """Centres and radii, float64.

    Attributes:
        x, x_far: `(time, input)`.
        dt, dt_far: `(time,)`; no time is below 0.
    """

    x: Tensor
    x_far: Tensor
    dt: Tensor
    dt_far: Tensor

    def halves(self, entry: int) -> "tuple[Box, Box]":
        """The box cut in two across one entry, counted over inputs first and times after.

        Example:
            >>> box = Box(torch.zeros(1, 1), torch.ones(1, 1), torch.ones(1), torch.ones(1))
            >>> [half.dt.item() for half in box.halves(1)]
            [0.5, 1.5]
        """
        pairs = ((self.x, self.x_far), (self.dt, self.dt_far))
        which, at = (0, entry) if entry < self.x.numel() else (1, entry - self.x.numel())
        centre, far = pairs[which]
        half = far.clone()
        half.view(-1)[at] /= 2
        halves = []
        for side in (-1, 1):
            middle = centre.clone()
            middle.view(-1)[at] += side * half.view(-1)[at]
            halves.append(Box(middle, half, *pairs[1]) if which == 0 else Box(*pairs[0], middle, half))
        return halves[0], halves[1]


def box(
    owner: str, model: Layer, x: Tensor, dt: Tensor | None, radius: float | Tensor, dt_radius: float | Tensor
) -> Box:
    """The box, if all arguments fit; see `verify`.

    Raises:
        InputError: the model has no classes, or a radius is negative.
        ShapeError: shapes do not fit, or the series is empty.
        NonFiniteError: something holds NaN or infinity.
    """
    if owner == "verify" and isinstance(model, Readout) and model.outputs < 2:
        raise InputError(owner, "model", "has one output, and so no classes", "Use `reach_outputs` for its range.")
    if x.dim() != 2 or not len(x) or x.shape[1] != model.inputs:
        fault = f"has shape {tuple(x.shape)}; expected (time, {model.inputs})"
        raise ShapeError(owner, "x", fault, "Pass one series with at least one step.")
    if dt is not None and dt.shape != x.shape[:1]:
        fault = f"has shape {tuple(dt.shape)}; expected ({len(x)},)"
        raise ShapeError(owner, "dt", fault, "Pass one elapsed time per step.")
    far, dt_far = (torch.as_tensor(tolerance, dtype=torch.float64) for tolerance in (radius, dt_radius))
    if far.dim() > 2 or (far.dim() and far.shape not in (x.shape[1:], x.shape)):
        fault = f"has shape {tuple(far.shape)}; expected a number, ({x.shape[1]},) or {tuple(x.shape)}"
        raise ShapeError(owner, "radius", fault, "Pass one tolerance, or one per input.")
    if dt_far.dim() and dt_far.shape != x.shape[:1]:
        fault = f"has shape {tuple(dt_far.shape)}; expected a number or ({len(x)},)"
        raise ShapeError(owner, "dt_radius", fault, "Pass one tolerance, or one per step.")
    for name, value in (("x", x), ("dt", dt), ("radius", far), ("dt_radius", dt_far)):
        if value is not None and not bool(torch.isfinite(value).all()):
            raise NonFiniteError(owner, name, "holds NaN or infinity", "Pass finite numbers.")
    for name, value in (("radius", far), ("dt_radius", dt_far)):
        if bool((value < 0).any()):
            raise InputError(owner, name, "is negative", "Pass a tolerance of at least 0.")
    times = torch.ones(len(x), dtype=torch.float64) if dt is None else dt.detach().double()
    low, high = (times - dt_far).clamp_min(0), times + dt_far
    # A box that is a point keeps its time to the last bit.
    middle = torch.where(dt_far > 0, (low + high) / 2, times)
    return Box(x.detach().double(), far.expand(x.shape).clone(), middle, (high - low) / 2)
