"""Axis names and the checks every layer makes on `x`, `dt`, `mask` and `lengths`.

Axes: `batch`, `time`, `input`, `units`, `motor`. `x` is `(batch, time, input)`, `dt` and `mask` are `(batch, time)`,
`lengths` is `(batch,)`. Value checks (NaN, negative times) read the data; they are left out while torch compiles or
exports, because a graph cannot raise a sentence.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from numbers import Integral, Real

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from caudal.errors import DtypeError, NonFiniteError, ShapeError, TimeError

_TRUSTED: ContextVar[bool] = ContextVar("caudal_trusted_values", default=False)


@contextmanager
def trusted_values() -> Iterator[None]:
    """Leave out the checks of values (NaN, negative `dt`) inside the block; shapes are still checked.

    On a GPU each value check waits for the device; a loop that has already checked its data may skip them.

    Example:
        >>> with trusted_values():
        ...     values_are_checked()
        False
    """
    token = _TRUSTED.set(True)
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def values_are_checked() -> bool:
    """Whether NaN and negative times are looked for: not inside `trusted_values`, compilation or export."""
    return not torch.compiler.is_compiling() and not _TRUSTED.get()


def _is_concrete(tensor: Tensor) -> bool:
    """Whether values can be read (not a fake tensor, not inside a functorch transform)."""
    return type(tensor) in (
        Tensor,
        torch.nn.Parameter,
    ) and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def _all_finite(tensor: Tensor) -> bool:
    low, high = torch.aminmax(tensor.detach())
    return bool(torch.isfinite(low) & torch.isfinite(high))


def check_values(owner: str, x: Tensor, dt: Tensor | None) -> None:
    """Refuse NaN or infinity in `x`, and negative, NaN or infinite `dt`.

    Raises:
        NonFiniteError: `x` holds NaN or infinity.
        TimeError: `dt` holds a negative, NaN or infinite value.
    """
    if not values_are_checked() or not _is_concrete(x) or x.numel() == 0:
        return
    if not _all_finite(x):
        where = _first(~torch.isfinite(x.detach()))
        raise NonFiniteError(
            owner,
            "x",
            f"holds NaN or infinity, first at index {where}",
            "Fill missing values and pass a mask of what was observed as further inputs.",
        )
    if dt is None or dt.numel() == 0 or not _is_concrete(dt):
        return
    low, high = torch.aminmax(dt.detach())
    if not bool(torch.isfinite(high) & (low >= 0)):
        bad = ~torch.isfinite(dt.detach()) | (dt.detach() < 0)
        where = _first(bad)
        raise TimeError(
            owner,
            "dt",
            f"holds {dt.detach()[where].item():g} at index {where}; elapsed times must be finite and at least 0",
            "Sort each series by time and pass the differences between successive times.",
        )


def _first(bad: Tensor) -> tuple[int, ...]:
    return tuple(int(i) for i in bad.nonzero()[0])


def tensors(
    owner: str, x: object, dt: object, mask: object = None, lengths: object = None
) -> tuple[Tensor, Tensor | float | None, Tensor | None, Tensor | None]:
    """The arguments of a layer by kind: tensors, a plain number as `dt`, and a list of whole numbers as `lengths`.

    Raises:
        DtypeError: an argument is of another kind, such as an array of NumPy or a packed sequence.

    Example:
        >>> tensors("LTC", torch.zeros(2, 3, 1), 0.5, None, [3, 2])[1:]
        (0.5, None, tensor([3, 2]))
    """
    if not isinstance(x, Tensor):
        raise _foreign(owner, "x", x)
    if dt is not None and not isinstance(dt, Tensor):
        if isinstance(dt, bool) or not isinstance(dt, Real):
            raise _foreign(owner, "dt", dt)
        dt = float(dt)
    if mask is not None and not isinstance(mask, Tensor):
        raise _foreign(owner, "mask", mask)
    if lengths is not None and not isinstance(lengths, Tensor):
        is_counts = isinstance(lengths, list | tuple) and all(isinstance(count, Integral) for count in lengths)
        if not is_counts:
            raise _foreign(owner, "lengths", lengths)
        lengths = torch.tensor([int(count) for count in lengths], device=x.device)  # type: ignore[attr-defined]
    return x, dt, mask, lengths


def _foreign(owner: str, name: str, value: object) -> DtypeError:
    kind = type(value).__name__
    if isinstance(value, PackedSequence):
        remedy = (
            "Unpack it: `x, lengths = torch.nn.utils.rnn.pad_packed_sequence(x, batch_first=True)`, and pass both."
            if name == "x"
            else "Pass a tensor."
        )
    elif name == "x":
        remedy = "Pass `torch.as_tensor(x, dtype=next(net.parameters()).dtype)`."
    elif name == "dt":
        remedy = "Pass `torch.as_tensor(dt).to(x)`, or one number for all steps."
    elif name == "mask":
        remedy = "Pass `torch.as_tensor(mask, dtype=torch.bool)`."
    else:
        remedy = "Pass `torch.as_tensor(lengths)`, whole numbers."
    return DtypeError(owner, name, f"is of type {kind}; expected a tensor", remedy)


def check_sequence(
    owner: str, x: Tensor, dt: Tensor | None, mask: Tensor | None, lengths: Tensor | None, inputs: int
) -> None:
    """Check the shapes of one call over a sequence; see the module for the axes.

    Raises:
        ShapeError: a tensor has the wrong number of axes or sizes, a batch or sequence is empty, or a length lies
            outside `[0, time]`.
        DtypeError: `x` is not floating point, `dt` differs from `x`, `mask` is not bool or `lengths` not integer.
    """
    if x.dim() != 3:
        raise ShapeError(
            owner,
            "x",
            f"has shape {tuple(x.shape)}; expected (batch, time, input) = (batch, time, {inputs})",
            "Add the missing axis, for example `x[None]` for one series.",
        )
    batch, time, size = x.shape
    if size != inputs:
        raise ShapeError(
            owner,
            "x",
            f"has {size} inputs on its last axis; this layer was built for {inputs}",
            f"Pass x of shape (batch, time, {inputs}), or build the layer with {size} inputs.",
        )
    if batch == 0 or time == 0:
        raise ShapeError(
            owner,
            "x",
            f"has shape {tuple(x.shape)}: an empty {'batch' if batch == 0 else 'sequence'}",
            "Pass at least one series of at least one step.",
        )
    if not x.is_floating_point():
        raise DtypeError(owner, "x", f"has dtype {x.dtype}; expected a floating type", "Pass `x.float()`.")
    if dt is not None:
        _check_grid(owner, "dt", dt, batch, time)
        _check_like(owner, "dt", dt, x)
    if mask is not None:
        _check_grid(owner, "mask", mask, batch, time)
        if mask.dtype != torch.bool:
            raise DtypeError(owner, "mask", f"has dtype {mask.dtype}; expected torch.bool", "Pass `mask.bool()`.")
    if lengths is not None:
        _check_lengths(owner, lengths, batch, time)


def _check_grid(owner: str, name: str, tensor: Tensor, batch: int, time: int) -> None:
    if tuple(tensor.shape) == (batch, time):
        return
    remedy = f"Pass one value per series and step, of shape ({batch}, {time})."
    if tuple(tensor.shape) == (batch,):
        remedy = f"Pass `{name}[:, None].expand({batch}, {time})` for one value per series."
    elif tuple(tensor.shape) == (time,):
        remedy = f"Pass `{name}.expand({batch}, {time})` for one value per step, shared by all series."
    elif tuple(tensor.shape) == (batch, time, 1):
        remedy = f"Pass `{name}.squeeze(-1)`."
    raise ShapeError(
        owner,
        name,
        f"has shape {tuple(tensor.shape)}; expected (batch, time) = ({batch}, {time})",
        remedy,
    )


def _check_like(owner: str, name: str, tensor: Tensor, x: Tensor) -> None:
    if tensor.dtype != x.dtype or tensor.device != x.device:
        raise DtypeError(
            owner,
            name,
            f"is {tensor.dtype} on {tensor.device}; x is {x.dtype} on {x.device}",
            f"Pass `{name}.to(x)`.",
        )


def _check_lengths(owner: str, lengths: Tensor, batch: int, time: int) -> None:
    if tuple(lengths.shape) != (batch,):
        raise ShapeError(
            owner,
            "lengths",
            f"has shape {tuple(lengths.shape)}; expected (batch,) = ({batch},)",
            "Pass the number of valid steps of each series.",
        )
    if lengths.dtype not in (torch.int64, torch.int32, torch.int16, torch.uint8, torch.int8):
        raise DtypeError(
            owner, "lengths", f"has dtype {lengths.dtype}; expected an integer type", "Pass `lengths.long()`."
        )
    if not values_are_checked() or not _is_concrete(lengths):
        return
    low, high = int(lengths.min()), int(lengths.max())
    if low < 0 or high > time:
        raise ShapeError(
            owner,
            "lengths",
            f"holds {low if low < 0 else high}; each length must lie between 0 and the {time} steps of x",
            "Count the valid steps of each series.",
        )


def check_step(owner: str, x: Tensor, dt: Tensor | None, inputs: int) -> None:
    """Check one step: `x (batch, input)` and `dt (batch,)`.

    Raises:
        ShapeError: a tensor has the wrong shape or the batch is empty.
        DtypeError: `x` is not floating point or `dt` differs from it.
    """
    if x.dim() != 2 or x.shape[1] != inputs or x.shape[0] == 0:
        raise ShapeError(
            owner,
            "x",
            f"has shape {tuple(x.shape)}; expected (batch, input) = (batch, {inputs}) with a batch of at least 1",
            "Pass one step of each series, for example `x[:, t]`.",
        )
    if not x.is_floating_point():
        raise DtypeError(owner, "x", f"has dtype {x.dtype}; expected a floating type", "Pass `x.float()`.")
    if dt is None:
        return
    if tuple(dt.shape) != (x.shape[0],):
        raise ShapeError(
            owner,
            "dt",
            f"has shape {tuple(dt.shape)}; expected (batch,) = ({x.shape[0]},)",
            "Pass the time since the previous step of each series, for example `dt[:, t]`.",
        )
    _check_like(owner, "dt", dt, x)


def steps_mask(x: Tensor, mask: Tensor | None, lengths: Tensor | None) -> Tensor | None:
    """Which steps count: the given mask, the first `lengths` steps, both, or `None` for all.

    Returns:
        `(batch, time)` bool, or `None`.

    Example:
        >>> steps_mask(torch.zeros(2, 3, 1), None, torch.tensor([1, 3])).tolist()
        [[True, False, False], [True, True, True]]
    """
    if lengths is None:
        return mask
    within = torch.arange(x.shape[1], device=x.device) < lengths.to(x.device)[:, None]
    return within if mask is None else within & mask
