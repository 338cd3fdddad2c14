"""Layers by their short names, as estimators and studies take them."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import torch

from caudal.errors import InputError
from caudal.nn.baselines import GRU, GRUD, LSTM, MLP, SSM, Transformer
from caudal.nn.cfc import CfC
from caudal.nn.cfc_wired import WiredCfC
from caudal.nn.ctrnn import CTRNN
from caudal.nn.layer import Layer
from caudal.nn.lrc import LRC
from caudal.nn.ltc import LTC
from caudal.nn.mixed import MixedMemory
from caudal.nn.readout import Readout
from caudal.wiring import Wiring, auto_ncp, ncp


def _policy(inputs: int, units: int, options: dict[str, Any]) -> Wiring:
    """A circuit of `units` neurons; a third of them are motor neurons, which the decision reads.

    With `command` given, so many are command neurons and the usual fan-outs of `ncp` wire them.
    """
    motor = options.pop("motor", max(1, units // 3))
    if "command" in options:
        command = options.pop("command")
        return ncp(inputs, units - command - motor, command, motor, seed=options.pop("wiring_seed", 0))
    return auto_ncp(inputs, units, motor, density=options.pop("density", 0.5), seed=options.pop("wiring_seed", 0))


def _ltc_ncp(inputs: int, units: int, **options: Any) -> Layer:
    return LTC(_policy(inputs, units, options), **options)


def _cfc_ncp(inputs: int, units: int, **options: Any) -> Layer:
    return WiredCfC(_policy(inputs, units, options), **options)


def _mixed(inputs: int, units: int, **options: Any) -> Layer:
    return MixedMemory(inputs, CfC(inputs, units, **options))


def _gru_d(inputs: int, units: int, **options: Any) -> Layer:
    return GRUD(inputs // 2, units, **options)


CELLS: Mapping[str, Callable[..., Layer]] = {
    "cfc": CfC,
    "ltc": LTC,
    "ltc-ncp": _ltc_ncp,
    "cfc-ncp": _cfc_ncp,
    "mixed": _mixed,
    "lrc": LRC,
    "ctrnn": CTRNN,
    "lstm": LSTM,
    "gru": GRU,
    "gru-d": _gru_d,
    "transformer": Transformer,
    "ssm": SSM,
    "mlp": MLP,
}


def check_cell(owner: str, cell: str) -> None:
    """Refuse a name that is none of `CELLS`.

    Raises:
        InputError: the cell is unknown.
    """
    if cell not in CELLS:
        close = get_close_matches(cell.lower().replace("_", "-"), CELLS, 1)
        fault = f"is {cell!r}; expected one of {', '.join(CELLS)}"
        raise InputError(owner, "cell", fault, f"Did you mean {close[0]!r}?" if close else "Name one of them.")


def build_cell(
    owner: str,
    cell: str,
    inputs: int,
    units: int,
    outputs: int,
    options: Mapping[str, Any] | None = None,
    *,
    pool: str = "last",
    dropout: float = 0.0,
    seed: int = 0,
) -> Readout:
    """A freshly drawn readout of a named cell; the caller's random state is not touched.

    Arguments:
        owner: class to name in errors.
        cell: one of `CELLS`. `"ltc-ncp"` and `"cfc-ncp"` are wired as neural circuit policies.
        inputs: channels of x.
        units: neurons.
        outputs: classes, or numbers to predict.
        options: further arguments of the layer; of a policy also `motor`, `density` or `command`, and `wiring_seed`.
        pool, dropout: of the readout.
        seed: of the weights.

    Raises:
        InputError: the cell is unknown, or does not know an option.

    Example:
        >>> build_cell("LiquidClassifier", "ltc-ncp", 3, 12, 2).layer.wiring
        Wiring(auto_ncp, seed 0: 3 inputs, 5 inter, 3 command, 4 motor, 21 synapses)
    """
    check_cell(owner, cell)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            layer = CELLS[cell](inputs, units, **(options or {}))
        except TypeError as error:
            remedy = f"Pass arguments of the layer behind cell={cell!r}."
            raise InputError(owner, "cell_options", f"does not fit ({error})", remedy) from error
        return Readout(layer, outputs, pool=pool, dropout=dropout)  # type: ignore[arg-type]  # Readout checks it
