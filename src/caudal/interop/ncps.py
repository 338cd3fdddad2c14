"""Trained ncps 1.0.1 modules as caudal layers: same numbers, caudal's order of neurons and shape of call.

Nothing here imports ncps: a module is recognised by its class and read through its attributes.
"""

from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor
from torch import nn as torch_nn

from caudal.dynamics import cfc, lstm, ltc
from caudal.dynamics.cfc_heads import Activation
from caudal.errors import InputError
from caudal.nn import LTC, CfC, MixedMemory, Readout
from caudal.nn.init import softplus_inverse
from caudal.nn.layer import Layer, State
from caudal.wiring import Role, Wiring

ROLE_ORDER: tuple[Role, ...] = ("inter", "command", "motor")

Negative = Literal["refuse", "clip"]


def wiring_from_ncps(wiring: Any) -> Wiring:
    """The caudal wiring of an ncps 1.0.1 wiring that has been built.

    Arguments:
        wiring: any `ncps.wirings.Wiring` after `build(inputs)`.

    Raises:
        InputError: the wiring has not been built, so that it has no sensory synapses yet.
        WiringError: the circuit is not valid, for example a neuron that receives nothing.

    Example:
        >>> from ncps.wirings import AutoNCP
        >>> theirs = AutoNCP(12, 2)
        >>> theirs.build(5)
        >>> ours = wiring_from_ncps(theirs)
        >>> ours.inputs, ours.units, ours.motor
        (5, 12, 2)
    """
    if wiring.sensory_adjacency_matrix is None:
        raise InputError(
            "wiring_from_ncps",
            "wiring",
            "has not been built, so it has no sensory synapses",
            "Call `wiring.build(inputs)` once (twice changes it).",
        )
    sensory, recurrent = (torch.as_tensor(m) for m in (wiring.sensory_adjacency_matrix, wiring.adjacency_matrix))
    return circuit_of(wiring, sensory, recurrent, sensory, recurrent)


def roles_of(wiring: Any) -> list[Role]:
    """Role of each neuron of an ncps wiring, in ncps's own order (motor, command, inter).

    Raises:
        InputError: the wiring names a role that is not inter, command or motor.
    """
    roles = [str(wiring.get_type_of_neuron(i)) for i in range(int(wiring.units))]
    unknown = sorted(set(roles) - set(ROLE_ORDER))
    if unknown:
        raise InputError(
            "from_ncps",
            "module",
            f"has a wiring with neurons of type {unknown[0]!r}",
            f"Return one of {', '.join(ROLE_ORDER)} from `get_type_of_neuron`.",
        )
    return cast("list[Role]", roles)


def _order_of(wiring: object) -> list[int]:
    """The ncps index of each caudal neuron: inter first, then command, then motor, each in ncps's own order."""
    roles = roles_of(wiring)
    return sorted(range(len(roles)), key=lambda i: (ROLE_ORDER.index(roles[i]), i))


def _synapse_index(mask: Tensor, order: list[int], sources: list[int]) -> tuple[Tensor, Tensor]:
    """Rows and columns, in ncps numbering, of the live synapses, sorted as caudal sorts them: target, then source.

    Arguments:
        mask: `(sources, units)`, non-zero where ncps lets a synapse act.
        order: ncps index of each caudal neuron.
        sources: ncps index of each caudal source (the inputs, or `order` again).
    """
    ours = mask.detach().cpu()[sources][:, order]
    target, source = torch.nonzero(ours.T, as_tuple=True)
    return torch.tensor(sources)[source], torch.tensor(order)[target]


def circuit_of(wiring: Any, sensory_mask: Tensor, mask: Tensor, sensory_e_rev: Tensor, e_rev: Tensor) -> Wiring:
    """The wiring value of a trained ncps cell.

    Synapses are read from the masks inside the cell, not from the wiring object, which ncps changes whenever it is
    built again. A polarity is the sign of the *trained* reversal potential, so that the drawn circuit is what the
    cell computes; where that potential is exactly 0, the sign drawn at first.

    Raises:
        WiringError: the circuit is not one that caudal accepts, for example a neuron that receives nothing.
    """
    order = _order_of(wiring)
    roles = sorted(roles_of(wiring), key=ROLE_ORDER.index)
    present = [role for role in ROLE_ORDER if role in roles]
    sensory = _polarity(sensory_mask, sensory_e_rev, wiring.sensory_adjacency_matrix)[:, order]
    recurrent = _polarity(mask, e_rev, wiring.adjacency_matrix)[order][:, order]
    layers = tuple(present.index(role) for role in roles)
    return Wiring(sensory, recurrent, tuple(roles), layers, None, f"ncps.{type(wiring).__name__}")


def _polarity(mask: Tensor, e_rev: Tensor, drawn: object) -> Any:
    trained = np.sign(e_rev.detach().cpu().double().numpy())
    first = np.where(np.asarray(drawn) < 0, -1, 1)
    signs = np.where(trained == 0, first, trained)
    return np.where(mask.detach().cpu().numpy() != 0, signs, 0).astype(np.int8)


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
    return _convert_cfc(module) if _kind(module) == "CfC" else _convert_ltc(module, negative)


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
    return tuple(range(cell.hidden_size)) if _kind(module) == "CfC" else tuple(_order_of(cell._wiring))


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
        raise _refuse_wired(_cell(module)._wiring)
    return "LTC" if names[0].startswith("LTC") else "CfC"


def _cell(module: object) -> Any:
    return getattr(module, "rnn_cell", module)


def _convert_ltc(module: Any, negative: Negative) -> LTC:
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
    net = LTC(circuit, substeps=int(cell._ode_unfolds), init="ncps" if implicit else "paper", eps=float(cell._epsilon))
    net = net.to(device=cell.w.device, dtype=cell.w.dtype)
    values = _values(cell, wiring, implicit, negative)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name in values:
                parameter.copy_(values[name])
    return net


def _values(cell: Any, wiring: Any, implicit: bool, negative: Negative) -> dict[str, Tensor]:
    order = _order_of(wiring)
    inputs = list(range(int(wiring.input_dim)))
    values: dict[str, Tensor] = {}
    for ours, theirs, mask, sources in (
        ("sensory_", "sensory_", cell.sensory_sparsity_mask, inputs),
        ("", "", cell.sparsity_mask, order),
    ):
        at = _synapse_index(mask, order, sources)
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


_ACTIVATIONS: dict[str, Activation] = {
    "LeCun": "lecun_tanh",
    "Tanh": "tanh",
    "ReLU": "relu",
    "SiLU": "silu",
    "GELU": "gelu",
}


def _convert_cfc(module: object) -> Layer:
    """The caudal layer of a trained `ncps.torch.CfC` or `CfCCell`; see `from_ncps`."""
    layer = _recurrent(module)
    head = getattr(module, "fc", None)
    if not isinstance(head, torch_nn.Linear):
        return layer
    net = Readout(layer, head.out_features).to(device=head.weight.device, dtype=head.weight.dtype)
    _copy(net.map, head)
    return net


def _recurrent(module: Any) -> Layer:
    liquid = _convert_cell(getattr(module, "rnn_cell", module))
    if not getattr(module, "use_mixed", False):
        return liquid
    memory = module.lstm
    net = MixedMemory(liquid.inputs, liquid, form="shared")
    net = net.to(device=memory.input_map.weight.device, dtype=memory.input_map.weight.dtype)
    _copy(net.input_map, memory.input_map)
    _copy(net.recurrent_map, memory.recurrent_map)
    return net


def _copy(ours: torch_nn.Linear, theirs: torch_nn.Linear) -> None:
    with torch.no_grad():
        ours.weight.copy_(theirs.weight)
        if ours.bias is not None:
            ours.bias.copy_(theirs.bias)


def _convert_cell(cell: Any) -> CfC:
    _check(cell)
    dense = [] if cell.backbone is None else [m for m in cell.backbone if isinstance(m, torch_nn.Linear)]
    kinds = [] if cell.backbone is None else [type(m).__name__ for m in cell.backbone]
    net = CfC(
        int(cell.input_size),
        int(cell.hidden_size),
        mode=cell.mode,
        backbone_units=dense[0].out_features if dense else 128,
        backbone_layers=len(dense),
        activation=next((_ACTIVATIONS[kind] for kind in kinds if kind in _ACTIVATIONS), "lecun_tanh"),
    )
    net = net.to(device=cell.ff1.weight.device, dtype=cell.ff1.weight.dtype)
    with torch.no_grad():
        for name, value in _values_cfc(cell, dense).items():
            net.get_parameter(name).copy_(value)
    return net


def _values_cfc(cell: Any, dense: list[torch_nn.Linear]) -> dict[str, Tensor]:
    heads = [cell.ff1] if cell.mode == "pure" else [cell.ff1, cell.ff2, cell.time_a, cell.time_b]
    stacked = (torch.cat([head.weight for head in heads]), torch.cat([head.bias for head in heads]))
    layers = [(layer.weight, layer.bias) for layer in dense] + [stacked]
    names = ["entry", *(f"backbone.{k}" for k in range(len(dense) - 1)), "heads"][: len(layers)]
    values: dict[str, Tensor] = {}
    for name, (weight, bias) in zip(names, layers, strict=True):
        values[f"{name}.weight"], values[f"{name}.bias"] = weight, bias
    if cell.mode == "pure":
        values["a"], values["w_tau"] = cell.A[0], cell.w_tau[0]
    return values


def _check(cell: Any) -> None:
    if cell.sparsity_mask is not None:
        raise InputError(
            "from_ncps",
            "module",
            "is a CfC cell with a sparsity mask, which ncps does not apply to its time gates",
            "Train a `caudal.nn.WiredCfC` over the wiring that you meant.",
        )
    drops = [] if cell.backbone is None else [m for m in cell.backbone if isinstance(m, torch_nn.Dropout) and m.p > 0]
    if drops and cell.training:
        raise InputError(
            "from_ncps",
            "module",
            f"drops {drops[0].p:g} of its backbone while training, which caudal's CfC does not do",
            "Call `module.eval()` first; the numbers without dropout are what is converted.",
        )


def _refuse_wired(wiring: object) -> InputError:
    """Why a wired CfC of ncps has no counterpart."""
    return InputError(
        "from_ncps",
        "module",
        f"is a CfC over {type(wiring).__name__}, and ncps does not obey that wiring: its time gates read every input, "
        "each layer reads the whole of itself, and polarities are ignored, so no circuit gives the same numbers",
        "Train `caudal.nn.WiredCfC(wiring_from_ncps(wiring))` afresh, or convert an LTC.",
    )
