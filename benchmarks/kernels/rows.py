"""What is measured: each row is one liquid network, its peer of the same numbers, and an LSTM and a GRU of its size."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch import nn as torch_nn

from benchmarks.kernels.records import GRU, LSTM, OURS, PEER, Work
from caudal import nn, wiring
from caudal.errors import InputError
from caudal.interop import from_ncps, neuron_order
from caudal.wiring import Wiring

Circuit = Literal["driving", "auto", "full", "dense"]
SEED = 7
# The driving policy of Lechner et al. 2020: 12 inter, 6 command and 1 motor neuron.
DRIVING = {"inter": 12, "command": 6, "motor": 1}
DRIVING_FANS = {"sensory_fanout": 6, "inter_fanout": 4, "motor_fanin": 6}


@dataclass(frozen=True)
class Row:
    """One network of the table.

    Attributes:
        name: what `--only` takes.
        title: what the table prints.
        cell: `"ltc"` or `"cfc"`.
        circuit: `"driving"` (12 inter, 6 command, 1 motor), `"auto"` (a policy with four motor neurons), `"full"`
            (everything reads everything) or `"dense"` (a CfC with its backbone).
        units: neurons; the LSTM and GRU beside it have as many units.
        backbone: width of the backbone of a CfC, one layer; 0 for an LTC.
    """

    name: str
    title: str
    cell: Literal["ltc", "cfc"]
    circuit: Circuit
    units: int
    backbone: int = 0


ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        Row("ncp19", "NCP 19", "ltc", "driving", 19),
        Row("ncp32", "NCP 32", "ltc", "auto", 32),
        Row("ncp64", "NCP 64", "ltc", "auto", 64),
        Row("fc32", "FC 32", "ltc", "full", 32),
        Row("cfc64", "CfC 64", "cfc", "dense", 64, backbone=128),
        Row("cfc256", "CfC 256", "cfc", "dense", 256, backbone=128),
    )
}
MOTOR = 4


@dataclass(frozen=True, eq=False)
class Subject:
    """A model and the two ways it is called.

    Attributes:
        name: `"caudal"`, `"ncps"`, `"LSTM"` or `"GRU"`.
        module: holds its parameters.
        scan: `x (batch, time, input)` -> outputs `(batch, time, any)`.
        stepper: makes a function that runs one step at batch 1 and carries the state, as a robot's loop does.
    """

    name: str
    module: torch_nn.Module
    scan: Callable[[Tensor], Tensor]
    stepper: Callable[[Tensor], Callable[[], object]]


def pick(names: tuple[str, ...]) -> tuple[Row, ...]:
    """Rows by name.

    Raises:
        InputError: there is no such row.

    Example:
        >>> [row.title for row in pick(("fc32",))]
        ['FC 32']
    """
    for name in names:
        if name not in ROWS:
            raise InputError("kernels", "--only", f"names {name!r}", f"Choose of {', '.join(ROWS)}, growth.")
    return tuple(ROWS[name] for name in names)


def has_peer() -> bool:
    """Whether ncps can be measured here."""
    return importlib.util.find_spec("ncps") is not None


def subjects(row: Row, inputs: int) -> dict[str, Subject]:
    """The models of a row, by subject: ours, converted from the peer where that is installed, so numbers agree."""
    torch.manual_seed(SEED)
    models: dict[str, Subject] = {}
    if has_peer():
        peer = _peer(row, inputs)
        ours: nn.Layer = from_ncps(peer)
        models[PEER] = Subject(PEER, peer, lambda x: _first(peer(x)), lambda x: _peer_step(peer, x))
    else:
        ours = _ours(row, inputs)
    torch_lstm = torch_nn.LSTM(inputs, row.units, batch_first=True)
    torch_gru = torch_nn.GRU(inputs, row.units, batch_first=True)
    models[OURS] = liquid(OURS, ours)
    models[LSTM] = Subject(LSTM, torch_lstm, lambda x: _first(torch_lstm(x)), lambda x: _torch_step(torch_lstm, x))
    models[GRU] = Subject(GRU, torch_gru, lambda x: _first(torch_gru(x)), lambda x: _torch_step(torch_gru, x))
    return {name: models[name] for name in (OURS, PEER, LSTM, GRU) if name in models}


def liquid(name: str, net: nn.Layer) -> Subject:
    """A layer of caudal as a subject."""
    return Subject(name, net, lambda x: _first(net(x)), lambda x: _our_step(net, x))


def call_of(model: Subject, x: Tensor, work: Work) -> Callable[[], object]:
    """One call without arguments: a forward pass without gradients, or a forward and a backward pass."""

    def forward() -> object:
        with torch.no_grad():
            return model.scan(x)

    def train() -> None:
        for parameter in model.module.parameters():
            parameter.grad = None
        torch.autograd.backward(model.scan(x).sum())

    return train if work == "train" else forward


def circuit(row: Row, inputs: int) -> Wiring:
    """Our own circuit of a row, where the peer's is not at hand."""
    if row.circuit == "driving":
        return wiring.ncp(inputs, **DRIVING, **DRIVING_FANS, recurrent_command=4, seed=SEED)
    if row.circuit == "auto":
        return wiring.auto_ncp(inputs, row.units, MOTOR, seed=SEED)
    return wiring.fully_connected(inputs, row.units)


def _ours(row: Row, inputs: int) -> nn.Layer:
    if row.cell == "cfc":
        return nn.CfC(inputs, row.units, backbone_units=row.backbone)
    return nn.LTC(circuit(row, inputs), init="ncps")


def _peer(row: Row, inputs: int) -> Any:
    models, wirings = importlib.import_module("ncps.torch"), importlib.import_module("ncps.wirings")
    if row.cell == "cfc":
        return models.CfC(inputs, row.units, backbone_units=row.backbone, backbone_layers=1)
    if row.circuit == "driving":
        sizes = {f"{role}_neurons": number for role, number in DRIVING.items()}
        return models.LTC(inputs, wirings.NCP(**sizes, **DRIVING_FANS, recurrent_command_synapses=4))
    links = wirings.AutoNCP(row.units, MOTOR) if row.circuit == "auto" else wirings.FullyConnected(row.units)
    return models.LTC(inputs, links)


def _first(result: tuple[Tensor, object]) -> Tensor:
    return result[0]


def _our_step(net: nn.Layer, x: Tensor) -> Callable[[], object]:
    state = net.step(x)[1]

    def step() -> object:
        nonlocal state
        y, state = net.step(x, state=state)
        return y

    return step


def _peer_step(peer: Any, x: Tensor) -> Callable[[], object]:
    cell = peer.rnn_cell
    state = x.new_zeros(1, len(neuron_order(peer)))

    def step() -> object:
        nonlocal state
        y, state = cell(x, state, 1.0)
        return y

    return step


def _torch_step(layer: torch_nn.LSTM | torch_nn.GRU, x: Tensor) -> Callable[[], object]:
    """One step of the cell with the layer's numbers: shorter than the layer over a sequence of one."""
    kind = torch_nn.LSTMCell if isinstance(layer, torch_nn.LSTM) else torch_nn.GRUCell
    cell = kind(layer.input_size, layer.hidden_size)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    state: Any = None

    def step() -> object:
        nonlocal state
        state = cell(x, state)
        return state

    return step
