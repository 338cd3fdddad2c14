"""The linear recurrence s_k = a_k s_{k-1} + b_k in about 3 sqrt(time) passes instead of `time`.

The series is cut into about sqrt(time) chunks. All chunks run side by side from zero, together with the product of
their factors; the chunk ends are then chained, and each chunk adds its share of what came before. Nothing is divided
and every product is of factors given, so with |a| <= 1 no number grows beyond those of the plain loop.

Complex numbers are pairs of real tensors, because bfloat16 has no complex kind.
"""

from collections.abc import Sequence
from math import isqrt

import torch
from torch import Tensor
from torch.nn.functional import pad

from caudal.nn.baselines.sequence import loop

Pair = tuple[Tensor, Tensor]


def times(a: Pair, b: Pair) -> Pair:
    """Product of two complex numbers given as (real, imaginary).

    Example:
        >>> times((torch.tensor(0.0), torch.tensor(1.0)), (torch.tensor(0.0), torch.tensor(1.0)))
        (tensor(-1.), tensor(0.))
    """
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def plus(a: Pair, b: Pair) -> Pair:
    """Sum of two complex numbers given as (real, imaginary)."""
    return a[0] + b[0], a[1] + b[1]


def complex_scan(a: Pair, b: Pair, start: Pair) -> Pair:
    """States after every step of s_k = a_k s_{k-1} + b_k over the complex numbers.

    Arguments:
        a: factors, pair of `(batch, time, n)`.
        b: drives, pair of `(batch, time, n)`.
        start: state before the first step, pair of `(batch, n)`.

    Returns:
        pair of `(batch, time, n)`.

    Example:
        >>> turn, none = torch.ones(1, 4, 1), torch.zeros(1, 4, 1)
        >>> real, imaginary = complex_scan((none, turn), (none, none), (torch.ones(1, 1), torch.zeros(1, 1)))
        >>> real.flatten().tolist(), imaginary.flatten().tolist()
        ([0.0, -1.0, 0.0, 1.0], [1.0, 0.0, -1.0, 0.0])
    """
    if torch.compiler.is_compiling():  # the cut depends on the number of steps, which a graph should not
        return _plain(a, b, start)
    batch, time, size = a[0].shape
    width = isqrt(time - 1) + 1
    chunks = -(-time // width)
    steps_a, steps_b = (_cut(part, chunks, width) for part in (a, b))
    product, local = steps_a[0], steps_b[0]
    products, locals_ = [product], [local]
    for factor, drive in zip(steps_a[1:], steps_b[1:], strict=True):
        product, local = times(factor, product), plus(times(factor, local), drive)
        products.append(product)
        locals_.append(local)
    carry, carries = start, [start]
    whole = [(p.unbind(1), s.unbind(1)) for p, s in zip(product, local, strict=True)]
    for chunk in range(chunks - 1):
        carry = plus(times((whole[0][0][chunk], whole[1][0][chunk]), carry), (whole[0][1][chunk], whole[1][1][chunk]))
        carries.append(carry)
    before = _stack(carries, 1)
    shifted = times(_stack(products, 2), (before[0][:, :, None], before[1][:, :, None]))
    real, imaginary = plus(shifted, _stack(locals_, 2))
    shape = (batch, chunks * width, size)
    return real.reshape(shape)[:, :time], imaginary.reshape(shape)[:, :time]


def _plain(a: Pair, b: Pair, start: Pair) -> Pair:
    def update(step: Sequence[Tensor], state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        before = state[0].chunk(2, 1)
        real, imaginary = plus(times((step[0], step[1]), (before[0], before[1])), (step[2], step[3]))
        return (torch.cat([real, imaginary], 1),)

    real, imaginary = loop(update, [*a, *b], None, (torch.cat(start, 1),))[0].chunk(2, 2)
    return real, imaginary


def _cut(pair: Pair, chunks: int, width: int) -> list[Pair]:
    batch, time, size = pair[0].shape
    real, imaginary = (
        pad(part, (0, 0, 0, chunks * width - time)).view(batch, chunks, width, size).unbind(2) for part in pair
    )
    return list(zip(real, imaginary, strict=True))


def _stack(pairs: list[Pair], axis: int) -> Pair:
    return torch.stack([p[0] for p in pairs], axis), torch.stack([p[1] for p in pairs], axis)
