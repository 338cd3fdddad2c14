"""The registry of contenders: a name, a family, what builds its estimator, and what tuning may choose."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self

from caudal.compare.record import Family, Scalar
from caudal.data import Sequences
from caudal.errors import InputError
from caudal.estimators.features import Size
from caudal.importing import offered
from caudal.typing import Array

Kind = Literal["network", "trees", "summary", "trivial", "estimator"]


class Estimator(Protocol):
    """What a study asks of a model; every estimator of `caudal.estimators` is one.

    Attributes:
        origin_: what the file of the model says about data, split, seed and scores.
        threshold_: of two classes, the probability of the last from which on it is decided for.
    """

    origin_: Mapping[str, object] | None
    threshold_: float | None

    def fit(self, X: Sequences, *, val: Sequences) -> Self:
        """Train on series, and stop or choose by others."""
        ...

    def answer(self, data: Sequences) -> Array:
        """Probabilities, or numbers in the unit of the target, in its shape with a last axis of classes or outputs."""
        ...

    def size(self, steps: float) -> Size:
        """How large it is, and what one of `steps` steps costs."""
        ...

    def save(self, path: str) -> None:
        """Write the file that `caudal.load` reads."""
        ...


@dataclass(frozen=True, eq=False)
class Plan:
    """What an estimator is built for.

    Attributes:
        train: the series that it will be trained on.
        steps: of the longest series of any part.
        epochs: passes, at most.
        parameters: what networks are matched to.
        seed: of weights, order and draws.
        expect: disturbances to train for, as `augment` of the estimators takes them.
    """

    train: Sequences
    steps: int
    epochs: int
    parameters: int
    seed: int
    expect: Mapping[str, float] = field(default_factory=dict)


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
Settings = Mapping[str, Scalar]


@dataclass(frozen=True)
class Entry:
    """One model that can enter a study.

    Attributes:
        name: unique, as users type it.
        label: for people.
        family: liquid, traditional or trivial.
        summary: one sentence that says what it is.
        kind: which way it is trained.
        build: plan and settings -> an estimator that is not trained yet.
        uses_dt: whether elapsed time reaches the dynamics, and not only as a further input.
        matched: whether its size is chosen to meet the budget of parameters.
        wired: whether a wiring limits who reads whom.
        settings: usual values of all that tuning may choose.
        space: setting -> the values among which tuning chooses; `pairing` only where times are irregular.
        mark: of a contender of the caller's own, what tells it from an earlier version; stored runs are of one mark.
        code: what a file of its model asks to be trusted, as `caudal.load(trust=...)` takes it.
    """

    name: str
    label: str
    family: Family
    summary: str
    kind: Kind
    build: Callable[[Plan, Settings], Estimator]
    uses_dt: bool = False
    matched: bool = True
    wired: bool = False
    settings: Settings = field(default_factory=dict)
    space: Mapping[str, Range] = field(default_factory=dict)
    mark: str = ""
    code: tuple[str, ...] = ()


# Those that a study takes where it names none; those that caudal brings, the former among them; and those that callers
# have handed over, by object or import path, or that another process has sent.
CONTENDERS: dict[str, Entry] = {}
OWN: dict[str, Entry] = {}
_GUESTS: dict[str, Entry] = {}


def register_own(entry: Entry) -> None:
    """Let a contender of caudal enter studies that name it."""
    OWN[entry.name] = entry


def register_guest(entry: Entry) -> None:
    """Let a contender of the caller's own enter the study that named it."""
    _GUESTS[entry.name] = entry


def register(entry: Entry) -> Entry:
    """Let a model enter studies under its name.

    Raises:
        InputError: the name is taken, or the space names a setting without a usual value.
    """
    if entry.name in CONTENDERS or entry.name in OWN:
        raise InputError("register", "name", f"is {entry.name!r}, which is taken", "Give it another name.")
    unknown = sorted(set(entry.space) - set(entry.settings))
    if unknown:
        fault = f"names {unknown[0]!r}, which has no usual value in `settings`"
        raise InputError("register", "space", fault, "Add it to `settings`.")
    CONTENDERS[entry.name] = entry
    return entry


def entry_of(name: str) -> Entry:
    """The entry of a name: registered, of caudal, or handed over by a caller.

    Raises:
        InputError: there is no such contender.

    Example:
        >>> entry_of("cfc").family
        'liquid'
    """
    known = {**_GUESTS, **OWN, **CONTENDERS}
    if name not in known:
        from difflib import get_close_matches

        names = dict.fromkeys((*CONTENDERS, *OWN, *offered("contenders")))
        close = get_close_matches(name.lower().replace("_", "-"), names, 1)
        remedy = f"Did you mean {close[0]!r}?" if close else "Name one of them, or your own as `module:object`."
        raise InputError("compare", "model", f"is {name!r}; there are {', '.join(names)}", remedy)
    return known[name]


def settings_of(name: str, chosen: Settings) -> dict[str, Scalar]:
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


def number(value: Scalar) -> float:
    """A setting as a number.

    Raises:
        InputError: it is a text, or nothing.
    """
    if isinstance(value, str) or value is None:
        raise InputError("compare", "settings", f"hold {value!r} where a number is expected", "Pass a number.")
    return float(value)


def suggest(model: str, trial: Any, without: Container[str] = ()) -> dict[str, Scalar]:
    """Settings of a contender, drawn by a trial.

    Arguments:
        model: name of the contender.
        trial: an `optuna.Trial`, or anything with its `suggest_float`, `suggest_int` and `suggest_categorical`.
        without: settings that keep their usual value.

    Returns:
        values by name, for `Job.settings`; empty for a contender without any.

    Raises:
        InputError: there is no such contender.
    """
    chosen: dict[str, Scalar] = {}
    for name, range_ in entry_of(model).space.items():
        if name in without:
            continue
        if isinstance(range_, OneOf):
            chosen[name] = trial.suggest_categorical(name, list(range_.values))
        elif range_.whole:
            chosen[name] = trial.suggest_int(name, int(range_.low), int(range_.high), log=range_.log)
        else:
            chosen[name] = trial.suggest_float(name, range_.low, range_.high, log=range_.log)
    return chosen


def usual(model: str, without: Container[str] = ()) -> dict[str, Scalar]:
    """The usual values of the settings that tuning may choose: a good first trial (`study.enqueue_trial`).

    Example:
        >>> usual("ssm")["layers"]
        1
    """
    entry = entry_of(model)
    return {name: entry.settings[name] for name in entry.space if name not in without}
