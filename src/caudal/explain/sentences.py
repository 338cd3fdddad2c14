"""Plain sentences made from numbers: each carries its figure, and nothing is said that was not measured."""

from collections.abc import Mapping
from functools import singledispatch

import numpy as np

from caudal.errors import InputError
from caudal.explain.counterfactual.record import Change, Counterfactual, apart
from caudal.explain.equations.dead import Dead
from caudal.explain.neurons.metrics import Interpretability
from caudal.explain.neurons.phases import TIME, Drives
from caudal.explain.proof.verify import Certificate
from caudal.explain.words import Words, words
from caudal.records import Influence, Score, Scorecard

_MOST = 4


@singledispatch
def tell(found: object, lang: str = "en", **about: object) -> list[str]:
    """Sentences about a finding of this room.

    Arguments:
        found: an `Influence`, `Scorecard`, `Drives`, `Dead`, `Counterfactual`, `Certificate` or `Interpretability`.
        lang: `"en"` or `"es"`.
        about: of a certificate `radius`, the tolerance in standard deviations.

    Raises:
        InputError: it is something else, or there are no words in that language.

    Example:
        >>> tell(Dead(("a -> b",), (0.0, 1.0), 0.0004, 0.001, 32))
        ['1 of 2 synapses can be left out of the equations: over 32 series no output changes by more than 0.0004.']
    """
    fault = f"is a {type(found).__name__}, about which there are no sentences"
    raise InputError("tell", "found", fault, "Pass an influence, phases, a counterfactual, a certificate or the like.")


def place(said: Words, step: int, name: str) -> str:
    """An input at a step, or the time before it."""
    return said("dt.before", n=step + 1) if name == TIME else said("cell", name=name, n=step + 1)


@tell.register
def _influence(found: Influence, lang: str = "en", most: int = _MOST) -> list[str]:
    said = words(lang)
    unit = said.known("unit", found.unit)
    values = found.values.mean(0)
    size = np.abs(found.values).mean(0)
    if not size.any():
        return [said("influence.none")]
    if found.on in ("synapses", "neurons"):
        lines = []
        for one in found.top(most):
            key = "synapse.for" if one.value > 0 else "synapse.against"
            lines.append(said(key, name=one.name, value=said.short(abs(one.value)), unit=unit))
        return [*lines, said("influence.single")]
    output, reference = (said.short(float(one.mean()), signed=True) for one in (found.output, found.reference))
    lines = [said("influence.head", unit=unit, output=output, reference=reference)]
    whole = float(size.sum())
    for flat in np.argsort(-size, axis=None, kind="stable")[:most].tolist():
        at = np.unravel_index(flat, values.shape)
        name = _named(said, found, at)
        key = "influence.for" if values[at] > 0 else "influence.against"
        share = said.percent(float(size[at]) / whole)
        lines.append(said(key, name=name, value=said.short(float(values[at]), signed=True), share=share))
    if found.is_flagged:
        return [*lines, said("influence.flagged", delta=said.percent(found.delta, 1))]
    return [
        *lines,
        said("influence.adds", delta=said.percent(found.delta, 2)) if found.adds_up else said("influence.single"),
    ]


def _named(said: Words, found: Influence, at: tuple[np.intp, ...]) -> str:
    step = int(at[0])
    if len(at) == 2:
        return place(said, step, found.labels[1][int(at[1])])
    return said("dt.before", n=step + 1) if found.on == "dt" else said("step", n=step + 1)


@tell.register
def _scorecard(found: Scorecard, lang: str = "en") -> list[str]:
    said = words(lang)
    head = said("score.head", passed=len(found.scores) - len(found.failed), all=len(found.scores))
    return [head, *(_failed(said, one) for one in found.failed)]


def _failed(said: Words, one: Score) -> str:
    return said("score.failed", name=said.known("score", one.name), value=said.short(one.value), goal=goal(said, one))


def goal(said: Words, score: Score) -> str:
    """The goal of a check in the language of the reader."""
    for word in ("at most", "at least", "above"):
        if score.goal.startswith(word):
            number = score.goal.removeprefix(word).strip()
            try:
                return f"{said(f'score.word.{word}')} {said.short(float(number))}"
            except ValueError:
                break
    return score.goal


@tell.register
def _drives(found: Drives, lang: str = "en", shortest: int = 2) -> list[str]:
    said, steps, lines = words(lang), len(found.values), []
    for one in found.phases(shortest):
        whole = one.start == 0 and one.end == steps - 1
        when = said("steps.all") if whole else _when(said, one.start, one.end)
        if not one.feature:
            lines.append(said("phase.silent", neuron=one.neuron, when=when))
            continue
        name = said("dt") if one.feature == TIME else one.feature
        lines.append(said("phase", neuron=one.neuron, feature=name, when=when, share=said.percent(one.share)))
    return lines


def _when(said: Words, start: int, end: int) -> str:
    if start == end:
        return said("phase.at", n=start + 1)
    return said("phase.between", steps=said("steps", a=start + 1, b=end + 1))


@tell.register
def _dead(found: Dead, lang: str = "en") -> list[str]:
    said, every = words(lang), len(found.strengths)
    if not found.names:
        return [said("equation.dead.none", all=every, within=said.short(found.within))]
    error = said.short(found.error)
    return [said("equation.dead", n=len(found.names), all=every, series=found.series, error=error)]


@tell.register
def _counterfactual(found: Counterfactual, lang: str = "en") -> list[str]:
    said, count = words(lang), len(found.changes)
    if not found.found:
        after = found.after
        if found.threshold is not None:
            side = "above" if found.score_before <= found.threshold else "below"
            after = said(f"counter.{side}", n=said.short(found.threshold))
        return [said("counter.none", before=found.before, after=after, tried=found.tried)]
    n = said("counter.count.one") if count == 1 else said("counter.count.many", n=count)
    if found.threshold is None:
        lines = [said("counter.found", id=found.id, before=found.before, after=found.after, n=n)]
    else:
        lines = [said("counter.found.number", id=found.id, after=said.short(found.score_after), n=n)]
    lines += [change(said, one) for one in found.changes]
    lines.append(said("counter.distance", distance=said.short(found.distance)))
    return [*lines, said("counter.minimal" if found.minimal else "counter.loose"), said("counter.possible")]


def change(said: Words, one: Change) -> str:
    """One change of a counterfactual."""
    before, after = (_local(said, number) for number in apart(one.before, one.after))
    unit = f" {one.unit}" if one.unit else ""
    if one.kind == "gap":
        return said("counter.gap", a=one.step, b=one.step + 1, before=before, after=after, unit=unit)
    return said("counter.value", name=one.name, n=one.step + 1, before=before, after=after, unit=unit)


def _local(said: Words, number: str) -> str:
    spelled = number.replace("-", "\u2212")
    return spelled.replace(".", ",") if said.lang == "es" else spelled


@tell.register
def _certificate(found: Certificate, lang: str = "en", radius: float | None = None) -> list[str]:
    said = words(lang)
    if radius is None:
        raise InputError("tell", "radius", "is missing; the certificate does not hold it", "Pass `radius=0.05`.")
    margin = found.seen_margin if found.status == "fails" else found.margin
    seen = said.short(found.seen_margin)
    return [said(f"proof.{found.status}", radius=said.short(radius), margin=said.short(margin), seen=seen)]


@tell.register
def _interpretability(found: Interpretability, lang: str = "en") -> list[str]:
    said, lines = words(lang), []
    for name, one in found.trained.items():
        null = found.null[name]
        ends: Mapping[str, float] = {
            "value": one.value, "low": one.low, "high": one.high,
            "null": null.value, "null_low": null.low, "null_high": null.high,
        }  # fmt: skip
        is_share = name in ("variance", "conflict", "accuracy")
        spelled = {k: said.percent(v) if is_share else said.fixed(v, 3) for k, v in ends.items()}
        lines.append(said(f"figures.{name}", **spelled))
    return lines
