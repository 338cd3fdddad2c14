"""The five questions that a person who decides asks of a page, answered in words."""

import math

import numpy as np

from caudal.explain.decision.record import Decision
from caudal.report.decision.sentences import at_step, change
from caudal.report.decision.words import DecisionWords

QUESTIONS = ("what", "why", "sure", "turn", "unknown")
_MOST_REASONS, _LEAST, _FEW_CARRY = 3, 0.05, 0.4
# Right decisions whose planted reason was named, in the worst world of `python -m benchmarks explain --only reasons`.
_NAMED = 0.99


def answers(decision: Decision, texts: DecisionWords) -> dict[str, list[str]]:
    """Sentences that answer what was decided, why, how sure, what would turn it and what is not known."""
    return {
        "what": what(decision, texts),
        "why": why(decision, texts),
        "sure": sure(decision, texts),
        "turn": turn(decision, texts),
        "unknown": unknown(decision, texts),
    }


def step_name(decision: Decision, texts: DecisionWords, step: int) -> str:
    """A step with its time: "step 8 (72 h)"."""
    if decision.time_unit in ("", "step"):
        return texts("step", n=step + 1)
    return texts("step.when", n=step + 1, time=texts.short(float(decision.time[step])), unit=decision.time_unit)


def cell_name(decision: Decision, texts: DecisionWords, step: int, name: str) -> str:
    """An input at a step with the value that it had there, or a gap with its length."""
    when = step_name(decision, texts, step)
    if name == "dt":
        unit = decision.time_unit
        return texts("dt.value", value=texts.short(float(decision.gaps[step])), unit=unit, step=when)
    names = [feature.name for feature in decision.features]
    value = float(decision.values[step, names.index(name)]) if name in names else math.nan
    if math.isnan(value):
        return texts("cell.plain", name=name, step=when)
    unit = decision.features[names.index(name)].unit
    return texts("cell.value", name=name, value=texts.short(value), unit=f" {unit}" if unit else "", step=when)


def probability(texts: DecisionWords, share: float) -> str:
    """A probability in percent, never 100 nor 0."""
    if share > 0.999 or share < 0.001:
        return texts("share.above" if share > 0.5 else "share.below")
    return texts.percent(share, 1)


def title(decision: Decision, texts: DecisionWords) -> str:
    """Which series, and what was decided or predicted of it."""
    decided = decision.decision if decision.classes else texts.short(float(decision.scores[-1, 0]), 4)
    answer = f"{decision.outcome} = {decided}" if decision.outcome else decided
    return texts("title.decided" if decision.classes else "title.predicted", id=decision.id, answer=answer)


def what(decision: Decision, texts: DecisionWords) -> list[str]:
    """What was decided, and since when."""
    last, of = decision.scores[-1], {"id": decision.id, "outcome": decision.outcome}
    if not decision.classes:
        key = "decision.number.of" if decision.outcome else "decision.number"
        return [texts(key, value=texts.short(float(last[0]), 4), **of)]
    key = "decision.class.of" if decision.outcome else "decision.class"
    lead = [texts(key, decision=decision.decision, p=probability(texts, float(last[decision.code])), **of)]
    if decision.threshold is not None:
        lead.append(texts("decision.threshold", yes=decision.classes[1], p=texts.percent(decision.threshold, 1)))
    if decision.since:
        return [
            *lead,
            texts("decision.turned", step=step_name(decision, texts, decision.since), steps=len(decision.scores)),
        ]
    return [*lead, texts("decision.always", steps=len(decision.scores))]


def why(decision: Decision, texts: DecisionWords) -> list[str]:
    """The strongest reasons, with their values and times, and what they were compared with.

    Where no few values carry most of the influence, whole inputs are named.
    """
    attribution = decision.influence
    if attribution.says_little:
        return [texts("influence.little")]
    values, names = attribution.values[0], attribution.labels[1]
    whole = float(np.abs(values).sum())
    order = np.argsort(-np.abs(values), axis=None, kind="stable")[:_MOST_REASONS]
    cells = [np.unravel_index(flat, values.shape) for flat in order.tolist()]
    entries = [(cell_name(decision, texts, int(t), names[k]), float(values[t, k])) for t, k in cells]
    sizes = [abs(value) for _, value in entries]
    if sum(sizes) < _FEW_CARRY * whole:
        sums, inside = values.sum(0), np.abs(values).sum(0)
        chosen = np.argsort(-inside, kind="stable")[:_MOST_REASONS].tolist()
        spoken = (texts("dt") if names[k] == "dt" else names[k] for k in chosen)
        entries = [(texts("cell.over", name=name), float(sums[k])) for k, name in zip(chosen, spoken, strict=True)]
        sizes = inside[chosen].tolist()
    strong = [(name, value, size) for (name, value), size in zip(entries, sizes, strict=True) if size >= _LEAST * whole]
    lines = []
    for key in ("for", "against"):
        side = [
            (name, size) for name, value, size in strong or [(*entries[0], sizes[0])] if (value > 0) == (key == "for")
        ]
        if side:
            share = texts.percent(sum(size for _, size in side) / whole)
            lines.append(texts(f"why.{key}", cells=texts.listed(name for name, _ in side), share=share))
    return [texts("why.than", than=_others(decision, texts), reasons="; ".join(lines))]


def _others(decision: Decision, texts: DecisionWords) -> str:
    """What the decision is compared with."""
    attribution = decision.influence
    if not attribution.references:
        return texts("than.mean")
    kind = "others" if not decision.classes else "alike" if attribution.alike[0] > 0.5 else "otherwise"
    return texts(f"than.{kind}", n=len(attribution.references[0]))


def sure(decision: Decision, texts: DecisionWords) -> list[str]:
    """Whether the reason stood its test, and how large an error of measurement leaves the decision as it is."""
    verdict, holds = reason_holds(decision, texts)
    lines = [verdict]
    if holds and decision.classes and decision.influence.references and decision.influence.alike[0] <= 0.5:
        lines.append(texts("sure.rate", share=texts.percent(_NAMED)))
    if decision.proven > 0:
        lines.append(texts("sure.proven", tolerances=tolerances(decision, texts)))
    elif decision.certificate is not None and decision.certificate.status == "fails":
        lines.append(texts("sure.close", radius=texts.short(decision.radius)))
    return lines


def reason_holds(decision: Decision, texts: DecisionWords) -> tuple[str, bool]:
    """The verdict on the reasons in one sentence, and whether they stood the test."""
    attribution = decision.influence
    if attribution.says_little:
        return texts("sure.little"), False
    if attribution.method == "swap":
        return texts("sure.swapped"), True
    if attribution.scorecard is None:
        return texts("sure.none"), False
    if attribution.is_flagged:
        return texts("influence.flagged", delta=texts.percent(attribution.delta, 1)), False
    share = attribution.scorecard["ablation"].value
    if math.isnan(share):
        return texts("sure.none"), False
    holds = attribution.scorecard["ablation"].passed
    return texts("sure.good" if holds else "sure.bad", share=texts.percent(max(share, 0.0))), holds


def tolerances(decision: Decision, texts: DecisionWords) -> str:
    """The largest proven tolerance in the unit of each input and of the gaps."""
    named = []
    for feature, spread in zip(decision.features, decision.bounds.spread.tolist(), strict=True):
        if feature.kind == "number":
            unit = f" {feature.unit}" if feature.unit else ""
            named.append(f"{feature.name} ± {texts.short(decision.proven * spread, 2)}{unit}")
    gap = texts.short(decision.proven * decision.bounds.gap_spread, 2)
    return texts.listed([*named, texts("tolerance.gaps", gap=gap, unit=decision.time_unit)])


def turn(decision: Decision, texts: DecisionWords) -> list[str]:
    """The least change that turns the decision."""
    other = decision.counterfactual
    if other is None:
        return [texts("missing.counter", why=decision.missing.get("counter", "–"))]
    if not other.found:
        return [texts("turn.none", tried=other.tried)]
    spelled = texts.listed(
        change(texts, entry, at_step(decision.time.tolist(), decision.time_unit)) for entry in other.changes
    )
    after = other.after if other.threshold is None else texts.short(other.score_after)
    return [texts("turn.found", changes=spelled, after=after)]


def unknown(decision: Decision, texts: DecisionWords) -> list[str]:
    """What this page does not tell."""
    lines = [texts("unknown.world")]
    if decision.outside:
        name, step, value = decision.outside[0]
        lines.append(
            texts(
                "unknown.outside",
                n=len(decision.outside),
                name=name,
                step=step_name(decision, texts, step),
                value=texts.short(value),
            )
        )
    return lines
