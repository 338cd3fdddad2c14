"""Which contender to use: rules, applied to figures; no rule looks at a name."""

from collections.abc import Callable, Mapping, Sequence

from caudal.compare.metrics.record import Curve, Paired, Verdict
from caudal.compare.record import Contender
from caudal.errors import CaudalError

MOST_ACCURATE = "most accurate"
SMALLEST = "smallest of the alike"
BEST_SO_FAR = "best so far"
TRIVIAL = "trivial is enough"
# A verdict that a robustness this much lower speaks against.
_ROBUST = 0.05
_FEW_SEEDS = 10


def judge(
    ranked: Sequence[str],
    contenders: Mapping[str, Contender],
    pairs: Sequence[Paired],
    curves: Sequence[Curve] = (),
    seeds: int = 5,
) -> Verdict:
    """The verdict on a study.

    1. No contender is better than the trivial one beyond chance: the trivial one is enough.
    2. The contender with the best mean is better than all of every other family: use it.
    3. Otherwise those are alike enough whose mean lies within the margin of the best and that are not shown to be
       worse: use the smallest of them, by live parameters. Where the best stands alone, it is the best so far, not
       shown to be the best.

    Arguments:
        ranked: names, the best mean first.
        contenders: by name.
        pairs: comparisons with the best, and of liquid ones with all others.
        curves: robustness.
        seeds: final runs of each contender.

    Raises:
        CaudalError: see `check_families`.
    """
    check_families(ranked, contenders)
    by_pair = {(pair.first, pair.second): pair for pair in pairs}
    of = {name: contenders[name].family for name in ranked}
    liquid, traditional = (next(name for name in ranked if of[name] == f) for f in ("liquid", "traditional"))
    trivial = next((name for name in ranked if of[name] == "trivial"), None)
    use, reason, pool = _choose(ranked, contenders, by_pair, trivial)
    decisive = _between(by_pair, liquid, traditional)
    return Verdict(
        use=use,
        reason=reason,
        best=ranked[0],
        best_liquid=liquid,
        best_traditional=traditional,
        liquid_against_traditional=decisive,
        liquid_against_trivial=None if trivial is None else _between(by_pair, liquid, trivial),
        parameters_ratio=_ratio(contenders, liquid, traditional, lambda one: one.live_parameters),
        operations_ratio=_ratio(
            contenders, liquid, traditional, lambda one: one.macs_per_step + one.transcendentals_per_step
        ),
        would_change=_would_change(use, ranked, pool, by_pair, curves, seeds),
    )


def _choose(
    ranked: Sequence[str],
    contenders: Mapping[str, Contender],
    by_pair: Mapping[tuple[str, str], Paired],
    trivial: str | None,
) -> tuple[str, str, list[str]]:
    best = ranked[0]
    if trivial is not None and (trivial == best or _between(by_pair, trivial, best).verdict != "worse"):
        return trivial, TRIVIAL, [best]
    others = [name for name in ranked if contenders[name].family != contenders[best].family]
    if all(_between(by_pair, name, best).verdict == "worse" for name in others):
        return best, MOST_ACCURATE, [best]
    pool = [best] + [name for name in ranked[1:] if _is_alike(_between(by_pair, name, best))]
    if len(pool) == 1:
        return best, BEST_SO_FAR, pool
    return min(pool, key=lambda name: contenders[name].live_parameters), SMALLEST, pool


def _is_alike(to_best: Paired) -> bool:
    """Within the margin by the estimate, and not shown to be worse."""
    return to_best.verdict == "alike" or (to_best.verdict != "worse" and to_best.difference.value >= -to_best.margin)


def _would_change(
    use: str,
    ranked: Sequence[str],
    pool: Sequence[str],
    by_pair: Mapping[tuple[str, str], Paired],
    curves: Sequence[Curve],
    seeds: int,
) -> tuple[str, ...]:
    best = ranked[0]
    open_pairs = [by_pair[name, best] for name in ranked[1:] if by_pair[name, best].verdict == "undecided"]
    codes = []
    if open_pairs and seeds < _FEW_SEEDS:
        codes.append("more seeds")
    if open_pairs:
        codes.append("more data")
    if len(pool) > 1 or any(abs(pair.difference.value) < 2 * pair.margin for pair in open_pairs):
        codes.append("margin")
    if _is_fragile(use, ranked, curves):
        codes.append("robustness")
    if use in pool and use != best:
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


def _between(by_pair: Mapping[tuple[str, str], Paired], first: str, second: str) -> Paired:
    """The comparison of two contenders, turned where it is kept the other way."""
    if (first, second) in by_pair:
        return by_pair[first, second]
    return turned(by_pair[second, first])


def turned(pair: Paired) -> Paired:
    """The same comparison from the other side."""
    d = pair.difference
    flipped = type(d)(-d.value, -d.high, -d.low, d.level, d.method)
    said = {"better": "worse", "worse": "better"}.get(pair.verdict, pair.verdict)
    return Paired(pair.second, pair.first, pair.metric, flipped, pair.p_value, pair.test, said, pair.margin)


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
