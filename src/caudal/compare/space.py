"""What tuning may choose, as data, and the draw of one choice from an Optuna trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from caudal.compare.contenders import CONTENDERS, entry_of
from caudal.records.study import Scalar


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

SPACE: Mapping[str, Mapping[str, Range]] = {
    "ltc-ncp": {**_TRAINING, **_PACE, "density": OneOf((0.3, 0.5, 0.7))},
    "ltc-ncp-19": {**_TRAINING, **_PACE, "pool": OneOf(("last", "mean"))},
    "cfc": {**_TRAINING, **_CLOCK, "backbone": OneOf((1.0, 1.5, 3.0))},
    "cfc-ncp": {**_TRAINING, **_CLOCK, "density": OneOf((0.3, 0.5, 0.7))},
    "mixed": {**_TRAINING, **_CLOCK, "backbone": OneOf((1.0, 1.5, 3.0))},
    "lstm": {**_TRAINING, **_CLOCK, "pool": OneOf(("last", "mean"))},
    "gru": {**_TRAINING, **_CLOCK, "pool": OneOf(("last", "mean"))},
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
