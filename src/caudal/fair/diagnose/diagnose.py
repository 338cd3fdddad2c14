"""Which kind of bias is it? A procedure, with what it cannot tell.

Each kind leaves a trace in the data that the others do not leave, or leave more faintly. For each group against the
others five traces are measured, each on a scale from 0 (none) to 1, with the p value of there being none:

1. representation: the group's share of the series against the share it should have (`expected`); how much is lacking
   of its odds. The data alone cannot tell who never came: without `expected` this is not judged.
2. sampling rate: steps per time, and steps; how far the chance that a member of the group has more lies from a half
   (Mann-Whitney's statistic, twice, less 1).
3. measurement: roughness of each input (mean size of a step from one observed value to the next), likewise; the
   roughest input counts.
4. proxy: level of each input, likewise. A shifted level may as well be an instrument with an offset: the data cannot
   tell these apart, and the note says so.
5. labels: positives of the group against what a logistic model of the other groups expects from the same summaries of
   their series; how much is lacking. It rests on the assumption that with like inputs the truth is alike: without
   it, wrong labels and a true difference are one and the same in the data, whatever the statistic. The model's own
   error is taken to be up to a tenth, as far as the inputs of the groups differ. With
   `trusted` (true classes of some series) no assumption is needed: recorded and true classes are compared.

p values are corrected for the number of traces (Bonferroni, within and over kinds). Of those below 0.01 and above 0.15
in size, the largest names the kind; the labels' trace, which leans on the inputs, counts only where no trace of the
inputs is found, unless it comes from trusted classes. Confidence is high where the trace is twice as large as the next
kind's and p is below 0.001, low where another is within a fifth, and fair between.
`python -m benchmarks diagnose` plants each kind on made and real series and prints how often it is named rightly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from caudal.data import Sequences
from caudal.errors import InputError
from caudal.fair.diagnose import evidence as evidence_module
from caudal.fair.diagnose.evidence import BiasTrace
from caudal.fair.groups import LEAST, Groups
from caudal.fair.plant import Bias, class_code

Kind = Literal["labels", "representation", "measurement", "sampling rate", "proxy", "none"]
_LEAST_SIZE, _LEAST_P, _SURE = 0.15, 0.01, 0.001
_INPUTS = ("measurement", "sampling rate", "proxy")


@dataclass(frozen=True)
class Diagnosis:
    """Which kind of bias the data show.

    Attributes:
        attribute: by name.
        kind: the kind named, or `"none"`.
        group: whom it strikes, or `""`.
        confidence: `"high"`, `"fair"` or `"low"`.
        traces: the largest of each kind, the largest first.
        notes: codes of what cannot be told: `"labels by assumption"` (no trusted classes), `"labels not judged"`
            (no classes), `"representation not judged"` (no expected shares), `"proxy or offset"`, `"labels leave
            room"` (inputs differ, so that labels cannot be judged), `"several"` (more than one kind is found),
            `"attribute among inputs"` (the attribute's own columns are inputs; they are left out here).
    """

    attribute: str
    kind: Kind
    group: str
    confidence: str
    traces: tuple[BiasTrace, ...]
    notes: tuple[str, ...]


def diagnose(
    data: Sequences,
    groups: Groups,
    *,
    positive: object = None,
    expected: Mapping[str, float] | None = None,
    trusted: ArrayLike | None = None,
) -> Diagnosis:
    """The kind of bias that some series show between groups, with its traces and how sure that is.

    Arguments:
        data: series, as recorded.
        groups: of the series; those of fewer than 30 are not judged, unless by their share.
        positive: the class that counts as positive; None takes the last.
        expected: share of each group among all, by name, from a census or register.
        trusted: `(batch,)` position in `data.classes` of the true class where it is known, else -1.

    Raises:
        InputError: sizes disagree, a group, class or share is unknown.
        MissingExtraError: scikit-learn is not installed.

    Example:
        >>> import pytest
        >>> sklearn = pytest.importorskip("sklearn")
        >>> from caudal.fair import made, plant
        >>> clean = made(400)
        >>> groups = Groups.of({"group": clean.sensitive["group"]})
        >>> diagnosis = diagnose(plant("sampling rate", clean, groups, "b").data, groups)
        >>> diagnosis.kind, diagnosis.group, diagnosis.confidence
        ('sampling rate', 'b', 'high')
    """
    _check(data, groups, expected, trusted)
    evidence = [] if expected is None else evidence_module.representation(groups, expected)
    notes = [] if expected is not None else ["representation not judged"]
    large = [name for name, count in zip(groups.names, groups.counts, strict=True) if count >= LEAST]
    judged = [name for name in large if len(large) > 1]
    attribute_inputs = evidence_module.own_inputs(data, groups)
    notes += ["attribute among inputs"] if attribute_inputs else []
    for name in judged:
        evidence += evidence_module.inputs(data, groups.where(name), name, attribute_inputs)
    if data.task == "classify" and data.target is not None:
        hit = data.target == class_code("diagnose", data, positive)
        if trusted is not None:
            truth = np.asarray(trusted)
            real = truth == class_code("diagnose", data, positive)
            evidence += [
                t for name in judged for t in evidence_module.against_trusted(hit, real, truth >= 0, groups, name)
            ]
        else:
            evidence += evidence_module.labels(data, hit, groups, judged)
            notes.append("labels by assumption")
    else:
        notes.append("labels not judged")
    return _named(groups.attribute, evidence_module.corrected(evidence), notes, trusted is not None)


def _named(attribute: str, evidence: list[BiasTrace], notes: list[str], certain: bool) -> Diagnosis:
    best: dict[Bias, BiasTrace] = {}
    for trace in sorted(evidence, key=lambda trace: (-_counts(trace), -trace.size)):
        best.setdefault(trace.kind, trace)
    ranked = sorted(best.values(), key=lambda trace: (-_counts(trace), -trace.size))
    shown = [trace for trace in ranked if _counts(trace)]
    if not certain and any(trace.kind in _INPUTS for trace in shown) and "labels by assumption" in notes:
        notes.append("labels leave room")
        shown = [trace for trace in shown if trace.kind != "labels"]
    if not shown:
        rest = max((trace.size for trace in ranked if trace.p_value < 0.05), default=0.0)
        return Diagnosis(attribute, "none", "", "fair" if rest < _LEAST_SIZE else "low", tuple(ranked), tuple(notes))
    first = shown[0]
    if first.kind == "proxy":
        notes.append("proxy or offset")
    if len(shown) > 1:
        notes.append("several")
    second = shown[1].size if len(shown) > 1 else 0.0
    sure = first.p_value < _SURE and first.size >= 2 * second
    confidence = "high" if sure else "low" if second > 0.8 * first.size else "fair"
    return Diagnosis(attribute, first.kind, first.group, confidence, tuple(ranked), tuple(notes))


def _counts(trace: BiasTrace) -> bool:
    return trace.size >= _LEAST_SIZE and trace.p_value < _LEAST_P


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
