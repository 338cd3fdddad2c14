"""Findings of this room as plain sentences, each with its figure."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, singledispatch

import numpy as np

from caudal.errors import InputError
from caudal.explain.counterfactual.record import Change, Counterfactual, apart
from caudal.explain.equations.dead import Dead
from caudal.explain.influence.record import Influence, Score, Scorecard
from caudal.explain.influence.target import LOG_ODDS
from caudal.explain.neurons.metrics import Interpretability
from caudal.explain.neurons.phases import TIME, Drives
from caudal.explain.proof.verify import Certificate
from caudal.report.decision.words import DecisionWords, words

_MOST = 4


@singledispatch
def tell(found: object, lang: str = "en", **about: object) -> list[str]:
    """Sentences about a finding of this room.

    Arguments:
        found: an `Influence`, `Scorecard`, `Drives`, `Dead`, `Counterfactual`, `Certificate` or `Interpretability`.
        lang: `"en"` or `"es"`.
        about: of a certificate `radius`, the tolerance in standard deviations, and `times`, whether the elapsed times
            moved as much; of an influence `most`, how many entries, and `cell`, which names an input at a step; of a
            counterfactual `when`, which names a step.

    Raises:
        InputError: it is something else, or there are no words in that language.

    Example:
        >>> tell(Dead(("a -> b",), (0.0, 1.0), 0.0004, 0.001, 32))
        ['1 of 2 synapses can be left out of the equations: over 32 series no output changes by more than 0.0004.']
    """
    fault = f"is a {type(found).__name__}, about which there are no sentences"
    raise InputError("tell", "found", fault, "Pass an influence, phases, a counterfactual, a certificate or the like.")


def place(texts: DecisionWords, step: int, name: str) -> str:
    """An input at a step, or the time before it."""
    return texts("dt.before", n=step + 1) if name == TIME else texts("cell", name=name, n=step + 1)


@tell.register
def _influence(
    attribution: Influence, lang: str = "en", most: int = _MOST, cell: Callable[[int, str], str] | None = None
) -> list[str]:
    texts = words(lang)
    cell = cell or partial(place, texts)
    size = np.abs(attribution.values).mean(0)
    if not size.any():
        return [texts("influence.none")]
    if attribution.on in ("synapses", "neurons"):
        return [*_parts(texts, attribution, most), texts("influence.single")]
    lines = [_compared(texts, attribution)]
    flagged = [texts("influence.flagged", delta=texts.percent(attribution.delta, 1))] if attribution.is_flagged else []
    if attribution.says_little:
        return [*lines, texts("influence.little"), *flagged]
    values, whole = attribution.values.mean(0), float(size.sum())
    spread = None if attribution.spread is None else attribution.spread.mean(0)
    for flat in np.argsort(-size, axis=None, kind="stable")[:most].tolist():
        at = np.unravel_index(flat, values.shape)
        key = "influence.for" if values[at] > 0 else "influence.against"
        value = texts.short(float(values[at]), signed=True)
        if spread is not None:
            value = texts("influence.spread", value=value, spread=texts.short(float(spread[at]), 2))
        share = texts.percent(float(size[at]) / whole)
        lines.append(texts(key, name=_named(texts, attribution, at, cell), value=value, share=share))
    if flagged or not attribution.adds_up:
        return [*lines, *(flagged or [texts("influence.single")])]
    return [*lines, texts("influence.adds", delta=texts.percent(max(attribution.delta, 1e-4), 2))]


def _parts(texts: DecisionWords, attribution: Influence, most: int) -> list[str]:
    """The strongest synapses or neurons, swapped or cut."""
    unit, way = texts.known("unit", attribution.unit), "swap" if attribution.method == "swap" else "cut"
    lines = []
    for entry in attribution.top(most):
        key = f"synapse.{way}.{'for' if entry.value > 0 else 'against'}"
        lines.append(texts(key, name=entry.name, value=texts.short(abs(entry.value)), unit=unit))
    return lines


def _compared(texts: DecisionWords, attribution: Influence) -> str:
    """What the output is, and what it is compared with."""
    output, reference = (
        texts.short(float(part.mean()), signed=True) for part in (attribution.output, attribution.reference)
    )
    unit = texts.known("unit", attribution.unit)
    if not attribution.references:
        return texts("influence.head", unit=unit, output=output, reference=reference)
    count = len(attribution.references[0])
    if attribution.unit != LOG_ODDS:
        key = "influence.head.others"
    else:
        key = "influence.head.alike" if np.mean(attribution.alike) > 0.5 else "influence.head.otherwise"
    return texts(key, unit=unit, output=output, reference=reference, n=count)


def _named(
    texts: DecisionWords, attribution: Influence, at: tuple[np.intp, ...], cell: Callable[[int, str], str]
) -> str:
    step = int(at[0])
    if len(at) == 2:
        return cell(step, attribution.labels[1][int(at[1])])
    return texts("dt.before", n=step + 1) if attribution.on == "dt" else texts("step", n=step + 1)


@tell.register
def _scorecard(card: Scorecard, lang: str = "en") -> list[str]:
    texts = words(lang)
    head = texts("score.head", passed=len(card.scores) - len(card.failed), all=len(card.scores))
    return [head, *(_failed(texts, score) for score in card.failed)]


def _failed(texts: DecisionWords, score: Score) -> str:
    return texts(
        "score.failed", name=texts.known("score", score.name), value=texts.short(score.value), goal=goal(texts, score)
    )


def goal(texts: DecisionWords, score: Score) -> str:
    """The goal of a check in the language of the reader."""
    for word in ("at most", "at least", "above"):
        if score.goal.startswith(word):
            number = score.goal.removeprefix(word).strip()
            try:
                return f"{texts(f'score.word.{word}')} {texts.short(float(number))}"
            except ValueError:
                break
    return score.goal


@tell.register
def _drives(moves: Drives, lang: str = "en", shortest: int = 2) -> list[str]:
    texts, steps, lines = words(lang), len(moves.values), []
    for phase in moves.phases(shortest):
        whole = phase.start == 0 and phase.end == steps - 1
        when = texts("steps.all") if whole else _when(texts, phase.start, phase.end)
        if not phase.feature:
            lines.append(texts("phase.silent", neuron=phase.neuron, when=when))
            continue
        name = texts("dt") if phase.feature == TIME else phase.feature
        lines.append(texts("phase", neuron=phase.neuron, feature=name, when=when, share=texts.percent(phase.share)))
    return lines


def _when(texts: DecisionWords, start: int, end: int) -> str:
    if start == end:
        return texts("phase.at", n=start + 1)
    return texts("phase.between", steps=texts("steps", a=start + 1, b=end + 1))


@tell.register
def _dead(dead: Dead, lang: str = "en") -> list[str]:
    texts, count = words(lang), len(dead.strengths)
    if not dead.names:
        return [texts("equation.dead.none", all=count, within=texts.short(dead.within))]
    error = texts.short(dead.error)
    return [texts("equation.dead", n=len(dead.names), all=count, series=dead.series, error=error)]


@tell.register
def _counterfactual(
    record: Counterfactual, lang: str = "en", when: Callable[[DecisionWords, int], str] | None = None
) -> list[str]:
    texts, count = words(lang), len(record.changes)
    if not record.found:
        after = record.after
        if record.threshold is not None:
            side = "above" if record.score_before <= record.threshold else "below"
            after = texts(f"counter.{side}", n=texts.short(record.threshold))
        return [texts("counter.none", before=record.before, after=after, tried=record.tried)]
    n = texts("counter.count.one") if count == 1 else texts("counter.count.many", n=count)
    if record.threshold is None:
        lines = [texts("counter.found", id=record.id, before=record.before, after=record.after, n=n)]
    else:
        lines = [texts("counter.found.number", id=record.id, after=texts.short(record.score_after), n=n)]
    lines += [change(texts, entry, when) for entry in record.changes]
    deviations = sum(entry.deviations for entry in record.changes if entry.kind == "value")
    if deviations:
        lines.append(texts("counter.distance", distance=texts.short(deviations)))
    if record.gap_change:
        unit = next(entry.unit for entry in record.changes if entry.kind == "gap")
        lines.append(texts("counter.distance.gaps", distance=texts.short(record.gap_change), unit=unit))
    lines += [texts("counter.gaps_needed")] if record.needs_gaps else []
    lines += [texts("counter.narrow")] if record.narrow else []
    return [*lines, texts("counter.minimal" if record.minimal else "counter.loose"), texts("counter.possible")]


def at_step(times: Sequence[float], unit: str) -> Callable[[DecisionWords, int], str]:
    """A function that names a step with its time, "3 (12 h)", for `change`; by its number where steps are the unit."""

    def named(texts: DecisionWords, step: int) -> str:
        return f"{step + 1}" if unit in ("", "step") else f"{step + 1} ({texts.short(times[step])} {unit})"

    return named


def change(texts: DecisionWords, entry: Change, when: Callable[[DecisionWords, int], str] | None = None) -> str:
    """One change of a counterfactual; `when` names its step."""
    step = f"{entry.step + 1}" if when is None else when(texts, entry.step)
    before, after = (_local(texts, number) for number in apart(entry.before, entry.after))
    unit = f" {entry.unit}" if entry.unit else ""
    if entry.kind == "gap":
        return texts("counter.gap", a=entry.step, b=entry.step + 1, before=before, after=after, unit=unit)
    return texts("counter.value", name=entry.name, n=step, before=before, after=after, unit=unit)


def _local(texts: DecisionWords, number: str) -> str:
    spelled = number.replace("-", "\u2212")
    return spelled.replace(".", ",") if texts.lang == "es" else spelled


@tell.register
def _certificate(
    certificate: Certificate, lang: str = "en", radius: float | None = None, times: bool = False
) -> list[str]:
    texts = words(lang)
    if radius is None:
        raise InputError("tell", "radius", "is missing; the certificate does not hold it", "Pass `radius=0.05`.")
    margin = certificate.seen_margin if certificate.status == "fails" else certificate.margin
    seen = texts.short(certificate.seen_margin)
    lead = texts(f"proof.{certificate.status}", radius=texts.short(radius), margin=texts.short(margin), seen=seen)
    return [f"{lead} {texts('proof.times.moved' if times else 'proof.times.held')}"]


@tell.register
def _interpretability(measured: Interpretability, lang: str = "en") -> list[str]:
    texts, lines = words(lang), []
    for name, interval in measured.trained.items():
        null = measured.null[name]
        ends: Mapping[str, float] = {
            "value": interval.value,
            "low": interval.low,
            "high": interval.high,
            "null": null.value,
            "null_low": null.low,
            "null_high": null.high,
        }
        is_share = name in ("variance", "conflict", "accuracy")
        spelled = {k: texts.percent(v) if is_share else texts.fixed(v, 3) for k, v in ends.items()}
        lines.append(texts(f"figures.{name}", **spelled))
    return lines
