"""Calls of the system that fail, and writers that die at one, around full bundles: what was promised must be there."""

import errno
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.audit.figures import Figure, Say, exactly
from caudal.audit import Checkpoint, Key, Log, keys, prove, records, verify
from caudal.audit.log.tiles import WIDTH
from caudal.errors import CaudalError

_CALLS = ("open", "write", "replace", "mkdir", "fsync", "ftruncate", "unlink")
_ERRNOS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EMFILE)
_MODEL = "ab" * 32
_NAME = "bench.local/audit"
_STEPS = 11


@dataclass
class Told:
    """What a writer was told while it wrote.

    Attributes:
        promises: checkpoints that `flush` returned.
        taken: sequence number of each record whose `decide` returned, by its index.
    """

    promises: list[str]
    taken: dict[int, int]


@contextmanager
def trap(number: int, act: Callable[[], None], *, after: bool = False, length: int = 1) -> Iterator[list[int]]:
    """Let something happen at one call of the system that writes.

    Arguments:
        number: of the call, counted from 0 over all kinds.
        act: what happens; an error that it raises is what the caller sees.
        after: the call is done first.
        length: calls in a row at which it happens.

    Yields:
        a list whose only element is the number of calls so far.
    """
    count, real = [0], {name: getattr(os, name) for name in _CALLS}

    def watched(call: Callable[..., object]) -> Callable[..., object]:
        def go(*arguments: object, **named: object) -> object:
            at = count[0]
            count[0] += 1
            is_hit = number <= at < number + length
            if is_hit and not after:
                act()
            result = call(*arguments, **named)
            if is_hit and after:
                act()
            return result

        return go

    for name, call in real.items():
        setattr(os, name, watched(call))
    try:
        yield count
    finally:
        for name, call in real.items():
            setattr(os, name, call)


def write_on(folder: Path, key: Key, following: Key, outcome: Told, tell: Callable[[Checkpoint], None]) -> None:
    """Open a log, write over the end of a bundle, change the key, and close; what fails is tried again once."""

    def twice(step: Callable[[], object]) -> object:
        try:
            return step()
        except OSError:
            return step()

    def decide(sequence: int) -> None:
        index = log.decide("bed", [float(sequence)], model=_MODEL, inputs=b"x", sequence=sequence)
        outcome.taken[index] = sequence

    def flush() -> None:
        point = log.flush()
        outcome.promises.append(str(point))
        tell(point)

    log: Log = twice(lambda: Log(folder, key, every=0, seconds=0))  # type: ignore[assignment]
    for k in range(_STEPS):
        with suppress(OSError):
            decide(1000 + k)
        if k % 3 == 2:
            with suppress(OSError):
                flush()
        if k == _STEPS - 3:
            twice(lambda: log.rotate(following))
    twice(flush)
    twice(log.close)


def wrong_with(folder: Path, first: Key, following: Key, outcome: Told) -> str:
    """What is wrong with a log after a fault, in words; empty where nothing."""
    checkpoint = Checkpoint.parse(outcome.promises[-1].encode()) if outcome.promises else None
    for full in (False, True):
        verdict = verify(folder, first.verifier, checkpoint, full=full)
        if not verdict.holds:
            return f"it does not verify: {verdict.faults[0].what}"
    for key in (first, following):
        with suppress(CaudalError):
            with Log(folder, key, sync=False):
                pass
            break
    else:
        return "it does not open"
    verdict = verify(folder, first.verifier, checkpoint, full=True)
    if not verdict.holds:
        return f"opened again, it does not verify: {verdict.faults[0].what}"
    size = 0 if checkpoint is None else checkpoint.size
    if size and not prove(folder, size - 1).checkpoint.size >= size:
        return "the last promised record is not proven"
    written = {index: getattr(record, "sequence", None) for index, record in records(folder, max(size - WIDTH, 0))}
    lost = [index for index, sequence in outcome.taken.items() if index < size and written.get(index) != sequence]
    return f"record {lost[0]} is not the one that was taken" if lost else ""


def _failing(folder: Path, first: Key, following: Key, number: int, dice: random.Random) -> str:
    """One call of the system fails, or some in a row; the program goes on."""
    outcome, code = Told([], {}), dice.choice(_ERRNOS)

    def fail() -> None:
        raise OSError(code, os.strerror(code))

    try:
        with trap(number, fail, length=dice.choice([1, 1, 1, 2, 5])):
            write_on(folder, first, following, outcome, lambda point: None)
    except OSError:  # failed twice: as if the program had given up
        _give_up()
    return wrong_with(folder, first, following, outcome)


def _give_up() -> None:
    """Forget logs that could not be closed, as the end of a process does."""
    from caudal.audit.log import durable

    durable.release_all()


def _dying(folder: Path, first: Key, following: Key, number: int, dice: random.Random) -> str:
    """The process of the writer ends at one call of the system, before or after it."""
    ours, theirs = os.pipe()
    write = os.write
    child = os.fork()
    if not child:
        try:
            with trap(number, lambda: os._exit(9), after=dice.random() < 0.5):
                write_on(folder, first, following, Told([], {}), lambda point: _say(write, theirs, point))
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        texts = pipe.read().split(b"\0")[:-1]
    os.waitpid(child, 0)
    return wrong_with(folder, first, following, Told([text.decode() for text in texts], {}))


def _say(write: Callable[[int, bytes], int], pipe: int, point: Checkpoint) -> None:
    write(pipe, str(point).encode() + b"\0")


def _base(folder: Path, key: Key, size: int) -> None:
    with Log(folder, key, sync=False, every=0, seconds=0) as log:
        while log.size < size:
            log.decide("bed", [1.0], model=_MODEL, inputs=b"x")


def _copy(source: Path, target: Path) -> None:
    """A copy that shares the files that nobody writes to."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("tile"))
    shutil.copytree(f"{source}.salts", f"{target}.salts")
    if (source / "tile").exists():
        shutil.copytree(source / "tile", target / "tile", copy_function=os.link)


def faults(count: int, say: Say) -> tuple[Figure, ...]:
    """Let each call of the system around 256 and 65,536 records fail, and writers die at each, in turn.

    Arguments:
        count: failed calls, and as many deaths.
        say: told what goes on.
    """
    dice, bad, tried = random.Random(0), {"failed": 0, "died": 0}, {"failed": 0, "died": 0}
    with tempfile.TemporaryDirectory() as scratch:
        first, following = (keys.make(Path(scratch) / f"{name}.pem", _NAME) for name in ("first", "next"))
        for size, share in ((WIDTH - 4, 0.4), (1, 0.1), (2 * WIDTH - 3, 0.2), (WIDTH * WIDTH - 4, 0.3)):
            base, copy = Path(scratch) / f"base-{size}", Path(scratch) / "copy"
            if count * share < 1:
                continue
            _base(base, first, size)
            _copy(base, copy)
            with trap(-1, lambda: None) as calls:
                write_on(copy, first, following, Told([], {}), lambda point: None)
            for name, run in (("failed", _failing), ("died", _dying)):
                for k in range(int(count * share)):
                    for old in (copy, Path(f"{copy}.salts")):
                        shutil.rmtree(old)
                    _copy(base, copy)
                    number = k % calls[0]
                    sentence = run(copy, first, following, number, dice)
                    tried[name] += 1
                    if sentence:
                        bad[name] += 1
                        say(f"{size:,} records, call {number} {name}: {sentence}")
                say(f"{size:,} records, {calls[0]} calls, {tried[name]:,} {name}: {bad[name]} logs not as promised")
            for old in (copy, Path(f"{copy}.salts")):
                shutil.rmtree(old)
    return (
        Figure(
            "calls of the system that failed (open, write, rename, mkdir, fsync, truncate, unlink)", tried["failed"]
        ),
        exactly("after them, logs that do not verify, prove and open as promised", bad["failed"], 0),
        Figure("writers that died at a call", tried["died"]),
        exactly("after them, logs that do not verify, prove and open as promised (deaths)", bad["died"], 0),
    )
