"""A clause of the contract, with its words and its check, and the report of a run as a value that prints as a table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from caudal.testing.subject import Subject, capability


@dataclass(frozen=True)
class Clause:
    """One promise that every cell makes.

    Attributes:
        name: what `clauses=` and `skip=` call it.
        words: the promise as a phrase.
        needs: capabilities without which it has no meaning.
        check: raises `ContractError` when the cell breaks it.
    """

    name: str
    words: str
    needs: tuple[str, ...]
    check: Callable[[Subject], None]

    def inapplicable(self, net: nn.Module) -> str | None:
        """Why the clause has no meaning for this cell, or None."""
        for need in self.needs:
            if not capability(net, need):
                return f"{type(net).__name__} declares `{need} = False`"
        return None


def clause(name: str, words: str, needs: tuple[str, ...] = ()) -> Callable[[Callable[[Subject], None]], Clause]:
    """Turn a check into a clause."""
    return lambda check: Clause(name, words, needs, check)


Status = Literal["passed", "failed", "skipped", "not applicable"]


@dataclass(frozen=True)
class Outcome:
    """One clause on one cell.

    Attributes:
        clause: name of the clause.
        status: what happened.
        detail: the sentence of the failure, the reason of a skip, or the clause in words.
        seconds: time the clause took.
    """

    clause: str
    status: Status
    detail: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """Every clause of the contract on one cell, in order.

    Attributes:
        cell: class name of the layer.
        outcomes: one per clause that was asked for.

    Example:
        >>> print(Report("Mine", (Outcome("rows", "passed", "the order of series does not matter", 0.01),)))
        Mine keeps the contract: 1 passed
          rows        passed          0.01 s  the order of series does not matter
    """

    cell: str
    outcomes: tuple[Outcome, ...]

    @property
    def is_kept(self) -> bool:
        """Whether no clause failed."""
        return not self.of("failed")

    def of(self, status: Status) -> tuple[Outcome, ...]:
        """Outcomes of one status."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == status)

    def __str__(self) -> str:
        statuses: tuple[Status, ...] = ("passed", "failed", "skipped", "not applicable")
        counts = ", ".join(f"{len(self.of(s))} {s}" for s in statuses if self.of(s))
        lines = [f"{self.cell} {'keeps' if self.is_kept else 'breaks'} the contract: {counts}"]
        lines += [f"  {o.clause:<11} {o.status:<14} {o.seconds:5.2f} s  {o.detail}" for o in self.outcomes]
        return "\n".join(lines)
