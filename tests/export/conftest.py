from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch

from caudal import wiring
from caudal.data import Encoder, datasets
from caudal.data.datasets import Dataset
from caudal.errors import MissingExtraError
from caudal.nn import CTRNN, GRU, GRUD, LRC, LSTM, LTC, MLP, ODERNN, CfC, LiquidSSM, MinGRU, MixedMemory, Readout, Stack
from caudal.nn.cfc_wired import WiredCfC
from caudal.nn.layer import Layer
from caudal.train import TrainRecipe, examples, fit


@dataclass(frozen=True)
class Trained:
    """A network, the scales of its data, and the data."""

    net: Readout
    encoder: Encoder
    data: Dataset


def _circuit(inputs: int) -> wiring.Wiring:
    return wiring.ncp(inputs, 10, 5, 4, sensory_fanout=4, inter_fanout=3, recurrent_command=4, motor_fanin=4, seed=1)


CELLS = {
    "ltc": lambda n: LTC(_circuit(n), substeps=2),
    "cfc": lambda n: WiredCfC(_circuit(n)),
    "dense cfc": lambda n: CfC(n, 10, backbone_units=12),
    "lrc": lambda n: LRC(_circuit(n)),
    "gru": lambda n: GRU(n, 8),
    "liquid ssm": lambda n: LiquidSSM(n, 12),
}


@cache
def _data(name: str) -> Dataset:
    try:
        return datasets.load(name)
    except MissingExtraError as error:
        pytest.skip(str(error))


@cache
def _trained(cell: str, name: str = "japanese-vowels", seed: int = 0, epochs: int = 3) -> Trained:
    """A small network, briefly trained on real data; the same one for every test."""
    data = _data(name)
    some = data.train.select(np.arange(0, len(data.train), 3))
    encoder = Encoder.fit(some)
    seen = examples(encoder, some)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Readout(CELLS[cell](seen.x.shape[2]), len(data.train.classes), pool="mean" if cell == "ltc" else "last")
        fit(net, seen, recipe=TrainRecipe(epochs=epochs, lr=0.03, seed=seed), progress=False)
    return Trained(net, encoder, data)


@pytest.fixture(scope="session")
def trained() -> Callable[..., Trained]:
    """What trains one network of `CELLS`, and keeps it."""
    return _trained


@pytest.fixture(params=["ltc", "cfc", "dense cfc", "gru"])
def model(request: pytest.FixtureRequest) -> Trained:
    """Four trained networks."""
    return _trained(request.param)


def _untrained(units: int = 6, inputs: int = 4) -> dict[str, Layer]:
    """Every cell and mode that has a C form."""
    torch.manual_seed(0)
    found: dict[str, Layer] = {
        "ltc": LTC(inputs, units),
        "ltc ncps": LTC(inputs, units, init="ncps", substeps=1, eps=1e-8),
        "ltc fixed": LTC(inputs, units, signs="fixed", substeps=2),
        "ctrnn": CTRNN(inputs, units, tau=2.0),
        "lrc": LRC(inputs, units),
        "lrc symmetric": LRC(inputs, units, elastance="symmetric", substeps=2),
        "lrc none": LRC(inputs, units, elastance="none"),
        "lstm": LSTM(inputs, units),
        "gru": GRU(inputs, units),
        "stack": Stack(GRU(inputs, 5), LTC(5, 4, substeps=2), CfC(4, 3, backbone_layers=0)),
        "mean": Readout(LTC(inputs, units, substeps=2), 3, pool="mean"),
    }
    circuit = wiring.ncp(inputs, 6, 4, 2, seed=3)
    for mode in ("default", "no_gate", "pure"):
        found[f"wired cfc {mode}"] = WiredCfC(circuit, mode=mode)
        found[f"cfc {mode}"] = CfC(inputs, units, mode=mode, backbone_layers=0)
        for activation in ("lecun_tanh", "tanh", "relu", "silu", "gelu"):
            net = CfC(inputs, units, mode=mode, backbone_units=7, backbone_layers=2, activation=activation)
            found[f"cfc {mode} {activation}"] = Readout(net, 2)
    found["mixed shared"] = MixedMemory(inputs, CfC(inputs, units, backbone_units=7))
    found["mixed shared pure"] = MixedMemory(inputs, CfC(inputs, units, mode="pure", backbone_layers=0))
    found["mixed cascade"] = MixedMemory(inputs, CfC(units, units, mode="no_gate", backbone_units=7), form="cascade")
    found["mixed stacked"] = MixedMemory(inputs, LTC(5, units, substeps=2), form="stacked")
    found["liquid ssm"] = LiquidSSM(inputs, units)
    found["liquid ssm softplus"] = LiquidSSM(inputs, units, decay="softplus", output_gate=True)
    slow = LiquidSSM(inputs, units, target="linear", decay="softplus", tau=(1.0, 3_000.0))
    found["liquid ssm linear"] = Readout(slow, 2, pool="mean")
    found["liquid ssm layers"] = LiquidSSM(inputs, units, layers=3, output_gate=True, target="linear")
    found["min-gru"] = MinGRU(inputs, units)
    found["lrc event"] = LRC(inputs, units, elastance="symmetric", substeps=2, pairing="event")
    found["wired cfc previous"] = WiredCfC(circuit, mode="pure", pairing="previous")
    parts = LTC(inputs, 5, substeps=2, pairing="previous"), CfC(5, 4, backbone_units=6, pairing="event")
    found["pairings"] = Readout(Stack(*parts, LiquidSSM(4, 3, pairing="event")), 2, pool="mean")
    return {name: net.eval() for name, net in found.items()}


def _for_runtimes() -> dict[str, Layer]:
    """Layers and solvers with graphs and without C; dense and wired, stacked, under a readout."""
    torch.manual_seed(1)
    circuit = wiring.ncp(4, 6, 4, 2, seed=3)
    met = GRUD(3, 6)
    met.x_mean.copy_(torch.randn(3))
    return {
        "gru-d": met,
        "gru-d stack": Readout(Stack(GRUD(2, 4), LTC(4, 3, substeps=2)), 2, pool="mean"),
        "gru-d behind": Stack(CTRNN(circuit), GRUD(1, 3)),
        "ode-rnn": ODERNN(4, 6, hidden=5),
        "mlp": Readout(MLP(3, 5, layers=3), 2),
        "ltc euler": LTC(circuit, solver="euler", substeps=3),
        "ltc rk4": LTC(4, 5, solver="rk4", substeps=2),
        "lrc explicit": LRC(circuit, solver="explicit", substeps=2),
    }


_NETS = _untrained()
_GRAPHED = _for_runtimes()
_SOME = ("ltc", "ctrnn", "lrc symmetric", "lstm", "gru", "mean", "wired cfc default", "cfc no_gate gelu", "cfc pure")
_SOME += ("liquid ssm softplus", "liquid ssm linear", "liquid ssm layers", "pairings")


@pytest.fixture(params=_NETS)
def net(request: pytest.FixtureRequest) -> Layer:
    """Every cell and mode that has a C form, untrained."""
    return _NETS[request.param]


@pytest.fixture(params=[name for name in _NETS if name in _SOME])
def some_net(request: pytest.FixtureRequest) -> Layer:
    """One net of each kind of finish."""
    return _NETS[request.param]


@pytest.fixture(params=_GRAPHED)
def graphed(request: pytest.FixtureRequest) -> Layer:
    """Every layer and solver that has graphs for runtimes, and no C."""
    return _GRAPHED[request.param].eval()
