"""What moved an output, by how much, and how far that answer can be trusted."""

import json
from dataclasses import dataclass
from typing import Any, Literal, get_type_hints

import numpy as np
from numpy.typing import NDArray

from caudal import limits, serial
from caudal.errors import FileFormatError
from caudal.intervals import Interval

On = Literal["inputs", "dt", "everything", "steps", "neurons", "synapses"]
TOLERANCE = 0.01
_FLOOR = 0.05


@dataclass(frozen=True)
class Score:
    """One check of an explanation.

    Attributes:
        name: of the check.
        value: what came out; NaN where it could not be run.
        goal: what it should be, in words.
        passed: whether it is.
        meaning: one sentence.
    """

    name: str
    value: float
    goal: str
    passed: bool
    meaning: str


@dataclass(frozen=True)
class Scorecard:
    """Checks that were run on an explanation, on how many series.

    Attributes:
        scores: the checks.
        series: how many series they were run on.
    """

    scores: tuple[Score, ...]
    series: int

    @property
    def failed(self) -> tuple[Score, ...]:
        """The checks that did not pass."""
        return tuple(score for score in self.scores if not score.passed)

    def __getitem__(self, name: str) -> Score:
        """The check of that name; KeyError where it was not run."""
        by_name = {score.name: score for score in self.scores}
        return by_name[name]

    def __repr__(self) -> str:
        lines = [f"Scorecard on {self.series} series: {len(self.scores) - len(self.failed)} of {len(self.scores)} pass"]
        for score in self.scores:
            mark = "ok    " if score.passed else "FAILED"
            lines.append(f"  {mark} {score.name} {score.value:.3g} (goal {score.goal}): {score.meaning}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Ranked:
    """One entry of a ranking.

    Attributes:
        name: of what it is about.
        value: influence, mean over the series where there are several.
        share: of the sum of all absolute influences.
    """

    name: str
    value: float
    share: float

    def __repr__(self) -> str:
        return f"{self.name} {self.value:+.3g} ({self.share:.0%})"


@dataclass(frozen=True, eq=False)
class Influence:
    """How much each input, elapsed time, step, neuron or synapse moved an output.

    Attributes:
        on: what was looked at.
        method: `"path"`, `"gradient"`, `"removal"`, `"occlusion"`, `"halved"`, `"swap"` or `"shares"`.
        values: `(series, ...)` float64, in `unit`; above 0 speaks for the output.
        axes: what each axis after the series is.
        labels: names along each of these axes.
        unit: of the values and outputs.
        target: which output was explained, for each series.
        output: `(series,)`, its value.
        reference: `(series,)`, its value where everything looked at is at its baseline or gone.
        deltas: `(series,)`, how far the values fail to add up to output minus reference, relative to it.
        adds_up: whether the method promises that they do; only `"path"` and `"shares"` do.
        series: names of the series.
        model: the net in one line.
        points: most points that a path integral used.
        spread: standard deviation of the values over the real series that they are compared with, in the shape of the
            values; None where they are compared with one point.
        references: names of these series, for each series; empty where they are compared with one point.
        alike: share of these series that are decided as the series itself is, for each; empty likewise.
        scorecard: checks of this explanation, or None where none were asked for.

    Example:
        >>> influence = Influence(
        ...     "inputs", "path", np.array([[[1.0, -3.0]]]), ("step", "input"), (("0",), ("age", "ph")), "log odds",
        ...     ("sick",), np.array([0.5]), np.array([2.5]), np.array([0.0]), True, ("a",), "LTC",
        ... )
        >>> influence.top(1)
        (ph at step 0 -3 (75%),)
        >>> Influence.from_json(influence.to_json()).values.tolist()
        [[[1.0, -3.0]]]
    """

    on: str
    method: str
    values: NDArray[np.float64]
    axes: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    unit: str
    target: tuple[str, ...]
    output: NDArray[np.float64]
    reference: NDArray[np.float64]
    deltas: NDArray[np.float64]
    adds_up: bool
    series: tuple[str, ...]
    model: str
    points: int = 0
    scorecard: Scorecard | None = None
    spread: NDArray[np.float64] | None = None
    references: tuple[tuple[str, ...], ...] = ()
    alike: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.series)

    @property
    def delta(self) -> float:
        """The worst completeness error of the series."""
        return float(self.deltas.max())

    @property
    def is_flagged(self) -> bool:
        """Whether the values promise to add up and fail to by more than 1 % in some series."""
        return self.adds_up and not bool((self.deltas <= TOLERANCE).all())

    @property
    def says_little(self) -> bool:
        """Whether no influence, nor all of them together, is a twentieth of the output or of what it is compared with.

        Then what is compared with is decided as surely as the series itself, and influences cannot say why.
        """
        scale = max(float(np.abs(self.output).mean()), float(np.abs(self.reference).mean()))
        return float(np.abs(self.values).mean(0).sum()) <= _FLOOR * scale

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed, completeness included."""
        named = () if self.scorecard is None else tuple(score.name for score in self.scorecard.failed)
        return ("completeness", *named) if self.is_flagged and "completeness" not in named else named

    def names(self) -> tuple[str, ...]:
        """Names of the entries of one series, in the order of its flattened values."""
        if self.axes == ("step", "input"):
            return tuple(f"{name} at step {step}" for step in self.labels[0] for name in self.labels[1])
        if self.axes == ("step",):
            word = "dt before step" if self.on == "dt" else "step"
            return tuple(f"{word} {step}" for step in self.labels[0])
        return self.labels[0]

    def top(self, k: int = 5, by: str | None = None) -> tuple[Ranked, ...]:
        """The strongest entries, by size; over several series by mean size, shown with the mean value.

        Arguments:
            k: how many.
            by: an axis to sum over the others first, for example `"input"`.

        Raises:
            ValueError: there is no such axis.
        """
        values, names = self.values, self.names()
        if by is not None:
            if by not in self.axes:
                raise ValueError(f"Influence.top: `by` is {by!r}; there are {', '.join(self.axes)}. Name one of them.")
            at = self.axes.index(by)
            others = tuple(axis + 1 for axis in range(len(self.axes)) if axis != at)
            values, names = values.sum(axis=others), self.labels[at]
        flat = values.reshape(len(values), -1)
        size, mean = np.abs(flat).mean(0), flat.mean(0)
        whole = max(float(size.sum()), np.finfo(float).tiny)
        order = np.argsort(-size, kind="stable")[:k]
        return tuple(Ranked(names[i], float(mean[i]), float(size[i]) / whole) for i in order)

    def select(self, row: int) -> "Influence":
        """The influence on one of the series."""
        at = slice(row, row + 1) if row >= 0 else slice(row, row + 1 or None)
        named = ("values", "target", "output", "reference", "deltas", "references", "alike")
        parts = {name: getattr(self, name)[at] for name in named}
        parts["spread"] = None if self.spread is None else self.spread[at]
        return Influence(**{**self.__dict__, **parts, "series": self.series[at]})

    def to_dict(self) -> dict[str, object]:
        """Everything as plain lists and numbers, with the failed checks named."""
        content = {name: getattr(self, name).tolist() for name in _ARRAYS}
        plain = ("on", "method", "unit", "adds_up", "model", "points")
        content |= {name: getattr(self, name) for name in plain}
        content |= {name: list(getattr(self, name)) for name in ("axes", "target", "series", "alike")}
        content["references"] = [list(names) for names in self.references]
        content["spread"] = None if self.spread is None else self.spread.tolist()
        card = self.scorecard
        checks = None if card is None else {"series": card.series, "scores": [s.__dict__ for s in card.scores]}
        return {
            **content,
            "labels": [list(names) for names in self.labels],
            "scorecard": checks,
            "flagged": self.is_flagged,
            "failed": list(self.failed),
        }

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> "Influence":
        """The influence that `to_json` wrote.

        Raises:
            FileFormatError: the text is none.
        """
        try:
            parsed = limits.parsed(text, limits.RECORD)
            fields = limits.keys("record", {**_LATER, **parsed} if isinstance(parsed, dict) else parsed, _KEYS)
            values: dict[str, Any] = {name: _numbers(name, fields[name]) for name in _ARRAYS}
            values["spread"] = None if fields["spread"] is None else _numbers("spread", fields["spread"])
            values |= {name: serial.read(kind, fields[name]) for name, kind in _PLAIN.items()}
            influence = cls(**values)
            influence._check_shapes()
        except (ValueError, TypeError, OverflowError) as error:
            remedy = "Write it again with `Influence.to_json`."
            raise FileFormatError(f"Influence.from_json: not such a record ({error}). {remedy}") from error
        return influence

    def _check_shapes(self) -> None:
        """Raise ValueError unless every name has its values."""
        if not self.series or self.axes not in _AXES:
            raise ValueError("it names no series, or axes that are none")
        shape = (len(self.series), *map(len, self.labels))
        if len(self.axes) != len(self.labels) or self.values.shape != shape:
            raise ValueError(f"`values` has shape {self.values.shape}; the names are for {shape}")
        if self.spread is not None and self.spread.shape != shape:
            raise ValueError(f"`spread` has shape {self.spread.shape}; the names are for {shape}")
        for name in ("references", "alike"):
            if len(getattr(self, name)) not in (0, shape[0]):
                raise ValueError(f"`{name}` is not one for each of {shape[0]} series")
        for name in ("output", "reference", "deltas", "target"):
            if np.shape(getattr(self, name)) != shape[:1]:
                raise ValueError(f"`{name}` is not one for each of {shape[0]} series")

    def __repr__(self) -> str:
        count = f"{len(self)} series" if len(self) > 1 else f"series {self.series[0]}"
        lines = [f"Influence of {self.on} on {self._targets()}, {count}, by {self.method}; {self.unit}"]
        lines += [f"  {part!r}" for part in self.top(5)]
        if self.is_flagged:
            lines.append(
                f"  FLAGGED: the values miss the output by {self.delta:.1%} in the worst series, more than 1 %."
            )
        elif self.adds_up:
            lines.append(f"  The values add up to the output within {self.delta:.2g} (relative).")
        else:
            lines.append(
                f"  {self.method} looks at one at a time: the values need not add up (they miss {self.delta:.0%})."
            )
        if self.scorecard is None:
            lines.append("  No checks were run.")
        else:
            lines += ["  " + line for line in repr(self.scorecard).splitlines()]
        return "\n".join(lines)

    def _targets(self) -> str:
        different = sorted(set(self.target))
        return different[0] if len(different) == 1 else f"{len(different)} different outputs"


_AXES = (("step", "input"), ("step",), ("neuron",), ("synapse",))
_ARRAYS = ("values", "output", "reference", "deltas")
_PLAIN: dict[str, Any] = {
    name: kind for name, kind in get_type_hints(Influence).items() if name not in (*_ARRAYS, "spread")
}
_KEYS = (*_ARRAYS, "spread", *_PLAIN, "flagged", "failed")
# Fields that records of earlier versions lack.
_LATER: dict[str, object] = {"spread": None, "references": [], "alike": []}


def _numbers(name: str, value: object) -> NDArray[np.float64]:
    """The array of nested lists of numbers, NaN among them."""
    array = np.array(value)
    if not isinstance(value, list) or (array.dtype.kind not in "if" and array.size):
        raise ValueError(f"`{name}` is no list of numbers")
    return array.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Change:
    """The change of an output after an intervention, series by series and as a mean with its interval.

    Attributes:
        what: the intervention in words.
        change: mean change of the output over the series, with its bootstrap interval.
        changes: `(series,)`, new output minus old.
        flips: share of the series whose decision turned; NaN where nothing is decided.
        unit: of the output.
    """

    what: str
    change: Interval
    changes: NDArray[np.float64]
    flips: float
    unit: str

    def __repr__(self) -> str:
        change = self.change
        turned = "" if self.flips != self.flips else f"; {self.flips:.1%} of the decisions turn"
        spread = "" if len(self.changes) < 2 else f" [{change.low:+.3g}, {change.high:+.3g}]"
        return f"Change({self.what}: {change.value:+.3g}{spread} {self.unit}{turned})"

    def to_dict(self) -> dict[str, object]:
        """Everything as plain lists and numbers."""
        return {**self.__dict__, "change": self.change.__dict__, "changes": self.changes.tolist()}


@dataclass(frozen=True)
class SubCircuit:
    """A smallest set of synapses found that keeps the decisions.

    Attributes:
        kept: names of the synapses kept.
        synapses: how many the whole circuit has.
        strength: 1.0 for each synapse kept, 0.0 for the others, in the order of the circuit.
        fidelity: share of the decisions kept, with its bootstrap interval over series. For values: the share of series
            whose value moved by less than the tolerance.
        path: `(synapses kept, fidelity)` of each round of the search.
        removed_last: the synapses that were removed last, the nearest rivals of those kept.
    """

    kept: tuple[str, ...]
    synapses: int
    strength: tuple[float, ...]
    fidelity: Interval
    path: tuple[tuple[int, float], ...]
    removed_last: tuple[str, ...] = ()

    def __repr__(self) -> str:
        fidelity = self.fidelity
        return (
            f"SubCircuit({len(self.kept)} of {self.synapses} synapses keep {fidelity.value:.1%} of the decisions, "
            f"[{fidelity.low:.1%}, {fidelity.high:.1%}])"
        )
