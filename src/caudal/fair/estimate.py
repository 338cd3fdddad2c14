"""Metrics of groups as estimates: a value, how many answers it stands on, and its spread by the clustered bootstrap.

Owners (series, or persons) are drawn with replacement, all their answers with them. The draws give the variance; the
shape of an interval comes from the kind of metric:

- a share (rates, accuracy, AUROC): the score interval of Wilson, JASA 22 (1927) 209-212, at the number of answers that
  would have this variance if they were single ones (Kish's effective number). It holds where a share is near 0 or 1
  and where all answers agree; there the percentile and BCa intervals collapse.
- an error that cannot be below 0 (mae): Student's interval on the logarithm; a squared one (rmse), which leans
  farther: the studentised bootstrap on it.
- a signed mean (bias, mean prediction, calibration gap): the studentised bootstrap (Efron and Tibshirani 1993, section
  12.5), which leans the way the errors do.

Where the draws would only repeat a formula, the formula stands in: single answers need none for a share, the AUROC of
single answers has the variance of DeLong et al., Biometrics 44 (1988) 837-845, and beyond 1,000 owners the linear part
of the bootstrap variance is taken, of which the draws are a noisy copy.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Literal

import numpy as np

from caudal.fair.answers import Answers
from caudal.fair.groups import LEAST, LEAST_PEOPLE, Groups
from caudal.fair.metrics import measure, ratio
from caudal.typing import Floats

Shape = Literal["share", "log", "signed", "none"]
LEVEL = 0.95
DRAWS = 1000
# Most numbers in one block of drawn weights, so that large data need no large memory.
_BLOCK = 4_000_000
_LARGE = 1000
_POSITIVE = ("mae", "rmse")


@dataclass(frozen=True, eq=False)
class Estimate:
    """A metric of one group.

    Attributes:
        value: NaN where it is not defined.
        count: answers that it stands on: of a share found, those for whom yes is true.
        owners: whose answers these are.
        sd: standard deviation over the draws; 0 where none is needed.
        shape: of its interval.
        least: for an AUROC, the smaller class; else `count`.
        pulls: `(draws,)` studentised deviations, of a signed mean, or of the logarithm under a root.
    """

    value: float
    count: int
    owners: int
    sd: float
    shape: Shape
    least: int
    pulls: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def enough(self) -> bool:
        """Whether it stands on 30 answers or more, of 10 people or more, so that it counts in a gap."""
        return self.least >= LEAST and self.owners >= LEAST_PEOPLE

    def ends(self, level: float = LEVEL) -> tuple[float, float]:
        """Ends of the interval; both are the value where there is none.

        Arguments:
            level: of confidence.
        """
        if not np.isfinite(self.value) or self.shape == "none" or self.owners < 2:
            return self.value, self.value
        if self.shape == "share":
            return self._share(level)
        reach = student(level, self.owners - 1) * self.sd
        if self.shape == "log":
            if self.value <= 0:
                return self.value, self.value
            if len(self.pulls):
                low, high = np.quantile(self.pulls, [(1 + level) / 2, (1 - level) / 2])
                spread = self.sd / self.value
                return self.value * np.exp(-float(low) * spread), self.value * np.exp(-float(high) * spread)
            return self.value * np.exp(-reach / self.value), self.value * np.exp(reach / self.value)
        if len(self.pulls):
            low, high = np.quantile(self.pulls, [(1 + level) / 2, (1 - level) / 2])
            return self.value - float(low) * self.sd, self.value - float(high) * self.sd
        return self.value - reach, self.value + reach

    def _share(self, level: float) -> tuple[float, float]:
        single = self.sd == 0.0 and self.owners == self.count
        spread = self.value * (1 - self.value)
        if self.sd > 0 and spread > 0:
            number = min(spread / self.sd**2, float(self.count))
        else:
            number = float(min(self.least, self.owners))
        z = normal(level) if single else student(level, self.owners - 1)
        middle = (self.value + z**2 / (2 * number)) / (1 + z**2 / number)
        half = z / (1 + z**2 / number) * float(np.sqrt(spread / number + z**2 / (4 * number**2)))
        return max(0.0, middle - half), min(1.0, middle + half)


def normal(level: float) -> float:
    """Two-sided quantile of the normal distribution.

    Example:
        >>> round(normal(0.95), 3)
        1.96
    """
    return NormalDist().inv_cdf((1 + level) / 2)


def student(level: float, degrees: float) -> float:
    """Two-sided quantile of Student's distribution, by the expansion of Hill; exact for 1 and 2 degrees.

    Example:
        >>> round(student(0.95, 10), 3), round(student(0.95, 1), 2)
        (2.228, 12.71)
    """
    if degrees <= 1:
        return float(np.tan(np.pi * level / 2))
    if degrees < 3:
        return float(level * np.sqrt(2 / (1 - level**2)))
    z, n = normal(level), degrees
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    fourth = (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160
    return z + first / n + second / n**2 + third / n**3 + fourth / n**4


def estimates(
    answers: Answers, groups: Groups, metrics: Iterable[str], *, draws: int = DRAWS, seed: int = 0
) -> Mapping[str, tuple[Estimate, ...]]:
    """Metrics of every group, each an estimate; by metric, groups in order.

    Arguments:
        answers: of a model.
        groups: of the answers.
        metrics: by name.
        draws: of the bootstrap.
        seed: of the draws.

    Example:
        >>> from caudal.fair.answers import decisions
        >>> answers = decisions([0, 1, 0, 1], [0.2, 0.9, 0.6, 0.4])
        >>> accuracy = estimates(answers, Groups.of({"sex": list("ffmm")}), ["accuracy"])["accuracy"]
        >>> [estimate.value for estimate in accuracy], [round(end, 2) for end in accuracy[0].ends()]
        ([1.0, 0.0], [0.34, 1.0])
    """
    parts = [answers.select(groups.codes == k) for k in range(len(groups.names))]
    return {
        metric: tuple(_estimate(part, metric, draws, seed + 1009 * k) for k, part in enumerate(parts))
        for metric in metrics
    }


def _estimate(part: Answers, metric: str, draws: int, seed: int) -> Estimate:
    if not len(part):
        return Estimate(float("nan"), 0, 0, 0.0, "none", 0)
    value = float(measure(part, metric)[0])
    fraction = ratio(part, metric)
    counted = np.ones(len(part)) if fraction is None else fraction.below
    inside = counted > 0
    count, owners = int(inside.sum()), len(np.unique(part.owner[inside]))
    if metric == "calibration_error" or not np.isfinite(value):
        return Estimate(value, count, owners, 0.0, "none", count)
    if fraction is None:
        yes = int(part.truth.sum())
        sd = _delong(part) if owners == count else _sd(_drawn(part, metric, draws, seed), owners)
        return Estimate(value, count, owners, sd, "share", min(yes, len(part) - yes))
    sums = _per_owner(part, fraction.above, fraction.below)
    linear = float(_linear(sums, np.ones((1, len(sums))))[0])
    if fraction.share:
        sd = 0.0 if owners == count else linear if owners > _LARGE else _sd(_ratios(sums, draws, seed)[0], owners)
        return Estimate(value, count, owners, sd, "share", count)
    # The spread of a root: of what is under it, by twice the root.
    half = 1 / (2 * value) if fraction.root and value > 0 else 1.0
    if metric == "mae" or owners > _LARGE:
        shape: Shape = "log" if metric in _POSITIVE else "signed"
        sd = linear if owners > _LARGE else _sd(_ratios(sums, draws, seed)[0], owners)
        return Estimate(value, count, owners, sd * half, shape, count)
    drawn, drawn_sd = _ratios(sums, draws, seed)
    if fraction.root:
        known = (drawn > 0) & (drawn_sd > 0) & (value > 0)
        pulls = np.log(drawn[known] / value**2) * drawn[known] / drawn_sd[known] if known.any() else np.zeros(0)
        return Estimate(value, count, owners, linear * half, "log", count, pulls)
    known = np.isfinite(drawn) & (drawn_sd > 0)
    return Estimate(value, count, owners, linear, "signed", count, (drawn[known] - value) / drawn_sd[known])


def _delong(part: Answers) -> float:
    """Standard error of an AUROC of single answers, from how each answer is placed among those of the other class."""
    score = part.score if part.score is not None else part.given
    yes, no = score[part.truth == 1], score[part.truth == 0]
    if min(len(yes), len(no)) < 2:
        return 0.0
    below, above = np.sort(no), np.sort(yes)
    first = (np.searchsorted(below, yes, "left") + np.searchsorted(below, yes, "right")) / (2 * len(no))
    second = 1 - (np.searchsorted(above, no, "left") + np.searchsorted(above, no, "right")) / (2 * len(yes))
    return float(np.sqrt(first.var(ddof=1) / len(yes) + second.var(ddof=1) / len(no)))


def _per_owner(part: Answers, above: Floats, below: Floats) -> Floats:
    """`(owners, 2)` sums of each owner; owners without any are left out."""
    code = np.unique(part.owner, return_inverse=True)[1]
    sums = np.stack([np.bincount(code, above), np.bincount(code, below)], 1)
    return np.asarray(sums[sums[:, 1] > 0])


def _blocks(owners: int, draws: int, seed: int) -> Iterable[Floats]:
    """Weights of drawn owners, block after block."""
    rng = np.random.default_rng([seed, owners])
    size = max(1, _BLOCK // owners)
    for start in range(0, draws, size):
        yield rng.multinomial(owners, np.full(owners, 1 / owners), min(size, draws - start)).astype(np.float64)


def _ratios(sums: Floats, draws: int, seed: int) -> tuple[Floats, Floats]:
    """The ratio in each draw, and its own standard error there."""
    values, errors = [], []
    for weights in _blocks(len(sums), draws, seed):
        above, below = (weights @ sums).T
        values.append(above / below)
        errors.append(_linear(sums, weights))
    return np.concatenate(values), np.concatenate(errors)


def _linear(sums: Floats, weights: Floats) -> Floats:
    """Standard error of a ratio from its linear part, for each set of weights."""
    count = len(sums)
    above, below = (weights @ sums).T
    value = above / below
    a, b = sums[:, 0], sums[:, 1]
    squares = weights @ (a * a) - 2 * value * (weights @ (a * b)) + value**2 * (weights @ (b * b))
    return np.asarray(np.sqrt(np.maximum(squares, 0) * count / max(1, count - 1)) / below)


def _drawn(part: Answers, metric: str, draws: int, seed: int) -> Floats:
    code = np.unique(part.owner, return_inverse=True)[1]
    blocks = _blocks(int(code.max()) + 1, draws, seed)
    return np.concatenate([measure(part, metric, weights[:, code]) for weights in blocks])


def _sd(drawn: Floats, owners: int) -> float:
    known = drawn[np.isfinite(drawn)]
    return float(known.std() * np.sqrt(owners / max(1, owners - 1))) if len(known) else 0.0
