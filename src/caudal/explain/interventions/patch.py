"""Interventions on the series: a stretch of the input replaced, by a value or from another series."""

from collections.abc import Sequence

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.explain.influence.record import Change
from caudal.explain.influence.target import Question
from caudal.explain.interventions.ablate import change


def patch(
    question: Question,
    steps: slice | Sequence[int] | None = None,
    inputs: Sequence[str] | None = None,
    *,
    value: float | Tensor | None = None,
    dt: float | Tensor | None = None,
    source: int | None = None,
) -> Change:
    """Replace a stretch of every series and see what changes.

    Arguments:
        question: see `ask`.
        steps: which steps, counted from 0; None for all.
        inputs: which inputs by name, `"dt"` for the elapsed times among them; None for all inputs.
        value: what the inputs become, in the unit that the net reads; a number, or a tensor that fits
            `(batch, steps, inputs)`.
        dt: what the elapsed times become.
        source: take inputs (and `dt`, where it is named) from this series instead.

    Raises:
        InputError: nothing is to be put in, both or a name, step or series is not there.

    Example:
        >>> from caudal.explain import ask
        >>> from caudal.nn import LTC, Readout
        >>> question = ask(Readout(LTC(2, 3), 2), torch.randn(4, 5, 2), names=["age", "ph"])
        >>> patch(question, slice(1, 3), ["ph"], value=0.0).what
        'ph at steps 1..2 becomes 0'
    """
    at = _steps(question, steps)
    named, takes_dt = _inputs(question, inputs)
    x, gaps = question.x.clone(), question.dt.clone()
    if (value is None and dt is None) == (source is None):
        fault = "and `source` are both given" if source is not None else "is missing"
        raise InputError("patch", "value", fault, "Pass `value=`, `dt=`, or `source=`, the series to take from.")
    if source is not None:
        if not -len(question) <= source < len(question):
            fault = f"is {source}; there are {len(question)} series"
            raise InputError("patch", "source", fault, "Count them from 0.")
        if not bool(question.mask[source, at].all()):
            fault = f"is series {source}, which does not reach all of these steps"
            raise InputError("patch", "source", fault, "Choose a longer series, or fewer steps.")
        value, dt = question.x[source][at][:, named], (question.dt[source, at] if takes_dt else None)
    if value is not None:
        x[:, at[:, None], named] = _finite("value", value, x)
    if dt is not None:
        filled = _finite("dt", dt, gaps)
        if bool((filled < 0).any()):
            raise InputError("patch", "dt", "is below 0", "Pass a time of at least 0.")
        gaps[:, at] = filled
    x, gaps = torch.where(question.mask[..., None], x, 0), torch.where(question.mask, gaps, 0)
    return change(question, question.answers(x=x, dt=gaps), _words(question, at, named, value, dt, source))


def _steps(question: Question, steps: slice | Sequence[int] | None) -> Tensor:
    positions = torch.arange(question.x.shape[1], device=question.x.device)
    if steps is None:
        return positions
    if not isinstance(steps, slice) and any(not -len(positions) <= int(t) < len(positions) for t in steps):
        fault = f"holds {list(steps)}; the series have {len(positions)} steps"
        raise InputError("patch", "steps", fault, f"Pass steps from 0 to {len(positions) - 1}.")
    chosen = positions[steps] if isinstance(steps, slice) else positions[[int(t) for t in steps]]
    if not len(chosen):
        raise InputError("patch", "steps", f"is {steps!r}, which selects nothing", "Pass at least one step.")
    return chosen


def _inputs(question: Question, inputs: Sequence[str] | None) -> tuple[Tensor, bool]:
    names = question.inputs if inputs is None else ((inputs,) if isinstance(inputs, str) else tuple(inputs))
    if not names:
        raise InputError("patch", "inputs", "is empty", "Name at least one input, or pass None for all.")
    unknown = [name for name in names if name not in question.inputs and name != "dt"]
    if unknown:
        fault = f"names {unknown[0]!r}; the inputs are {', '.join(question.inputs)}"
        raise InputError("patch", "inputs", fault, 'Name one of them, or "dt".')
    at = [question.inputs.index(name) for name in names if name in question.inputs]
    return torch.tensor(at, dtype=torch.int64, device=question.x.device), "dt" in names


def _finite(argument: str, value: float | Tensor, like: Tensor) -> Tensor:
    tensor = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    if not bool(torch.isfinite(tensor).all()):
        raise InputError("patch", argument, "holds NaN or infinity", "Pass finite numbers.")
    return tensor


def _words(
    question: Question,
    at: Tensor,
    named: Tensor,
    value: float | Tensor | None,
    dt: float | Tensor | None,
    source: int | None,
) -> str:
    names = [question.inputs[k] for k in named.tolist()] if value is not None else []
    names += ["dt"] if dt is not None else []
    shown = "all inputs" if len(names) == len(question.inputs) > 3 else ", ".join(names)
    where = f"step {int(at[0])}" if len(at) == 1 else f"steps {int(at[0])}..{int(at[-1])}"
    if source is not None:
        return f"{shown} at {where} taken from series {question.series[source]}"
    put = [
        f"{number:g}" if isinstance(number, (int, float)) else "given values"
        for number in (value, dt)
        if number is not None
    ]
    return f"{shown} at {where} becomes {' and '.join(put)}"
