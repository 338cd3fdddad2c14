"""`ncps.torch.LTC` and `LTCCell` as `caudal.nn.LTC`."""

from typing import Any, Literal

import torch
from torch import Tensor

from caudal import nn
from caudal.errors import InputError
from caudal.interop.circuit import circuit_of, order_of, synapse_index
from caudal.nn.init import softplus_inverse

Negative = Literal["refuse", "clip"]


def convert(module: Any, negative: Negative) -> nn.LTC:
    """The caudal layer of a trained `ncps.torch.LTC` or `LTCCell`; see `from_ncps`."""
    if getattr(module, "use_mixed", False):
        raise InputError(
            "from_ncps",
            "module",
            "is an LTC whose mixed memory overwrites its potentials at every step; caudal has no such layer",
            'Train `caudal.nn.MixedMemory(inputs, LTC(...), form="stacked")`, where the LTC keeps its own state.',
        )
    cell = getattr(module, "rnn_cell", module)
    _check_parameters_are_used(cell)
    wiring = cell._wiring
    circuit = circuit_of(wiring, cell.sensory_sparsity_mask, cell.sparsity_mask, cell.sensory_erev, cell.erev)
    implicit = bool(cell._implicit_param_constraints)
    net = nn.LTC(
        circuit, substeps=int(cell._ode_unfolds), init="ncps" if implicit else "paper", eps=float(cell._epsilon)
    )
    net = net.to(device=cell.w.device, dtype=cell.w.dtype)
    values = _values(cell, wiring, implicit, negative)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name in values:
                parameter.copy_(values[name])
    return net


def _values(cell: Any, wiring: Any, implicit: bool, negative: Negative) -> dict[str, Tensor]:
    order = order_of(wiring)
    inputs = list(range(int(wiring.input_dim)))
    values: dict[str, Tensor] = {}
    for ours, theirs, mask, sources in (
        ("sensory_", "sensory_", cell.sensory_sparsity_mask, inputs),
        ("", "", cell.sparsity_mask, order),
    ):
        at = synapse_index(mask, order, sources)
        values[ours + "raw_w"] = _raw(theirs + "w", getattr(cell, theirs + "w")[at], implicit, negative)
        values[ours + "mu"] = getattr(cell, theirs + "mu")[at]
        values[ours + "sigma"] = getattr(cell, theirs + "sigma")[at]
        values[ours + "e_rev"] = getattr(cell, theirs + "erev")[at]
    values["raw_g_leak"] = _raw("gleak", cell.gleak[order], implicit, negative)
    values["raw_c_m"] = _raw("cm", cell.cm[order], implicit, negative)
    values["v_leak"] = cell.vleak[order]
    for ours, theirs in (
        ("input_scale", "input_w"),
        ("input_shift", "input_b"),
        ("output_scale", "output_w"),
        ("output_shift", "output_b"),
    ):
        if hasattr(cell, theirs):
            values[ours] = getattr(cell, theirs)
    return values


def _raw(name: str, value: Tensor, implicit: bool, negative: Negative) -> Tensor:
    if implicit:
        return value
    below = int((value < 0).sum())
    if below and negative == "refuse":
        raise InputError(
            "from_ncps",
            "module",
            f"holds {below} negative values in `{name}`, for which the LTC equation has no bounded solution",
            "Call `apply_weight_constraints()` on the ncps cell, as it asks for after each optimiser step, "
            'or pass `negative="clip"`.',
        )
    return softplus_inverse(value.detach().double()).to(value.dtype)


def _check_parameters_are_used(cell: Any) -> None:
    for name, used in cell._params.items():
        if getattr(cell, name) is not used:
            raise InputError(
                "from_ncps",
                "module",
                f"computes with another tensor than its registered parameter `{name}`: ncps reads a side dictionary, "
                "so `load_state_dict(assign=True)` had no effect on its output",
                "Load the weights again without `assign=True`, then convert.",
            )
