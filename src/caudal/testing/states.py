"""States as trees of tensors: a tensor, or tuples, lists and dicts of them."""

from collections.abc import Callable
from typing import Any

from torch import Tensor


def leaves(state: Any) -> list[Tensor]:
    """The tensors of a state, in a fixed order.

    Example:
        >>> import torch
        >>> len(leaves((torch.zeros(1), {"memory": torch.zeros(1)})))
        2
    """
    if isinstance(state, Tensor):
        return [state]
    parts = state.values() if isinstance(state, dict) else state
    return [] if state is None else [leaf for part in parts for leaf in leaves(part)]


def mapped(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A state of the same form with every tensor changed."""
    if state is None:
        return None
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, dict):
        return {name: mapped(part, change) for name, part in state.items()}
    parts = [mapped(part, change) for part in state]
    return type(state)(*parts) if hasattr(state, "_fields") else type(state)(parts)


def floating(state: Any) -> list[Tensor]:
    """The tensors of a state through which gradients can pass."""
    return [leaf for leaf in leaves(state) if leaf.is_floating_point()]
