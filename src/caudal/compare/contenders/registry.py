"""Who enters a study: every model by name, what it is, and the settings it has before anybody tunes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from caudal.compare.record import Family, Scalar
from caudal.errors import InputError
from caudal.nn.pairing import PAIRINGS

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
        "liquid-ssm", "Liquid SSM", "liquid",
        "Liquid state space: time constants moved by the inputs only, solved exactly over each gap; one block.",
        "network", uses_dt=True,
        settings=_network(target="tanh", pool="mean", pairing="hold"),
    ),
    Entry(
        "liquid-ssm-2", "Liquid SSM, two blocks", "liquid",
        "Two blocks of the liquid state space, joined by a residual and a mixing product.",
        "network", uses_dt=True,
        settings=_network(target="tanh", pool="mean", pairing="hold"),
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
        "min-gru", "minGRU", "traditional",
        "Gated unit whose gates read the inputs only; the elapsed time is a further input.",
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


@dataclass(frozen=True)
class Between:
    """A number between two ends, both included.

    Attributes:
        low, high: ends.
        log: whether it is drawn evenly on a logarithmic scale.
        whole: whether it is a whole number.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class OneOf:
    """One of a few values."""

    values: tuple[Scalar, ...]


Range = Between | OneOf

# Six dimensions at most, and the same training settings for every network: no contender is tuned with more care.
_TRAINING: dict[str, Range] = {
    "lr": Between(0.001, 0.05, log=True),
    "batch_size": OneOf((32, 64, 128)),
    "weight_decay": OneOf((0.0, 0.001, 0.01)),
    "dropout": OneOf((0.0, 0.1, 0.3)),
}
_CLOCK: dict[str, Range] = {"dt": OneOf(("raw", "log"))}
# Of an LTC the pace stays a factor: its time constants then have a unit.
_PACE: dict[str, Range] = {"pace": OneOf((0.1, 0.3, 1.0))}
# Rates are learnt, so that no pace is searched; when an input acts is a fact of the data.
_LIQUID: dict[str, Range] = {"pairing": OneOf(PAIRINGS), "pool": OneOf(("last", "mean"))}

SPACE: Mapping[str, Mapping[str, Range]] = {
    "ltc-ncp": {**_TRAINING, **_PACE, "density": OneOf((0.3, 0.5, 0.7))},
    "ltc-ncp-19": {**_TRAINING, **_PACE, "pool": OneOf(("last", "mean"))},
    "cfc": {**_TRAINING, **_CLOCK, "backbone": OneOf((1.0, 1.5, 3.0))},
    "cfc-ncp": {**_TRAINING, **_CLOCK, "density": OneOf((0.3, 0.5, 0.7))},
    "mixed": {**_TRAINING, **_CLOCK, "backbone": OneOf((1.0, 1.5, 3.0))},
    "liquid-ssm": {**_TRAINING, **_LIQUID},
    "liquid-ssm-2": {**_TRAINING, **_LIQUID},
    "lstm": {**_TRAINING, **_CLOCK, "pool": OneOf(("last", "mean"))},
    "gru": {**_TRAINING, **_CLOCK, "pool": OneOf(("last", "mean"))},
    "min-gru": {**_TRAINING, **_CLOCK, "pool": OneOf(("last", "mean"))},
    "gru-d": {**_TRAINING, **_CLOCK, "pool": OneOf(("last", "mean"))},
    "transformer": {**_TRAINING, "layers": OneOf((1, 2)), "pool": OneOf(("last", "mean"))},
    "ssm": {**_TRAINING, "layers": OneOf((1, 2)), "fastest": OneOf((0.1, 1.0))},
    "trees": {
        "learning_rate": Between(0.02, 0.3, log=True),
        "leaves": OneOf((4, 8, 15, 31)),
        "l2": Between(0.01, 10.0, log=True),
        "least": OneOf((5, 20, 50)),
    },
    "trivial": {},
}


def suggest(model: str, trial: Any) -> dict[str, Scalar]:
    """Settings of a contender, drawn by a trial.

    Arguments:
        model: name of the contender.
        trial: an `optuna.Trial`, or anything with its `suggest_float`, `suggest_int` and `suggest_categorical`.

    Returns:
        values by name, for `Job.settings`; empty for a contender without any.

    Raises:
        InputError: there is no such contender.
    """
    chosen: dict[str, Scalar] = {}
    for name, range_ in SPACE[entry_of(model).name].items():
        if isinstance(range_, OneOf):
            chosen[name] = trial.suggest_categorical(name, list(range_.values))
        elif range_.whole:
            chosen[name] = trial.suggest_int(name, int(range_.low), int(range_.high), log=range_.log)
        else:
            chosen[name] = trial.suggest_float(name, range_.low, range_.high, log=range_.log)
    return chosen


def usual(model: str) -> dict[str, Scalar]:
    """The usual values of the settings that tuning may choose: a good first trial (`study.enqueue_trial`).

    Example:
        >>> usual("ssm")["layers"]
        1
    """
    return {name: CONTENDERS[model].settings[name] for name in SPACE[entry_of(model).name]}
