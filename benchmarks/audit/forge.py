"""Logs forged as who lacks the key would forge them, and what the check says: parts moved, replayed, signed anew.

A trial takes an honest log, lets an attacker edit its files, and asks `verify`. It may be called good only if the
records that it counts are those that were written, their number was promised, and the checkpoint that was held is not
undercut.
"""

import json
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Literal

from benchmarks.audit.figures import Figure, Say, exactly
from caudal.audit import Key, Log, keys, prove, retain, verify
from caudal.audit.log import tiles
from caudal.audit.log.checkpoint import Checkpoint, Note, Verifier, checkpoint_text
from caudal.audit.log.encoding import closed, pack
from caudal.audit.log.merkle import leaf, root
from caudal.audit.log.record import Event, Seal
from caudal.audit.log.tiles import split, tile_path
from caudal.errors import CaudalError

Files = dict[str, bytes]
_MODEL = "ab" * 32
_NAME = "bench.local/audit"
_FORMS: tuple[Literal["packed", "json"], ...] = ("packed", "json")


@dataclass(frozen=True)
class World:
    """An honest log, and what an attacker has at hand.

    Attributes:
        states: files of the log at several times, oldest first; the last one is attacked.
        entries: records by origin: those of the log, and of another honest log of the same key.
        sizes: numbers of records that were promised, by origin.
        key: that the user names.
        first: index of the first record that is kept.
        others: files of other logs: of the same key under another name, and of the attacker under the same name.
        rogue: key of the attacker, of the same name as the genuine one.
    """

    states: tuple[Files, ...]
    entries: dict[str, list[bytes]]
    sizes: dict[str, set[int]]
    key: Verifier
    first: int
    others: tuple[Files, ...]
    rogue: Key

    @property
    def held(self) -> Checkpoint:
        """The newest promise."""
        return Checkpoint.parse(self.states[-1]["checkpoint"])


def files_of(folder: Path) -> Files:
    """Every file of a log but its lock, by its path below the folder."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def lay(folder: Path, before: Files, after: Files) -> None:
    """Bring a folder that holds some files to hold others."""
    for path in before.keys() - after.keys():
        (folder / path).unlink()
    for path, data in after.items():
        if before.get(path) != data:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)


def entries_of(files: Files, size: int, first: int = 0) -> list[bytes]:
    """Records as a reader finds them: those of full bundles, and those of the edge after them."""
    entries: list[bytes] = []
    for number in range(first // tiles.WIDTH, -(-size // tiles.WIDTH)):
        path = tile_path("entries", number)
        entries += split(files.get(path, files.get("edge/entries", b"")))[0]
    return entries[: size - first]


def world(
    scratch: Path,
    size: int,
    *,
    rotates: bool = False,
    retires: bool = False,
    form: Literal["packed", "json"] = "packed",
) -> World:
    """An honest log of about `size` records, flushed and opened now and then, and two others."""
    scratch.mkdir(parents=True, exist_ok=True)
    first_key = keys.make(scratch / "key.pem", _NAME)
    next_key, rogue = keys.make(scratch / "next.pem", _NAME), keys.make(scratch / "rogue.pem", _NAME)
    states: list[Files] = []
    sizes: dict[str, set[int]] = {_NAME: set(), "bench.local/other": set()}

    def write(name: str, key: Key, origin: str, changes: bool) -> Files:
        folder, dice = scratch / name, random.Random(f"{size} {name}")
        for part in range(3):
            with Log(folder, key, origin=origin, form=form, sync=False, every=0, seconds=0, clock=lambda: 0) as log:
                for _ in range(max(size // 3, 1)):
                    log.decide(f"bed {dice.randrange(9)}", [dice.random(), 0.5], model=_MODEL, inputs=b"x")
                    if dice.random() < 4 / (size + 1):
                        keep(log, folder, origin)
                if changes and part == 1:
                    keep(log, folder, origin)
                    log.rotate(next_key)
                    key = next_key
                    keep(log, folder, origin)
            keep(log, folder, origin)
        return files_of(folder)

    def keep(log: Log, folder: Path, origin: str) -> None:
        point = log.flush() if log._is_open else log.checkpoint
        sizes[origin] = sizes[origin] | {0 if point is None else point.size}
        if folder.name == "log" and len(states) < 12:
            states.append(files_of(folder))

    last = write("log", first_key, _NAME, rotates)
    origins = dict(sizes)
    others = (write("other", first_key, "bench.local/other", False), write("rogue", rogue, _NAME, False))
    sizes = {**sizes, _NAME: origins[_NAME]}
    count = Checkpoint.parse(last["checkpoint"]).size
    entries = {
        _NAME: entries_of(last, count),
        "bench.local/other": entries_of(others[0], Checkpoint.parse(others[0]["checkpoint"]).size),
    }
    first = 0
    if retires:
        with Log(scratch / "log", next_key if rotates else first_key, sync=False) as log:
            first = retain(log, date(2020, 1, 1)).first
        last = files_of(scratch / "log")
        size_now = Checkpoint.parse(last["checkpoint"]).size
        sizes[_NAME] |= {p.size for p in _promises(last)}
        entries[_NAME] = entries[_NAME][:first] + entries_of(last, size_now, first)
        states.clear()
    return World((*states, last), entries, sizes, first_key.verifier, first, others, rogue)


def _promises(files: Files) -> list[Checkpoint]:
    lines = files["checkpoints"].splitlines()
    return [Checkpoint.parse(json.loads(line)["note"].encode()) for line in lines]


def judge(folder: Path, files: Files, base: World, checkpoint: Checkpoint | None, full: bool) -> str:
    """What the check of a forged log got wrong, in words; empty where nothing.

    Arguments:
        folder: where the files lie.
        files: of the forged log.
        base: what it was forged from.
        checkpoint: a checkpoint that the user kept.
        full: as in `verify`.
    """
    try:
        verdict = verify(folder, base.key, checkpoint, full=full)
    except CaudalError:
        return ""
    if not verdict.holds:
        return ""
    if verdict.size not in base.sizes.get(verdict.origin, ()):
        return f"good, with {verdict.size} records of {verdict.origin} that were never promised"
    if checkpoint is not None and verdict.size < checkpoint.size:
        return f"good, with {verdict.size} records where {checkpoint.size} were held"
    first = int(json.loads(files["log.json"])["first"])
    if first not in (0, base.first):
        return f"good, with records before {first} said to be retired"
    if entries_of(files, verdict.size, first) != base.entries[verdict.origin][first : verdict.size]:
        return f"good, and a record before {verdict.size} is not the one that was written"
    return ""


def _records(files: Files) -> list[str]:
    return sorted(path for path in files if path.startswith(("tile/entries/", "edge/entries")))


def _framed(entries: list[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _change_records(files: Files, base: World, dice: random.Random) -> None:
    """Edit, drop, double, move or replace a record, and perhaps cover it up in the hashes, seals and checkpoint."""
    path = dice.choice(_records(files) or ["edge/entries"])
    entries = split(files.get(path, b""))[0] or [b"\1"]
    k, kind = dice.randrange(len(entries)), dice.randrange(6)
    if kind == 0:
        entry = bytearray(entries[k])
        entry[dice.randrange(len(entry))] ^= 1 << dice.randrange(8)
        entries[k] = closed(bytes(entry[:-4])) if dice.random() < 0.7 else bytes(entry)
    elif kind == 1:
        del entries[k]
    elif kind == 2:
        entries.insert(k, entries[dice.randrange(len(entries))])
    elif kind == 3:
        j = dice.randrange(len(entries))
        entries[k], entries[j] = entries[j], entries[k]
    elif kind == 4:
        source = dice.choice([files, *base.others, *base.states])
        entries[k] = dice.choice(split(source.get(path, b""))[0] or [b"\1"])
    else:
        entries[k] = pack(Event(0, dice.choice(["alarm", "stop", "retired"]), {"first": tiles.WIDTH}))
    files[path] = _framed(entries)
    if dice.random() < 0.8:
        _cover(files, base, dice)


def _cover(files: Files, base: World, dice: random.Random) -> None:
    """Make hashes, seals, rows above and the checkpoint anew over the records: any part of it, or all."""
    seals, leaves, above, signs = (dice.random() < 0.75 for _ in range(4))
    number, last, roots = 0, None, []
    width = tiles.WIDTH
    row: list[bytes] = []
    while True:
        path = tile_path("entries", number)
        is_full = path in files
        path = path if is_full else "edge/entries"
        entries = split(files.get(path, b""))[0]
        if seals and last and entries:
            entries[0] = pack(Seal(0, *last))
            files[path] = _framed(entries)
        row = [leaf(entry) for entry in entries]
        last = sha256(files.get(path, b"")).hexdigest(), sha256(b"".join(row)).hexdigest()
        if leaves:
            files[tile_path(0, number) if is_full else "edge/0"] = b"".join(row)
        if not is_full:
            break
        roots.append(root(row))
        number += 1
    if above:
        level, nodes = 1, roots
        while nodes:
            full = len(nodes) // width
            for k in range(full):
                files[tile_path(level, k)] = b"".join(nodes[k * width : (k + 1) * width])
            files[f"edge/{level}"] = b"".join(nodes[full * width :])
            nodes = [root(nodes[k * width : (k + 1) * width]) for k in range(full)]
            level += 1
    if signs:
        everything = [leaf(entry) for entry in entries_of(files, number * width + len(row))]
        _sign(files, base, dice, len(everything), root(everything))


def _sign(files: Files, base: World, dice: random.Random, size: int, top: bytes) -> None:
    """Put a checkpoint there that the attacker signed, beside a genuine signature or instead of it."""
    text = checkpoint_text(json.loads(files["log.json"]).get("origin", _NAME), size, top)
    note = base.rogue.note(text)
    if dice.random() < 0.5:
        genuine = base.held.note.signatures
        note = Note(text, (*genuine, *note.signatures))
    files["checkpoint"] = str(note).encode()
    if dice.random() < 0.7:
        line = json.dumps({"size": size, "note": str(note)}).encode() + b"\n"
        files["checkpoints"] = files.get("checkpoints", b"") + line


def _move(files: Files, base: World, dice: random.Random) -> None:
    """Put one file, of this log at any time or of another, in the place of one, or in a place of its own."""
    source = dice.choice([files, files, *base.states, *base.others])
    path = dice.choice(sorted(source))
    number = dice.randrange(4)
    level: int | str = dice.choice(("entries", *range(3)))
    places = [path, *sorted(files), tile_path(level, number), f"edge/{number}"]
    files[dice.choice(places)] = source[path]


def _damage(files: Files, base: World, dice: random.Random) -> None:
    """Drop, cut, lengthen, double or change bytes of a file."""
    path = dice.choice(sorted(files))
    data, kind = bytearray(files[path]), dice.randrange(5)
    if kind == 0 and path != "log.json":
        del files[path]
        return
    if kind == 1:
        del data[dice.randrange(len(data) + 1) :]
    elif kind == 2:
        data += bytes(dice.randrange(40))
    elif kind == 3 and data:
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    else:
        data += bytes(data)
    files[path] = bytes(data)


def _replay(files: Files, base: World, dice: random.Random) -> None:
    """Put back some files as they were at an older time, or all of a kind."""
    older = dice.choice(base.states)
    start = dice.choice(["checkpoint", "edge", "tile", "tile/0", "tile/entries", "log.json", ""])
    for path in [path for path in files if path.startswith(start) and path not in older and dice.random() < 0.7]:
        del files[path]
    files |= {path: data for path, data in older.items() if path.startswith(start)}


def _lengthen(files: Files, base: World, dice: random.Random) -> None:
    """Put records, seals and whole bundles behind the promised ones, and make them fit what is there."""
    entries = split(files.get("edge/entries", b""))[0]
    number = len([path for path in files if path.startswith("tile/entries/")])
    count = dice.choice([1, 3, tiles.WIDTH])
    for _ in range(count):
        if len(entries) >= tiles.WIDTH:
            files[tile_path("entries", number)], row = _framed(entries), b"".join(map(leaf, entries))
            files[tile_path(0, number)] = row
            entries = [pack(Seal(0, sha256(_framed(entries)).hexdigest(), sha256(row).hexdigest()))]
            number += 1
        entries.append(pack(Event(0, "alarm", {})))
    files["edge/entries"] = _framed(entries)
    files["edge/0"] = b"".join(map(leaf, entries))


def _name_keys(files: Files, base: World, dice: random.Random) -> None:
    """Name the attacker's key: in log.json, in a record, beside a genuine signature in the history."""
    facts = json.loads(files["log.json"])
    if dice.random() < 0.8:
        names = facts.get("keys", [])
        facts["keys"] = [*names, str(base.rogue.verifier)] if dice.random() < 0.5 else [str(base.rogue.verifier)]
        files["log.json"] = json.dumps(facts).encode()
    genuine = dice.choice(_promises(dice.choice(base.states)))
    if dice.random() < 0.7:
        note = Note(genuine.note.text, (*genuine.note.signatures, *base.rogue.note(genuine.note.text).signatures))
        line = json.dumps({"size": genuine.size, "note": str(note)}).encode() + b"\n"
        files["checkpoints"] = files.get("checkpoints", b"") + line
    if dice.random() < 0.7:
        entries = split(files.get("edge/entries", b""))[0]
        entries.append(pack(Event(0, "key", {"old": str(base.key), "new": str(base.rogue.verifier)})))
        files["edge/entries"] = _framed(entries)
        _cover(files, base, dice)


def _edit_facts(files: Files, base: World, dice: random.Random) -> None:
    """Change what log.json says."""
    facts = json.loads(files["log.json"])
    name, value = dice.choice(
        [
            ("first", tiles.WIDTH), ("first", 0), ("first", 10**15 // tiles.WIDTH * tiles.WIDTH), ("retired", 1),
            ("retired", 10**9), ("form", "json"), ("form", "packed"), ("origin", "bench.local/other"), ("keys", []),
        ]
    )  # fmt: skip
    facts[name] = value
    files["log.json"] = json.dumps(facts).encode()


Edit = Callable[[Files, World, random.Random], None]
EDITS: tuple[Edit, ...] = (
    _change_records, _change_records, _cover, _move, _move, _damage, _replay, _lengthen, _name_keys, _edit_facts,
)  # fmt: skip


def forge(base: World, dice: random.Random) -> Files:
    """The files of a log after one to four edits of an attacker."""
    files = dict(base.states[-1])
    for _ in range(dice.choice([1, 1, 2, 3, 4])):
        try:
            dice.choice(EDITS)(files, base, dice)
        except (ValueError, KeyError, CaudalError, TypeError, AttributeError):
            continue  # an edit before it left nothing to edit
    files.setdefault("log.json", base.states[-1]["log.json"])
    return files


def trial(folder: Path, base: World, dice: random.Random) -> str:
    """One forged log, checked in one way, or opened by its owner; what went wrong, in words."""
    genuine, files = base.states[-1], forge(base, dice)
    lay(folder, genuine, files)
    try:
        wrong = judge(folder, files, base, dice.choice([None, base.held]), full=dice.random() < 0.5)
        if not wrong and dice.random() < 0.2:
            index = dice.randrange(base.first, max(base.held.size, base.first + 1))
            wrong = _proven(folder, base, index)
    except Exception as error:  # whatever is in the files: a sentence, or a fault of caudal
        wrong = f"{type(error).__name__}: {error}"
    lay(folder, files, genuine)
    return wrong


def _proven(folder: Path, base: World, index: int) -> str:
    try:
        proof = prove(folder, index)
    except CaudalError:
        return ""
    entries = base.entries.get(proof.checkpoint.origin, [])
    if proof.holds(base.key) and (index >= len(entries) or proof.entry != entries[index]):
        return f"a proof holds for another record {index}"
    return ""


def forgeries(count: int, say: Say) -> tuple[Figure, ...]:
    """Forge logs of 1 to 70,000 records, and count those that are called good, and the honest ones that are not.

    Arguments:
        count: logs to forge; one in a hundred of them is forged from a log of 70,000 records.
        say: told what goes on.
    """
    dice, wrong, refused, honest = random.Random(count), 0, 0, 0
    sizes = (1, 4, 200, 256, 300, 513, 700, 1100)
    with tempfile.TemporaryDirectory() as scratch:
        plans = [(size, False, False, form) for size in sizes for form in _FORMS]
        plans += [(300, True, False, "packed"), (800, True, False, "json"), (900, False, True, "packed")]
        plans += [(70_000, False, False, "packed")] if count >= 100 else []
        tries = {plan: count // (len(plans) - 1) if plan[0] < 70_000 else count // 100 for plan in plans}
        for number, (size, rotates, retires, form) in enumerate(plans):
            base = world(Path(scratch) / str(number), size, rotates=rotates, retires=retires, form=form)
            folder = Path(scratch) / f"forged-{number}"
            before: Files = {}
            for state in base.states:
                lay(folder, before, state)
                before, honest = state, honest + 2
                refused += sum(not verify(folder, base.key, full=full).holds for full in (False, True))
            for k in range(tries[size, rotates, retires, form]):
                if sentence := trial(folder, base, dice):
                    wrong += 1
                    say(f"log of {size} records, try {k}: {sentence}")
            say(f"{size:,} records ({form}): {wrong} forged logs called good, {refused} honest ones refused")
    return (
        Figure("forged logs checked", sum(tries.values())),
        exactly("forged logs called good, false proofs, crashes", wrong, 0),
        Figure("checks of honest logs", honest),
        exactly("honest logs refused", refused, 0),
    )
