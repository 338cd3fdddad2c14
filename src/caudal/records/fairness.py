"""How a model treats groups of people: gaps with their uncertainty, for the reports that tell them.

A part of what the fair room finds, in plain values; `read` takes it from the whole record that `caudal fair` writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from caudal.records import facts
from caudal.records.outcome import Interval


@dataclass(frozen=True)
class FairRate:
    """A metric of one group.

    Attributes:
        group: by name.
        metric: such as `"tpr"`, the share found of those for whom yes is true.
        count: answers that it stands on.
        value: with its interval; None where it is not defined, or kept back since it would lay bare persons.
        few: whether it stands on fewer than 30, so that it counts in no gap.
    """

    group: str
    metric: str
    count: int
    value: Interval | None
    few: bool


@dataclass(frozen=True)
class FairGap:
    """The largest less the smallest value of a metric over the groups.

    Attributes:
        name: such as `"equal_opportunity"`.
        metric: where it is largest.
        high, low: groups of the largest and of the smallest value.
        value: with its interval.
        chance: what it would be on average if these groups were alike.
        left_out: groups that stand on fewer than 30 answers.
        seeds: the gap of the same model trained from each seed, over the same groups; empty where it was not asked.
    """

    name: str
    metric: str
    high: str
    low: str
    value: Interval
    chance: float
    left_out: tuple[str, ...] = ()
    seeds: tuple[float, ...] = ()


@dataclass(frozen=True)
class FairMoment:
    """A gap when every series was read up to some step.

    Attributes:
        step: steps read, at most; a shorter series gives its last answer.
        ended: share of series that had ended by then.
        gap: None where fewer than two groups stand on 30 answers.
    """

    step: int
    ended: float
    gap: FairGap | None


@dataclass(frozen=True)
class FairAttribute:
    """What was found by one sensitive column, or by several crossed.

    Attributes:
        name: of the column; `"sex & age"` where two are crossed.
        groups: name -> number of series.
        small: groups of fewer than 30 series.
        hidden: groups of fewer than 5 series, whose figures are kept back.
        rates: metrics by group.
        gaps: over the groups.
        curve_of: the gap that `curve` follows, or `""`.
        curve: over the decision's step.
    """

    name: str
    groups: Mapping[str, int]
    small: tuple[str, ...]
    hidden: tuple[str, ...]
    rates: tuple[FairRate, ...]
    gaps: tuple[FairGap, ...]
    curve_of: str = ""
    curve: tuple[FairMoment, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """Names of the groups as they were cut; JSON sorts `groups`, and not the rates."""
        return tuple(dict.fromkeys((*(rate.group for rate in self.rates), *self.groups)))

    def gap(self, name: str) -> FairGap | None:
        """A gap by its name, or None."""
        return next((gap for gap in self.gaps if gap.name == name), None)


@dataclass(frozen=True)
class Fairness:
    """How one model treats groups. It holds no value of any single person.

    Attributes:
        data: name of the series.
        model: name of the contender, or what answered in words.
        caudal: version.
        kind: `"decision"` or `"number"`.
        positive: the class decided for or against, or `""`.
        threshold: probability from which yes is decided; None where the likeliest class is.
        series, answers: how many.
        digest: SHA-256 of the series, without their sensitive columns.
        attributes: each sensitive column, then crossed ones.
        not_measured: codes of what was left open.
        left_out: column -> why it makes no groups, as a clause.
        model_digest: SHA-256 of the model, as logs of decisions name it; `""` where nobody told.
    """

    data: str
    model: str
    caudal: str
    kind: str
    positive: str
    threshold: float | None
    series: int
    answers: int
    digest: str
    attributes: tuple[FairAttribute, ...]
    not_measured: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    model_digest: str = ""

    @property
    def sure(self) -> tuple[tuple[FairAttribute, FairGap], ...]:
        """Gaps whose whole interval lies above 0."""
        return tuple((attribute, gap) for attribute in self.attributes for gap in attribute.gaps if gap.value.low > 0)


def read(text: str) -> Fairness:
    """The part of a record of `caudal fair` that reports tell.

    Raises:
        FileFormatError: the text is no such record.
    """
    return facts.from_json(Fairness, text, whole=False)
