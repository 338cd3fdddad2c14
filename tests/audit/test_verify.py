"""Mutations of a log are found, and the first bad record is named."""

import json
import random
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.audit import Checkpoint, Log, keys, newest, records, verify
from caudal.audit.log.encoding import canonical, to_json
from caudal.audit.log.merkle import leaf, root
from caudal.audit.log.record import Decision, record_to_dict
from caudal.audit.log.tiles import split, tile_path

SIZE = 1100


@pytest.fixture(scope="module")
def whole(tmp_path_factory, key):
    folder = tmp_path_factory.mktemp("whole") / "log"
    held = None
    with Log(folder, key, sync=False, every=300) as log:
        while log.size < SIZE:
            log.decide("bed 4", [log.size], model="ab" * 32, inputs=b"x")
            held = log.flush() if log.size == 700 else held
    return folder, held


def files(folder):
    found = sorted((folder / "tile" / "entries").rglob("[0-9]*"))
    return [*found, folder / "edge" / "entries"]


def framed(entries):
    return b"".join(len(one).to_bytes(2, "big") + one for one in entries)


def mutate(folder, dice):
    """Change one file of records; the index of the first record that is no longer the one written."""
    every = files(folder)
    number = dice.randrange(len(every))
    place = every[number]
    entries, _ = split(place.read_bytes())
    before = list(entries)
    kind = dice.choice(["edit", "edit", "delete", "swap", "cut", "splice", "append"])
    k = dice.randrange(len(entries))
    if kind == "edit":
        one = bytearray(entries[k])
        one[dice.randrange(len(one))] ^= 1 << dice.randrange(8)
        entries[k] = bytes(one)
    elif kind == "delete":
        del entries[k]
    elif kind == "swap":
        j = dice.randrange(len(entries))
        entries[k], entries[j] = entries[j], entries[k]
    elif kind == "cut":
        entries = entries[:k]
    elif kind == "splice":
        entries[k] = dice.choice(split(dice.choice(every).read_bytes())[0])
    elif number == len(every) - 1:
        return None, kind  # what follows the last promise is not promised
    else:
        entries.append(entries[k])
    if entries == before:
        return None, kind
    place.write_bytes(framed(entries))
    pairs = zip(before, entries, strict=False)
    first = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(before), len(entries)))
    return number * 256 + min(first, 255), kind


def test_an_untouched_log_holds(whole, key):
    folder, held = whole
    found = verify(folder, key.verifier, held, full=True)
    assert found.holds
    assert found.size == SIZE == newest(folder).size
    assert found.remarks == ()
    assert verify(folder).remarks == ("no key was given: the signature was checked with the log's own",)


def test_mutations_of_records_are_found_and_named(whole, tmp_path, key):
    folder, held = whole
    dice = random.Random(0)
    for trial in range(60):
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        bad, kind = mutate(copy, dice)
        if bad is not None:
            found = verify(copy, key.verifier, held)
            assert found.first_bad == bad, (trial, kind, bad, found)
        shutil.rmtree(copy)


def rebuild(folder, number, change):
    """Change records of one bundle and every hash that follows from them, as who knows the format but no key."""
    place = folder / tile_path("entries", number)
    entries = change(split(place.read_bytes())[0])
    place.write_bytes(framed(entries))
    row = [leaf(one) for one in entries]
    (folder / tile_path(0, number)).write_bytes(b"".join(row))
    edge = bytearray((folder / "edge" / "1").read_bytes())
    edge[32 * number : 32 * number + 32] = root(row)
    (folder / "edge" / "1").write_bytes(edge)


def test_hashes_made_anew_are_found_by_older_promises(whole, tmp_path, key):
    folder, _ = whole
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    rebuild(copy, 1, lambda entries: [*entries[:9], entries[10], entries[9], *entries[11:]])
    found = verify(copy, key.verifier)
    assert not found.holds
    assert found.first_bad <= 256 + 9
    assert any(one.last is None or one.last >= 256 + 9 for one in found.faults)


def test_changed_hashes_are_not_blamed_on_records(whole, tmp_path, key):
    folder, _ = whole
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    place = copy / tile_path(0, 2)
    data = bytearray(place.read_bytes())
    data[77] ^= 1
    place.write_bytes(data)
    found = verify(copy, key.verifier)
    assert [one.what for one in found.faults] == ["the hashes of tile/0/002 were changed"]


def test_cutting_back_to_an_older_promise_needs_a_held_checkpoint(written, key, tmp_path):
    folder = written(300)
    early = tmp_path / "early"
    shutil.copytree(folder, early)
    with Log(folder, key, sync=False) as log:
        log.event("alarm")
        held = log.flush()
    assert verify(early, key.verifier).holds
    found = verify(early, key.verifier, held)
    assert found.first_bad == newest(early).size
    assert "was cut to" in found.faults[0].what


def test_a_log_written_anew_needs_a_held_checkpoint(written, key):
    held = newest(written(300, "one"))
    found = verify(written(301, "two"), key.verifier, held)
    assert not found.holds
    assert found.faults[0].index == 0
    assert "had seen" in found.faults[0].what


def test_a_wrong_key_and_a_forged_checkpoint(written, key, tmp_path):
    other = keys.make(tmp_path / "other.pem", key.name)
    folder = written(10)
    assert verify(folder, other.verifier).faults[0].what == "the checkpoint is not signed by example.org/ward-4"
    point = newest(folder)
    (folder / "checkpoint").write_text(str(point).replace(f"\n{point.size}\n", f"\n{point.size - 1}\n"))
    assert not verify(folder, key.verifier).holds
    (folder / "checkpoint").write_bytes(b"\xff\0")
    assert "cannot be read" in verify(folder, key.verifier).faults[0].what


def test_keys_are_rotated_without_losing_trust(written, key, tmp_path):
    folder = written(300)
    new, newer = (keys.make(tmp_path / f"{name}.pem", "example.org/ward-4") for name in ("new", "newer"))
    with Log(folder, key, sync=False) as log:
        log.rotate(new)
        log.event("alarm")
        log.rotate(newer)
    assert verify(folder, key.verifier).holds
    assert verify(folder, newer.verifier).holds
    facts = json.loads((folder / "log.json").read_text())
    foreign = keys.make(tmp_path / "foreign.pem", "example.org/ward-4")
    facts["keys"].append(str(foreign.verifier))
    (folder / "log.json").write_text(json.dumps(facts))
    forged = foreign.note(newest(folder).note.text)
    (folder / "checkpoint").write_text(str(forged))
    assert Checkpoint.parse(str(forged).encode()).note.is_signed_by(foreign.verifier)
    assert not verify(folder, key.verifier).holds


def test_every_record_can_be_read(whole):
    folder, _ = whole
    found = list(records(folder))
    assert [index for index, _ in found] == list(range(SIZE))
    assert sum(type(one).__name__ == "Seal" for _, one in found) == SIZE // 256


@settings(deadline=None)
@given(
    output=st.lists(st.floats(), max_size=4),
    dt=st.one_of(st.none(), st.floats()),
    session=st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
    flags=st.lists(st.booleans(), min_size=4, max_size=4),
    time=st.integers(-(2**62), 2**62),
    payload=st.binary(max_size=8),
)
def test_a_decision_is_spelt_as_the_library_spells_it(output, dt, session, flags, time, payload):
    one = Decision(time, "ab" * 32, session, 7, "0f" * 32, tuple(output), dt, 0.5, 3, (-0.0, 1e-7), *flags, payload)
    assert to_json(one) == canonical(record_to_dict(one))
