"""Decisions of a log, made again: from the same data, by the same model, and compared as numbers or to the bit.

What can be recomputed is not believed: the model tells whether its outputs come out to the bit, whatever a record says
of itself; uncertainty and elapsed time of a record are compared too. A decision that was not made again is no good one.
"""

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.audit.check.examine import Finding, Wanted, examine
from caudal.audit.check.proof import records
from caudal.audit.log import encrypted
from caudal.audit.log.checkpoint import Checkpoint, Verifier
from caudal.audit.log.record import Decision, Event
from caudal.audit.log.salts import Salts, alias, commitment
from caudal.audit.package import is_replayable, model_digest, model_digest_1
from caudal.audit.predictions import STEPWISE, class_of, elapsed, pieces, uncertainty_of
from caudal.data import Sequences
from caudal.errors import DataError, InputError
from caudal.kernels import exact
from caudal.monitor.flags import NOT_FINITE
from caudal.train import answer, examples
from caudal.typing import Array

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Replay:
    """What came of making decisions again.

    Attributes:
        decisions: of this model in the log, about series that are in the data.
        same_bits: whose output is the same to the bit.
        same_decision: whose output is the same as numbers, each within `tolerance` of the largest of them or of 1.
        exact: that had to be the same to the bit, as their model can be replayed.
        worst: largest difference of an output.
        broken: indices of records whose output should be the same and is not.
        other_input: indices of records whose commitment is to other inputs than those of the data.
        unlinked: decisions of this model about none of the series: others, or persons whose salt was erased.
        other_models: decisions of other models.
        former: those of them that name this model as caudal 0.1 did, which left the recipe of the table out: they may
            be of it.
        other_facts: indices of records whose uncertainty, elapsed time or flag of numbers that are not finite is
            another than follows from output and data.
        total: decisions that the log promises; others are not looked at.
        silent: series of the data about which the log holds no decision of this model.
        tolerance: of numbers; 0 where they had to be the same to the bit.
        allows_unlinked: whether decisions that were not made again may count as good.
        origin: name of the log.
        key: name and id of the key that vouches for the log; None where none was named.
        log_faults: what is wrong with the log itself; then nothing was made again.
    """

    decisions: int = 0
    same_bits: int = 0
    same_decision: int = 0
    exact: int = 0
    worst: float = 0.0
    broken: tuple[int, ...] = ()
    other_input: tuple[int, ...] = ()
    unlinked: int = 0
    other_models: int = 0
    other_facts: tuple[int, ...] = ()
    total: int = 0
    silent: int = 0
    former: int = 0
    tolerance: float = 0.0
    allows_unlinked: bool = False
    origin: str = ""
    key: str | None = None
    log_faults: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Which part of the log's decisions was made again, 0 to 1."""
        return self.decisions / self.total if self.total else 0.0

    @property
    def holds(self) -> bool:
        """Whether the log is good, there were decisions to compare, all were compared, and came out as they should."""
        is_whole = (self.unlinked == 0 and self.other_models == 0) or self.allows_unlinked
        is_same = not (self.broken or self.other_input or self.other_facts)
        return self.decisions > 0 and is_whole and is_same and not self.log_faults


def replay(
    path: str | os.PathLike[str],
    model: Any,
    data: Any,
    *,
    salts: str | os.PathLike[str] | None = None,
    batch: int = 256,
    key: Verifier | None = None,
    held: Checkpoint | None = None,
    origin: str | None = None,
    allow_unlinked: bool = False,
    tolerance: float | None = None,
) -> Replay:
    """Verify a log, then make the decisions that it promises again and compare.

    Arguments:
        path: folder of the log.
        model: the estimator that made them.
        data: what it was asked, as `predict` takes it.
        salts: folder of the salts; beside the log without.
        batch: series at a time; any gives the same bits in replay mode.
        key: public key that you trust. Without, the log is compared with itself alone, and `Replay.key` is None.
        held: a checkpoint of the log that was kept elsewhere.
        origin: name of the log that you mean; see `Wanted`.
        allow_unlinked: whether decisions of other models, or about series that are not in the data, count as good.
        tolerance: of outputs, relative to the largest or to 1. Without, 0 for a model that can be replayed to the bit,
            else 1e-6. Give one for decisions that were made on another device than this.

    Raises:
        DataError: the data are of another task.
        FileFormatError: a record cannot be read.
        InputError: the tolerance is not finite, or negative.
    """
    if tolerance is not None and not 0 <= tolerance < float("inf"):
        raise InputError(
            "replay", "tolerance", f"is {tolerance}", "Pass a small number, such as 1e-5, or leave it out."
        )
    log = examine(path, key, Wanted("log", origin, held=held)).findings[0]
    if log.faults:
        faults = tuple(fault.what for fault in log.faults)
        return Replay(origin=log.origin or "", key=log.key, log_faults=faults, allows_unlinked=allow_unlinked)
    must_be_exact = is_replayable(model) and tolerance is None
    tally = _Tally(0.0 if must_be_exact else TOLERANCE if tolerance is None else tolerance)
    known, others, thresholds = _promised(path, log, model_digest(model))
    total = others.total() + sum(map(len, known.values()))
    keeper = Salts(salts or f"{os.fspath(path).rstrip('/')}.salts")
    compared: set[int] = set()  # a series that stands in the data twice makes no decision twice
    for part in model.parts(data):
        _compare(tally, known, thresholds, keeper, model, part, batch, compared)
    return Replay(
        **tally.__dict__,
        exact=tally.decisions if must_be_exact else 0,
        unlinked=total - others.total() - tally.decisions,
        other_models=others.total(),
        former=others[model_digest_1(model)],
        total=total,
        allows_unlinked=allow_unlinked,
        origin=log.origin or "",
        key=log.key,
    )


def _promised(
    path: str | os.PathLike[str], log: Finding, digest: str
) -> tuple[dict[str, list[tuple[int, Decision]]], Counter[str], dict[int, float | None]]:
    """What a log promises of a model under its newest checkpoint.

    Returns:
        its decisions by their session; how many there are of each other model; and by the index of each decision the
        threshold that was noted last, where one was.
    """
    known: dict[str, list[tuple[int, Decision]]] = defaultdict(list)
    others: Counter[str] = Counter()
    noted: float | None = None
    thresholds: dict[int, float | None] = {}
    for index, record in records(path):
        if index >= (log.size or 0):
            break
        if isinstance(record, Decision) and record.model == digest:
            known[record.session].append((index, record))
            if noted is not None:
                thresholds[index] = noted
        elif isinstance(record, Decision):
            others[record.model] += 1
        elif isinstance(record, Event):
            noted = _noted(record, digest, noted)
    return known, others, thresholds


def _noted(event: Event, model: str, before: float | None) -> float | None:
    """The threshold of a model after an event."""
    if event.kind == "open":
        return None
    stated = event.facts.get("threshold")
    if event.kind != "threshold" or event.facts.get("model") != model:
        return before
    return stated if isinstance(stated, float) and 0 < stated < 1 else None


class _Tally:
    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance
        self.decisions = self.same_bits = self.same_decision = self.silent = 0
        self.worst = 0.0
        self.broken: tuple[int, ...] = ()
        self.other_input: tuple[int, ...] = ()
        self.other_facts: tuple[int, ...] = ()

    def add(self, index: int, record: Decision, output: Array, follows: bool) -> None:
        """Compare the output of a record with that computed anew, `(numbers,)`; `follows`: the rest of it is right."""
        stated, computed = np.asarray(record.output, np.float64), output.astype(np.float64)
        is_same_size = stated.shape == computed.shape
        bits = is_same_size and stated.tobytes() == computed.tobytes()
        gap = _difference(stated, computed) if is_same_size else float("inf")
        scale = max(1.0, float(np.abs(computed).max(initial=0.0, where=np.isfinite(computed))))
        same = bits or gap <= self.tolerance * scale
        self.decisions += 1
        self.same_bits += bits
        self.same_decision += same
        self.worst = max(self.worst, 0.0 if bits else gap)
        if not same:
            self.broken += (index,)
        elif not follows:
            self.other_facts += (index,)


def _difference(stated: NDArray[np.float64], computed: NDArray[np.float64]) -> float:
    """The largest difference of two rows of numbers; what is equal, or not finite in the same way, does not differ."""
    is_equal = (stated == computed) | (np.isnan(stated) & np.isnan(computed))
    differing = np.abs(stated - computed, where=~is_equal, out=np.zeros(stated.shape))
    return float("inf") if np.isnan(differing).any() else float(differing.max(initial=0.0))


def _follows(
    record: Decision, opened: Decision, output: Array, is_class: bool, dt: float, threshold: float | None
) -> bool:
    """Whether what a record says beside its exact output follows from it and the data; what it leaves out is no lie.

    Arguments:
        record: as it stands in the log; of a person, with the class in the clear.
        opened: the same with its exact values.
        output: computed anew, `(numbers,)`.
        is_class: whether the numbers are scores of classes.
        dt: elapsed time of the data.
        threshold: that decided between two classes.
    """
    pairs = [(opened.dt, dt), (opened.uncertainty, float(uncertainty_of(output)) if is_class else None)]
    is_finite, is_flagged = bool(np.isfinite(output).all()), bool(record.monitors & NOT_FINITE)
    clear = np.asarray(record.output)
    is_shown_right = (
        not (record.is_sealed and is_class)
        or np.isnan(clear).all()
        or np.array_equal(clear, class_of(output, threshold))
    )
    return bool(is_flagged != is_finite and is_shown_right) and all(
        stated is None or wanted is None or np.isclose(stated, wanted, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
        for stated, wanted in pairs
    )


def _compare(
    tally: _Tally,
    known: dict[str, list[tuple[int, Decision]]],
    thresholds: dict[int, float | None],
    log_salts: Salts,
    model: Any,
    data: Sequences,
    batch: int,
    compared: set[int],
) -> None:
    salts = [log_salts.of_person(str(id)) for id in data.ids]
    names = [None if salt is None else alias(salt) for salt in salts]
    rows = [row for row, name in enumerate(names) if name is not None and name in known]
    tally.silent += len(names) - len(rows)
    if data.task != model.task_:
        fault = f"asks to {data.task}; the model was trained to {model.task_}"
        raise DataError("replay", "data", fault, "Read the data with the task of the training.")
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        out = _outputs(model, data, part)
        for k, row in enumerate(part):
            given = dict(pieces(data, row))
            for index, record in known[str(names[row])]:
                step = record.sequence if data.task in STEPWISE else None
                salt = salts[row]
                if salt is None or step not in given or index in compared:
                    continue
                compared.add(index)
                output = (out[k] if step is None else out[k, step]).reshape(-1)
                exact_record = _linked(record, salt, given[step])
                if exact_record is None:
                    tally.other_input += (index,)
                    tally.decisions += 1
                    continue
                is_class, dt = data.task.is_classification, elapsed(data, row, step)
                follows = _follows(record, exact_record, output, is_class, dt, thresholds.get(index))
                tally.add(index, exact_record, output, follows)


def _linked(record: Decision, salt: bytes, inputs: list[object]) -> Decision | None:
    """The record with its exact values, where its commitment is to these inputs; None otherwise."""
    try:
        exact_parts = encrypted.parts(record, salt)
        bound = commitment(salt, record.session.encode(), record.sequence, (*inputs, b"|", None, *exact_parts))
        return encrypted.opened(record, salt) if bound.hex() == record.commitment else None
    except InputError:
        return None


def _outputs(model: Any, data: Sequences, rows: list[int]) -> Array:
    seen = examples(model.encoder_, data.without_target(), paired=getattr(model, "cell", "") == "gru-d")
    device = next(model.net_.parameters()).device
    with torch.no_grad(), exact():
        outputs: Array = answer(model.net_, seen.rows(torch.tensor(rows), device)).cpu().numpy()
    return outputs
