"""Which names in a saved file stand for which layers."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

import torch

from caudal.errors import FileFormatError, InputError
from caudal.importing import import_named, import_path
from caudal.nn.baselines import GRU, GRUD, LSTM, MLP, ODERNN, SSM, MinGRU, PhasedLSTM, Transformer
from caudal.nn.cfc import CfC
from caudal.nn.cfc_wired import WiredCfC
from caudal.nn.ctrnn import CTRNN
from caudal.nn.layer import Layer
from caudal.nn.liquid_s4 import LiquidS4
from caudal.nn.liquid_ssm import LiquidSSM
from caudal.nn.lrc import LRC
from caudal.nn.lrc_ssm import LrcSSM
from caudal.nn.ltc import LTC
from caudal.nn.mixed import MixedMemory
from caudal.nn.oscillators import DLinOSS
from caudal.nn.readout import Readout
from caudal.wiring import Wiring, auto_ncp, ncp

Kind = TypeVar("Kind", bound=type[Layer])
# A name of `CELLS`, `module:Class`, or the class itself.
Cell = str | type[Layer]
_REGISTERED: dict[str, type[Layer]] = {}


def register(layer: Kind) -> Kind:
    """Make a layer of one's own known to `caudal.save` and `caudal.load`; a class decorator.

    The public layers of `caudal.nn` are known already. A file names its layer by class name only; the module that
    registers it must be imported before the file is loaded, since loading imports and runs nothing.

    Raises:
        InputError: it is no subclass of `Layer`, or another class has this name.

    Example:
        >>> @register
        ... class Pendulum(Layer):
        ...     pass
        >>> is_registered(Pendulum)
        True
    """
    if not (isinstance(layer, type) and issubclass(layer, Layer)):
        raise InputError("register", "layer", f"is {layer!r}", "Decorate a subclass of `caudal.nn.Layer`.")
    name = layer.__name__
    known = _REGISTERED.get(name) or _own().get(name)
    if known is not None and not _is_same(known, layer):
        raise InputError(
            "register",
            "layer",
            f"is named {name!r}, as is {known.__module__}.{known.__qualname__}",
            "Give your class a name of its own.",
        )
    _REGISTERED[name] = layer
    return layer


def _is_same(known: type[Layer], layer: type[Layer]) -> bool:
    """A module run twice, as by a reload, defines the same class again."""
    return (known.__module__, known.__qualname__) == (layer.__module__, layer.__qualname__)


def _own() -> dict[str, type[Layer]]:
    """The public layers of `caudal.nn`."""
    public = vars(import_module("caudal.nn"))
    return {
        name: kind
        for name, kind in public.items()
        if isinstance(kind, type) and issubclass(kind, Layer) and kind is not Layer
    }


def kinds() -> dict[str, type[Layer]]:
    """Every layer that can be saved and loaded, by name.

    Example:
        >>> "LTC" in kinds()
        True
    """
    return {**_own(), **_REGISTERED}


def is_registered(layer: type[Layer]) -> bool:
    """Whether a layer can be saved and loaded."""
    return kinds().get(layer.__name__) is layer


def kind_of(layer: type[Layer]) -> str:
    """The name that stands for a layer in a file.

    Raises:
        InputError: the layer is not registered.
    """
    if not is_registered(layer):
        raise InputError(
            "save",
            "net",
            f"holds a {layer.__name__}, which is not registered",
            "Decorate the class with `@caudal.nn.register`.",
        )
    return layer.__name__


def find(kind: str, path: object) -> type[Layer]:
    """The layer that a name stands for.

    Raises:
        FileFormatError: no layer of this name is registered.
    """
    known = kinds()
    if kind not in known:
        raise FileFormatError(
            f"{path}: holds a layer of kind {kind!r}, which is not registered. Import the module that defines it "
            f'with `@caudal.nn.register`, or pass `trust=["module:{kind}"]` (in a shell `--trust-code module:{kind}`), '
            f"then load again; "
            f"known kinds are {', '.join(sorted(known))}."
        )
    return known[kind]


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
    pairing = options.pop("pairing", "hold")
    return MixedMemory(inputs, CfC(inputs, units, **options), pairing=pairing)


def _gru_d(inputs: int, units: int, **options: object) -> Layer:
    return GRUD(inputs // 2, units, **options)


CELLS: Mapping[str, Callable[..., Layer]] = {
    "cfc": CfC,
    "ltc": LTC,
    "ltc-ncp": _ltc_ncp,
    "cfc-ncp": _cfc_ncp,
    "mixed": _mixed,
    "lrc": LRC,
    "ctrnn": CTRNN,
    "liquid-ssm": LiquidSSM,
    "liquid-s4": LiquidS4,
    "lrc-ssm": LrcSSM,
    "d-linoss": DLinOSS,
    "lstm": LSTM,
    "gru": GRU,
    "min-gru": MinGRU,
    "gru-d": _gru_d,
    "transformer": Transformer,
    "ssm": SSM,
    "mlp": MLP,
    "ode-rnn": ODERNN,
    "phased-lstm": PhasedLSTM,
}


def cell_builder(owner: str, cell: object) -> Callable[..., Layer]:
    """What builds the layer of a cell from inputs and units; a class of one's own is registered on the way.

    Arguments:
        owner: of the message.
        cell: one of `CELLS`, a subclass of `Layer`, or `module:Class`, whose module is imported.

    Raises:
        InputError: the cell is unknown, cannot be imported, or is no subclass of `Layer`.

    Example:
        >>> cell_builder("LiquidClassifier", "gru") is cell_builder("LiquidClassifier", GRU) is GRU
        True
    """
    if isinstance(cell, str) and cell in CELLS:
        return CELLS[cell]
    if isinstance(cell, str) and ":" not in cell:
        close = get_close_matches(cell.lower().replace("_", "-"), CELLS, 1)
        fault = f"is {cell!r}; expected one of {', '.join(CELLS)}"
        remedy = f"Did you mean {close[0]!r}?" if close else "Name one of them, or your own as `module:Class`."
        raise InputError(owner, "cell", fault, remedy)
    layer = import_named(owner, "cell", cell) if isinstance(cell, str) else cell
    if not (isinstance(layer, type) and issubclass(layer, Layer)):
        fault = f"is {layer!r}, which is no subclass of `caudal.nn.Layer`"
        raise InputError(owner, "cell", fault, "Write it as one, or name a cell of caudal.")
    return layer if is_registered(layer) else register(layer)


def cell_name(cell: Cell) -> str:
    """What stands for a cell in a file or on a page: its name, or `module:Class`.

    Example:
        >>> cell_name("cfc"), cell_name(GRU)
        ('cfc', 'caudal.nn.baselines.gru:GRU')
    """
    return cell if isinstance(cell, str) else import_path(cell)


def known_cell(name: str) -> Cell:
    """The cell that `cell_name` named, without importing anything.

    Raises:
        ValueError: no class of this name is registered.
    """
    if name in CELLS:
        return name
    module, _, path = name.partition(":")
    layer = kinds().get(path.rpartition(".")[2])
    # A script that is run has another name than the same file imported.
    if layer is None or (import_path(layer) != name and "__main__" not in (layer.__module__, module)):
        raise ValueError(f"its cell is {name!r}, which is not registered; pass trust=[{name!r}] if you know its code")
    return layer


def build_cell(
    owner: str,
    cell: Cell,
    inputs: int,
    units: int,
    outputs: int,
    options: Mapping[str, object] | None = None,
    *,
    pool: str = "last",
    dropout: float = 0.0,
    seed: int = 0,
) -> Readout:
    """A freshly drawn readout of a named cell; the caller's random state is not touched.

    Arguments:
        owner: class to name in errors.
        cell: one of `CELLS`; or a class of one's own, or `module:Class`, that takes `(inputs, units)`. `"ltc-ncp"` and
            `"cfc-ncp"` are wired as neural circuit policies.
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
    build = cell_builder(owner, cell)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            layer = build(inputs, units, **(options or {}))
        except TypeError as error:
            remedy = f"Pass arguments of the layer behind cell={cell_name(cell)!r}."
            raise InputError(owner, "cell_options", f"does not fit ({error})", remedy) from error
        return Readout(layer, outputs, pool=pool, dropout=dropout)  # type: ignore[arg-type]  # Readout checks it
