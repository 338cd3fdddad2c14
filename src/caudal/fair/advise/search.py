"""Less discriminatory alternatives: many models of like accuracy, and the one that treats groups most alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from caudal.errors import InputError
from caudal.fair.advise.tradeoff import Point, Tradeoff
from caudal.fair.advise.words import TEXTS
from caudal.fair.answers import Answers
from caudal.fair.groups import Groups
from caudal.fair.metrics import gaps
from caudal.fair.mitigate.settings import Fairness
from caudal.fair.mitigate.soft_rates import Constraint, check_constraint

Judge = Callable[[Any], tuple[Answers, Groups]]


@dataclass(frozen=True)
class Search:
    """The models tried, the most accurate and the least discriminatory of like accuracy.

    Attributes:
        tried: every model, on the series to choose by.
        tolerance: in accuracy.
        best: the most accurate model that does not decide one way for all.
        least: the narrowest gap within the tolerance, of those.
        confirmed: `best` and `least` on other series; None where there were none.
    """

    tried: Tradeoff
    tolerance: float
    best: Point
    least: Point
    confirmed: tuple[Point, Point] | None = None

    def words(self, language: str = "en") -> str:
        """What was found, in English or Spanish (`"es"`).

        Raises:
            InputError: the language is another.
        """
        if language not in TEXTS:
            raise InputError("Search.words", "language", f"is {language!r}", 'Pass "en" or "es".')
        texts, points = TEXTS[language], 100 * self.tolerance
        best, least = self.best, self.least
        head = texts["search best"].format(
            count=len(self.tried.points), best=_told(best), accuracy=best.accuracy, gap=best.gap
        )
        lost = [point.name for point in self.tried.points if point.collapsed]
        if lost:
            head = f"{head} {texts['search collapsed'].format(count=len(lost), names='; '.join(lost))}"
        if least.gap >= best.gap:
            return f"{head} {texts['search same'].format(tolerance=points)}"
        alternative = texts["search least"].format(
            tolerance=points, least=_told(least), gap=least.gap, accuracy=least.accuracy
        )
        if self.confirmed is None:
            return f"{head} {alternative} {texts['search chosen']}"
        old, new = self.confirmed
        sure = texts["search confirmed"].format(gap=new.gap, old=old.gap, accuracy=new.accuracy, before=old.accuracy)
        return f"{head} {alternative} {sure}"


def alternatives(
    train: Callable[[Fairness | None, int], object],
    judge: Judge,
    *,
    terms: Sequence[Fairness],
    seeds: Sequence[int] = (0, 1, 2),
    constraint: Constraint = "equal_opportunity",
    tolerance: float = 0.01,
    confirm: Judge | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Search:
    """Train with every term and without, from every seed, and look for a less discriminatory model of like accuracy.

    Arguments:
        train: gives a trained model for a term (None for none) and a seed.
        judge: its answers about series to choose by, and who they are about.
        terms: to try, such as penalties of several weights.
        seeds: to try each with; models of like accuracy differ by seed alone.
        constraint: names the gap.
        tolerance: in accuracy: 0.01 for a point.
        confirm: the same as `judge` on other series, asked about the two models found only.
        say: called with a line of progress.

    Raises:
        InputError: there is no seed, the tolerance is negative, a gap is not defined, or every model decides one way.

    Source: the search that US regulators ask of lenders; Gillis, Meursault & Ustun 2024 (arXiv:2406.06736) on its
        statistical limits, which is why what was chosen is confirmed on other series.

    Example:
        >>> from caudal.fair.answers import decisions
        >>> from caudal.fair.mitigate import Penalty
        >>> who = Groups.of({"sex": ["f", "m"] * 40})
        >>> def judge(model):
        ...     return decisions([0, 0, 1, 1] * 20, decided=model), who
        >>> def train(term, seed):
        ...     return [0, 0, 1, 1] * 20 if term else [0, 0, 1, 1] * 10 + [0, 0, 0, 1] * 10
        >>> alternatives(train, judge, terms=[Penalty()], seeds=[0]).least.gap
        0.0
    """
    check_constraint("alternatives", constraint)
    if not len(seeds) or tolerance < 0:
        fault = f"holds {len(seeds)} seeds, with a tolerance of {tolerance}"
        raise InputError("alternatives", "seeds", fault, "Pass at least one seed, and a tolerance of at least 0.")
    points, models = [], {}
    for term in (None, *terms):
        for seed in seeds:
            name = f"{_named(term)}, seed {seed}"
            say(name)
            models[name] = train(term, seed)
            points.append(_point(name, *judge(models[name]), constraint))
    tried = Tradeoff(tuple(points), constraint)
    best, least = tried.within(0.0), tried.within(tolerance)
    if confirm is None:
        return Search(tried, tolerance, best, least)
    confirmed = [_point(point.name, *confirm(models[point.name]), constraint) for point in (best, least)]
    return Search(tried, tolerance, best, least, (confirmed[0], confirmed[1]))


def _point(name: str, answers: Answers, groups: Groups, constraint: Constraint) -> Point:
    gap = gaps(answers, groups)[constraint]
    if gap != gap:
        fault = f"gives no {constraint.replace('_', ' ')} gap: fewer than two groups of 30 or more have one"
        raise InputError("alternatives", "judge", fault, "Judge by more series, or join groups.")
    return Point(name, float(answers.right.mean()), gap, balanced=balanced(answers))


def balanced(answers: Answers) -> float:
    """Mean of the shares told right among true positives and among the rest.

    Example:
        >>> from caudal.fair.answers import decisions
        >>> balanced(decisions([0, 0, 0, 1], decided=[0, 0, 0, 0]))
        0.5
    """
    positive = answers.truth == 1
    return float((answers.given[positive].mean() + 1 - answers.given[~positive].mean()) / 2)


def _told(point: Point) -> str:
    return point.name if point.balanced is None else f"{point.name} [{point.balanced:.3f}]"


def _named(term: Fairness | None) -> str:
    if term is None:
        return "plain"
    price = getattr(term, "weight", None)
    return f"{term.kind} {price:g}" if price is not None else term.kind
