"""All that was found about the fairness of one model on some series: frozen, JSON there and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from caudal import serial
from caudal.fair.answers import Kind
from caudal.fair.curve import Moment
from caudal.fair.data_audit import DataAudit
from caudal.fair.diagnose.density import Density
from caudal.fair.diagnose.diagnose import Diagnosis
from caudal.fair.intervals import Gap, GroupRate
from caudal.fair.metrics import ERROR_GAPS
from caudal.fair.smooth import SmoothRate
from caudal.intervals import Interval
from caudal.serial import Schema


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
class FairAttribute:
    """What was found by one sensitive column, or by several crossed.

    Attributes:
        name: of the column; `"sex & age"` where two are crossed.
        groups: name -> number of series.
        small: groups of fewer than 30 people.
        hidden: groups of fewer than 5 people, whose figures are kept back since they would lay bare persons; so are
            single rates that stand on fewer than 5.
        rates: metrics by group.
        gaps: over the groups.
        curve_of: the gap that `curve` follows, or `""`.
        curve: over the decision's step; empty where it was not asked for.
        edges: by column, where numbers were cut.
        versus: each group against the largest one.
        calibration: of scores, in five bins of like size.
        density: measurement density; None for crossed columns and in a study.
        audit: of the data before any model; None for crossed columns and in a study.
        diagnosis: kinds of bias; None for crossed columns and in a study.
        people: name -> number of people, where some have several series or answers; else empty.
        smooth: errors along a column of numbers.
        outcome: the class told from the rest, where several are looked at one by one; else `""`.
    """

    name: str
    groups: Mapping[str, int]
    small: tuple[str, ...]
    hidden: tuple[str, ...]
    rates: tuple[GroupRate, ...]
    gaps: tuple[Gap, ...]
    curve_of: str = ""
    curve: tuple[Moment, ...] = ()
    edges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    versus: tuple[Versus, ...] = ()
    calibration: tuple[Bin, ...] = ()
    density: Density | None = None
    audit: DataAudit | None = None
    diagnosis: Diagnosis | None = None
    people: Mapping[str, int] = field(default_factory=dict)
    smooth: tuple[SmoothRate, ...] = ()
    outcome: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """Names of the groups as they were cut; JSON sorts `groups`, and not the rates."""
        return tuple(dict.fromkeys((*(rate.group for rate in self.rates), *self.groups)))

    def gap(self, name: str) -> Gap | None:
        """A gap by its name, or None."""
        return next((gap for gap in self.gaps if gap.name == name), None)


@dataclass(frozen=True)
class FairReport:
    """The fairness of one model on some series. It holds no value of any single person.

    Attributes:
        data: name of the series.
        model: what answered, in words.
        caudal: version.
        kind: `"decision"` or `"number"`.
        positive: the class decided for or against, or `""`.
        threshold: of the score; None for numbers, and where the likeliest of several classes is decided for.
        series, answers: how many.
        digest: SHA-256 of the series, without their sensitive columns.
        attributes: each sensitive column, then all crossed.
        not_measured: codes: `"no curve"`, `"no crossing"` (one column), `"no scores"`, `"one test set"`,
            `"no expected shares"`, `"no trusted labels"`, `"no mitigation"`, `"crossing too fine"` (all columns crossed
            make more than 30 groups).
        task: as in `caudal.data.Task`; `""` in a study, which states it once.
        scaled: whether numbers are in standard deviations of their output, since there are several outputs.
        model_digest: of the model, as `audit.model_digest` gives it; `""` where nobody told.
        left_out: column -> why it makes no groups, as a clause.
        target: name of what is predicted, or `""`.
        unit: of numbers, or `""`.
        time_unit: of times between steps, or `""`.
        classes: those told from the rest one by one; empty where one class was asked about.
    """

    data: str
    model: str
    caudal: str
    kind: Kind
    positive: str
    threshold: float | None
    series: int
    answers: int
    digest: str
    attributes: tuple[FairAttribute, ...]
    not_measured: tuple[str, ...] = ()
    task: str = ""
    scaled: bool = False
    model_digest: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    unit: str = ""
    time_unit: str = ""
    classes: tuple[str, ...] = ()
    schema: ClassVar[Schema] = Schema("caudal.fairness")

    @property
    def sure(self) -> tuple[tuple[FairAttribute, Gap], ...]:
        """Gaps whose whole interval lies above 0."""
        return tuple((attribute, gap) for attribute in self.attributes for gap in attribute.gaps if gap.value.low > 0)

    def to_json(self) -> str:
        """One JSON object, keys sorted.

        Raises:
            ValueError: a number is not finite.
        """
        return serial.to_json(self)

    @staticmethod
    def from_json(text: str, *, whole: bool = True) -> "FairReport":
        """The report that `to_json` wrote.

        Arguments:
            text: JSON.
            whole: refuse fields that this version does not know; otherwise they are passed over.

        Raises:
            FileFormatError: the text is no such report.
        """
        return serial.from_json(FairReport, text, whole=whole)

    def worst(self) -> tuple[FairAttribute, Gap] | None:
        """The gap in errors whose interval lies farthest above 0, and whose it is; None where every one reaches 0."""
        return self._surest(ERROR_GAPS)

    def widest_levels(self) -> tuple[FairAttribute, Gap] | None:
        """The same of decisions of yes, or of the mean prediction, which differ wherever the truth does."""
        return self._surest(("demographic_parity", "mean_prediction"))

    def _surest(self, names: tuple[str, ...]) -> tuple[FairAttribute, Gap] | None:
        named = [pair for pair in self.sure if pair[1].name in names]
        return max(named, key=lambda pair: pair[1].value.low, default=None)

    def steepest(self) -> SmoothRate | None:
        """The error that differs most surely along a column of numbers; None where chance explains all."""
        curves = [rate for attribute in self.attributes for rate in attribute.smooth if rate.sure]
        return max(curves, key=lambda rate: rate.difference.low, default=None)

    def above(self, limit: float, also: str | None = None) -> list[tuple[str, str]]:
        """Attributes and gaps in errors whose whole interval lies above a limit, those along a column included.

        Arguments:
            limit: a share for decisions, in their unit for numbers.
            also: a gap that is held to it though it is no error, such as `"demographic_parity"`.
        """
        names = (*ERROR_GAPS, also)
        gaps = [
            (attribute.name, gap.name) for attribute, gap in self.sure if gap.name in names and gap.value.low > limit
        ]
        curves = [
            (attribute.name, f"{rate.metric} along {rate.column}")
            for attribute in self.attributes
            for rate in attribute.smooth
            if rate.sure and rate.difference.low > limit
        ]
        return gaps + curves
