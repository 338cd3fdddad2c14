"""What a search for a counterfactual found, in numbers and in words."""

from dataclasses import dataclass
from typing import Literal

from caudal.data import Sequences


@dataclass(frozen=True)
class Change:
    """One changed number of a counterfactual: a value or a gap, before and after.

    Attributes:
        kind: `"value"`, or `"gap"` for the time between a step and the one before it.
        step: from 0.
        name: of the input; `""` for a gap.
        before, after: in the user's unit.
        unit: of both, or `""`.
        deviations: size of the change in standard deviations of its input, or of the gaps.

    Example:
        >>> print(Change("value", 2, "fib4", 1.9, 2.6, ""))
        step 3: fib4 1.9 -> 2.6
        >>> print(Change("gap", 1, "", 30.0, 71.5, "d"))
        between step 1 and step 2: 30 d -> 71.5 d
    """

    kind: Literal["value", "gap"]
    step: int
    name: str
    before: float
    after: float
    unit: str = ""
    deviations: float = 0.0

    def told(self, step: str = "step") -> str:
        """The change with another word for a step, such as "visit"."""
        unit = f" {self.unit}" if self.unit else ""
        before, after = apart(self.before, self.after)
        if self.kind == "gap":
            return f"between {step} {self.step} and {step} {self.step + 1}: {before}{unit} -> {after}{unit}"
        return f"{step} {self.step + 1}: {self.name} {before} -> {after}{unit}"

    def __str__(self) -> str:
        return self.told()


def apart(before: float, after: float) -> tuple[str, str]:
    """Two numbers with as many figures, from 3 on, as tell them apart and give the second one back exactly.

    Example:
        >>> apart(1.9, 2.6), apart(100.01, 100.02), apart(36.21, 37.45)
        (('1.9', '2.6'), ('100.01', '100.02'), ('36.21', '37.45'))
    """
    for figures in range(3, 17):
        pair = _spelled(before, figures), _spelled(after, figures)
        if pair[0] != pair[1] and abs(float(pair[1]) - after) <= 1e-9 * abs(after):
            break
    return pair


def _spelled(number: float, figures: int) -> str:
    """A number with so many significant figures, without an exponent where a reader would not write one."""
    spelled = f"{number:.{figures}g}"
    return f"{float(spelled):.0f}" if "e+" in spelled and abs(number) < 1e15 else spelled


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """The least change that turns one decision, or that none was found.

    Attributes:
        found: whether the real model decides otherwise on `series`.
        id: name of the series.
        before, after: decisions; after is the one asked for, or the one nearest to turning, where none was found.
        score_before, score_after: probability of `before` on the series as it is and as changed; of a regression the
            predicted number.
        changes: what has to change, in the order of the steps.
        distance: sum of the changes, each in standard deviations of its input (gaps: of the gaps).
        minimal: whether restoring any single change undoes the turn, checked one by one.
        reached: the closest that the search came to turning, in the unit of the score; None where it was found.
        series: the changed series; the original where none was found.
        tried: how many series the model was asked about.
        threshold: of a regression, the number to cross; None for classes.
        narrow: whether the decision turns only barely; any other turns with a probability of 0.55 against its nearest
            rival.
        needs_gaps: whether values alone were tried first, and no change of them was found that turns the decision.
    """

    found: bool
    id: str
    before: str
    after: str
    score_before: float
    score_after: float
    changes: tuple[Change, ...]
    distance: float
    minimal: bool
    reached: float | None
    series: Sequences
    tried: int
    threshold: float | None = None
    narrow: bool = False
    needs_gaps: bool = False

    @property
    def gap_change(self) -> float:
        """Sum of the changes of the gaps, in the unit of the elapsed times."""
        return sum(abs(change.after - change.before) for change in self.changes if change.kind == "gap")

    def told(self, step: str = "step") -> str:
        """The counterfactual as text, one change a line."""
        if not self.found:
            return (
                f"No change within the range of the data was found that turns {self.before} of {self.id} into "
                f"{self.after}: {self.tried} series tried, closest score {self.reached:.3g}."
            )
        head = f"{self.id}: {self.before} ({self.score_before:.3g}) -> {self.after} ({self.score_after:.3g}) if"
        lines = [f"  {change.told(step)}" for change in self.changes]
        proof = "no single one of these changes can be left out" if self.minimal else "some may be left out"
        return "\n".join([head, *lines, f"  distance {self.distance:.3g}; {proof}."])

    def __str__(self) -> str:
        return self.told()
