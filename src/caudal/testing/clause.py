"""A clause of the contract: a name, its words, whether it applies to a cell, and the check."""

from collections.abc import Callable
from dataclasses import dataclass

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
