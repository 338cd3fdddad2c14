"""The input projection of a whole sequence, so that a row's numbers do not depend on how many rows there are.

    caudal::affine(x, weight, bias, backend) -> y          y = weight x + bias for every row of x (..., in)
    caudal::logistic(x, backend) -> y                      y = 1 / (1 + exp(-x)), number by number

A library's matrix product takes other paths for other numbers of rows, and a step then differs from a scan in the last
bits. The compiled form adds in one order always; elsewhere it is `torch.nn.functional.linear`. So too with curves: a
library takes other paths for the last few numbers of a tensor.
"""

import importlib
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from caudal.kernels import dispatch
from caudal.kernels.backends import can_compile


def _compiled(backend: str, x: Tensor, *parameters: Tensor) -> bool:
    return (
        backend in ("auto", "numba")
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.float64)
        and all(parameter.dtype == x.dtype for parameter in parameters)
        and can_compile()
    )


@torch.library.custom_op("caudal::affine", mutates_args=())
def _affine(x: Tensor, weight: Tensor, bias: Tensor, backend: str) -> Tensor:
    backend = dispatch.asked() if backend == "auto" else backend
    if _compiled(backend, x, weight, bias):
        done: Tensor = importlib.import_module("caudal.kernels.cpu.affine").affine(x, weight, bias)
        return done
    with torch.autocast(x.device.type, enabled=False):
        return linear(x, weight, bias)


@_affine.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor, backend: str) -> Tensor:
    return x.new_empty(*x.shape[:-1], weight.shape[0])


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, _, _ = inputs
    ctx.save_for_backward(x, weight)


def _gradient(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
    x, weight = ctx.saved_tensors
    rows = grad.reshape(-1, grad.shape[-1])
    to_x, to_weight, to_bias, _ = ctx.needs_input_grad
    return (
        grad @ weight if to_x else None,
        rows.t() @ x.reshape(-1, x.shape[-1]) if to_weight else None,
        rows.sum(0) if to_bias else None,
        None,
    )


_affine.register_autograd(_gradient, setup_context=_setup)


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`weight x + bias`, differentiable.

    Arguments:
        x: `(..., in)`.
        weight: `(out, in)`.
        bias: `(out,)`.
    """
    result: Tensor = _affine(x, weight, bias, "auto" if torch.compiler.is_compiling() else dispatch.asked())
    return result


@torch.library.custom_op("caudal::logistic", mutates_args=())
def _logistic(x: Tensor, backend: str) -> Tensor:
    if _compiled(dispatch.asked() if backend == "auto" else backend, x):
        curve: Tensor = importlib.import_module("caudal.kernels.cpu.affine").logistic(x)
        return curve
    return torch.sigmoid(x)


@_logistic.register_fake
def _(x: Tensor, backend: str) -> Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _keep_curve(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(output)


def _slope(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
    (y,) = ctx.saved_tensors
    return grad * y * (1 - y), None


_logistic.register_autograd(_slope, setup_context=_keep_curve)


def logistic(x: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`, differentiable, each number's bits the same wherever it stands."""
    curve: Tensor = _logistic(x, "auto" if torch.compiler.is_compiling() else dispatch.asked())
    return curve
