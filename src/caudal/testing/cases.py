"""The contract as test cases: one per cell and clause, for any test runner that takes parameters."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from caudal.errors import ContractError, InputError
from caudal.testing.check import CONTRACT, run_clause
from caudal.testing.clause import Clause, Outcome
from caudal.testing.subject import Subject

Build = Callable[[], nn.Module]


@dataclass(frozen=True)
class Case:
    """One clause on one cell; prints as `LTC-batch`.

    Attributes:
        name: name of the cell.
        subject: the cell.
        clause: the clause.
        skip: why the cell does not keep it, or None.
    """

    name: str
    subject: Subject
    clause: Clause
    skip: str | None = None

    def __str__(self) -> str:
        return f"{self.name}-{self.clause.name}"

    def run(self) -> Outcome:
        """Check the clause.

        Returns:
            an outcome that passed, was skipped, or does not apply.

        Raises:
            ContractError: the cell breaks the clause.
        """
        outcome = run_clause(self.subject, self.clause, self.skip)
        if outcome.status == "failed":
            raise ContractError(f"{self.name}: {outcome.detail}")
        return outcome


def cells(
    builds: Mapping[str, Build] | Iterable[Build],
    *,
    skip: Mapping[str, Mapping[str, str]] | None = None,
    seed: int = 0,
    tolerance: float = 1e-5,
) -> list[Case]:
    """Every clause on every cell, as parameters of one test.

    Give them to `pytest.mark.parametrize("case", cells(...), ids=str)` and let the test call `case.run()`.

    Arguments:
        builds: builders by name, or builders that have a name (classes and functions).
        skip: by name of the cell, the reason of each clause that it does not keep.
        seed, tolerance: see `check_cell`.

    Raises:
        InputError: two cells share a name, or `skip` names a cell or clause that is not there.

    Example:
        >>> from caudal.nn import LTC
        >>> cases = cells({"LTC": lambda: LTC(2, 3)})
        >>> print(cases[1], "|", cases[1].run().detail)
        LTC-batch | a batch gives the numbers of its series one by one, each with its own dt
    """
    named = dict(builds) if isinstance(builds, Mapping) else _named(builds)
    reasons = {name: dict(why) for name, why in (skip or {}).items()}
    known = [clause.name for clause in CONTRACT]
    for name, why in reasons.items():
        if name not in named:
            raise InputError("cells", "skip", f"names the cell {name!r}", f"Choose among {', '.join(named)}.")
        for clause in set(why).difference(known):
            raise InputError("cells", "skip", f"names the clause {clause!r}", f"Choose among {', '.join(known)}.")
    return [
        Case(name, Subject(build, seed, tolerance), clause, reasons.get(name, {}).get(clause.name))
        for name, build in named.items()
        for clause in CONTRACT
    ]


def _named(builds: Iterable[Build]) -> dict[str, Build]:
    named: dict[str, Build] = {}
    for build in builds:
        name = getattr(build, "__name__", type(build).__name__)
        if name in named:
            raise InputError("cells", "builds", f"holds two cells named {name!r}", "Pass a dict of builders by name.")
        named[name] = build
    return named
