"""What a log costs and finds: microseconds for a record, seconds to locate a changed byte, mutations detected."""

import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Literal

import numpy as np

from caudal.audit import Key, Log, Verdict, keys, newest, prove, verify
from caudal.audit.tiles import split, tile_path

_MODEL = "ab" * 32
_SMALL = 1100


@dataclass(frozen=True)
class AuditFigures:
    """Figures of one run on this machine; goals in brackets.

    Attributes:
        records: in the large log (1,000,000).
        packed_us: per packed record, flushes included (10).
        json_us: per record as canonical JSON (25).
        locate_s: to check the whole log and name the record of one changed byte (1).
        located: whether it was named rightly.
        proof_hashes: of an inclusion proof (20).
        proof_ms: to check one (1).
        mutations: tried on a log of 1,100 records.
        detected: of those that changed a promised record, found at the right one (all).
    """

    records: int
    packed_us: float
    json_us: float
    locate_s: float
    located: bool
    proof_hashes: int
    proof_ms: float
    mutations: int
    detected: int

    @property
    def is_green(self) -> bool:
        """Whether every goal is met."""
        cheap = self.packed_us <= 10 and self.json_us <= 25 and self.locate_s < 1 and self.proof_ms <= 1
        return cheap and self.located and self.proof_hashes <= 20 and self.detected == self.mutations


def audit(
    records: int = 1_000_000, mutations: int = 10_000, say: Callable[[str], None] = lambda line: None
) -> AuditFigures:
    """Write, change, check; in a scratch folder that is removed.

    Arguments:
        records: of the large log.
        mutations: to try.
        say: told what goes on.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        key = keys.make(folder / "key.pem", "bench.local/audit")
        say(f"writing {records:,} records")
        packed = _write(folder / "log", key, records, "packed")
        json = _write(folder / "json", key, max(records // 20, 1), "json")
        proof = prove(folder / "log", records // 2)
        begun = perf_counter()
        proof.holds(key.verifier)
        proof_ms = (perf_counter() - begun) * 1e3
        say("changing one byte")
        bad = _change_a_byte(folder / "log", records // 3)
        begun = perf_counter()
        found = verify(folder / "log", key.verifier)
        locate = perf_counter() - begun
        say(f"trying {mutations:,} mutations")
        tried, right = _mutations(folder / "small", key, mutations)
    return AuditFigures(
        records, packed, json, locate, found.first_bad == bad, len(proof.path), proof_ms, tried, right
    )  # fmt: skip


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
    data[sum(2 + len(one) for one in entries[:inside]) + 30] ^= 1
    place.write_bytes(data)
    return index // 256 * 256 + inside


def _mutations(path: Path, key: Key, count: int) -> tuple[int, int]:
    _write(path, key, _SMALL, "packed")
    held, dice, tried, right = newest(path), random.Random(0), 0, 0
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
        files[number].write_bytes(b"".join(len(one).to_bytes(2, "big") + one for one in changed))
        found: Verdict = verify(path, key.verifier, held)
        tried, right = tried + 1, right + (found.first_bad == number * 256 + first)
        shutil.copyfile(aside, files[number])
    return tried, right


def mutate(entries: list[bytes], dice: random.Random) -> list[bytes]:
    """Records with one of them edited, deleted, moved, replaced by another, or all from it on cut off."""
    k, j = dice.randrange(len(entries)), dice.randrange(len(entries))
    kind = dice.choice(("edit", "delete", "reorder", "splice", "truncate"))
    if kind == "edit":
        one = bytearray(entries[k])
        one[dice.randrange(len(one))] ^= 1 << dice.randrange(8)
        entries[k] = bytes(one)
    elif kind == "delete":
        del entries[k]
    elif kind == "reorder":
        entries[k], entries[j] = entries[j], entries[k]
    elif kind == "splice":
        entries[k] = entries[j]
    else:
        del entries[k:]
    return entries
