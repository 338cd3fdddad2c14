"""What each plain function of torch costs in scalar operations, and what is known beforehand or surely 0."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

# What torch hands to a function: tensors, numbers, lists of them.
Args = Sequence[Any]
Kwargs = Mapping[str, Any]

_CURVED = {
    "sigmoid": "sigmoids",
    "tanh": "tanhs",
    "exp": "exponentials",
    "expm1": "exponentials",
    "exp2": "exponentials",
    "log": "exponentials",
    "log1p": "exponentials",
    "log2": "exponentials",
    "sin": "sines",
    "cos": "sines",
    "tan": "sines",
    "sqrt": "roots",
    "rsqrt": "roots",
    "erf": "error_functions",
}
KINDS = tuple(dict.fromkeys(_CURVED.values()))
_COMPARED = frozenset(
    "abs relu sign floor ceil round trunc clamp clamp_min clamp_max maximum minimum where lt le gt ge eq ne".split()  # noqa: SIM905
)
# Move or make numbers, and compute none.
_SHAPES = frozenset(
    """view reshape _unsafe_view _reshape_alias expand permute transpose t slice select split split_with_sizes chunk
    unbind unsafe_split unsafe_chunk unsafe_split_with_sizes cat stack squeeze unsqueeze index gather index_select clone
    detach alias flip roll repeat constant_pad_nd diagonal diagonal_copy diag_embed movedim swapaxes contiguous _to_copy
    unfold as_strided""".split()  # noqa: SIM905
)
_SILENT = frozenset(
    """copy fill zero empty empty_like empty_strided new_empty new_empty_strided zeros zeros_like new_zeros ones
    ones_like new_ones full full_like new_full arange scalar_tensor lift_fresh repeat_interleave index_put
    _local_scalar_dense neg any all sort argsort tril triu masked_fill logical_not logical_and logical_or bitwise_not
    bitwise_and bitwise_or isfinite isnan is_same_size eye resolve_conj resolve_neg positive sym_size randn rand
    set_ resize_ item isinf view_as_real _assert_async native_dropout nonzero count_nonzero""".split()  # noqa: SIM905
)
_BLANK = frozenset(("zeros", "zeros_like", "new_zeros"))


class Tracker:
    """Running counts, and what is known of the tensors seen.

    Arguments:
        fixed: tensors known before the first step: parameters and buffers.
    """

    def __init__(self, fixed: Iterable[Tensor]) -> None:
        self.counts: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        # By identity; the tensors are held, so that no other takes their place.
        self._fixed: dict[int, Tensor] = {id(tensor): tensor for tensor in fixed}
        self._nothing: dict[int, tuple[Tensor, Tensor]] = {}

    def see(self, name: str, func: object, args: Args, kwargs: Kwargs, out: object) -> None:
        """Count one call that has been made."""
        short = _short(name)
        given = [tensor for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)]
        results = [tensor for tensor in tree_leaves(out) if isinstance(tensor, Tensor)]
        if all(id(tensor) in self._fixed for tensor in given) and (
            given or not any(m.is_floating_point() for m in results)
        ):
            self._fixed |= {id(tensor): tensor for tensor in results}
            return
        for tensor in results:  # written in place by something that is not known beforehand
            self._fixed.pop(id(tensor), None)
        if short in _SHAPES:
            self._carry(func, args, kwargs, results)
        elif short in _BLANK:
            self._nothing |= {id(tensor): (tensor, torch.ones_like(tensor, dtype=torch.bool)) for tensor in results}
        elif short in RULES:
            if any(tensor.is_floating_point() for tensor in given):
                RULES[short](self, args, kwargs, results[0])
        elif short not in _SILENT and any(tensor.is_floating_point() for tensor in given):
            self.unknown[name] += 1

    def is_fixed(self, tensor: Tensor) -> bool:
        """Whether a tensor depends on the parameters alone."""
        return id(tensor) in self._fixed

    def nothing(self, value: object) -> Tensor | None:
        """Where a tensor is 0 because nothing was added to it, or None."""
        entry = self._nothing.get(id(value))
        return None if entry is None else entry[1]

    def mark(self, tensor: Tensor, where: Tensor | None) -> None:
        """Note where a tensor is 0 because nothing was added to it."""
        if where is not None and bool(where.any()):
            self._nothing[id(tensor)] = (tensor, where)
        else:
            self._nothing.pop(id(tensor), None)

    def add(self, **counts: float) -> None:
        """Add to the counts."""
        self.counts.update({kind: int(n) for kind, n in counts.items()})

    def _carry(self, func: Any, args: Args, kwargs: Kwargs, results: Sequence[Tensor]) -> None:
        """Apply an operation that moves numbers to the marks of its arguments."""
        if not any(id(value) in self._nothing for value in tree_leaves((args, kwargs))):
            return

        def marks(value: object) -> object:
            if not isinstance(value, Tensor) or not value.is_floating_point():
                return value
            mask = self.nothing(value)
            return torch.zeros_like(value, dtype=torch.bool) if mask is None else mask

        if func._schema.name == "aten::_to_copy":
            self.mark(results[0], self.nothing(args[0]))
            return
        moved = tree_leaves(func(*tree_map(marks, args), **tree_map(marks, kwargs)))
        for tensor, where in zip(results, moved, strict=True):
            self.mark(tensor, where)


def is_known(name: str) -> bool:
    """Whether there is a rule for a function of torch."""
    return _short(name) in RULES or _short(name) in _SHAPES or _short(name) in _SILENT


def _short(name: str) -> str:
    return name.removeprefix("aten::").rstrip("_")


Rule = Callable[[Tracker, Args, Kwargs, Tensor], None]


def _is(value: object, number: float) -> bool:
    return isinstance(value, int | float) and value == number


def _product(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    if not any(_is(operand, 1) for operand in args[:2]):
        tracker.add(products=out.numel())


def _quotient(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    if not _is(args[1], 1):
        tracker.add(divisions=out.numel())


def _sum_of_two(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    if any(_is(operand, 0) for operand in args[:2]):
        return
    empty = [tracker.nothing(operand) for operand in args[:2]]
    wheres = [operand.expand(out.shape) for operand in empty if operand is not None]
    free = torch.stack(wheres).any(0).sum().item() if wheres else 0
    tracker.add(sums=out.numel() - free, products=0 if _is(kwargs.get("alpha", 1), 1) else out.numel())
    tracker.mark(out, wheres[0] & wheres[1] if len(wheres) == 2 else None)


def _reduction(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    tracker.add(sums=args[0].numel() - out.numel())


def _mean(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    tracker.add(sums=args[0].numel() - out.numel(), divisions=out.numel())


def _running(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    tracker.add(sums=out.numel() - out.numel() // max(1, out.shape[args[1]]))


def _largest(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    tracker.add(comparisons=args[0].numel() - out.numel())


def _power(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    if _is(args[1], 2):
        tracker.add(products=out.numel())
    else:
        tracker.add(exponentials=2 * out.numel(), products=out.numel())


def _matrices(tracker: Tracker, a: Tensor, b: Tensor, out: Tensor) -> Tensor | None:
    """Products and sums of `(..., m, k) @ (..., k, n)`; returns where the outcome is a sum of nothing."""
    live = [
        (matrix != 0) if tracker.is_fixed(matrix) else torch.ones_like(matrix, dtype=torch.bool) for matrix in (a, b)
    ]
    terms = live[0].double() @ live[1].double()
    filled = terms > 0
    tracker.add(products=terms.sum().item(), sums=(terms.sum() - filled.sum()).item())
    return None if bool(filled.all()) else ~filled.expand(out.shape)


def _product_of_matrices(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    tracker.mark(out, _matrices(tracker, args[0], args[1], out))


def _matrices_and_bias(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    empty = _matrices(tracker, args[1], args[2], out)
    tracker.add(sums=out.numel() - (0 if empty is None else int(empty.sum())))


def _onto(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    base, axis, index, source = args[:4]
    empty = tracker.nothing(base)
    if empty is None:
        tracker.add(sums=source.numel())
        return
    after = empty.index_fill(axis, index, False)
    tracker.add(sums=source.numel() - (empty & ~after).sum().item())
    tracker.mark(out, after)


def _convolution(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    terms = args[1][0].numel()
    biased = len(args) > 2 and args[2] is not None
    tracker.add(products=out.numel() * terms, sums=out.numel() * (terms - (0 if biased else 1)))


def _softmax(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    n = out.numel()
    rows = n // max(1, out.shape[args[1]])
    tracker.add(comparisons=n - rows, exponentials=n, sums=2 * n - rows, divisions=n)


def _attention(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    query, key, value = args[:3]
    causal = args[4] if len(args) > 4 else kwargs.get("is_causal", False)
    shape = (*query.shape[:-1], key.shape[-2])
    allowed = kwargs.get("attn_mask")
    if allowed is not None:
        read = (allowed == 0).expand(shape)
    else:
        read = torch.ones(shape, dtype=torch.bool)
        read = read.tril() if causal else read
    pairs, rows, size = int(read.sum()), query.shape[:-1].numel(), query.shape[-1]
    tracker.add(
        products=pairs * (size + 1) + pairs * value.shape[-1],
        sums=pairs * (size - 1) + 2 * pairs - rows + (pairs - rows) * value.shape[-1],
        comparisons=pairs - rows,
        exponentials=pairs,
        divisions=pairs,
    )


def _layer_norm(tracker: Tracker, args: Args, kwargs: Kwargs, out: Tensor) -> None:
    n = out.numel()
    rows = n // max(1, int(torch.Size(args[1]).numel()))
    tracker.add(products=3 * n, sums=4 * n - rows, divisions=2 * rows, roots=rows)


def _curved(kind: str) -> Rule:
    return lambda tracker, args, kwargs, out: tracker.add(**{kind: out.numel()})


def _each(**counts: int) -> Rule:
    return lambda tracker, args, kwargs, out: tracker.add(**{kind: n * out.numel() for kind, n in counts.items()})


# Name of torch's function -> its rule; in-place forms and overloads are the same.
RULES: dict[str, Rule] = {
    **{name: _curved(kind) for name, kind in _CURVED.items()},
    **{name: _each(comparisons=1) for name in _COMPARED},
    "mul": _product,
    "div": _quotient,
    "reciprocal": _each(divisions=1),
    "pow": _power,
    "square": _each(products=1),
    "add": _sum_of_two,
    "sub": _sum_of_two,
    "rsub": _sum_of_two,
    "sum": _reduction,
    "mean": _mean,
    "cumsum": _running,
    "amax": _largest,
    "max": _largest,
    "amin": _largest,
    "min": _largest,
    "addcmul": _each(products=1, sums=1),
    "lerp": _each(products=1, sums=2),
    "gelu": _each(error_functions=1, products=3, sums=1),
    "silu": _each(sigmoids=1, products=1),
    "softplus": _each(exponentials=2, sums=1),
    "leaky_relu": _each(comparisons=1, products=1),
    "mm": _product_of_matrices,
    "bmm": _product_of_matrices,
    "addmm": _matrices_and_bias,
    "baddbmm": _matrices_and_bias,
    "index_add": _onto,
    "convolution": _convolution,
    "_softmax": _softmax,
    "_safe_softmax": _softmax,
    "native_layer_norm": _layer_norm,
    "_scaled_dot_product_flash_attention_for_cpu": _attention,
}
