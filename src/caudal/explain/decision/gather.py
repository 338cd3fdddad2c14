"""Compute everything that the explanation page of one decision shows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from caudal.data import Encoder, Sequences
from caudal.errors import CaudalError, InputError
from caudal.explain.counterfactual.bounds import Bounds
from caudal.explain.counterfactual.find import counterfactual
from caudal.explain.counterfactual.record import Counterfactual
from caudal.explain.decision.record import Decision
from caudal.explain.equations.dead import Dead, dead_synapses
from caudal.explain.equations.read import Equations, equations
from caudal.explain.influence.explanation import usual
from caudal.explain.influence.influence import Baseline, influence
from caudal.explain.influence.masks import is_wired
from caudal.explain.influence.record import Influence
from caudal.explain.influence.references import References, references
from caudal.explain.influence.swap import affordable, swapped
from caudal.explain.influence.target import Question, ask, synapses_of
from caudal.explain.neurons.phases import drives
from caudal.explain.neurons.responses import core, encoded, neuron_names, states
from caudal.explain.proof.verify import Certificate, verify
from caudal.explain.scorecard.scorecard import Checks, scored
from caudal.explain.trace.run import trace
from caudal.nn import Readout
from caudal.nn.decide import check_threshold, decided, deciding, lead
from caudal.typing import Floats
from caudal.wiring import Wiring

DIGITS = 4
PARTS = ("influence", "checks", "circuit", "proof", "counter", "equations")
_SERIES, _FEW_SERIES, _DEAD_WITHIN, _MOST_WEIGHTS, _POOL = 64, 8, 1e-3, 4000, 512
_DOUBLINGS, _NARROWINGS, _MOST_RUN = 5, 3, 500
# Steps beyond which searches and proofs are kept short, so that a page stays a matter of seconds.
_LONG = 40


class _Seen(NamedTuple):
    """One series as the net sees it; the larger score of `model` decides as the threshold does on `plain`."""

    model: Readout
    plain: Readout
    threshold: float | None
    encoder: Encoder
    data: Sequences
    row: int
    x: Tensor
    dt: Tensor
    question: Question
    background: References | None


def decision(
    model: Readout,
    encoder: Encoder,
    data: Sequences,
    row: int,
    *,
    classes: Sequence[str] = (),
    radius: float = 0.02,
    threshold: float | None = None,
    checks: Checks | None = None,
    search: tuple[int, int] | None = None,
    seed: int = 0,
    against_mean: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Decision:
    """Explanation of one decision: attribution, counterfactual, certificate, equations and traces.

    Arguments:
        model: a trained readout; its last decision is explained.
        encoder: fitted with it.
        data: series that hold the row; ranges, typical values and the series to compare with come from all of them.
        row: which series.
        classes: names of the classes, in the order of the outputs; those of the data when left out.
        radius: tolerance of the proof, in standard deviations.
        threshold: of a regression, the number that a counterfactual is to cross; of two classes, the probability of the
            last from which on it is decided for, 0.5 when left out.
        checks: how much work the scorecard may be.
        search: restarts and steps of the search for a counterfactual; fewer for long series if left out.
        seed: of every draw.
        against_mean: compare with the training mean, in place of other series.
        progress: is told each of `PARTS` as it begins.

    Raises:
        InputError: the row is out of range, the model is no readout, or it reads other channels than the encoder makes.
        DataError: the series have other inputs than the encoder was fitted on.
    """
    named = tuple(classes) or tuple(map(str, data.classes))
    probability = check_threshold("decision", threshold, len(named)) if named else None
    encoder, data = encoder.computed(data)
    seen = _see(model, encoder, data, row, named, probability)
    names = seen.question.outputs if model.outputs > 1 else ()
    scores = _scores(seen, bool(names))
    begins = progress or (lambda part: None)
    begins("influence")
    seen = seen._replace(background=None) if against_mean else seen
    against = seen.background or Baseline()
    why = usual(seen.question, "everything", against)
    begins("checks")
    checks = checks or Checks(series=1, draws=6, seed=seed)
    why = scored(seen.question, why, checks, against) if checks.series else why
    wired = is_wired(model)
    begins("circuit")
    synapses = influence(seen.question, "synapses", baseline=against) if wired else None
    missing: dict[str, str] = {}
    bounds = Bounds.of(data)
    begins("proof")
    proof = _certificate(seen, bounds, radius, missing, seed)
    begins("counter")
    asked = {"bounds": bounds, "threshold": threshold, "seed": seed}
    other = _counterfactual(seen, asked, search, missing, names)
    begins("equations")
    dead, lines, rounding = _equations(seen, wired, missing, names)
    activity, tau = _trace(seen)
    series = data.select([row])
    steps = len(seen.x[0])
    decided_for = names[int(decided(scores[-1], seen.threshold))] if names else f"{scores[-1, 0]:.4g}"
    return Decision(
        id=str(data.ids[row]),
        weights=sum(p.numel() for p in model.parameters()),
        cell=type(core(model)).__name__,
        classes=tuple(names),
        decision=decided_for,
        threshold=seen.threshold,
        scores=scores,
        time=np.asarray(series.times[0, :steps], np.float64),
        time_unit=data.time_unit,
        influence=why,
        synapses=synapses,
        without=_without(seen, synapses, scores[-1], bool(names)),
        wiring=_wiring(model),
        neurons=neuron_names(model, activity.shape[1]),
        inputs=encoder.channels,
        activity=activity,
        tau=tau,
        drives=drives(model, encoder, _cut(series, steps)),
        counterfactual=other,
        certificate=proof,
        radius=radius,
        dead=dead,
        equations=lines,
        rounding=rounding,
        outside=_outside(data, row),
        missing=missing,
        reference=len(data),
        outcome=_outcome(data),
        features=data.features,
        values=np.where(data.observed[row, :steps], data.values[row, :steps], np.nan).astype(np.float64),
        gaps=np.asarray(data.dt[row, :steps], np.float64),
        bounds=bounds,
        proven=0.0 if proof is None else _largest(seen, bounds, radius, proof.status == "holds"),
    )


def _outcome(data: Sequences) -> str:
    """Name of the target column; empty for arrays, which have none."""
    named = data.recipe.target if data.recipe is not None and data.recipe.target else data.outputs
    return "" if tuple(named) == ("target",) else ", ".join(map(str, named))


def _see(
    model: object, encoder: Encoder, data: Sequences, row: int, classes: tuple[str, ...], threshold: float | None
) -> _Seen:
    if not isinstance(model, Readout):
        fault = f"is a {type(model).__name__}; expected a Readout"
        raise InputError("decision", "model", fault, "Pass the net of an estimator, `model.net_`.")
    if not 0 <= row < len(data):
        fault = f"is {row}; there are {len(data)} series, counted from 0"
        raise InputError("decision", "row", fault, f"Pass 0 to {len(data) - 1}.")
    if data.task in ("forecast", "imitate"):
        fault = f"is asked to {data.task}; the page is about one decision"
        raise InputError("decision", "data", fault, "Use a classifier or a regressor of series.")
    x, dt, lengths = encoded("decision", model, encoder, data.select([row]))
    steps = int(lengths[0])
    x, dt = x[:, :steps], dt[:, :steps]
    names = classes if len(classes) == model.outputs else None
    net = deciding(model, threshold)
    asked = ask(net, x, dt, names=encoder.channels, outputs=names, series=[str(data.ids[row])])
    return _Seen(net, model, threshold, encoder, data, row, x, dt, asked, _background(net, encoder, data, asked))


def _background(model: Readout, encoder: Encoder, data: Sequences, asked: Question) -> References | None:
    """Other series of the table to compare with."""
    if len(data) < 2:
        return None
    some = data.select(np.unique(np.linspace(0, len(data) - 1, min(_POOL, len(data))).round().astype(int)))
    x, dt, lengths = encoded("decision", model, encoder, some)
    others = ask(model, x, dt, lengths=lengths, names=asked.inputs, series=[str(name) for name in some.ids])
    return references(asked, others)


def _cut(data: Sequences, steps: int) -> Sequences:
    """A series without its padding."""
    cut = {name: getattr(data, name)[:, :steps] for name in ("values", "observed", "dt")}
    return replace(data.without_target(), **cut)


def _scores(seen: _Seen, decides: bool) -> Floats:
    with torch.no_grad():
        y = seen.plain(seen.x, dt=seen.dt)[0][0].double()
    if decides:
        return np.asarray(torch.softmax(y, -1).numpy())
    return np.asarray(seen.encoder.scaler.restore(y.numpy()), np.float64)


def _without(seen: _Seen, synapses: Influence | None, last: Floats, decides: bool) -> dict[str, tuple[float, bool]]:
    """Score of the decision, and whether it mostly turns, with each synapse swapped, or cut, in turn."""
    if synapses is None:
        return {}
    names = synapses_of(seen.model, seen.encoder.channels)
    if synapses.method == "swap" and seen.background is not None:
        y = swapped(seen.question, affordable(seen.question, seen.background), "synapses")[0].double()
    else:
        strength = (1 - torch.eye(len(names))).to(seen.x)
        asked = seen.question.rows(torch.zeros(len(names), dtype=torch.long))
        y = asked.answers(synapses=strength).double()[None]
    if not decides:
        numbers = seen.encoder.scaler.restore(y.flatten(0, 1).numpy())[:, 0].reshape(len(y), -1).mean(0)
        return {name: (float(value), False) for name, value in zip(names, numbers, strict=True)}
    code = int(decided(last, seen.threshold))
    leads = y.new_tensor([lead(seen.threshold), *[0.0] * (y.shape[-1] - 1)])
    shares: list[float] = torch.softmax(y - leads, -1)[..., code].mean(0).tolist()
    turned: list[bool] = ((y.argmax(2) != code).double().mean(0) > 0.5).tolist()
    return {name: (shares[k], turned[k]) for k, name in enumerate(names)}


def _certificate(seen: _Seen, bounds: Bounds, radius: float, missing: dict[str, str], seed: int) -> Certificate | None:
    known, times = _tolerances(seen, bounds, radius)
    try:
        boxes, samples = (9, 64) if len(seen.x[0]) <= _LONG else (1, 16)
        return verify(
            seen.model, seen.x[0], seen.dt[0], radius=known, dt_radius=times, boxes=boxes, samples=samples, seed=seed
        )
    except CaudalError as error:
        missing["proof"] = str(error)
        return None


def _tolerances(seen: _Seen, bounds: Bounds, radius: float) -> tuple[Tensor, Tensor]:
    """So many standard deviations of every value and of every gap but the first, as the net sees them."""
    marks = torch.tensor([not name.startswith(("observed(", "since(")) for name in seen.encoder.channels])
    known = radius * torch.ones(seen.x.shape[1], len(seen.encoder.channels), dtype=torch.float64) * marks
    moved = radius * bounds.gap_spread / seen.encoder.scaler.gap
    times = torch.full((seen.x.shape[1],), moved, dtype=torch.float64)
    if seen.encoder.clock == "log":
        gaps = torch.expm1(seen.dt[0].double())
        times = seen.dt[0].double() - torch.log1p((gaps - moved).clamp_min(0))
    times[0] = 0
    return known, times


def _largest(seen: _Seen, bounds: Bounds, radius: float, holds: bool) -> float:
    """The largest tolerance proven, in standard deviations: doubled or halved from one, then narrowed down.

    Of a long series, whose proofs take long, it is the one that was asked for, or none.
    """
    if len(seen.x[0]) > _LONG:
        return radius if holds else 0.0

    def is_proven(tried: float) -> bool:
        known, times = _tolerances(seen, bounds, tried)
        proof = verify(seen.model, seen.x[0], seen.dt[0], radius=known, dt_radius=times, boxes=1, samples=4)
        return proof.status == "holds"

    low, high = (radius, 2 * radius) if holds else (0.0, radius)
    for _ in range(_DOUBLINGS):
        if holds and is_proven(high):
            low, high = high, 2 * high
        elif not holds and not is_proven(high / 2):
            high /= 2
        else:
            break
    low = max(low, high / 2 if is_proven(high / 2) else low)
    for _ in range(_NARROWINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_proven(middle) else (low, middle)
    return low


def _counterfactual(
    seen: _Seen,
    asked: dict[str, Any],
    search: tuple[int, int] | None,
    missing: dict[str, str],
    names: Sequence[str],
) -> Counterfactual | None:
    restarts, moves = search or ((8, 120) if len(seen.x[0]) <= _LONG else (4, 40))
    asked = {**asked, "restarts": restarts, "steps": moves}
    data = seen.data
    if names and not data.classes:
        data = replace(data, classes=tuple(names))
    try:
        return counterfactual(seen.plain, seen.encoder, data, seen.row, **asked)
    except CaudalError as error:
        missing["counter"] = str(error)
        return None


def _equations(
    seen: _Seen, wired: bool, missing: dict[str, str], names: Sequence[str]
) -> tuple[Dead | None, Equations | None, float]:
    """The equations without dead synapses, and what their printed digits cost on this series."""
    dead = None
    try:
        if wired:
            most = _SERIES if len(seen.x[0]) <= _LONG else _FEW_SERIES
            index = np.linspace(0, len(seen.data) - 1, min(most, len(seen.data))).round().astype(int)
            x, dt, lengths = encoded("decision", seen.model, seen.encoder, seen.data.select(np.unique(index)))
            dead = dead_synapses(seen.plain, x, dt, lengths=lengths, within=_DEAD_WITHIN)
        weights = sum(p.numel() for p in seen.plain.parameters())
        if weights > _MOST_WEIGHTS:
            missing["equations"] = "large"
            return dead, None, 0.0
        # Channels as the net sees them are what can be run; the page prints them in the user's units.
        plain = equations(seen.plain, names=seen.encoder.channels, without=dead)
        rounding = float("nan")
        # Equations of a larger net take long to run.
        if weights <= _MOST_RUN:
            channels, gaps = (tensor.double().numpy() for tensor in (seen.x, seen.dt))
            rounding = float(np.abs(plain.rounded(DIGITS).run(channels, gaps) - plain.run(channels, gaps)).max())
        outputs = [f"score of {name}" for name in names] if names else ["prediction"][: seen.model.outputs]
        labels = outputs if len(outputs) == seen.model.outputs else None
        return dead, equations(seen.plain, encoder=seen.encoder, outputs=labels, without=dead), rounding
    except CaudalError as error:
        missing["equations"] = str(error)
        return dead, None, 0.0


def _trace(seen: _Seen) -> tuple[Floats, Floats | None]:
    lengths = torch.tensor([seen.x.shape[1]])
    activity = states(seen.model, seen.x, seen.dt, lengths)[0].double().numpy()
    if seen.encoder.clock == "log":
        return activity, None  # a time constant on bent time has no unit
    try:
        tau = trace(core(seen.model), seen.x, seen.dt)["tau_sys"][0].double().numpy()
    except InputError:
        return activity, None
    return activity, np.asarray(tau * seen.encoder.scaler.gap)


def _wiring(model: Readout) -> Wiring | None:
    wiring = getattr(core(model), "wiring", None)
    return wiring if isinstance(wiring, Wiring) else None


def _outside(data: Sequences, row: int) -> tuple[tuple[str, int, float], ...]:
    """Observed values of the series beyond what the other series span."""
    others = [k for k in range(len(data)) if k != row]
    if not others:
        return ()
    limits, outside = Bounds.of(data.select(others)), []
    for step in range(int(data.lengths[row])):
        for k, name in enumerate(data.names):
            value = float(data.values[row, step, k])
            if data.observed[row, step, k] and not limits.low[k] <= value <= limits.high[k]:
                outside.append((name, step, value))
    return tuple(outside)
