"""Run the contract on a cell: `check_cell`, and one clause at a time for test runners."""

from collections.abc import Callable, Iterable, Mapping
from time import perf_counter

from torch import nn

from caudal.errors import ContractError, InputError
from caudal.testing import gradients, graphs, modules, values
from caudal.testing.clause import Clause, Outcome, Report
from caudal.testing.subject import Subject

CONTRACT: tuple[Clause, ...] = (
    values.repeat,
    values.batch,
    values.steps,
    values.chunks,
    values.padding,
    values.rows,
    values.future,
    gradients.flow,
    gradients.still,
    gradients.bounded,
    gradients.gradients,
    gradients.gradcheck,
    gradients.wiring,
    modules.save,
    modules.functional,
    modules.dtype,
    graphs.compiled,
    graphs.export,
    modules.refusals,
)


def clauses() -> dict[str, str]:
    """Every clause of the contract, in words, in the order in which they are checked.

    Example:
        >>> clauses()["rows"]
        'the order of series in a batch does not matter'
    """
    return {clause.name: clause.words for clause in CONTRACT}


def check_cell(
    build: Callable[[], nn.Module],
    *,
    clauses: Iterable[str] | None = None,
    skip: Mapping[str, str] | None = None,
    seed: int = 0,
    tolerance: float = 1e-5,
) -> Report:
    """Hold a cell to the contract that every layer of caudal keeps.

    The cell answers `y, state = net(x, dt=, mask=, lengths=, state=)` with `x (batch, time, input)`, `dt` and `mask`
    `(batch, time)`, `lengths (batch,)`, `y (batch, time, outputs)` and a state whose tensors are `(batch, ...)`;
    `net.step(x, dt=, state=)` does one step. It sets `inputs`. Attributes `causal`, `chunked` (True when left out),
    `wired`, `exact_in_time`, `keeps_state_at_zero` and `bounded` (False when left out) say what it can do; a clause
    without meaning for it is reported so.

    Arguments:
        build: called without arguments, returns a fresh layer; small sizes keep the check fast.
        clauses: names of the clauses to check; all when left out.
        skip: reason by name of each clause that this cell does not keep; printed in the report.
        seed: seed of parameters and series.
        tolerance: largest difference allowed in float32, relative to the largest value where that exceeds 1;
            float64 is held to a hundred-thousandth of it.

    Returns:
        a report that prints as a table.

    Raises:
        ContractError: a clause is broken; the message names the clauses, the size of each difference and the remedy.
        InputError: a clause that does not exist is named, a skip has no reason, or `build` returns no layer.

    Example:
        A leaky integrator of one's own, as a plain module:

        >>> import torch
        >>> from torch import nn
        >>> from caudal import shapes
        >>> class Leaky(nn.Module):
        ...     inputs = 2
        ...
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.rate = nn.Parameter(torch.rand(2))
        ...
        ...     def step(self, x, dt=None, state=None):
        ...         shapes.check_step("Leaky", x, dt, self.inputs)
        ...         shapes.check_values("Leaky", x, dt)
        ...         dt = x.new_ones(x.shape[0]) if dt is None else dt
        ...         state = torch.zeros_like(x) if state is None else state
        ...         v = x + (state - x) * torch.exp(-dt[:, None] * self.rate.exp())
        ...         return v, v
        ...
        ...     def forward(self, x, dt=None, mask=None, lengths=None, state=None):
        ...         shapes.check_sequence("Leaky", x, dt, mask, lengths, self.inputs)
        ...         counts = shapes.steps_mask(x, mask, lengths)
        ...         counts = x.new_ones(x.shape[:2], dtype=torch.bool) if counts is None else counts
        ...         dt = torch.where(counts, x.new_ones(x.shape[:2]) if dt is None else dt, 0)
        ...         x = torch.where(counts[..., None], x, 0)
        ...         v = torch.zeros_like(x[:, 0]) if state is None else state
        ...         ys = []
        ...         for t in range(x.shape[1]):
        ...             v = torch.where(counts[:, t, None], self.step(x[:, t], dt[:, t], v)[0], v)
        ...             ys.append(v * counts[:, t, None])
        ...         return torch.stack(ys, 1), v
        >>> loop = "a loop over time in Python"
        >>> report = check_cell(Leaky, skip={"export": loop, "compile": loop})
        >>> report.is_kept, len(report.of("skipped"))
        (True, 2)
    """
    subject, reasons = Subject(build, seed, tolerance), dict(skip or {})
    wanted = [clause.name for clause in CONTRACT] if clauses is None else list(clauses)
    _known("clauses", wanted)
    _known("skip", reasons)
    outcomes = [run_clause(subject, clause, reasons.get(clause.name)) for clause in CONTRACT if clause.name in wanted]
    report = Report(type(subject.net()).__name__, tuple(outcomes))
    if not report.is_kept:
        sentences = "\n".join(f"{report.cell}: {outcome.detail}" for outcome in report.of("failed"))
        raise ContractError(f"{sentences}\n{report}")
    return report


def run_clause(subject: Subject, clause: Clause, skip: str | None = None) -> Outcome:
    """Check one clause; a failure is returned as an outcome, not raised.

    Raises:
        InputError: the skip has no reason, or `build` returns no layer.
    """
    if skip is not None:
        if not skip.strip():
            raise InputError("check_cell", "skip", f"gives no reason for {clause.name!r}", "Say why in a few words.")
        return Outcome(clause.name, "skipped", skip)
    reason = clause.inapplicable(subject.net())
    if reason is not None:
        return Outcome(clause.name, "not applicable", reason)
    start = perf_counter()
    try:
        clause.check(subject)
    except ContractError as error:
        return Outcome(clause.name, "failed", str(error), perf_counter() - start)
    except Exception as error:
        message = f"{type(error).__name__}: {' '.join(str(error).split())[:300].rstrip('.')}"
        fault = f"clause `{clause.name}` ({clause.words}) is broken: the cell raised {message}."
        remedy = "A cell answers `net(x, dt=, mask=, lengths=, state=)` and `net.step(x, dt=, state=)`."
        return Outcome(clause.name, "failed", f"{fault} {remedy}", perf_counter() - start)
    return Outcome(clause.name, "passed", clause.words, perf_counter() - start)


def _known(argument: str, names: Iterable[str]) -> None:
    known = [clause.name for clause in CONTRACT]
    for name in names:
        if name not in known:
            raise InputError("check_cell", argument, f"names {name!r}", f"Choose among {', '.join(known)}.")
