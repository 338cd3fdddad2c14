"""All that was found about the fairness of one model on some series: frozen, JSON there and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from caudal import serial
from caudal.fair.answers import Kind
from caudal.fair.curve import Moment
from caudal.fair.data_audit import DataAudit
from caudal.fair.diagnose.density import Density
from caudal.fair.diagnose.diagnose import Diagnosis
from caudal.fair.intervals import Gap, GroupRate
from caudal.intervals import Interval


@dataclass(frozen=True)
class Versus:
    """A group against the largest one.

    Attributes:
        group, reference: names; the value is the first less the second.
        metric: by name.
        value: the difference.
    """

    group: str
    reference: str
    metric: str
    value: Interval


@dataclass(frozen=True)
class Bin:
    """Scores of one group taken at their word.

    Attributes:
        group: by name.
        score: mean probability.
        observed: share for whom the positive class is true.
        count: answers.
    """

    group: str
    score: float
    observed: Interval
    count: int


@dataclass(frozen=True)
class Attribute:
    """What was found by one sensitive column, or by several crossed.

    Attributes:
        name: of the column; `"sex & age"` where two are crossed.
        groups: name -> number of series.
        edges: by column, where numbers were cut.
        small: groups of fewer than 30 series.
        hidden: groups of fewer than 5 series, whose figures are kept back since they would lay bare persons; so are
            single rates that stand on fewer than 5.
        rates: metrics by group.
        gaps: over the groups.
        versus: each group against the largest one.
        calibration: of scores, in five bins of like size.
        curve_of: the gap that `curve` follows, or `""`.
        curve: over the decision's step; empty where it was not asked for.
        density: measurement density; None for crossed columns.
        audit: of the data before any model; None for crossed columns.
        diagnosis: kind of bias; None for crossed columns.
    """

    name: str
    groups: Mapping[str, int]
    edges: Mapping[str, tuple[float, ...]]
    small: tuple[str, ...]
    hidden: tuple[str, ...]
    rates: tuple[GroupRate, ...]
    gaps: tuple[Gap, ...]
    versus: tuple[Versus, ...]
    calibration: tuple[Bin, ...]
    curve_of: str
    curve: tuple[Moment, ...]
    density: Density | None
    audit: DataAudit | None
    diagnosis: Diagnosis | None


@dataclass(frozen=True)
class FairReport:
    """The fairness of one model on some series. It holds no value of any single person.

    Attributes:
        data: name of the series.
        model: what answered, in words.
        caudal: version.
        task: as in `caudal.data.Task`.
        kind: `"decision"` or `"number"`.
        positive: the class decided for or against, or `""`.
        threshold: of the score; None for numbers, and where the likeliest of several classes is decided for.
        series, answers: how many.
        digest: SHA-256 of the series, without their sensitive columns.
        attributes: each sensitive column, then all crossed.
        not_measured: codes: `"no curve"`, `"no crossing"` (one column), `"no scores"`, `"one test set"`,
            `"no expected shares"`, `"no trusted labels"`, `"no mitigation"`, `"crossing too fine"` (all columns crossed
            make more than 30 groups).
        scaled: whether numbers are in standard deviations of their output, since there are several outputs.
        model_digest: of the model, as `audit.model_digest` gives it; `""` where nobody told.
    """

    data: str
    model: str
    caudal: str
    task: str
    kind: Kind
    positive: str
    threshold: float | None
    series: int
    answers: int
    digest: str
    attributes: tuple[Attribute, ...]
    not_measured: tuple[str, ...]
    scaled: bool = False
    model_digest: str = ""

    def to_json(self) -> str:
        """One JSON object, keys sorted.

        Raises:
            ValueError: a number is not finite.
        """
        return serial.to_json(self)

    @staticmethod
    def from_json(text: str) -> "FairReport":
        """The report that `to_json` wrote.

        Raises:
            FileFormatError: the text is no such report.
        """
        return serial.from_json(FairReport, text)

    def worst(self) -> tuple[Attribute, Gap] | None:
        """The gap whose interval lies farthest above 0, and whose it is; None where every interval reaches 0."""
        surest = [
            (gap.value.low, attribute, gap)
            for attribute in self.attributes
            for gap in attribute.gaps
            if gap.value.low > 0
        ]
        if not surest:
            return None
        _, attribute, gap = max(surest, key=lambda entry: entry[0])
        return attribute, gap


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
    return serial.from_json(Fairness, text, whole=False)
