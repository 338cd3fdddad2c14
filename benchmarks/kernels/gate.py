"""The correctness gate: no speed is printed before every backend gives the reference's outputs and gradients."""

from collections.abc import Iterator
from typing import Any

import torch

from benchmarks.kernels.records import OURS, PEER, Check
from benchmarks.kernels.rows import ROWS, Row, subjects
from caudal.testing.backends import check_backends, checked, difference


def gate(rows: tuple[str, ...] = tuple(ROWS), inputs: int = 16) -> tuple[Check, ...]:
    """Hold every backend of every liquid layer against the reference, and the rows against the peer's numbers.

    Arguments:
        rows: rows whose models are compared with the peer's, where that is installed.
        inputs: inputs of those models.
    """
    return (*check_backends(), *_peers(rows, inputs))


def _peers(rows: tuple[str, ...], inputs: int) -> Iterator[Check]:
    for name in rows:
        if PEER in (models := subjects(ROWS[name], inputs)):
            recurrence = "cfc_scan" if ROWS[name].cell == "cfc" else "ltc_scan"
            yield checked(f"{ROWS[name].title} beside {PEER}", recurrence, "auto", _compare_peer, ROWS[name], models)


def _compare_peer(row: Row, models: dict[str, Any]) -> str | None:
    """Whether ours, converted, gives the peer's outputs and gradient of the input."""
    torch.manual_seed(0)
    x = torch.randn(3, 7, models[OURS].module.inputs)
    results = []
    for name in (OURS, PEER):
        read = x.clone().requires_grad_()
        y = models[name].scan(read)
        (grad,) = torch.autograd.grad((y * torch.linspace(0.5, 1.5, y.numel()).view_as(y)).sum(), read)
        results.append({"y": y.detach(), "gradient of x": grad})
    # The peer rounds in another order, which the recurrence carries on.
    return difference(*results)
