"""Files that are changed, and what their readers make of them in a child with bounds of time and memory."""

import contextlib
import os
import random
import resource
import select
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from formats import Format, Tree

from caudal.errors import CaudalError

SECONDS, MEMORY = 20, 6 * 2**30
DEEP = "@@deep@@"
# What stands in the place of a number, a text or a list.
VALUES: list[Tree] = [10**9, 10**12, 10**30, -1, 0, 1.5, 1e300, "9", "a" * 100_000, True, None, [], {}, DEEP, [[1]]]


class Outcome(NamedTuple):
    """How reading one file ended: "read", "refused", or a fault in words."""

    word: str
    fault: str = ""


def read_all(form: Format, cases: list[bytes], seconds: int = SECONDS) -> list[Outcome]:
    """Outcome of each file; a child that dies is started again behind the file that it died of.

    Arguments:
        seconds: of processor time that one file may take.
    """
    found: list[Outcome] = []
    while len(found) < len(cases):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _child(form, cases[len(found) :], writer, seconds)
        os.close(writer)
        found += _told(reader, child, 60 * seconds)
        _, status = os.waitpid(child, 0)
        if len(found) < len(cases):
            found.append(Outcome("dies", f"ended by signal {status & 127}" if status & 127 else "ended"))
    return found


def _told(reader: int, child: int, patience: float) -> Iterator[Outcome]:
    """What a child says, until it ends or says nothing for long."""
    left = b""
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        while True:
            if not select.select([pipe], [], [], patience)[0]:
                os.kill(child, signal.SIGKILL)
                return
            data = pipe.read(65536)
            if not data:
                return
            *lines, left = (left + data).split(b"\n")
            for line in lines:
                word, _, fault = line.decode().partition(" ")
                yield Outcome(word, fault)


def _child(form: Format, cases: list[bytes], writer: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(BrokenPipeError):
        path = Path(folder) / form.name
        for case in cases:
            path.write_bytes(case)
            signal.setitimer(signal.ITIMER_PROF, seconds)
            outcome = _outcome(form, path)
            signal.setitimer(signal.ITIMER_PROF, 0)
            os.write(writer, (" ".join(outcome).replace("\n", " ")[:1000] + "\n").encode(errors="replace"))
    os._exit(0)


def _outcome(form: Format, path: Path) -> Outcome:
    try:
        form.read(path)
    except CaudalError as error:
        starved = isinstance(error.__cause__, MemoryError) or "allocate memory" in str(error.__cause__)
        return Outcome("starves", str(error)[:300]) if starved else Outcome("refused", str(error)[:300])
    except BaseException as error:
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        place = "" if at is None else f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}"
        return Outcome("raw", f"{type(error).__name__} at {place}: {str(error)[:300]}")
    return Outcome("read")


def leaves(tree: Tree, above: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """The way to every leaf; of a long list the first two parts and the last."""
    if isinstance(tree, dict) and tree:
        for key, part in tree.items():
            if key != "body":
                yield from leaves(part, (*above, key))
    elif isinstance(tree, list) and tree:
        for k in sorted({0, min(1, len(tree) - 1), len(tree) - 1}):
            yield from leaves(tree[k], (*above, k))
    else:
        yield above


def at(tree: Tree, way: tuple[object, ...]) -> Tree:
    for key in way:
        tree = tree[key]
    return tree


def put(tree: Tree, way: tuple[object, ...], value: Tree) -> Tree:
    """The tree with another value at one place; the parts beside the way are shared."""
    if not way:
        return value
    key, *rest = way
    changed = dict(tree) if isinstance(tree, dict) else list(tree)
    changed[key] = put(tree[key], tuple(rest), value)
    return changed


def raw(form: Format, tree: Tree) -> bytes | None:
    """The bytes of a tree; None where it has none, such as a body that is no hexadecimal."""
    assert form.raw is not None
    try:
        return form.raw(tree).replace(f'"{DEEP}"'.encode(), b"[" * 100_000 + b"]" * 100_000)
    except (ValueError, TypeError, KeyError, AttributeError, LookupError, RecursionError):
        return None


def with_every_number(form: Format, most: int = 120) -> Iterator[tuple[str, bytes]]:
    """Files in which one number, text or list is another thing: `(where and what, bytes)`; `most` places of a seed."""
    assert form.tree is not None
    for k, seed in enumerate(form.seeds):
        tree = form.tree(seed)
        ways = list(leaves(tree))
        for way in ways[:: -(-len(ways) // most)]:
            held = at(tree, way)
            for value in (
                VALUES if isinstance(held, int | float) and not isinstance(held, bool) else VALUES[:2] + VALUES[-3:]
            ):
                if (data := raw(form, put(tree, way, value))) is not None:
                    yield f"{k} {'.'.join(map(str, way))} = {str(value)[:20]}", data


def mutated(form: Format, rng: random.Random, times: int) -> bytes:
    """An honest file after some changes: of its tree where it has one, of its bytes otherwise or now and then."""
    seed = rng.choice(form.seeds)
    if form.tree is None or rng.random() < 0.15:
        return _bytes(seed, rng, times)
    tree = form.tree(seed)
    for _ in range(times):
        tree = _changed(tree, rng)
    data = raw(form, tree)
    return _bytes(seed, rng, times) if data is None else data


def _way(tree: Tree, rng: random.Random) -> tuple[object, ...]:
    way: list[object] = []
    while isinstance(tree, dict | list) and tree and (not way or rng.random() < 0.85):
        key = rng.choice(list(tree)) if isinstance(tree, dict) else rng.randrange(len(tree))
        way.append(key)
        tree = tree[key]
    return tuple(way)


def _changed(tree: Tree, rng: random.Random) -> Tree:
    way = _way(tree, rng)
    if not way:
        return tree
    held, kind = at(tree, way), rng.randrange(8)
    if kind == 0:
        return put(tree, way, at(tree, _way(tree, rng)))
    if kind == 1:
        return _without(tree, way)
    if kind == 2 and isinstance(at(tree, way[:-1]), dict):
        return put(tree, way[:-1], {**at(tree, way[:-1]), rng.choice(["more", "format", str(way[-1]) + "_"]): held})
    if kind == 3 and isinstance(held, list):
        return put(tree, way, held * rng.choice([2, 3, 40]) if len(held) < 2000 else held[::-1])
    if isinstance(held, bool) or held is None:
        return put(tree, way, rng.choice(VALUES))
    if isinstance(held, int | float):
        return put(tree, way, rng.choice([held + 1, held - 1, -held, held * 2, float(held), rng.choice(VALUES)]))
    if isinstance(held, str):
        cut = rng.randrange(len(held) + 1)
        return put(
            tree, way, rng.choice([held[:cut], held + held[:9], held[:cut] + "\0é" + held[cut:], rng.choice(VALUES)])
        )
    return put(tree, way, rng.choice(VALUES))


def _without(tree: Tree, way: tuple[object, ...]) -> Tree:
    parent = at(tree, way[:-1])
    left = dict(parent) if isinstance(parent, dict) else list(parent)
    del left[way[-1]]  # type: ignore[arg-type]  # a key of the one or a place in the other
    return put(tree, way[:-1], left)


def _bytes(data: bytes, rng: random.Random, times: int) -> bytes:
    found = bytearray(data)
    for _ in range(times):
        at_, kind = rng.randrange(len(found) + 1), rng.randrange(7)
        if kind == 0:
            del found[at_ : at_ + rng.choice([1, 4, 40])]
        elif kind == 1:
            found[at_:at_] = bytes(found[: rng.choice([1, 8, 80])])
        elif kind == 2:
            del found[at_:]
        elif kind == 3:
            found[at_:at_] = rng.choice([b"9" * 12, b"\0", b"\xff", b"\n", b"-", b"1e9", b"[" * 50])
        elif kind == 4:
            lines = bytes(found).split(b"\n")
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))
            found = bytearray(b"\n".join(lines))
        elif found:
            found[at_ % len(found)] ^= 1 << rng.randrange(8)
    return bytes(found)
