"""Who enters a study: every model by name, what it is, and the settings it has before anybody tunes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from caudal.errors import InputError
from caudal.records.study import Family, Scalar

Kind = Literal["network", "trees", "trivial"]


@dataclass(frozen=True)
class Entry:
    """One model that can enter a study.

    Attributes:
        name: unique, as users type it.
        label: for people.
        family: liquid, traditional or trivial.
        summary: one sentence that says what it is.
        kind: which way it is trained.
        uses_dt: whether elapsed time reaches the dynamics, and not only as a further input.
        matched: whether its size is chosen to meet the budget of parameters.
        wired: whether a wiring limits who reads whom.
        settings: usual values of all that tuning may choose.
    """

    name: str
    label: str
    family: Family
    summary: str
    kind: Kind
    uses_dt: bool = False
    matched: bool = True
    wired: bool = False
    settings: Mapping[str, Scalar] = field(default_factory=dict)


def _network(**more: Scalar) -> dict[str, Scalar]:
    usual: dict[str, Scalar] = {"lr": 0.01, "batch_size": 128, "weight_decay": 0.0, "dropout": 0.0, "pool": "last"}
    return {**usual, "dt": "raw", "pace": 1.0, **more}


_ENTRIES = (
    Entry(
        "ltc-ncp", "LTC-NCP", "liquid",
        "Liquid time-constant neurons (fused solver) wired as a neural circuit policy.",
        "network", uses_dt=True, wired=True,
        settings=_network(lr=0.02, pace=0.3, substeps=6, density=0.5),
    ),
    Entry(
        "ltc-ncp-19", "LTC-NCP, 19 neurons", "liquid",
        "The 19-neuron circuit of the papers (12 inter, 6 command, 1 motor); its size is not matched to the others.",
        "network", uses_dt=True, matched=False, wired=True,
        settings=_network(lr=0.02, pace=0.3, substeps=6),
    ),
    Entry(
        "cfc", "CfC", "liquid",
        "Closed-form continuous-time network: one dense backbone, gates conditioned on elapsed time.",
        "network", uses_dt=True,
        settings=_network(backbone=1.5),
    ),
    Entry(
        "cfc-ncp", "CfC-NCP", "liquid",
        "Closed-form continuous-time neurons that obey the wiring of a neural circuit policy.",
        "network", uses_dt=True, wired=True,
        settings=_network(lr=0.02, density=0.5),
    ),
    Entry(
        "mixed", "CfC with memory", "liquid",
        "Closed-form continuous-time network with the memory cell of an LSTM (mixed memory).",
        "network", uses_dt=True,
        settings=_network(lr=0.005, backbone=1.5),
    ),
    Entry(
        "lstm", "LSTM", "traditional",
        "Long short-term memory; the elapsed time is a further input.",
        "network", settings=_network(dt="log"),
    ),
    Entry(
        "gru", "GRU", "traditional",
        "Gated recurrent unit; the elapsed time is a further input.",
        "network", settings=_network(dt="log"),
    ),
    Entry(
        "gru-d", "GRU-D", "traditional",
        "Gated recurrent unit whose inputs and state decay with the time since each value was observed.",
        "network", uses_dt=True, settings=_network(),
    ),
    Entry(
        "transformer", "Transformer", "traditional",
        "Causal transformer encoder with an encoding of continuous time.",
        "network", settings=_network(lr=0.003, layers=1, heads=2),
    ),
    Entry(
        "ssm", "Diagonal SSM", "traditional",
        "Diagonal linear state space in the style of S5, discretised with the true elapsed time.",
        "network", uses_dt=True, settings=_network(layers=1, fastest=1.0),
    ),
    Entry(
        "trees", "Gradient boosting", "traditional",
        "Gradient-boosted trees on summary features of the series so far.",
        "trees", matched=False,
        settings={"learning_rate": 0.1, "leaves": 15, "l2": 1.0, "least": 20, "rounds": 150},
    ),
    Entry(
        "trivial", "Trivial", "trivial",
        "The best guess that needs no model: class shares, the mean, or the last value.",
        "trivial", matched=False,
    ),
)  # fmt: skip

CONTENDERS: Mapping[str, Entry] = {entry.name: entry for entry in _ENTRIES}


def entry_of(name: str) -> Entry:
    """The entry of a name.

    Raises:
        InputError: there is no such contender.

    Example:
        >>> entry_of("cfc").family
        'liquid'
    """
    if name not in CONTENDERS:
        from difflib import get_close_matches

        close = get_close_matches(name.lower().replace("_", "-"), CONTENDERS, 1)
        remedy = f"Did you mean {close[0]!r}?" if close else "Name one of them."
        raise InputError("compare", "model", f"is {name!r}; there are {', '.join(CONTENDERS)}", remedy)
    return CONTENDERS[name]


def settings_of(name: str, chosen: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Chosen settings of a contender, the usual value where none was chosen.

    Raises:
        InputError: a setting is unknown to it.

    Example:
        >>> settings_of("gru", {"lr": 0.001})["lr"]
        0.001
    """
    usual = entry_of(name).settings
    unknown = sorted(set(chosen) - set(usual))
    if unknown:
        fault = f"name {unknown[0]!r}; {name} knows {', '.join(usual) or 'none'}"
        raise InputError("compare", "settings", fault, "Leave it out.")
    return {**usual, **chosen}
