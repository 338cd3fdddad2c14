"""What the baselines share: checks of sizes, the loop over time, and bringing the steps that count to the front."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from caudal.errors import InputError

Update = Callable[[Sequence[Tensor], tuple[Tensor, ...]], tuple[Tensor, ...]]


def check_sizes(owner: str, **sizes: int) -> None:
    """Refuse a size that is not an integer of at least 1.

    Raises:
        InputError: names the size.

    Example:
        >>> check_sizes("LSTM", inputs=3, units=8)
    """
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise InputError(owner, name, f"is {size!r}", "Pass an integer of at least 1.")


def check_dropout(owner: str, dropout: float) -> None:
    """Refuse a dropout outside [0, 1).

    Raises:
        InputError: names the value.
    """
    if not 0 <= dropout < 1:
        raise InputError(owner, "dropout", f"is {dropout!r}; expected 0 <= dropout < 1", "Pass `dropout=0.0` for none.")


def wide(dtype: torch.dtype) -> torch.dtype:
    """The dtype for sums over time: at least float32, since a clock in bfloat16 stops at 256.

    Example:
        >>> wide(torch.bfloat16), wide(torch.float64)
        (torch.float32, torch.float64)
    """
    return torch.promote_types(dtype, torch.float32)


def clock(parts: Tensor) -> Tensor:
    """The time `(batch, 1)` that a state holds, in a dtype wide enough to add to."""
    return parts.to(wide(parts.dtype)).sum(-1, keepdim=True)


def wound(time: Tensor, dtype: torch.dtype) -> Tensor:
    """A time `(batch, 1)` as a state holds it: one number, or three whose sum it is where `dtype` is narrow.

    Example:
        >>> wound(torch.tensor([[1001.125]]), torch.bfloat16).tolist()
        [[1000.0, 1.125, 0.0]]
    """
    if dtype == time.dtype:
        return time
    parts = []
    for _ in range(3):
        parts.append(time.to(dtype))
        time = time - parts[-1]
    return torch.cat(parts, -1)


def with_dt(x: Tensor, dt: Tensor) -> Tensor:
    """The inputs with the elapsed time as one more, last, feature."""
    return torch.cat([x, dt[..., None]], -1)


def loop(
    update: Update, inputs: Sequence[Tensor], mask: Tensor | None, state: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Apply `update` step by step; a masked step keeps the state.

    While torch compiles or exports, torch's own scan operator takes the place of the Python loop: the graph then holds
    one step, whatever the number of steps.

    Arguments:
        update: from the inputs of one step, each `(batch, ...)`, and the state to the new state.
        inputs: each `(batch, time, ...)`.
        mask: `(batch, time)` bool, or None when every step counts.
        state: each `(batch, units)`; the first is the output.

    Returns:
        the first state after every step `(batch, time, units)`, and the last state.
    """

    def masked(step: Sequence[Tensor], state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        if mask is None:
            return update(step, state)
        *given, keep = step
        new = update(given, state)
        return tuple(torch.where(keep[:, None], after, before) for after, before in zip(new, state, strict=True))

    sequences = [*inputs] if mask is None else [*inputs, mask]
    if torch.compiler.is_compiling():
        return _graph_loop(masked, sequences, state)
    outputs = []
    for step in zip(*(sequence.unbind(1) for sequence in sequences), strict=True):
        state = masked(step, state)
        outputs.append(state[0])
    return torch.stack(outputs, 1), state


def _graph_loop(
    update: Update, inputs: Sequence[Tensor], state: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    from torch._higher_order_ops.scan import scan

    def body(state: tuple[Tensor, ...], step: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], Tensor]:
        new = update(step, state)
        # The operator refuses results that share memory with each other or with what went in.
        return tuple(part.clone() for part in new), new[0].clone()

    first = tuple(sequence.movedim(1, 0) for sequence in inputs)
    ends, outputs = scan(body, tuple(part.clone() for part in state), first)
    return outputs.movedim(0, 1), tuple(ends)


class Front(NamedTuple):
    """Where the steps that count go when each series is closed up to the front.

    Attributes:
        order: `(batch, time)`, the original place of each closed-up step.
        rank: `(batch, time)`, the closed-up place of each step that counts.
        total: `(batch,)`, how many steps count.
    """

    order: Tensor
    rank: Tensor
    total: Tensor


def front(mask: Tensor) -> Front:
    """Close up the steps that count, keeping their order.

    Example:
        >>> front(torch.tensor([[False, True, True]])).order.tolist()
        [[1, 2, 0]]
    """
    order = torch.argsort((~mask).to(torch.uint8), dim=1, stable=True)
    rank = (mask.cumsum(1) - 1).clamp_min(0)
    return Front(order, rank, mask.sum(1))


def take(tensor: Tensor, index: Tensor) -> Tensor:
    """`tensor (batch, time, n)` at the places `index (batch, steps)` of its time axis.

    Example:
        >>> take(torch.tensor([[[1.0], [2.0]]]), torch.tensor([[1, 0]])).flatten().tolist()
        [2.0, 1.0]
    """
    return tensor.gather(1, index[..., None].expand(-1, -1, tensor.shape[2]))


def last(y: Tensor, total: Tensor, start: Tensor) -> Tensor:
    """`y (batch, time, n)` after the first `total` closed-up steps; `start (batch, n)` where there were none."""
    ends = take(y, (total - 1).clamp_min(0)[:, None])[:, 0]
    return torch.where((total > 0)[:, None], ends, start)


@contextmanager
def separate_weights(x: Tensor) -> Iterator[None]:
    """Keep cuDNN from warning that it packs the weights at each call: ours stay plain parameters on purpose."""
    if not x.is_cuda:
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="RNN module weights")
        yield
