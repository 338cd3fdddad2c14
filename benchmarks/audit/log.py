"""The log: cost of a record, a changed byte located, mutations detected, writers killed."""

import multiprocessing
import random
import shutil
import tempfile
import threading
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, Literal

import numpy as np

from benchmarks.audit.figures import Figure, Say, at_most, exactly
from caudal.audit import Checkpoint, Desk, Key, Log, Slip, keys, newest, prove, records, verify
from caudal.audit.log.record import Decision
from caudal.audit.log.tiles import split, tile_path

_MODEL = "ab" * 32
_SMALL = 1100
_FRESH = 50
_LONGEST = 0.06


def cost(records: int, say: Say) -> tuple[Figure, ...]:
    """Write a large log, prove a record, change one byte, and look for it.

    Arguments:
        records: of the log.
        say: told what goes on.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        key = keys.make(folder / "key.pem", "bench.local/audit")
        say(f"writing {records:,} packed records, and {max(records // 20, 1):,} as JSON")
        packed = _write(folder / "log", key, records, "packed")
        json = _write(folder / "json", key, max(records // 20, 1), "json")
        proof = prove(folder / "log", records // 2)
        begun = perf_counter()
        for _ in range(20):
            proof.holds(key.verifier)
        proof_ms = (perf_counter() - begun) / 20 * 1e3
        say("changing one byte")
        bad = _change_a_byte(folder / "log", records // 3)
        begun = perf_counter()
        verdict = verify(folder / "log", key.verifier)
        seconds = perf_counter() - begun
    return (
        Figure("records of the log", records),
        at_most("a packed record, flushes included", packed, 10, "us", is_time=True),
        at_most("a record as JSON", json, 25, "us", is_time=True),
        at_most("hashes of an inclusion proof", len(proof.path), 20),
        at_most("checking an inclusion proof", proof_ms, 1, "ms", is_time=True),
        at_most("checking the log and naming the record of one changed byte", seconds, 1, "s", is_time=True),
        exactly("changed bytes named at the right record, of 1", float(verdict.first_bad == bad), 1),
    )


def _write(path: Path, key: Key, count: int, form: Literal["packed", "json"]) -> float:
    output, inputs = np.array([0.1, 0.9], np.float32), np.zeros(8, np.float32)
    with Log(path, key, form=form) as log:
        begun = perf_counter()
        for _ in range(count):
            log.decide("bench", output, model=_MODEL, inputs=inputs, dt=0.5)
        log.flush()
        return (perf_counter() - begun) / count * 1e6


def _change_a_byte(path: Path, index: int) -> int:
    place = path / tile_path("entries", index // 256)
    if not place.is_file():
        place = path / "edge" / "entries"
    data = bytearray(place.read_bytes())
    entries, _ = split(bytes(data))
    inside = min(index % 256, len(entries) - 1)
    data[sum(2 + len(entry) for entry in entries[:inside]) + 30] ^= 1
    place.write_bytes(data)
    return index // 256 * 256 + inside


def mutations(count: int, say: Say) -> tuple[Figure, ...]:
    """Change records of a log of 1,100 at random, and see whether the first bad one is named each time."""
    with tempfile.TemporaryDirectory() as scratch:
        path, key = Path(scratch) / "log", keys.make(Path(scratch) / "key.pem", "bench.local/audit")
        _write(path, key, _SMALL, "packed")
        checkpoint, dice, tried, seen, named = newest(path), random.Random(0), 0, 0, 0
        files = [*sorted((path / "tile" / "entries").glob("[0-9]*")), path / "edge" / "entries"]
        aside = path.with_name("aside")
        while tried < count:
            number = dice.randrange(len(files))
            shutil.copyfile(files[number], aside)
            entries, _ = split(files[number].read_bytes())
            changed = mutate(list(entries), dice)
            if changed == entries:
                continue
            pairs = zip(entries, changed, strict=False)
            first = next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(entries), len(changed)))
            files[number].write_bytes(b"".join(len(entry).to_bytes(2, "big") + entry for entry in changed))
            verdict = verify(path, key.verifier, checkpoint)
            tried, seen, named = (
                tried + 1,
                seen + (not verdict.holds),
                named + (verdict.first_bad == number * 256 + first),
            )
            shutil.copyfile(aside, files[number])
            if tried % 1000 == 0:
                say(f"{tried:,} mutations: {seen:,} detected, {named:,} named")
    return (
        Figure("mutations tried: edit, delete, reorder, splice, truncate", tried),
        exactly("mutations detected", seen, tried),
        exactly("mutations whose first bad record was named", named, tried),
    )


def mutate(entries: list[bytes], dice: random.Random) -> list[bytes]:
    """Records with one of them edited, deleted, moved, replaced by another, or all from it on cut off."""
    k, j = dice.randrange(len(entries)), dice.randrange(len(entries))
    kind = dice.choice(("edit", "delete", "reorder", "splice", "truncate"))
    if kind == "edit":
        edited = bytearray(entries[k])
        edited[dice.randrange(len(edited))] ^= 1 << dice.randrange(8)
        entries[k] = bytes(edited)
    elif kind == "delete":
        del entries[k]
    elif kind == "reorder":
        entries[k], entries[j] = entries[j], entries[k]
    elif kind == "splice":
        entries[k] = entries[j]
    else:
        del entries[k:]
    return entries


def kills(count: int, say: Say) -> tuple[Figure, ...]:
    """Kill a writer at random moments, and see whether what it had promised is there."""
    context = _forking("benchmarks.audit.log")
    dice, lost, bad, promised = random.Random(0), 0, 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        pem = Path(scratch) / "key.pem"
        key = keys.make(pem, "bench.local/audit")
        for trial in range(count):
            folder = Path(scratch) / f"log-{trial // _FRESH}"
            promise = _killed(context, folder, pem, dice.uniform(0, _LONGEST))
            checkpoint = None if promise is None else Checkpoint.parse(promise)
            promised += checkpoint is not None
            lost += checkpoint is not None and newest(folder).size < checkpoint.size
            bad += folder.joinpath("checkpoint").exists() and not verify(folder, key.verifier, checkpoint).holds
            if trial % _FRESH == _FRESH - 1 or trial == count - 1:
                with Log(folder, key, sync=False):
                    pass
                bad += not verify(folder, key.verifier, checkpoint, full=True).holds
                say(f"{trial + 1:,} kills: {lost} with a promise lost, {bad} with a log that does not verify")
                shutil.rmtree(folder)
    return (
        Figure("writers killed (SIGKILL) at a random moment", count),
        Figure("of them after at least one promise", promised),
        exactly("kills after which a promised record was lost", lost, 0),
        exactly("kills after which the log did not open and verify", bad, 0),
    )


def desk_kills(count: int, say: Say) -> tuple[Figure, ...]:
    """Kill processes that hand in to a desk, and such that have the desk, and look for what was promised."""
    context, dice, tally = _forking("benchmarks.audit.log"), random.Random(1), Counter[str]()
    with tempfile.TemporaryDirectory() as scratch:
        pem = Path(scratch) / "key.pem"
        key = keys.make(pem, "bench.local/audit")
        for start in range(0, count, _FRESH):
            number = min(_FRESH, count - start)
            folder = Path(scratch) / f"log-{start}"
            promised = _senders_killed(context, folder, key, (number + 1) // 2, dice)
            promised_size = 0
            for _ in range(number // 2):
                size = _desk_killed(context, folder, pem, dice)
                promised_size = max(promised_size, size)
                tally["lost"] += newest(folder).size < promised_size
                tally["promised"] += size > 0
            with Log(folder, key, sync=False):
                pass
            tally["bad"] += not verify(folder, key.verifier, full=True).holds
            there = Counter(record.session for _, record in records(folder) if isinstance(record, Decision))
            tally["lost"] += sum(there[name] < least for name, least in promised.items())
            tally["promised"] += sum(least > 0 for least in promised.values())
            say(f"{start + number:,} kills at a desk: {tally['lost']} with a promise lost, {tally['bad']} bad logs")
            shutil.rmtree(folder)
    return (
        Figure("processes at a desk killed (SIGKILL): senders and writers", count),
        Figure("of them after at least one promise", tally["promised"]),
        exactly("kills at a desk after which a promised record was lost", tally["lost"], 0),
        exactly("logs of a desk that did not open and verify", tally["bad"], 0),
    )


def _senders_killed(context: Any, folder: Path, key: Key, count: int, dice: random.Random) -> dict[str, int]:
    """Kill senders of a desk in this process; by session, how many records each was told are promised."""
    promised: dict[str, int] = {}
    with Log(folder, key, sync=False) as log, Desk(log) as desk:
        for trial in range(count):
            ours, theirs = context.Pipe(duplex=False)
            name = f"sender {trial}"
            process = context.Process(target=_hand_in, args=(desk.slip(), name, theirs), daemon=True)
            process.start()
            theirs.close()
            promised[name] = 0
            try:
                for _ in range(dice.randrange(4)):
                    promised[name] = int(ours.recv_bytes())
                sleep(dice.uniform(0, _LONGEST))
                process.kill()
                while True:
                    promised[name] = int(ours.recv_bytes())
            except (EOFError, OSError):
                pass
            process.join()
            ours.close()
    return promised


def _desk_killed(context: Any, folder: Path, pem: Path, dice: random.Random) -> int:
    """Hand in to a desk in another process until it is killed; the last promised size."""
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(str(folder), str(pem), theirs), daemon=True)
    process.start()
    theirs.close()
    promised = 0
    try:
        slip: Slip = ours.recv()
        for _ in range(dice.randrange(3)):
            promised = slip.flush()
        timer = threading.Timer(dice.uniform(0, _LONGEST), process.kill)
        timer.start()
        while True:
            for _ in range(7):
                slip.decide("bench", [1.0], model=_MODEL, inputs=b"x")
            promised = slip.flush()
    except (EOFError, OSError):
        pass
    process.kill()
    process.join()
    ours.close()
    return promised


def _hand_in(slip: Slip, session: str, tell: Connection) -> None:
    """Hand in, flush and tell how many were promised, until the end."""
    count = 0
    tell.send_bytes(b"0")
    while True:
        for _ in range(7):
            slip.decide(session, [1.0], model=_MODEL, inputs=b"x")
        count += 7
        slip.flush()
        tell.send_bytes(str(count).encode())


def _serve(folder: str, pem: str, tell: Connection) -> None:
    """A desk, until the end."""
    with Log(folder, pem, sync=False, every=50, seconds=0) as log, Desk(log) as desk:
        tell.send(desk.slip())
        sleep(600)


def _forking(module: str) -> Any:
    """The cheapest way to start processes that load nothing but a module."""
    names = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in names else "spawn")
    if "forkserver" in names:
        context.set_forkserver_preload([module])
    return context


def _killed(context: Any, folder: Path, pem: Path, delay: float) -> bytes | None:
    """The last promise that a writer told of before it was killed."""
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_write_on, args=(str(folder), str(pem), theirs), daemon=True)
    process.start()
    theirs.close()
    promise: bytes | None = None
    try:
        promise = ours.recv_bytes() or None
        sleep(delay)
        process.kill()
        while True:
            promise = ours.recv_bytes()
    except (EOFError, OSError):
        pass
    process.join()
    ours.close()
    return promise


def _write_on(folder: str, pem: str, tell: Connection) -> None:
    """Write, flush and tell until the end."""
    with Log(folder, pem, sync=False, every=0, seconds=0) as log:
        tell.send_bytes(b"")
        while True:
            for _ in range(37):
                log.decide("bench", [1.0], model=_MODEL, inputs=b"x")
            tell.send_bytes(str(log.flush()).encode())
