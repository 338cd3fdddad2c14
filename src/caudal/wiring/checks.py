"""What makes a wiring valid, and what makes an argument of a constructor usable."""

from numbers import Integral, Real
from typing import Any

import numpy as np

from caudal.errors import WiringError
from caudal.wiring.parts import ROLES, Mask, Polarity, Role, neuron_names


def whole(
    owner: str, argument: str, value: Any, least: int, most: int | None = None, limit: str = "", remedy: str = ""
) -> int:
    """A whole number within bounds, as an `int`; `limit` says where the upper bound comes from.

    Raises:
        WiringError: it is not whole (a bool is not), or out of bounds.
    """
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if is_whole and value >= least and (most is None or value <= most):
        return int(value)
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise WiringError(
        owner,
        argument,
        f"is {value!r}; expected a whole number {bounds}" + (f", {limit}" if limit else ""),
        remedy or f"Pass for example `{argument}={max(least, 1)}`.",
    )


def share(owner: str, argument: str, value: Any, remedy: str, *, with_zero: bool, with_one: bool) -> float:
    """A number between 0 and 1, as a `float`; `with_zero` and `with_one` say whether the ends belong.

    Raises:
        WiringError: it is no number, or out of bounds.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if is_number and (0 < value < 1 or (with_zero and value == 0) or (with_one and value == 1)):
        return float(value)
    low, high = "from 0" if with_zero else "above 0", "up to 1" if with_one else "below 1"
    raise WiringError(owner, argument, f"is {value!r}; expected a number {low} and {high}", remedy)


def frozen(name: str, matrix: object) -> Polarity:
    """A read-only int8 copy of a signed matrix.

    Raises:
        WiringError: it is not a 2-dimensional integer matrix of -1, 0 and +1.
    """
    try:
        array = np.asarray(matrix)
    except ValueError:
        fault, remedy = "has rows of different lengths", "Make every row one entry per neuron."
        raise WiringError("Wiring", name, fault, remedy) from None
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.integer):
        raise WiringError(
            "Wiring",
            name,
            f"is {array.ndim}-dimensional of dtype {array.dtype}; expected a 2-dimensional integer matrix",
            "Pass rows of sources and columns of neurons, with +1, -1 or 0.",
        )
    if not np.isin(array, (-1, 0, 1)).all():
        raise WiringError(
            "Wiring",
            name,
            "holds a value other than -1, 0 and +1",
            "Give each synapse the sign of its effect.",
        )
    copy = np.array(array, dtype=np.int8, order="C")
    copy.setflags(write=False)
    return copy


def check_shapes(sensory: Polarity, recurrent: Polarity, roles: tuple[Role, ...], layers: tuple[int, ...]) -> None:
    """Refuse an empty circuit and sizes that disagree.

    Raises:
        WiringError: there is no input or no neuron, or the four parts speak of different numbers of neurons.
    """
    units = recurrent.shape[0]
    if units == 0 or sensory.shape[0] == 0:
        raise WiringError("Wiring", "sensory", f"has shape {sensory.shape}", "Give at least one input and one neuron.")
    if recurrent.shape[1] != units or sensory.shape[1] != units:
        raise WiringError(
            "Wiring",
            "recurrent",
            f"has shape {recurrent.shape} beside sensory {sensory.shape}",
            "Make recurrent (units, units) and sensory (inputs, units).",
        )
    if len(roles) != units or len(layers) != units:
        raise WiringError(
            "Wiring",
            "roles",
            f"names {len(roles)} roles and {len(layers)} layers for {units} neurons",
            "Give one role and one layer per neuron.",
        )


def check_order(roles: tuple[Role, ...], layers: tuple[int, ...]) -> None:
    """Refuse unknown roles, and neurons that do not stand in the one order.

    Raises:
        WiringError: a role is unknown, roles or layers decrease, or no neuron is motor.
    """
    unknown = sorted({str(role) for role in roles} - set(ROLES))
    if unknown:
        raise WiringError("Wiring", "roles", f"holds {unknown[0]!r}", f"Use {', '.join(ROLES)}.")
    ranks = [ROLES.index(role) for role in roles]
    if ranks != sorted(ranks) or list(layers) != sorted(layers) or layers[0] < 0:
        raise WiringError(
            "Wiring",
            "roles",
            "or layers are out of order",
            "Order neurons inter, command, motor, with layers that never decrease.",
        )
    if "motor" not in roles:
        raise WiringError("Wiring", "roles", "holds no motor neuron", "Mark the neurons that form the output as motor.")


def check_heard(receives: Mask, roles: tuple[Role, ...]) -> None:
    """Refuse a neuron that receives nothing.

    Arguments:
        receives: `(units,)` bool, whether any synapse ends on each neuron.
        roles: role of each neuron.

    Raises:
        WiringError: a neuron receives nothing at all; it is named.
    """
    silent = np.flatnonzero(~receives)
    if silent.size:
        raise WiringError(
            "Wiring",
            "recurrent",
            f"leaves {neuron_names(roles)[int(silent[0])]} without any synapse onto it",
            "Connect it to an input or a neuron, or remove it.",
        )
