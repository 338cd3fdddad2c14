"""The linear recurrence s_k = a_k s_{k-1} + b_k in about 3 sqrt(time) passes instead of `time`.

The series is cut into about sqrt(time) chunks. All chunks run side by side from zero, together with the product of
their factors; the chunk ends are then chained, and each chunk adds its share of what came before. Nothing is divided
and every product is of factors given, so with |a| <= 1 no number grows beyond those of the plain loop.

Complex numbers are pairs of real tensors, because bfloat16 has no complex kind; real ones are single tensors.
"""

from collections.abc import Sequence
from math import isqrt

import torch
from torch import Tensor
from torch.nn.functional import pad

from caudal.nn.baselines.sequence import loop

Pair = tuple[Tensor, Tensor]
# One tensor of a real number, two of a complex one.
Parts = tuple[Tensor, ...]


def times(a: Parts, b: Parts) -> Parts:
    """Product of two numbers, complex ones given as (real, imaginary).

    Example:
        >>> times((torch.tensor(0.0), torch.tensor(1.0)), (torch.tensor(0.0), torch.tensor(1.0)))
        (tensor(-1.), tensor(0.))
    """
    if len(a) == 1:
        return (a[0] * b[0],)
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def plus(a: Parts, b: Parts) -> Parts:
    """Sum of two numbers, complex ones given as (real, imaginary)."""
    return tuple(first + second for first, second in zip(a, b, strict=True))


def real_scan(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """States after every step of s_k = a_k s_{k-1} + b_k over the real numbers, `(batch, time, n)`.

    Arguments:
        a, b: factors and drives `(batch, time, n)`.
        start: state before the first step `(batch, n)`.

    Example:
        >>> real_scan(torch.full((1, 3, 1), 0.5), torch.ones(1, 3, 1), torch.zeros(1, 1)).flatten().tolist()
        [1.0, 1.5, 1.75]
    """
    return _scan((a,), (b,), (start,))[0]


def relaxed(lapse: Tensor, decay: Tensor, frequency: Tensor) -> tuple[Pair, Pair]:
    """Factor exp(lambda t) and gain (exp(lambda t) - 1) / lambda over elapsed times, lambda = -decay + i frequency.

    Arguments:
        lapse: elapsed times, which broadcast with the others.
        decay: above 0.
        frequency: in radians per unit of time.
    """
    real = -decay
    shrink, turn = lapse * real, lapse * frequency
    size, cosine, sine = shrink.exp(), turn.cos(), turn.sin()
    # exp(z) - 1 without the cancellation that float32 suffers at small z.
    above = torch.expm1(shrink) * cosine - 2 * (turn / 2).sin() ** 2
    across = size * sine
    norm = real**2 + frequency**2
    gain = ((above * real + across * frequency) / norm, (across * real - above * frequency) / norm)
    return (size * cosine, across), gain


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
    real, imaginary = _scan(a, b, start)
    return real, imaginary


def _scan(a: Parts, b: Parts, start: Parts) -> Parts:
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
        factor, drive = (tuple(part[at][chunk] for part in whole) for at in (0, 1))
        carry = plus(times(factor, carry), drive)
        carries.append(carry)
    before = tuple(part[:, :, None] for part in _stack(carries, 1))
    states = plus(times(_stack(products, 2), before), _stack(locals_, 2))
    return tuple(part.reshape(batch, chunks * width, size)[:, :time] for part in states)


def _plain(a: Parts, b: Parts, start: Parts) -> Parts:
    parts = len(start)

    def update(step: Sequence[Tensor], state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        before = tuple(state[0].chunk(parts, 1))
        return (torch.cat(plus(times(tuple(step[:parts]), before), tuple(step[parts:])), 1),)

    return tuple(loop(update, [*a, *b], None, (torch.cat(start, 1),))[0].chunk(parts, 2))


def _cut(number: Parts, chunks: int, width: int) -> list[Parts]:
    batch, time, size = number[0].shape
    cut = (pad(part, (0, 0, 0, chunks * width - time)).view(batch, chunks, width, size).unbind(2) for part in number)
    return list(zip(*cut, strict=True))


def _stack(numbers: list[Parts], axis: int) -> Parts:
    return tuple(torch.stack(parts, axis) for parts in zip(*numbers, strict=True))
