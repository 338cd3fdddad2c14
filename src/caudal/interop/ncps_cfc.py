"""Unwired `ncps.torch.CfC` and `CfCCell` as `caudal.nn.CfC`, with mixed memory and projection where they are."""

from typing import Any

import torch
from torch import Tensor, nn

from caudal.dynamics.cfc_heads import Activation
from caudal.errors import InputError
from caudal.nn import CfC, Layer, MixedMemory, Readout

_ACTIVATIONS: dict[str, Activation] = {
    "LeCun": "lecun_tanh",
    "Tanh": "tanh",
    "ReLU": "relu",
    "SiLU": "silu",
    "GELU": "gelu",
}


def convert(module: Any) -> Layer:
    """The caudal layer of a trained `ncps.torch.CfC` or `CfCCell`; see `from_ncps`."""
    layer = _recurrent(module)
    head = getattr(module, "fc", None)
    if not isinstance(head, nn.Linear):
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


def _copy(ours: nn.Linear, theirs: nn.Linear) -> None:
    with torch.no_grad():
        ours.weight.copy_(theirs.weight)
        if ours.bias is not None:
            ours.bias.copy_(theirs.bias)


def _convert_cell(cell: Any) -> CfC:
    _check(cell)
    dense = [] if cell.backbone is None else [m for m in cell.backbone if isinstance(m, nn.Linear)]
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
        for name, value in _values(cell, dense).items():
            net.get_parameter(name).copy_(value)
    return net


def _values(cell: Any, dense: list[nn.Linear]) -> dict[str, Tensor]:
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
    drops = [] if cell.backbone is None else [m for m in cell.backbone if isinstance(m, nn.Dropout) and m.p > 0]
    if drops and cell.training:
        raise InputError(
            "from_ncps",
            "module",
            f"drops {drops[0].p:g} of its backbone while training, which caudal's CfC does not do",
            "Call `module.eval()` first; the numbers without dropout are what is converted.",
        )


def refuse_wired(wiring: Any) -> InputError:
    """Why a wired CfC of ncps has no counterpart."""
    return InputError(
        "from_ncps",
        "module",
        f"is a CfC over {type(wiring).__name__}, and ncps does not obey that wiring: its time gates read every input, "
        "each layer reads the whole of itself, and polarities are ignored, so no circuit gives the same numbers",
        "Train `caudal.nn.WiredCfC(wiring_from_ncps(wiring))` afresh, or convert an LTC.",
    )
