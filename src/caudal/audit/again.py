"""Decisions of a log, made again: from the same data, by the same model, and compared to the bit."""

import os
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.audit import sealed
from caudal.audit.digest import model_digest
from caudal.audit.proof import records
from caudal.audit.salts import Salts, alias, commitment
from caudal.audit.series import STEPWISE, pieces
from caudal.data import Sequences
from caudal.errors import DataError, InputError
from caudal.kernels import exact
from caudal.records.decision import Decision
from caudal.train import answer, examples


@dataclass(frozen=True)
class Replay:
    """What came of making decisions again.

    Attributes:
        decisions: of this model in the log, about series that are in the data.
        same_bits: whose output is the same to the bit.
        same_decision: whose class is the same; of numbers, that agree within 1e-6 of their size.
        exact: that were made in replay mode, and so must be the same to the bit.
        worst: largest difference of an output.
        broken: indices of records whose output should be the same and is not, or whose decision differs.
        other_input: indices of records whose commitment is to other inputs than those of the data.
        unlinked: decisions of this model about none of the series: others, or persons whose salt was erased.
        other_models: decisions of other models.
    """

    decisions: int
    same_bits: int
    same_decision: int
    exact: int
    worst: float
    broken: tuple[int, ...]
    other_input: tuple[int, ...]
    unlinked: int
    other_models: int

    @property
    def holds(self) -> bool:
        """Whether there were decisions to compare, and all of them came out as they should."""
        return self.decisions > 0 and not self.broken and not self.other_input


def replay(
    path: str | os.PathLike[str],
    model: Any,
    data: Any,
    *,
    salts: str | os.PathLike[str] | None = None,
    batch: int = 256,
) -> Replay:
    """Make the decisions of a log again and compare.

    Arguments:
        path: folder of the log.
        model: the estimator that made them.
        data: what it was asked, as `predict` takes it.
        salts: folder of the salts; beside the log without.
        batch: series at a time; any gives the same bits in replay mode.

    Raises:
        DataError: the data are of another task, or no records can be linked to them at all.
        FileFormatError: a record cannot be read.
    """
    digest = model_digest(model)
    held = Salts(salts or f"{os.fspath(path).rstrip('/')}.salts")
    known: dict[str, list[tuple[int, Decision]]] = defaultdict(list)
    others = 0
    for index, one in records(path):
        if isinstance(one, Decision) and one.model == digest:
            known[one.session].append((index, one))
        elif isinstance(one, Decision):
            others += 1
    tally = _Tally()
    for part in model.parts(data):
        _compare(tally, known, held, model, part, batch)
    unlinked = sum(map(len, known.values())) - tally.decisions
    return Replay(**tally.__dict__, unlinked=unlinked, other_models=others)


class _Tally:
    def __init__(self) -> None:
        self.decisions = self.same_bits = self.same_decision = self.exact = 0
        self.worst = 0.0
        self.broken: tuple[int, ...] = ()
        self.other_input: tuple[int, ...] = ()

    def add(self, index: int, one: Decision, found: NDArray[Any], is_class: bool) -> None:
        """Compare the output of one record."""
        told = np.asarray(one.output, found.dtype)
        is_same_size = told.shape == found.shape
        gap = float(np.abs(told - found).max(initial=0.0)) if is_same_size else float("inf")
        bits = is_same_size and told.tobytes() == found.tobytes()
        if is_class:
            same = bits or (is_same_size and int(told.argmax()) == int(found.argmax()))
        else:
            same = bits or gap <= 1e-6 * max(1.0, float(np.abs(told).max(initial=0.0)))
        self.decisions += 1
        self.same_bits += bits
        self.same_decision += same
        self.exact += one.is_exact
        self.worst = max(self.worst, 0.0 if bits else gap)
        if not same or (one.is_exact and not bits):
            self.broken += (index,)


def _compare(
    tally: _Tally,
    known: dict[str, list[tuple[int, Decision]]],
    held: Salts,
    model: Any,
    data: Sequences,
    batch: int,
) -> None:
    salts = [held.of_person(str(id)) for id in data.ids]
    names = [None if salt is None else alias(salt) for salt in salts]
    rows = [row for row, name in enumerate(names) if name is not None and name in known]
    if data.task != model.task_:
        fault = f"asks to {data.task}; the model was trained to {model.task_}"
        raise DataError("replay", "data", fault, "Read the data with the task of the training.")
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        out = _outputs(model, data, part)
        for k, row in enumerate(part):
            given = dict(pieces(data, row))
            for index, one in known[str(names[row])]:
                step = one.sequence if data.task in STEPWISE else None
                salt = salts[row]
                if salt is None or step not in given:
                    continue
                found = (out[k] if step is None else out[k, step]).reshape(-1)
                exact_record = _linked(one, salt, given[step])
                if exact_record is None:
                    tally.other_input += (index,)
                    tally.decisions += 1
                else:
                    tally.add(index, exact_record, found, data.task.startswith("classify"))


def _linked(record: Decision, salt: bytes, inputs: list[Any]) -> Decision | None:
    """The record with its exact values, where its commitment is to these inputs; None otherwise."""
    try:
        exact_parts = sealed.parts(record, salt)
        bound = commitment(salt, record.session.encode(), record.sequence, (*inputs, b"|", None, *exact_parts))
        return sealed.opened(record, salt) if bound.hex() == record.commitment else None
    except InputError:
        return None


def _outputs(model: Any, data: Sequences, rows: list[int]) -> NDArray[Any]:
    seen = examples(model.encoder_, data.without_target(), paired=getattr(model, "cell", "") == "gru-d")
    device = next(model.net_.parameters()).device
    with torch.no_grad(), exact():
        found: NDArray[Any] = answer(model.net_, seen.rows(torch.tensor(rows), device)).cpu().numpy()
    return found
