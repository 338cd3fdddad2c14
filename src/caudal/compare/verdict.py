"""Which contender to use: an order of the contenders by their own figures; no rule looks at a name.

Each contender has a worth of its own: its score, less a part of the margin for what it costs (or for how it breaks, or
how hard it is to read, as the user prefers). The contender of the highest worth is recommended. Since no worth depends
on who else takes part, adding a contender leaves the recommendation or moves it to the added one, and removing one
moves it only away from the removed one. Since the part is at most one margin, the recommended one is never more than
the margin behind the best. Rules that first gather all who are within the margin of the best keep neither promise to
the full: who is within depends on the best. How sure the order is stands beside it, in the comparisons.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from caudal.compare.contenders.registry import OWN
from caudal.compare.metrics.record import Curve, Paired, Verdict
from caudal.compare.record import Contender
from caudal.errors import CaudalError, InputError
from caudal.intervals import Interval

Prefer = Literal["score", "cheap", "robust", "explainable"]
PREFERENCES: tuple[Prefer, ...] = get_args(Prefer)

BEST, PREFERRED, TRIVIAL = "best", "preferred", "trivial is enough"
STANDING: Mapping[str, str] = {"alike": "within", "worse": "worse"}
# Where the score decides, cost weighs a tenth of the margin: scores that differ by rounding are ties.
_ROUNDING = 0.1
# Operations of a step that weigh half.
_HALF = 1000.0
# A model that keeps three quarters of its score under disturbance weighs a whole margin.
_WORST_LOSS = 0.25
# A verdict that a robustness this much lower speaks against.
_ROBUST = 0.05
_FEW_SEEDS = 10


@dataclass(frozen=True)
class Aim:
    """What a good contender is.

    Attributes:
        margin: difference in the primary metric that nobody would care about.
        higher_is_better: of the primary metric.
        prefer: what the margin may be spent on.
    """

    margin: float
    higher_is_better: bool = True
    prefer: Prefer = "score"


def check_preference(prefer: str) -> Prefer:
    """The preference of a name.

    Raises:
        InputError: there is no such preference.
    """
    for known in PREFERENCES:
        if prefer == known:
            return known
    raise InputError("compare", "prefer", f"is {prefer!r}; there are {', '.join(PREFERENCES)}", "Name one of them.")


def worth(score: float, contender: Contender, curves: Sequence[Curve], aim: Aim) -> float:
    """Score of a contender, more is better, less what it costs of the margin; in the unit of the metric.

    Arguments:
        score: mean of the primary metric.
        contender: its sizes and operations.
        curves: its robustness; without any it counts as fragile.
        aim: margin, direction and preference.
    """
    burdens: Mapping[Prefer, Callable[[], float]] = {
        "score": lambda: _ROUNDING * costliness(contender),
        "cheap": lambda: costliness(contender),
        "robust": lambda: fragility(curves),
        "explainable": lambda: opacity(contender),
    }
    signed = score if aim.higher_is_better else -score
    return signed - aim.margin * burdens[aim.prefer]()


def costliness(contender: Contender) -> float:
    """From 0 (no operation) to 1 (more than can be counted); half at a thousand a step."""
    operations = contender.macs_per_step + contender.transcendentals_per_step
    return operations / (operations + _HALF)


def fragility(curves: Sequence[Curve]) -> float:
    """From 0 (nothing lost under any disturbance) to 1 (a quarter of the score and more, on average)."""
    if not curves:
        return 1.0
    lost = [max(0.0, 1 - curve.kept) for curve in curves]
    return min(1.0, sum(lost) / len(lost) / _WORST_LOSS)


def opacity(contender: Contender) -> float:
    """From 0 to 1: no model, weights of named features, a wired circuit, time constants only, and all else."""
    if contender.family == "trivial":
        return 0.0
    if _kind(contender) == "summary":
        return 0.25
    if contender.synapses is not None:
        return 0.5
    return 0.75 if contender.family == "liquid" else 1.0


def is_network(contender: Contender) -> bool:
    """Whether a contender reads the series step by step, with a state."""
    kind = _kind(contender)
    return kind == "network" if kind else contender.family == "liquid"


def _kind(contender: Contender) -> str:
    """Its kind, or nothing where it is another's and its record does not tell."""
    return contender.kind or (OWN[contender.name].kind if contender.name in OWN else "")


def recommend(
    scores: Mapping[str, float], contenders: Mapping[str, Contender], curves: Sequence[Curve], aim: Aim
) -> str:
    """The contender of the highest worth; see the head of this module.

    Arguments:
        scores: contender -> mean of the primary metric.
        contenders: by name.
        curves: robustness of all.
        aim: margin, direction and preference.
    """
    curves_of = {name: [curve for curve in curves if curve.model == name] for name in scores}
    worths = {name: worth(score, contenders[name], curves_of[name], aim) for name, score in scores.items()}
    return min(scores, key=lambda name: (-worths[name], costliness(contenders[name]), name))


def judge(
    scores: Mapping[str, float],
    contenders: Mapping[str, Contender],
    pairs: Sequence[Paired],
    aim: Aim,
    curves: Sequence[Curve] = (),
    seeds: int = 5,
) -> Verdict:
    """The verdict on a study: whom to use, how all others stand to the best, and what would change that.

    Arguments:
        scores: contender -> mean of the primary metric, the best first.
        contenders: by name.
        pairs: comparisons, each with its question.
        aim: margin, direction and preference.
        curves: robustness.
        seeds: final runs of each contender.

    Raises:
        CaudalError: see `check_families`.
    """
    ranked = list(scores)
    check_families(ranked, contenders)
    liquid, traditional = (_first(ranked, contenders, family) for family in ("liquid", "traditional"))
    trivial = _first(ranked, contenders, "trivial")
    network = next((name for name in ranked if is_network(contenders[name])), "")
    simple = next((n for n in ranked if not is_network(contenders[n]) and contenders[n].family != "trivial"), "")
    use = recommend(scores, contenders, curves, aim)
    reason = TRIVIAL if use == trivial else BEST if use == ranked[0] else PREFERRED
    asked = use if use != trivial else next(name for name in ranked if name != trivial)
    which = {name: between(pairs, name, ranked[0], "which") for name in ranked[1:]}
    standing = {name: STANDING.get(pair.verdict, "unknown") if pair else "unknown" for name, pair in which.items()}
    decisive = between(pairs, liquid, traditional, "kinds")
    if decisive is None:
        raise CaudalError("compare: the pairs hold no comparison of the best liquid and the best traditional model.")
    return Verdict(
        use=use,
        reason=reason,
        best=ranked[0],
        best_liquid=liquid,
        best_traditional=traditional,
        liquid_against_traditional=decisive,
        liquid_against_trivial=between(pairs, liquid, trivial, "worth"),
        parameters_ratio=_ratio(contenders, liquid, traditional, lambda contender: contender.live_parameters),
        operations_ratio=_ratio(
            contenders, liquid, traditional, lambda model: model.macs_per_step + model.transcendentals_per_step
        ),
        would_change=_would_change(use, ranked, which, scores, aim, curves, seeds),
        prefer=aim.prefer,
        standing={ranked[0]: BEST, **standing},
        worth=between(pairs, asked, trivial, "worth"),
        need=between(pairs, network, simple, "need"),
        best_network=network,
        best_simple=simple,
    )


def _first(ranked: Sequence[str], contenders: Mapping[str, Contender], family: str) -> str:
    return next((name for name in ranked if contenders[name].family == family), "")


def _would_change(
    use: str,
    ranked: Sequence[str],
    which: Mapping[str, Paired | None],
    scores: Mapping[str, float],
    aim: Aim,
    curves: Sequence[Curve],
    seeds: int,
) -> tuple[str, ...]:
    open_pairs = [pair for pair in which.values() if pair is not None and pair.verdict == "undecided"]
    behind = [abs(scores[name] - scores[ranked[0]]) for name in ranked[1:]]
    codes = []
    if open_pairs and seeds < _FEW_SEEDS:
        codes.append("more seeds")
    if open_pairs:
        codes.append("more data")
    if any(gap < 2 * aim.margin for gap in behind):
        codes.append("margin")
    if _is_fragile(use, ranked, curves):
        codes.append("robustness")
    if use != ranked[0]:
        codes.append("size")  # with no need to be small, the best mean would be taken
    return tuple(codes)


def _is_fragile(use: str, ranked: Sequence[str], curves: Sequence[Curve]) -> bool:
    """Whether another contender keeps clearly more under some disturbance."""
    kept = {(curve.model, curve.disturbance): curve.kept for curve in curves}
    kinds = {curve.disturbance for curve in curves}
    return any(
        kept.get((name, kind), 0.0) > kept[use, kind] + _ROBUST
        for kind in kinds
        if (use, kind) in kept
        for name in ranked
    )


def between(pairs: Sequence[Paired], first: str, second: str, question: str) -> Paired | None:
    """The comparison of two contenders that belongs to a question, turned where it is kept the other way, or None."""
    for pair in pairs:
        if pair.question == question and (pair.first, pair.second) == (first, second):
            return pair
        if pair.question == question and (pair.first, pair.second) == (second, first):
            return turned(pair)
    return None


def turned(pair: Paired) -> Paired:
    """The same comparison from the other side."""
    gap = pair.difference
    flipped = Interval(-gap.value, -gap.high, -gap.low, gap.level, gap.method)
    verdict = {"better": "worse", "worse": "better"}.get(pair.verdict, pair.verdict)
    return Paired(
        pair.second,
        pair.first,
        pair.metric,
        flipped,
        pair.p_value,
        pair.test,
        verdict,
        pair.margin,
        pair.question,
        pair.enough,
    )


def check_families(ranked: Sequence[str], contenders: Mapping[str, Contender]) -> None:
    """Refuse to judge where a whole family is missing.

    Raises:
        CaudalError: no liquid or no traditional contender has a result.
    """
    for family in ("liquid", "traditional"):
        if not any(contenders[name].family == family for name in ranked):
            raise CaudalError(
                f"compare: no {family} contender has a result, so there is no verdict. Every run of it failed, as the "
                "lines above say. Ask for other models, or change the budget."
            )


def _ratio(contenders: Mapping[str, Contender], first: str, second: str, size: Callable[[Contender], float]) -> float:
    """Size of one over that of the other; 0 where the other has none."""
    below = size(contenders[second])
    return float(size(contenders[first]) / below) if below else 0.0
