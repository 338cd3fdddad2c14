"""One training run as a value: what to do, and what came of it. Executors carry both between processes and machines."""

import hashlib
import io
import json
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from caudal import limits, serial
from caudal.compare.contenders.registry import Entry
from caudal.compare.metrics.scorers import Scorer
from caudal.compare.record import Circuit, Contender, Run, Scalar
from caudal.data import Sequences
from caudal.errors import CaudalError, FileFormatError
from caudal.typing import Array

Phase = Literal["trial", "final"]


@dataclass(frozen=True, eq=False)
class Parts:
    """The series of a study, divided.

    Attributes:
        train: to learn from.
        val: to stop by and to choose settings by.
        test: to judge on; a trial never sees it.
    """

    train: Sequences
    val: Sequences
    test: Sequences


@dataclass(frozen=True, eq=False)
class Disturber:
    """A disturbance of one's own, which the test series of every contender meet.

    Attributes:
        name: unique among disturbances.
        function: series, level and seed -> the series disturbed; level 0 gives them back as they are.
        levels: rising, from 0.
        unit: of the levels, in words.
        mark: what tells it from an earlier version of the same name.
    """

    name: str
    function: Callable[[Sequences, float, int], Sequences]
    levels: tuple[float, ...]
    unit: str
    mark: str = ""


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes:
        model: name of the contender.
        phase: `"trial"` of tuning, judged on validation only; or `"final"`, judged on test.
        number: of the trial, or of the seed; from 0.
        seed: of weights, order, and disturbances.
        settings: chosen by tuning; missing names take the contender's usual value.
        epochs: at most.
        parameters: what networks are matched to.
        retrain_timing: whether to train anew on changed times as well.
        disturb: whether to measure robustness.
        metric: that tuning, changed times and disturbances are judged by; `""` is the usual one of the task.
        expect: disturbances that every model is trained for, with their levels.
        seconds: what the run may take: a network stops training at the pass that would outlast its share, and the
            disturbances are left out where the time is over; None without a limit. How many does not decide which run
            it is, only that there is a limit.
        guest: the contender itself, where it is one of the caller's own, which other processes do not know.
        scorer: the metric itself, where it is one of others.
        disturbers: disturbances of one's own, beside those of caudal.
    """

    model: str
    phase: Phase
    number: int
    seed: int
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    epochs: int = 30
    parameters: int = 2500
    retrain_timing: bool = False
    disturb: bool = True
    metric: str = ""
    expect: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = field(default=None, compare=False)
    guest: Entry | None = field(default=None, compare=False)
    scorer: Scorer | None = field(default=None, compare=False)
    disturbers: tuple[Disturber, ...] = field(default=(), compare=False)

    @property
    def key(self) -> str:
        """SHA-256 (hex) of everything that decides the run: a stored outcome under this key is its outcome.

        Example:
            >>> Job("cfc", "final", 0, 7).key == Job("cfc", "final", 0, 7).key != Job("cfc", "final", 1, 8).key
            True
        """
        facts: dict[str, Any] = {**self.__dict__, "settings": dict(self.settings), "expect": dict(self.expect)}
        del facts["guest"], facts["scorer"], facts["disturbers"]
        if self.disturbers:
            facts["disturbers"] = [(each.name, each.levels, each.mark) for each in self.disturbers]
        if self.scorer is not None:
            facts["metric_mark"] = self.scorer.mark
        if facts.pop("seconds") is not None:
            facts["timed"] = True
        if self.guest is not None:
            facts["mark"] = self.guest.mark
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class RunOutcome:
    """What came of a job.

    Attributes:
        job: what was asked.
        run: metrics and more; `run.failed` says why there are none.
        contender: sizes and counts of the model that was trained, with the settings of this run and no timings yet.
        scores: predictions of every known test target, in the order of `truth`: probabilities `(known, classes)`
            float32, or numbers in the unit of the target `(known, outputs)`; empty for a trial.
        series: `(known,)` int64 position of the test series of each prediction: bootstraps draw whole owners.
        truth: `(known,)` int64 codes, or `(known, outputs)` numbers.
        circuit: a trained circuit to draw, of a wired contender's seed 0.
        model: bytes of the saved network, of seed 0; None of trees and trivial ones.
    """

    job: Job
    run: Run
    contender: Contender
    scores: NDArray[np.float32]
    series: NDArray[np.int64]
    truth: Array
    circuit: Circuit | None = None
    model: bytes | None = None


Arrays = tuple[Array, Array, Array]


def pack(outcome: RunOutcome) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    """The records of an outcome as JSON, and its three arrays as (digest of the content, compressed bytes).

    Equal arrays have equal digests: truth and owners of a test set are kept once for all runs.
    """
    parts: dict[str, Any] = {"run": outcome.run, "contender": outcome.contender, "circuit": outcome.circuit}
    record = json.dumps({name: None if part is None else asdict(part) for name, part in parts.items()})
    arrays = []
    for array in (outcome.scores, outcome.series, outcome.truth):
        file = io.BytesIO()
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        content = file.getvalue()
        arrays.append((hashlib.sha256(content).hexdigest(), zlib.compress(content, 6)))
    return record, tuple(arrays)


def unpack_array(data: bytes, source: Path) -> Array:
    """An array that `pack` compressed.

    Raises:
        FileFormatError: it is damaged.
    """
    try:
        plain = zlib.decompressobj().decompress(data, limits.RECORD)
        file = io.BytesIO(plain)
        np.lib.format.read_magic(file)
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
        if math.prod(shape) * kind.itemsize != len(plain) - file.tell():
            raise ValueError("its header states another size")
        array: Array = np.load(io.BytesIO(plain), allow_pickle=False)
        return array
    except (zlib.error, ValueError, EOFError) as error:
        raise _damaged(source, error) from error


def unpack(job: Job, record: str, arrays: Arrays, network: bytes | None, source: Path) -> RunOutcome:
    """The outcome of a job.

    Raises:
        FileFormatError: the text is no such record.
    """
    try:
        parts: dict[str, Any] = limits.parsed(record, limits.RECORD)
        run = serial.from_json(Run, json.dumps(parts["run"]))
        contender = serial.from_json(Contender, json.dumps(parts["contender"]))
        circuit = parts["circuit"] and serial.from_json(Circuit, json.dumps(parts["circuit"]))
    except (CaudalError, ValueError, KeyError, TypeError) as error:
        raise _damaged(source, error) from error
    return RunOutcome(job, run, contender, arrays[0], arrays[1], arrays[2], circuit or None, network)


def _damaged(source: Path, error: Exception) -> FileFormatError:
    remedy = "Move it away to begin anew."
    return FileFormatError(f"{source}: holds a run that does not read ({error}). {remedy}")
