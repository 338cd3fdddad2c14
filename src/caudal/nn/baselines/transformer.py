"""A causal transformer encoder over irregular times, whose state is its cache of keys and values."""

from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, gelu, scaled_dot_product_attention

from caudal.errors import InputError
from caudal.nn.baselines.sequence import check_dropout, check_sizes, clock, wide, wound
from caudal.nn.layer import Layer, State

Cache = tuple[Tensor, Tensor]


class TransformerState(NamedTuple):
    """What the next step can attend to, at the end of a window of fixed size; zeros mean that nothing was seen.

    Attributes:
        time: sum of all dt so far `(batch, 1)`; in a narrow dtype `(batch, 3)`, whose sum is the time.
        seen: 1 where the window holds a step, else 0, `(batch, context)` of uint8.
        cache: keys and values of every layer, each `(batch, heads, context, units / heads)`.
    """

    time: Tensor
    seen: Tensor
    cache: tuple[Cache, ...]


class _Block(nn.Module):
    """Pre-norm attention and feed-forward map, each with its skip."""

    def __init__(self, units: int, heads: int, hidden: int, rate: float) -> None:
        super().__init__()
        self.heads, self.rate = heads, rate
        self.norm_attention, self.norm_map = nn.LayerNorm(units), nn.LayerNorm(units)
        self.project = nn.Linear(units, 3 * units)
        self.merge = nn.Linear(units, units)
        self.widen = nn.Linear(units, hidden)
        self.narrow = nn.Linear(hidden, units)

    def reset_parameters(self) -> None:
        for part in (self.norm_attention, self.norm_map, self.project, self.merge, self.widen, self.narrow):
            part.reset_parameters()

    def forward(self, h: Tensor, allowed: Tensor | None, cache: Cache | None) -> tuple[Tensor, Cache]:
        batch, time, units = h.shape
        parts = self.project(self.norm_attention(h)).view(batch, time, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        if cache is not None:
            key, value = torch.cat([cache[0], key], 2), torch.cat([cache[1], value], 2)
        read = scaled_dot_product_attention(query, key, value, attn_mask=allowed, is_causal=allowed is None)
        h = h + self._drop(self.merge(read.transpose(1, 2).reshape(batch, time, units)))
        h = h + self._drop(self.narrow(self._drop(gelu(self.widen(self.norm_map(h))))))
        return h, (key, value)

    def _drop(self, tensor: Tensor) -> Tensor:
        return dropout(tensor, self.rate, self.training) if self.rate else tensor


@final
class Transformer(Layer):
    """Pre-norm transformer encoder with causal attention and an encoding of continuous time.

        h_k = W x_k + b + [sin(w t_k), cos(w t_k)],    t_k = sum of dt up to step k
        h <- h + attention(norm(h)),    h <- h + W_2 gelu(W_1 norm(h))      for each block
        y = norm(h)

    Each step attends to itself and to the `context - 1` steps before it, masked steps not counted. The frequencies w
    start from the geometric series of the sinusoidal encoding, taken in the unit of dt, and are learnt. The state is a
    window of keys and values, so chunks and single steps give the numbers of the whole; it holds
    `2 layers units context` numbers per series, which is far more than the state of the other layers. Work per step
    is in proportion to `context` too.

    Arguments:
        inputs: size of the last axis of x.
        units: width of the network and of y; even, and a multiple of `heads`.
        layers: number of blocks.
        heads: number of attention heads.
        hidden: width of the feed-forward map; 4 units when left out.
        context: how many steps each step attends to, itself included.
        dropout: rate on every branch, in training only.
        longest: period of the slowest initial frequency is about 2 pi times this many units of dt.

    Shapes:
        x `(batch, time, inputs)`, dt `(batch, time)` -> y `(batch, time, units)`, `TransformerState`.

    Raises:
        InputError: a size is not a positive integer, or `units`, `dropout` or `longest` does not fit.

    Source: Vaswani et al., NeurIPS 2017 (arXiv 1706.03762), section 3; pre-norm of Xiong et al., ICML 2020
    (arXiv 2002.04745); learnt frequencies of continuous time as in Kazemi et al., 2019 (arXiv 1907.05321).

    Example:
        >>> net = Transformer(3, 8, heads=2, context=16)
        >>> y, state = net(torch.zeros(2, 5, 3), dt=torch.rand(2, 5))
        >>> y, state = net.step(torch.zeros(2, 3), dt=torch.rand(2), state=state)
        >>> y.shape, state.seen.shape, state.cache[0][0].shape
        (torch.Size([2, 8]), torch.Size([2, 16]), torch.Size([2, 2, 16, 4]))
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        layers: int = 2,
        heads: int = 4,
        hidden: int | None = None,
        context: int = 1024,
        dropout: float = 0.0,
        longest: float = 10_000.0,
    ) -> None:
        super().__init__()
        hidden = 4 * units if hidden is None else hidden
        check_sizes(
            "Transformer", inputs=inputs, units=units, layers=layers, heads=heads, hidden=hidden, context=context
        )
        check_dropout("Transformer", dropout)
        if units % heads or units % 2:
            raise InputError(
                "Transformer", "units", f"is {units} with {heads} heads", "Pass an even multiple of `heads`."
            )
        if not longest > 0:
            raise InputError("Transformer", "longest", f"is {longest!r}", "Pass a positive number of units of dt.")
        self.inputs, self.units, self.outputs = inputs, units, units
        self.layers, self.heads, self.hidden, self.context = layers, heads, hidden, context
        self.dropout, self.longest = dropout, longest
        self.embed = nn.Linear(inputs, units)
        self.frequency = nn.Parameter(torch.empty(units // 2))
        self.blocks = nn.ModuleList(_Block(units, heads, hidden, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(units)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the maps as torch does; the frequencies fall geometrically from 1 towards 1 / longest."""
        for part in (self.embed, self.norm, *self.blocks):
            part.reset_parameters()
        with torch.no_grad():
            place = torch.arange(self.units // 2, dtype=wide(self.frequency.dtype), device=self.frequency.device)
            self.frequency.copy_(self.longest ** (-2 * place / self.units))

    def initial_state(self, batch: int) -> State:
        """Time zero and an empty window."""
        frequency = self.frequency
        empty = frequency.new_zeros(batch, self.heads, self.context, self.units // self.heads)
        return TransformerState(
            wound(frequency.new_zeros(batch, 1, dtype=wide(frequency.dtype)), frequency.dtype),
            frequency.new_zeros(batch, self.context, dtype=torch.uint8),
            tuple((empty, empty) for _ in range(self.layers)),
        )

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        """See `Layer.scan`."""
        parts, seen, cache = state
        before = clock(parts)
        time = before + dt.to(before.dtype).cumsum(1)
        angle = time[..., None] * self.frequency
        h = self.embed(x) + torch.cat([angle.sin(), angle.cos()], -1).to(x.dtype)
        now = torch.ones_like(dt, dtype=torch.bool) if mask is None else mask
        anew = _is_empty(seen)
        counts = now if anew else torch.cat([seen > 0, now], 1)
        # Torch has a faster kernel for the plain triangle than for a mask that is written out.
        plain = anew and mask is None and x.shape[1] <= self.context
        allowed = None if plain else _allowed(counts, x.shape[1], self.context)
        counts = _at_least(counts, 1, self.context)
        place = None if mask is None else _last(counts, self.context)
        seen = counts[:, -self.context :] if place is None else counts.gather(1, place)
        caches = []
        for block, entry in zip(self.blocks, cache, strict=True):
            h, (key, value) = block(h, allowed, None if anew else entry)
            caches.append((self._held(key, place, seen), self._held(value, place, seen)))
        return self.norm(h), TransformerState(wound(time[:, -1:], x.dtype), seen.to(torch.uint8), tuple(caches))

    def _held(self, past: Tensor, place: Tensor | None, seen: Tensor) -> Tensor:
        """What the next call may read of the keys or values `(batch, heads, past, size)`."""
        past = _at_least(past, 2, self.context)
        if place is None:
            return past[:, :, -self.context :]
        place = place[:, None, :, None].expand(-1, self.heads, -1, past.shape[3])
        return torch.where(seen[:, None, :, None], past.gather(2, place), 0)

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        """See `Layer.tick`."""
        y, state = self.scan(x[:, None], dt[:, None], None, state)
        return y[:, 0], state

    def arguments(self) -> dict[str, Any]:
        """See `Layer.arguments`."""
        return {
            "inputs": self.inputs,
            "units": self.units,
            "layers": self.layers,
            "heads": self.heads,
            "hidden": self.hidden,
            "context": self.context,
            "dropout": self.dropout,
            "longest": self.longest,
        }


def _is_empty(seen: Tensor) -> bool:
    """Whether the window holds nothing, so that attention may leave it out; a graph must not ask."""
    return not torch.compiler.is_compiling() and not bool(seen.any())


def _allowed(counts: Tensor, new: int, context: int) -> Tensor:
    """Who attends to whom, `(batch, 1, new, past + new)`; a step always sees itself, so that no row is empty."""
    past = counts.shape[1] - new
    steps = torch.arange(counts.shape[1], device=counts.device)
    query = steps[past:, None]
    rank = counts.cumsum(1)
    near = rank[:, past:, None] - rank[:, None] < context
    earlier = (steps < query) & counts[:, None] & near
    return (earlier | (steps == query))[:, None]


def _at_least(tensor: Tensor, axis: int, size: int) -> Tensor:
    """The tensor with zeros put before it along an axis that is shorter than `size`."""
    missing = size - tensor.shape[axis]
    if missing <= 0:
        return tensor
    shape = list(tensor.shape)
    shape[axis] = missing
    return torch.cat([tensor.new_zeros(shape), tensor], axis)


def _last(counts: Tensor, context: int) -> Tensor:
    """Places of the last `context` steps that count, in order, behind places that do not count."""
    return torch.argsort(counts.to(torch.uint8), dim=1, stable=True)[:, -context:]
