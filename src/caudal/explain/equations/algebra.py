"""Sympy as the equations need it: sums and products stay as they are written, numbers have a chosen precision."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from caudal.typing import Floats

# Sympy carries no types; an expression is Any throughout this room.
Expression = Any


@cache
def sigmoid() -> Expression:
    """The class of `sigmoid(z) = 1 / (1 + exp(-z))` as one function, printed as such."""
    import sympy

    class sigmoid(sympy.Function):  # type: ignore[misc]  # noqa: N801  # printed under its name
        def _latex(self, printer: Any, exp: Any = None) -> str:
            inside = rf"\sigma\left({printer._print(self.args[0])}\right)"
            return inside if exp is None else f"{inside}^{{{exp}}}"

    return sigmoid


class Numbers:
    """Numbers of one set of equations.

    Arguments:
        digits: significant digits; None keeps every bit of float64.
    """

    def __init__(self, digits: int | None = None) -> None:
        self.digits = digits

    def __call__(self, value: float) -> Expression:
        """A number as sympy holds it."""
        import sympy

        if self.digits is None:
            return sympy.Float(float(value))
        return sympy.Float(float(f"{float(value):.{self.digits - 1}e}"))


def symbol(name: str) -> Expression:
    """A real symbol.

    Example:
        >>> symbol("ast")
        ast
    """
    import sympy

    return sympy.Symbol(name, real=True)


def plus(terms: Iterable[Expression]) -> Expression:
    """A sum in the order given.

    Example:
        >>> plus([symbol("b"), symbol("a")])
        a + b
    """
    import sympy

    summands = list(terms)
    if len(summands) < 2:
        return summands[0] if summands else sympy.Float(0.0)
    return sympy.Add(*summands, evaluate=False)


def times(*factors: Expression) -> Expression:
    """A product in the order given; brackets are not multiplied out."""
    import sympy

    return sympy.Mul(*factors, evaluate=False) if len(factors) > 1 else factors[0]


def over(above: Expression, below: Expression) -> Expression:
    """A fraction that is not reduced."""
    import sympy

    return times(above, sympy.Pow(below, -1, evaluate=False))


def minus(first: Expression, second: Expression) -> Expression:
    """A difference; of a number its negative is added, so that no sign stands twice."""
    import sympy

    negative = -second if isinstance(second, sympy.Float) else sympy.Mul(-1, second, evaluate=False)
    return plus([first, negative])


def function(name: str) -> Callable[[Expression], Expression]:
    """`tanh`, `exp`, `log`, `erf`, `Abs`, `sigmoid` or `relu`, not evaluated."""
    import sympy

    if name == "sigmoid":
        return lambda z: sigmoid()(z)
    if name == "relu":
        return lambda z: sympy.Max(0, z, evaluate=False)
    operation = getattr(sympy, name)
    return lambda z: operation(z, evaluate=False)


def logistic(z: Floats) -> Floats:
    """Sigmoid without overflow.

    Example:
        >>> logistic(np.array([-1000.0, 0.0])).tolist()
        [0.0, 0.5]
    """
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, small) / (1.0 + small)


def compiled(arguments: list[Expression], expressions: list[Expression]) -> Callable[..., list[Floats]]:
    """The expressions as one function of arrays."""
    import sympy
    from torch.special import erf

    def error_function(z: Floats) -> Floats:
        import torch

        return np.asarray(erf(torch.as_tensor(z, dtype=torch.float64)).numpy())

    modules: list[object] = [{"sigmoid": logistic, "erf": error_function}, "numpy"]
    evaluate: Callable[..., list[Floats]] = sympy.lambdify(arguments, expressions, modules=modules, cse=True)
    return evaluate


def plain(expression: Expression) -> str:
    """An expression as a line of text."""
    from sympy.printing.str import StrPrinter

    text: str = StrPrinter({"order": "none", "full_prec": False}).doprint(expression)
    return text


def tex(expression: Expression, names: Mapping[Expression, str]) -> str:
    """An expression as LaTeX."""
    from sympy import latex

    text: str = latex(expression, order="none", symbol_names=dict(names), full_prec=False, mul_symbol=r"\,")
    return text
