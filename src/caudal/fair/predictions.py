"""Ask a trained estimator about series, and keep whose answer each one is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data import Sequences
from caudal.errors import InputError
from caudal.fair.answers import Answers, decisions, numbers
from caudal.fair.curve import first_steps, usual_steps
from caudal.nn.decide import check_threshold, decided

Rows = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Asked:
    """The answers of a model to series, as a whole and at some steps.

    Attributes:
        answers: one of each series; of each step, step ahead or output whose truth is known, where there are several.
        at: the same at some steps: steps read of series with one target, steps ahead of forecasts, and the last answer
            up to a step where every step has its own.
        scaled: whether numbers are in standard deviations of their output, since there are several outputs.
    """

    answers: Answers
    at: Mapping[int, Answers] = field(default_factory=dict)
    scaled: bool = False


def ask(
    model: object,
    data: Sequences,
    *,
    positive: object = None,
    threshold: float | None = None,
    steps: int | Sequence[int] = 0,
) -> Asked:
    """Answers of an estimator to series of any task, for `report` and `by_group`.

    Intervals are clustered by `data.group` where there is one, and by series else.

    Arguments:
        model: with `predict`, and `predict_proba` where it classifies, as the estimators of `caudal` have them.
        data: with its target.
        positive: the class decided for or against; None takes the last of two.
        threshold: probability of the positive class from which yes is decided; None decides as the model does: for the
            likeliest class, or of two by the `threshold_` of the model.
        steps: at how many steps to look, or at which.

    Raises:
        InputError: the target is unknown, the class is not named or unknown, or the truth holds one class only.

    Example:
        >>> from caudal.fair.synthetic import synthetic
        >>> class Mean:
        ...     def predict_proba(self, data):
        ...         yes = 1 / (1 + np.exp(-data.values[..., 0].sum(1)))
        ...         return np.stack([1 - yes, yes], 1)
        >>> asked = ask(Mean(), synthetic(200), steps=3)
        >>> len(asked.answers), sorted(asked.at)
        (200, [1, 8, 16])
    """
    if data.target is None or data.target_mask is None:
        raise InputError("ask", "data", "have no target, so nobody can tell what is right", "Pass known outcomes.")
    code = positive_code("ask", data, positive) if data.classes else None
    owner = np.arange(len(data)) if data.group is None else np.unique(data.group, return_inverse=True)[1]
    asked = _Model(model, data, owner, code, threshold)
    whole = asked.told()
    return Asked(whole, asked.at(steps), code is None and asked.outputs > 1)


def ask_each_class(model: object, data: Sequences, *, steps: int | Sequence[int] = 0) -> dict[str, Asked]:
    """Answers of a classifier, each class that occurs against the rest: yes where it is the likeliest.

    The model is asked once; see `ask` for the arguments and what is refused.

    Returns:
        class -> answers, in the order of `data.classes`; a class that is true of no answer, or of all, is left out.

    Raises:
        InputError: the target is unknown, there are no classes, or the truth holds one class only.
    """
    if data.target is None or data.target_mask is None or not data.classes:
        raise InputError("ask_each_class", "data", "have no known classes", "Pass a classifier's known outcomes.")
    owner = np.arange(len(data)) if data.group is None else np.unique(data.group, return_inverse=True)[1]
    whole = _Model(model, data, owner, 0, None)
    truth = np.asarray(data.target)[np.asarray(data.target_mask)]
    codes = [code for code in range(len(data.classes)) if 0 < (truth == code).sum() < len(truth)]
    if not codes:
        raise InputError("ask_each_class", "data", "hold one class only", "Use series of several classes.")
    models = {str(data.classes[code]): replace(whole, code=code) for code in codes}
    return {name: Asked(each.told(), each.at(steps)) for name, each in models.items()}


def of_model(model: object, classes: int) -> float | None:
    """The threshold of a model of two classes, of the last of them; None where it decides for the likeliest class.

    Raises:
        InputError: it is no probability.
    """
    stated = getattr(model, "threshold_", None)
    return check_threshold("ask", stated, classes, "threshold_") if classes == 2 else None


def positive_code(owner: str, data: Sequences, positive: object) -> int:
    """Position of a class of series or steps; of two the last where none is named.

    Raises:
        InputError: the class is unknown, or not named among more than two.
    """
    labels = [str(label) for label in data.classes]
    if positive is None and len(labels) == 2:
        return 1
    if positive is None or str(positive) not in labels:
        fault = "is not named" if positive is None else f"is {positive!r}"
        remedy = "Name the class that is good or bad to get."
        raise InputError(owner, "positive", f"{fault}; the classes are {', '.join(labels)}", remedy)
    return labels.index(str(positive))


@dataclass(frozen=True, eq=False)
class _Model:
    """A model, and what it is asked about."""

    model: Any
    data: Sequences
    owner: Rows
    code: int | None
    threshold: float | None
    # Probabilities by step read, so that the model is asked once however many classes are looked at.
    known: dict[int, Numbers] = field(default_factory=dict)

    @property
    def outputs(self) -> int:
        return int(np.asarray(self.data.target).shape[-1])

    def told(self) -> Answers:
        return self._answers(self.data, np.asarray(self.data.target_mask))

    def at(self, steps: int | Sequence[int]) -> dict[int, Answers]:
        """At each step; a step at which all truths are of one class has nothing to tell."""
        data, known = self.data, np.asarray(self.data.target_mask)
        if data.task.is_per_series:
            parts = {step: (first_steps(data, step), known) for step in _chosen(steps, data.lengths)}
        elif data.task == "forecast":
            ahead = np.arange(known.shape[1]).reshape(1, -1, 1)
            chosen = _chosen(steps, np.full(len(data), known.shape[1]))
            parts = {step: (data, known & (ahead == step - 1)) for step in chosen}
        else:
            parts = {step: (data, _latest(known, step)) for step in _chosen(steps, data.lengths)}
        asked = {id(data): self._given(data)} if parts and not data.task.is_per_series else {}
        answers = {}
        for step, (part, rows) in parts.items():
            truth = np.asarray(part.target)[rows]
            if not len(truth) or (self.code is not None and len({*(truth == self.code).tolist()}) < 2):
                continue
            answers[step] = self._answers(part, rows, asked.get(id(part)))
        return answers

    def _given(self, data: Sequences) -> Numbers:
        """Probabilities `(batch, [time,] classes)`, or numbers in the shape of the target."""
        if data.steps not in self.known:
            self.known[data.steps] = self._predicted(data)
        return self.known[data.steps]

    def _predicted(self, data: Sequences) -> Numbers:
        predicted = self.model.predict(data) if self.code is None else self.model.predict_proba(data)
        if isinstance(predicted, list):
            whole = np.zeros((len(predicted), data.steps, *np.shape(predicted[0])[1:]))
            for k, series in enumerate(predicted):
                whole[k, : len(series)] = series
            predicted = whole
        shape = np.asarray(data.target).shape
        return np.reshape(
            np.asarray(predicted, np.float64), shape if self.code is None else (*shape, len(data.classes))
        )

    def _answers(self, data: Sequences, known: NDArray[np.bool_], given: Numbers | None = None) -> Answers:
        predicted = self._given(data) if given is None else given
        row = np.nonzero(known)[0]
        target, owner = np.asarray(data.target), self.owner[row]
        if self.code is None:
            scale = self._scale()
            return numbers((target / scale)[known], (predicted / scale)[known], owner=owner, row=row)
        shares, codes = predicted[known], target[known]
        score, truth = shares[:, self.code], codes == self.code
        if self.threshold is not None:
            return decisions(truth, score, threshold=self.threshold, owner=owner, row=row)
        best = decided(shares, of_model(self.model, shares.shape[1]))
        return decisions(truth, score, decided=best == self.code, right=best == codes, owner=owner, row=row)

    def _scale(self) -> Numbers:
        """1 of one output; of several the standard deviation of each, so that they can be told together."""
        if self.outputs == 1:
            return np.ones(1)
        target, known = np.asarray(self.data.target, np.float64), np.asarray(self.data.target_mask)
        spread = np.array(
            [target[..., k][known[..., k]].std() if known[..., k].any() else 1.0 for k in range(self.outputs)]
        )
        return np.where(spread > 0, spread, 1.0)


def _chosen(steps: int | Sequence[int], lengths: NDArray[np.int64]) -> tuple[int, ...]:
    if isinstance(steps, int):
        return usual_steps(lengths, steps) if steps > 0 else ()
    most = int(lengths.max())
    strange = [step for step in steps if not 1 <= step <= most]
    if strange:
        raise InputError("ask", "steps", f"holds {strange[0]}; the steps are 1 to {most}", "Pass steps among them.")
    return tuple(sorted(set(steps)))


def _latest(known: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Of each series, the last known entries up to a step."""
    there = known if known.ndim == 2 else known.any(axis=2)
    early = there & (np.arange(there.shape[1]) < step)
    last = early.shape[1] - 1 - np.argmax(early[:, ::-1], axis=1)
    chosen = early & (np.arange(early.shape[1]) == last[:, None])
    return np.asarray(known & (chosen if known.ndim == 2 else chosen[:, :, None]))
