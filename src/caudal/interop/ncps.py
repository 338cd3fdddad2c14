"""Trained ncps 1.0.1 modules as caudal layers: same numbers, caudal's order of neurons and shape of call.

Nothing here imports ncps: a module is recognised by its class and read through its attributes.
"""

from typing import Any, Literal

import torch
from torch import Tensor
from torch import nn as torch_nn

from caudal.dynamics import cfc, lstm, ltc
from caudal.errors import InputError
from caudal.interop import ncps_cfc, ncps_ltc
from caudal.interop.circuit import order_of
from caudal.interop.ncps_ltc import Negative
from caudal.nn.layer import Layer, State


def from_ncps(module: torch_nn.Module, *, negative: Negative = "refuse") -> Layer:
    """Convert a trained ncps 1.0.1 PyTorch module, wiring included; parameters are copied.

    Arguments:
        module: `ncps.torch.LTC` or `LTCCell` over any wiring, or an unwired `ncps.torch.CfC` or `CfCCell` in any mode,
            with mixed memory or without; `proj_size` becomes a `Readout`. A wired CfC is refused: ncps does not obey
            its wiring, so that no circuit gives its numbers.
        negative: what to do with a negative conductance or capacitance of an LTC built with
            `implicit_param_constraints=False`: `"refuse"`, or `"clip"` to 0 as ncps's `apply_weight_constraints`
            does. A value of exactly 0 becomes 1e-12, since caudal keeps these parameters positive.

    Returns:
        A layer that gives the same outputs and gradients, called as every caudal layer is: `batch_first` and
        `return_sequences` are ways of calling, not weights, and are not carried over. Neurons stand in the order
        inter, command, motor; see `neuron_order`. A synapse's polarity is the sign of its trained reversal potential.

    Raises:
        InputError: the module is none of these, is a wired CfC or an LTC with mixed memory, holds negative
            conductances, drops a part of its backbone (call `module.eval()` first), or computes with other tensors
            than its registered parameters. The message says what to do.
        WiringError: the circuit is not valid, for example a neuron that receives nothing.

    Example:
        >>> from ncps.torch import LTC
        >>> from ncps.wirings import AutoNCP
        >>> theirs = LTC(3, AutoNCP(10, 2))
        >>> ours = from_ncps(theirs)
        >>> x = torch.rand(4, 6, 3)
        >>> torch.allclose(theirs(x)[0], ours(x)[0], atol=1e-6)
        True
    """
    return ncps_cfc.convert(module) if _kind(module) == "CfC" else ncps_ltc.convert(module, negative)


def neuron_order(module: torch_nn.Module) -> tuple[int, ...]:
    """The ncps index of each caudal neuron: `ours[i] == theirs[neuron_order(module)[i]]`.

    Raises:
        InputError: the module is not one that `from_ncps` reads.

    Example:
        >>> from ncps.torch import LTC
        >>> from ncps.wirings import NCP
        >>> neuron_order(LTC(3, NCP(2, 2, 1, 1, 1, 1, 1)))  # ncps numbers motor, command, inter
        (3, 4, 1, 2, 0)
    """
    cell = _cell(module)
    return tuple(range(cell.hidden_size)) if _kind(module) == "CfC" else tuple(order_of(cell._wiring))


def state_from_ncps(module: torch_nn.Module, hx: Tensor | tuple[Tensor, Tensor]) -> State:
    """The caudal state that continues where an ncps module stopped.

    Arguments:
        module: the ncps module.
        hx: the state that it returned, `(batch, units)`; the pair of them with mixed memory.

    Raises:
        InputError: the module is not one that `from_ncps` reads, or `hx` has another shape.

    Example:
        >>> from ncps.torch import LTC
        >>> theirs = LTC(3, 4)
        >>> ours = from_ncps(theirs)
        >>> x = torch.rand(1, 8, 3)
        >>> _, hx = theirs(x[:, :5])
        >>> torch.allclose(ours(x[:, 5:], state=state_from_ncps(theirs, hx))[0], ours(x)[0][:, 5:], atol=1e-6)
        True
    """
    order = list(neuron_order(module))
    is_mixed = bool(getattr(module, "use_mixed", False))
    parts = hx if isinstance(hx, tuple) else (hx,)
    if len(parts) != 1 + is_mixed or any(part.dim() != 2 or part.shape[1] != len(order) for part in parts):
        shapes = ", ".join(str(tuple(part.shape)) for part in parts)
        raise InputError(
            "state_from_ncps",
            "hx",
            f"has shape {shapes}; expected {'a pair of ' if is_mixed else ''}(batch, units) = (batch, {len(order)})",
            "Pass the state that the ncps module returned for a batch; add a batch axis with `hx[None]`.",
        )
    ours = [part[:, torch.tensor(order, device=part.device)] for part in parts]
    if is_mixed:
        return lstm.State(*ours)
    return cfc.State(*ours) if _kind(module) == "CfC" else ltc.State(*ours)


def _kind(module: torch_nn.Module) -> Literal["LTC", "CfC"]:
    names = [cls.__name__ for cls in type(module).__mro__ if cls.__module__.startswith("ncps.torch")]
    if not names or names[0].removesuffix("Cell") not in ("LTC", "CfC", "WiredCfC"):
        raise InputError(
            "from_ncps",
            "module",
            f"is a {type(module).__module__}.{type(module).__name__}",
            "Pass a module of `ncps.torch` 1.0.1: LTC, LTCCell, or an unwired CfC or CfCCell.",
        )
    if type(_cell(module)).__name__ == "WiredCfCCell":
        raise ncps_cfc.refuse_wired(_cell(module)._wiring)
    return "LTC" if names[0].startswith("LTC") else "CfC"


def _cell(module: Any) -> Any:
    return getattr(module, "rnn_cell", module)
