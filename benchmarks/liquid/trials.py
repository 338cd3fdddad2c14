"""Three trials of memory and time, each with its data made or read here, its contenders, and what is scored.

`flash`: flashes of four colours fade, each colour at a rate of its own; the net says the brightness at every flash.
Trained on gaps from U(0, 1) and asked at gaps from U(0, 1), U(1, 2) and U(2, 4): squared error over
the variance of the brightness in training.

`sign`: the first step is 1 or -1, the others are noise; the net says which. Trained on 5 to 20 steps and asked after
100, 400 and 1,500: accuracy.

`noise`: spoken digits, as they are and with noise of one standard deviation: accuracy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caudal.compare.contenders.network import units_for
from caudal.data import Sequences, datasets, from_arrays
from caudal.data.disturb import disturb
from caudal.data.scaler import Scaler
from caudal.estimators import LiquidClassifier, LiquidRegressor

COLOURS = (0.2, 0.6, 1.5, 4.0)
GAPS = {"0-1": (0.0, 1.0), "1-2": (1.0, 2.0), "2-4": (2.0, 4.0)}
LENGTHS = (100, 400, 1500)


@dataclass(frozen=True)
class Contestant:
    """One way to train a cell.

    Attributes:
        cell: as an estimator takes it.
        options: further arguments of the layer.
        settings: further settings of the estimator.
    """

    cell: str
    options: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialRow:
    """Scores of one contestant with one seed.

    Attributes:
        trial: `"flash"`, `"sign"` or `"noise"`.
        model: name of the contestant.
        seed: of data and weights.
        parameters: trained numbers.
        scores: by what was asked.
    """

    trial: str
    model: str
    seed: int
    parameters: int
    scores: dict[str, float]


def _event(cell: str, **options: object) -> Contestant:
    return Contestant(cell, {"pairing": "event", **options})


_LOG = {"clock": "log"}
FLASH: dict[str, Contestant] = {
    "cfc event": _event("cfc"),
    "ltc event": _event("ltc", substeps=1),
    "lrc event": _event("lrc"),
    "liquid-ssm event": _event("liquid-ssm"),
    "gru-d": Contestant("gru-d"),
    "gru": Contestant("gru", settings=_LOG),
    "lstm": Contestant("lstm", settings=_LOG),
    "cfc": Contestant("cfc"),
    "ltc": Contestant("ltc", {"substeps": 1}),
    "liquid-ssm": Contestant("liquid-ssm"),
    "d-linoss event": _event("d-linoss"),
    "ode-rnn": Contestant("ode-rnn"),
}
SIGN: dict[str, Contestant] = {
    "liquid-ssm": Contestant("liquid-ssm"),
    "ltc-ncp": Contestant("ltc-ncp", {"substeps": 2}),
    "gru": Contestant("gru"),
    "min-gru": Contestant("min-gru"),
    "cfc": Contestant("cfc"),
}
_MEAN = {"pool": "mean"}
_READY = {"pool": "mean", "augment": {"noise": 1.0}}
NOISE: dict[str, Contestant] = {
    "liquid-ssm": Contestant("liquid-ssm", settings=_MEAN),
    "lstm": Contestant("lstm", settings=_MEAN),
    "liquid-ssm expecting noise": Contestant("liquid-ssm", settings=_READY),
    "lstm expecting noise": Contestant("lstm", settings=_READY),
}
TRIALS = {"flash": FLASH, "sign": SIGN, "noise": NOISE}


def flashes(rng: np.random.Generator, series: int, gaps: tuple[float, float], steps: int = 20) -> Sequences:
    """Flashes at random gaps, one colour a step, with the brightness after each."""
    dt = rng.uniform(*gaps, (series, steps))
    colour = rng.integers(0, len(COLOURS), (series, steps))
    shown = np.eye(len(COLOURS))[colour]
    glow, bright = np.zeros((series, len(COLOURS))), np.zeros((series, steps))
    for step in range(steps):
        glow = glow * np.exp(-np.array(COLOURS) * dt[:, step, None]) + shown[:, step]
        bright[:, step] = glow.sum(axis=1)
    return from_arrays(shown.transpose(0, 2, 1), bright[:, :, None], dt=dt, task="imitate")


def signs(rng: np.random.Generator, series: int, least: int, most: int) -> Sequences:
    """A sign at the first step and noise behind it, between so many steps."""
    lengths = rng.integers(least, most + 1, series)
    sign = rng.choice([-1.0, 1.0], series)
    rows = [rng.standard_normal((1, length)) for length in lengths]
    for row, first in zip(rows, sign, strict=True):
        row[0, 0] = first
    return from_arrays(rows, np.where(sign > 0, "plus", "minus"))


def flash(contestant: Contestant, seed: int, quick: bool = False) -> tuple[int, dict[str, float]]:
    """Parameters, and squared error over the variance in training at each kind of gap."""
    rng = np.random.default_rng([seed, 1])
    train = flashes(rng, 40 if quick else 600, GAPS["0-1"])
    tests = {name: flashes(rng, 20 if quick else 300, gaps) for name, gaps in GAPS.items()}
    units = units_for(contestant.cell, 2 * len(COLOURS) if contestant.cell == "gru-d" else len(COLOURS), 1, 900)
    settings: dict[str, Any] = {
        "epochs": 1 if quick else 60,
        "batch_size": 32,
        "validation": 0.0,
        "seed": seed,
        **contestant.settings,
    }
    model = LiquidRegressor(contestant.cell, units, cell_options=_options(contestant, units), **settings).fit(train)
    scores = {}
    for name, test in tests.items():
        truth = np.asarray(test.target, np.float64)
        scores[name] = float(np.square(model.answer(test) - truth).mean() / np.asarray(train.target).var())
    return model.size(20.0).parameters, scores


def sign(contestant: Contestant, seed: int, quick: bool = False) -> tuple[int, dict[str, float]]:
    """Parameters, and accuracy after each number of steps."""
    rng = np.random.default_rng([seed, 2])
    train = signs(rng, 40 if quick else 600, 5, 20)
    settings: dict[str, Any] = {
        "epochs": 1 if quick else 40,
        "batch_size": 32,
        "validation": 0.0,
        "seed": seed,
        **contestant.settings,
    }
    units = units_for(contestant.cell, 1, 2, 500)
    model = LiquidClassifier(contestant.cell, units, cell_options=_options(contestant, units), **settings).fit(train)
    lengths = LENGTHS[:1] if quick else LENGTHS
    return model.size(20.0).parameters, {
        str(length): _accuracy(model, signs(rng, 20 if quick else 200, length, length)) for length in (20, *lengths)
    }


def noise(contestant: Contestant, seed: int, quick: bool = False) -> tuple[int, dict[str, float]]:
    """Parameters, and accuracy on digits as they are and under noise."""
    digits = datasets.load("spoken-digits")
    train = digits.train.select(slice(0, 40)) if quick else digits.train
    units = units_for(contestant.cell, train.inputs, 10, 1000)
    settings: dict[str, Any] = {"epochs": 1 if quick else 25, "batch_size": 32, "seed": seed, **contestant.settings}
    model = LiquidClassifier(contestant.cell, units, **settings).fit(train, val=None if quick else digits.val)
    test, scaler = digits.test, Scaler.fit(train)
    worse = disturb(test, "noise", 1.0, seed, scaler)
    scores = {"as it is": _accuracy(model, test), "noise 1 sd": _accuracy(model, worse)}
    return model.size(40.0).parameters, scores


def _options(contestant: Contestant, units: int) -> dict[str, object] | None:
    """Further arguments of the layer; the backbone of a CfC as `compare` sizes it."""
    backbone = {"backbone_units": max(2, round(1.5 * units))} if contestant.cell == "cfc" else {}
    return {**backbone, **contestant.options} or None


def _accuracy(model: LiquidClassifier, test: Sequences) -> float:
    return float((model.answer(test).argmax(axis=1) == np.asarray(test.target)).mean())


RUNS: dict[str, Callable[[Contestant, int, bool], tuple[int, dict[str, float]]]] = {
    "flash": flash,
    "sign": sign,
    "noise": noise,
}


def row_of(trial: str, model: str, seed: int, quick: bool = False) -> TrialRow:
    """Train one contestant of one trial, and score it."""
    parameters, scores = RUNS[trial](TRIALS[trial][model], seed, quick)
    return TrialRow(trial, model, seed, parameters, scores)
