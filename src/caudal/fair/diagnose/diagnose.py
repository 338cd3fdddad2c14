"""Which kinds of bias have left a trace in the data? A procedure, with what it cannot tell.

Each kind leaves a trace in the data that the others do not leave, or leave more faintly. For each group against the
others five traces are measured, each on a scale from 0 (none) to 1, with the p value of there being none:

1. representation: the group's share of the series against the share it should have (`expected`); how much is lacking
   of its odds. The data alone cannot tell who never came: without `expected` this is not judged.
2. sampling rate: steps per time, and steps; how far the chance that a member of the group has more lies from a half
   (Mann-Whitney's statistic, twice, less 1).
3. measurement: roughness of each input (mean size of a step from one observed value to the next), likewise; the
   roughest input counts.
4. proxy: level of each input, likewise: the input tells who belongs to the group. Groups that differ by nature leave
   this trace, and so does an instrument with an offset: the data cannot tell, and the note says so.
5. labels: with `trusted` (true classes of some series) the recorded classes of the group's true positives are compared
   with those of the others by Fisher's exact test: direct proof. Without, positives of the group against what a
   logistic model of the other groups expects from the same summaries of their series; how much is lacking. That rests
   on the assumption that with like inputs the truth is alike: without it, wrong labels and a true difference are one
   and the same in the data, whatever the statistic. The model's own error is taken to be up to a tenth, as far as the
   inputs of the groups differ.

A trace counts where it is above 0.15 in size with p below 0.01. Every kind that counts is reported. p values of direct
proof are corrected for the groups it was asked about; those of the data's own traces for the number of traces as well
(Bonferroni, within and over kinds). Direct proof comes first, whatever the size of a look-alike; then the larger trace.
The labels' trace that leans on the inputs counts only where no trace of the inputs is found.

Confidence is `"high"` (p below 0.001) or `"fair"` only with evidence from outside the data, which are checked classes
or expected shares. Without, it is `"low"`, however large the trace: groups may differ by nature in their level, their
noise, how often they are measured and how often the outcome is true. `python -m benchmarks diagnose` plants each kind
on made and real series and prints how often it is named; with `--worlds`, where groups differ by nature as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from caudal.data import Sequences
from caudal.errors import InputError
from caudal.fair.diagnose import evidence as evidence_module
from caudal.fair.diagnose.evidence import BiasTrace
from caudal.fair.groups import LEAST, LEAST_PEOPLE, Groups
from caudal.fair.plant import Bias, class_code

Kind = Literal["labels", "representation", "measurement", "sampling rate", "proxy", "none"]
Confidence = Literal["high", "fair", "low"]
_LEAST_SIZE, _LEAST_P, _SURE = 0.15, 0.01, 0.001
_INPUTS = ("measurement", "sampling rate", "proxy")
# With fewer checked positives in a group, flips of a third of them would mostly go unseen.
_FEW_CHECKED = 20


@dataclass(frozen=True)
class Suspicion:
    """A kind of bias of which a trace was found.

    Attributes:
        trace: the largest of its kind.
        confidence: `"high"` or `"fair"` by evidence from outside the data, else `"low"`.
    """

    trace: BiasTrace
    confidence: Confidence


@dataclass(frozen=True)
class Diagnosis:
    """Which kinds of bias have left a trace in the data.

    Attributes:
        attribute: by name.
        kind: the first of `suspicions`, or `"none"`.
        group: whom it strikes, or `""`.
        confidence: `"high"`, `"fair"` or `"low"`; never above `"low"` without evidence from outside the data.
        traces: the largest of each kind, those that count first, and of these direct proof.
        notes: codes of what cannot be told: `"labels by assumption"` (no trusted classes), `"labels not judged"`
            (no classes), `"few checked labels"` (fewer than 20 checked positives in a group), `"representation not
            judged"` (no expected shares), `"proxy or offset"` (a level differs, by nature or by instrument), `"labels
            leave room"` (inputs differ, so that labels cannot be judged), `"several"` (more than one kind is found),
            `"attribute among inputs"` (the attribute's own columns are inputs; they are left out here).
        suspicions: every kind found, direct proof first, then by size.
    """

    attribute: str
    kind: Kind
    group: str
    confidence: Confidence
    traces: tuple[BiasTrace, ...]
    notes: tuple[str, ...]
    suspicions: tuple[Suspicion, ...] = ()


def diagnose(
    data: Sequences,
    groups: Groups,
    *,
    positive: object = None,
    expected: Mapping[str, float] | None = None,
    trusted: ArrayLike | None = None,
) -> Diagnosis:
    """The kinds of bias of which some series show a trace between groups, and how sure each is.

    Arguments:
        data: series, as recorded.
        groups: of the series; those of fewer than 30 series, or of fewer than 10 people where `data.group` says whose
            they are, are not judged, unless by their share.
        positive: the class that counts as positive; None takes the last.
        expected: share of each group among all, by name, from a census or register.
        trusted: `(batch,)` position in `data.classes` of the true class where it is known, else -1.

    Raises:
        InputError: sizes disagree, a group, class or share is unknown.
        MissingExtraError: scikit-learn is not installed.

    Example:
        >>> import pytest
        >>> sklearn = pytest.importorskip("sklearn")
        >>> from caudal.fair import synthetic, plant
        >>> clean = synthetic(400)
        >>> groups = Groups.of({"group": clean.sensitive["group"]})
        >>> diagnosis = diagnose(plant("sampling rate", clean, groups, "b").data, groups)
        >>> diagnosis.kind, diagnosis.group, diagnosis.confidence
        ('sampling rate', 'b', 'low')
    """
    _check(data, groups, expected, trusted)
    evidence = [] if expected is None else evidence_module.representation(groups, expected, data.group)
    notes = [] if expected is not None else ["representation not judged"]
    people = groups.counts if data.group is None else list(groups.people(data.group).values())
    least = LEAST if data.group is None else LEAST_PEOPLE
    large = [name for name, count in zip(groups.names, people, strict=True) if count >= least]
    judged = [name for name in large if len(large) > 1]
    attribute_inputs = evidence_module.own_inputs(data, groups)
    notes += ["attribute among inputs"] if attribute_inputs else []
    for name in judged:
        evidence += evidence_module.inputs(data, groups.where(name), name, attribute_inputs)
    if data.task == "classify" and data.target is not None:
        code = class_code("diagnose", data, positive)
        hit = data.target == code
        if trusted is None:
            evidence += evidence_module.labels(data, np.asarray(hit), groups, judged)
            notes.append("labels by assumption")
        else:
            truth = np.asarray(trusted)
            real = np.asarray(truth == code) & _first_of_each(truth == code, data.group)
            for name in judged:
                evidence += evidence_module.against_trusted(np.asarray(hit), real, truth >= 0, groups, name)
            if any((real & groups.where(name)).sum() < _FEW_CHECKED for name in judged):
                notes.append("few checked labels")
    else:
        notes.append("labels not judged")
    return _diagnosis(groups.attribute, evidence_module.corrected(evidence, len(groups.names)), notes)


def _diagnosis(attribute: str, evidence: list[BiasTrace], notes: list[str]) -> Diagnosis:
    order = sorted(evidence, key=lambda trace: (-_counts(trace), -trace.direct, -trace.size))
    largest: dict[Bias, BiasTrace] = {}
    for trace in order:
        largest.setdefault(trace.kind, trace)
    ranked = tuple(largest.values())
    counting = [trace for trace in ranked if _counts(trace)]
    if "labels by assumption" in notes and any(trace.kind in _INPUTS for trace in counting):
        notes.append("labels leave room")
        counting = [trace for trace in counting if trace.kind != "labels"]
    if not counting:
        rest = max((trace.size for trace in ranked if trace.p_value < 0.05), default=0.0)
        return Diagnosis(attribute, "none", "", "fair" if rest < _LEAST_SIZE else "low", ranked, tuple(notes))
    notes += ["proxy or offset"] if any(trace.kind == "proxy" for trace in counting) else []
    notes += ["several"] if len(counting) > 1 else []
    suspicions = tuple(Suspicion(trace, _confidence(trace)) for trace in counting)
    first = counting[0]
    return Diagnosis(attribute, first.kind, first.group, suspicions[0].confidence, ranked, tuple(notes), suspicions)


def _first_of_each(rows: NDArray[np.bool_], person: NDArray[np.int64] | None) -> NDArray[np.bool_]:
    """Of the chosen series of a person the first alone: several are no independent proof."""
    if person is None:
        return rows
    places = np.flatnonzero(rows)
    first = np.zeros(len(rows), np.bool_)
    first[places[np.unique(person[places], return_index=True)[1]]] = True
    return first


def _counts(trace: BiasTrace) -> bool:
    return trace.size >= _LEAST_SIZE and trace.p_value < _LEAST_P


def _confidence(trace: BiasTrace) -> Confidence:
    if not trace.direct:
        return "low"
    return "high" if trace.p_value < _SURE else "fair"


def _check(data: Sequences, groups: Groups, expected: Mapping[str, float] | None, trusted: ArrayLike | None) -> None:
    if len(data) != len(groups):
        fault = f"name the group of {len(groups):,} series; there are {len(data):,}"
        raise InputError("diagnose", "groups", fault, "Make them from the sensitive columns of these series.")
    if expected is not None:
        strange = sorted({*expected} ^ {*groups.names})
        if strange:
            fault = f"does not fit the groups: {strange[0]!r}"
            raise InputError("diagnose", "expected", fault, f"Give a share for each of {', '.join(groups.names)}.")
        if abs(sum(expected.values()) - 1) > 0.02 or min(expected.values()) <= 0:
            fault = f"adds up to {sum(expected.values()):g}, or holds a share of 0"
            raise InputError("diagnose", "expected", fault, "Give shares above 0 that add up to 1.")
    if trusted is not None:
        truth = np.asarray(trusted, dtype=np.int64) if _whole(trusted) else np.zeros(0, np.int64)
        if truth.shape != (len(data),) or not (truth >= 0).any():
            fault = f"is not {len(data):,} whole numbers of which some are known"
            raise InputError("diagnose", "trusted", fault, "Pass positions in `data.classes`, -1 where unknown.")


def _whole(column: ArrayLike) -> bool:
    return np.asarray(column).dtype.kind in "iu"
