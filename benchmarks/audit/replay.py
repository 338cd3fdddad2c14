"""Decisions of a log made again, at other batch sizes and numbers of threads; and what logging adds to a decision."""

import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from benchmarks.audit.figures import Figure, Say, at_most, exactly
from benchmarks.audit.subject import Subject, subject
from caudal.audit import Log, keys, log_series, replay
from caudal.data import Sequences
from caudal.kernels import exact
from caudal.train import answer, examples

_WAYS = ((7, 1), (256, 2), (1000, 1))
_TIMED = 200


def replays(count: int, say: Say) -> tuple[Figure, ...]:
    """Log decisions at batches of 64 on one thread, and make them again in other ways.

    Arguments:
        count: decisions.
        say: told what goes on.
    """
    model, data, _ = subject(None)
    threads = torch.get_num_threads()
    figures: list[Figure] = []
    try:
        with tempfile.TemporaryDirectory() as scratch:
            torch.set_num_threads(1)
            path, key = Path(scratch) / "log", keys.make(Path(scratch) / "key.pem", "bench.local/audit")
            with Log(path, key, sync=False) as log:
                written = _decide(model, data, log, count)
            for batch, number in _WAYS:
                torch.set_num_threads(number)
                replayed = replay(path, model, data, batch=batch)
                say(f"batch {batch}, {number} threads: {replayed.same_bits:,} of {replayed.decisions:,} to the bit")
                figures.append(
                    exactly(f"same to the bit, batch {batch}, threads {number}", replayed.same_bits, written)
                )
                figures.append(
                    exactly(f"same decision, batch {batch}, threads {number}", replayed.same_decision, written)
                )
            torch.set_num_threads(1)
            share = _share(model, data, Path(scratch) / "timed", keys.load(Path(scratch) / "key.pem"))
    finally:
        torch.set_num_threads(threads)
    return Figure("decisions logged and made again", written), *figures, share


def _decide(model: Subject, data: Sequences, log: Log, count: int) -> int:
    """Decide on all series, again and again until there are so many decisions."""
    seen, done = examples(model.encoder_, data.without_target()), 0
    while done < count:
        for part in torch.split(torch.arange(len(seen)), 64):
            rows = part[: count - done]
            if not len(rows):
                break
            with torch.no_grad(), exact():
                out = answer(model.net_, seen.rows(rows))
            log_series(log, model, data, rows.tolist(), out.numpy())
            done += len(rows)
    return done


def _share(model: Subject, data: Sequences, path: Path, key: keys.Key) -> Figure:
    """Time of a record beside that of the decision it is about, one series at a time; the smallest of each counts."""
    seen = examples(model.encoder_, data.without_target())
    deciding, writing = [], []
    with Log(path, key, sync=False, every=0, seconds=0) as log, torch.no_grad():
        for k in range(_TIMED):
            begun = perf_counter()
            out = answer(model.net_, seen.rows(torch.tensor([k]))).numpy()[0]
            middle = perf_counter()
            log.decide("bench", out, model="ab" * 32, inputs=data.values[k], dt=0.5)
            deciding.append(middle - begun)
            writing.append(perf_counter() - middle)
    share = 100 * float(np.median(writing) / np.median(deciding))
    return at_most("a record beside one decision of a CfC of 16 neurons", share, 5, "%", is_time=True)
