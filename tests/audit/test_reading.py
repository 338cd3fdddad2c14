"""Every small log, forged in every part; larger ones by chance; keys, seals and openings by rule."""

import json
import random
import shutil
import sys
from hashlib import sha256
from itertools import islice

import pytest

from benchmarks.audit import forge
from caudal.audit import Log, keys, newest, records, verify
from caudal.audit.check import reading
from caudal.audit.log import store
from caudal.audit.log.checkpoint import Note, checkpoint_text
from caudal.audit.log.encoding import closed, pack
from caudal.audit.log.merkle import leaf, root
from caudal.audit.log.record import Event, Seal
from caudal.audit.log.tiles import split, tile_path
from caudal.errors import CaudalError, FileFormatError, InputError

MODEL = "ab" * 32


@pytest.fixture
def narrow(monkeypatch):
    """Bundles and tiles of two: all the shapes of a large tree in a few records."""
    for name in (
        *("log.tiles", "log.recover", "log.store", "log.manifest"),
        *("check.reading", "check.verify", "check.proof", "check.retain"),
    ):
        module = sys.modules[f"caudal.audit.{name}"]
        for constant, value in (("WIDTH", 2), ("HEIGHT", 1)):
            if hasattr(module, constant):
                monkeypatch.setattr(module, constant, value)


def single_forgeries(base):
    """Files with one part replaced, dropped, cut, lengthened or changed, and what covers it up."""
    genuine = base.states[-1]
    pieces = {data for files in (*base.states, *base.others) for data in files.values()}
    dice = random.Random(0)
    places = [*sorted(genuine), *(tile_path(level, number) for level in ("entries", 0, 1, 2) for number in range(6))]
    for path in places:
        before = genuine.get(path)
        changes = {piece for piece in pieces if piece != before}
        if before is not None and path != "log.json":
            yield {name: data for name, data in genuine.items() if name != path}
        if before:
            changes |= {before[:-1], before + b"\0", before + before, before[: len(before) // 2]}
            at = dice.randrange(len(before))
            changes.add(before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :])
        if path.startswith(("tile/entries", "edge/entries")):
            entries = split(before or b"")[0]
            for k, entry in enumerate(entries):
                others = [*entries[:k], *entries[k + 1 :], closed(entry[:-5] + b"\0")]
                changes.add(framed([*entries[:k], *entries[k + 1 :]]))
                changes |= {framed([*entries[:k], new, *entries[k + 1 :]]) for new in others}
        for data in sorted(changes):
            forged = {**genuine, path: data}
            yield forged
            covered = dict(forged)
            try:
                forge._cover(covered, base, random.Random(len(data)))
            except (ValueError, KeyError, CaudalError, TypeError):
                continue
            yield covered


def forged_in_every_part(folder, base, step=1):
    """Number of forged logs, each checked in four ways; none may be called good."""
    before, count = {}, 0
    for files in islice(single_forgeries(base), 0, None, step):
        forge.lay(folder, before, files)
        before = files
        for held in (None, base.held):
            for full in (False, True):
                assert forge.judge(folder, files, base, held, full) == ""
        count += 1
    forge.lay(folder, before, {})
    return count


@pytest.mark.parametrize("size", [0, 5])
def test_small_logs_forged_in_one_part_are_refused(narrow, tmp_path, size):
    base = forge.world(tmp_path, size, rotates=size == 5)
    assert forged_in_every_part(tmp_path / "forged", base, step=29) > 50


@pytest.mark.slow
@pytest.mark.parametrize("size", range(12))
def test_every_small_log_forged_in_one_part_is_refused(narrow, tmp_path, size):
    base = forge.world(tmp_path, size, rotates=size % 2 == 0, retires=size == 11, form=("packed", "json")[size % 2])
    assert forged_in_every_part(tmp_path / "forged", base) > 1500


def test_small_trees_have_the_root_of_rfc_6962(narrow, tmp_path, key):
    def mth(row):
        half = 1 << max(len(row) - 1, 1).bit_length() - 1
        if len(row) < 2:
            return row[0]
        return sha256(b"\1" + mth(row[:half]) + mth(row[half:])).digest()

    with Log(tmp_path / "log", key, sync=False, every=0, seconds=0) as log:
        for size in range(1, 40):
            log.event("alarm")
            point = log.flush()
            row = [leaf(entry) for entry in forge.entries_of(forge.files_of(tmp_path / "log"), point.size)]
            assert mth(row) == point.root
            found = reading.climb(tmp_path / "log", 0, point, full=size % 2 == 0)
            assert (found.faults, found.spoilt) == ([], [])
            assert [found.root_at(k) for k in range(1, point.size + 1)] == [
                mth(row[:k]) for k in range(1, len(row) + 1)
            ]


def test_logs_forged_by_chance_are_refused_and_honest_ones_are_not():
    said = []
    figures = {figure.name: figure.value for figure in forge.forgeries(80, said.append)}
    assert figures["forged logs checked"] >= 60
    assert figures["forged logs called good, false proofs, crashes"] == 0, said
    assert figures["honest logs refused"] == 0, said


@pytest.mark.slow
def test_many_logs_forged_by_chance_are_refused():
    assert all(figure.holds for figure in forge.forgeries(10_000, print))


def framed(entries):
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def test_a_seal_that_was_not_promised_is_not_signed_by_its_owner(written, key, tmp_path):
    """A writer dies; behind its records lies a seal of a forged bundle, which the owner must not take on."""
    folder = written(253)
    assert newest(folder).size == 254
    with Log(folder, key, sync=False, every=0, seconds=0) as log:
        log.event("alarm")
    place = folder / "tile/entries/000"
    entries = split((place if place.exists() else folder / "edge/entries").read_bytes())[0]
    assert len(entries) == 256
    forged = [*entries[:9], closed(entries[9][:-5] + b"\1"), *entries[10:]]
    row = b"".join(map(leaf, forged))
    files = forge.files_of(folder)
    top = pack(Seal(0, sha256(framed(forged)).hexdigest(), sha256(row).hexdigest()))
    files |= {"tile/entries/000": framed(entries), "tile/0/000": b"".join(map(leaf, entries))}
    files |= {"edge/entries": framed([top, pack(Event(0, "alarm", {}))]), "edge/0": b""}
    shutil.rmtree(folder)
    forge.lay(folder, {}, files)
    with Log(folder, key, sync=False) as log:
        assert log.size > 256
    (event,) = [one for _, one in records(folder) if getattr(one, "kind", "") == "recovered"]
    assert event.facts["bytes"] == len(files["edge/entries"])
    assert verify(folder, key.verifier, full=True).holds
    (folder / "tile/entries/000").write_bytes(framed(forged))
    (folder / "tile/0/000").write_bytes(row)
    (fault, *_) = verify(folder, key.verifier).faults
    assert (fault.index, fault.last) == (0, 255)


def test_a_false_seal_of_the_keys_holder_is_found_in_full(written, key, monkeypatch):
    monkeypatch.setattr(Log, "_seal", lambda self, bundle, tile: self._encode(Seal(0, "00" * 32, tile.hex())))
    folder = written(600)
    for full in (False, True):
        found = verify(folder, key.verifier, full=full)
        assert found.first_bad == 256
        assert "is a seal that does not fit" in found.faults[0].what


def test_a_forged_record_in_the_middle_is_found_on_opening(written, key):
    folder = written(900)
    place = folder / tile_path("entries", 1)
    entries = split(place.read_bytes())[0]
    entries[7] = closed(entries[7][:-5] + b"\1")
    place.write_bytes(framed(entries))
    (folder / tile_path(0, 1)).write_bytes(b"".join(map(leaf, entries)))
    with pytest.raises(FileFormatError, match=r"not those that its checkpoint promised \(a record between 256 and 511"):
        Log(folder, key)


def test_records_without_any_promise_are_not_taken_on(tmp_path, key):
    log = Log(tmp_path / "log", key, sync=False, every=0, seconds=0)
    for _ in range(300):
        log.decide("bed", [1.0], model=MODEL)
    shutil.copytree(tmp_path / "log", tmp_path / "dead")
    log.close()
    with Log(tmp_path / "dead", key, sync=False):
        pass
    kinds = [record.kind for _, record in records(tmp_path / "dead")]
    assert kinds == ["recovered", "open"]
    assert verify(tmp_path / "dead", key.verifier, full=True).holds


def test_what_was_not_promised_when_a_log_is_opened_is_said(tmp_path, key):
    log = Log(tmp_path / "log", key, sync=False, every=0, seconds=0)
    log.flush()
    for _ in range(300):
        log.decide("bed", [1.0], model=MODEL)
    shutil.copytree(tmp_path / "log", tmp_path / "dead")
    log.close()
    with Log(tmp_path / "dead", key, sync=False):
        pass
    (event,) = [one for _, one in records(tmp_path / "dead") if getattr(one, "kind", "") == "recovered"]
    assert event.facts["unpromised"] == 255  # the others waited in memory
    assert event.facts["kept"] is None


def rotated(tmp_path, key):
    folder, new = tmp_path / "log", keys.make(tmp_path / "new.pem", key.name)
    with Log(folder, key, sync=False) as log:
        for _ in range(300):
            log.event("alarm")
        log.rotate(new)
        before = log.checkpoint
        log.event("alarm")
    return folder, new, before


def test_only_the_successor_signs_after_a_change_of_keys(tmp_path, key):
    folder, new, before = rotated(tmp_path, key)
    assert verify(folder, key.verifier, before).holds
    assert verify(folder, key.verifier).key == verify(folder, new.verifier).key == new.verifier
    point = newest(folder)
    (folder / "checkpoint").write_text(str(key.note(point.note.text)))  # who has the old key signs on
    found = verify(folder, key.verifier)
    assert found.faults[0].what == f"the checkpoint is signed by a key that record {before.size - 1} replaced"
    with pytest.raises(InputError, match=f"record {before.size - 1} of .* replaced it"):
        Log(folder, key)


def test_a_successor_is_named_by_a_promised_record_alone(tmp_path, key):
    folder, new, before = rotated(tmp_path, key)
    rogue = keys.make(tmp_path / "rogue.pem", key.name)
    files = forge.files_of(folder)
    entries = forge.entries_of(files, newest(folder).size)
    entries[before.size - 1] = pack(Event(0, "key", {"old": str(key.verifier), "new": str(rogue.verifier)}))
    text = checkpoint_text(key.name, len(entries), root([leaf(entry) for entry in entries]))
    both = Note(before.note.text, (*before.note.signatures, *rogue.note(before.note.text).signatures))
    files["edge/entries"] = framed(entries[256:])
    files["edge/0"] = b"".join(map(leaf, entries[256:]))
    files["checkpoint"] = str(rogue.note(text)).encode()
    files["checkpoints"] += json.dumps({"size": before.size, "note": str(both)}).encode() + b"\n"
    files["log.json"] = files["log.json"].replace(str(new.verifier).encode(), str(rogue.verifier).encode())
    shutil.rmtree(folder)
    forge.lay(folder, {}, files)
    assert verify(folder, key.verifier).faults[0].what == "the checkpoint is not signed by example.org/ward-4"


def test_a_change_of_keys_stands_once_the_history_has_it(tmp_path, key):
    """A writer died between the line of `checkpoints` and the file `checkpoint`."""
    folder, new, before = rotated(tmp_path, key)
    files = forge.files_of(folder)
    lines = files["checkpoints"].splitlines(keepends=True)
    at = next(k for k, line in enumerate(lines) if json.loads(line)["size"] == before.size)
    files["checkpoints"], files["checkpoint"] = b"".join(lines[: at + 1]), json.loads(lines[at - 1])["note"].encode()
    shutil.rmtree(folder)
    forge.lay(folder, {}, files)
    assert verify(folder, key.verifier, before).holds
    with Log(folder, new, sync=False):
        pass
    assert verify(folder, key.verifier, before, full=True).holds


def test_log_json_is_not_asked_who_signs(tmp_path, key):
    folder, new, _ = rotated(tmp_path, key)
    facts = json.loads((folder / "log.json").read_text())
    (folder / "log.json").write_text(json.dumps({**facts, "keys": [str(key.verifier)]}))
    assert verify(folder, key.verifier).holds
    with Log(folder, new, sync=False):
        pass
    assert json.loads((folder / "log.json").read_text())["keys"][-1] == str(new.verifier)


def test_a_change_of_keys_that_was_cut_off_is_none(tmp_path, key):
    folder, new = tmp_path / "log", keys.make(tmp_path / "new.pem", key.name)
    log = Log(folder, key, sync=False)
    log._store.append(pack(Event(0, "key", {"old": str(key.verifier), "new": str(new.verifier)})))
    log._store.hand()
    shutil.copytree(folder, tmp_path / "dead")
    with Log(tmp_path / "dead", key, sync=False) as other:
        other.event("alarm")
    log.close()
    assert verify(tmp_path / "dead", key.verifier).holds


def test_a_change_of_keys_that_failed_comes_before_anything_else(tmp_path, key, monkeypatch):
    folder, new = tmp_path / "log", keys.make(tmp_path / "new.pem", key.name)

    def full(path, data, real=store.put, **options):
        if path.name == "checkpoint":
            raise OSError(28, "No space left on device")
        real(path, data, **options)

    with Log(folder, key, sync=False) as log:
        log.flush()
        with monkeypatch.context() as patch:
            patch.setattr(store, "put", full)
            for step in (lambda: log.rotate(new), lambda: log.event("alarm"), log.flush):
                with pytest.raises(OSError, match="No space left"):
                    step()
        with pytest.raises(InputError, match="is another one than that of the change"):
            log.rotate(keys.make(tmp_path / "other.pem", key.name))
        log.event("alarm")
    assert [record.kind for _, record in records(folder)] == ["open", "key", "alarm"]
    found = verify(folder, key.verifier, full=True)
    assert (found.holds, found.key) == (True, new.verifier)


def test_an_older_checkpoint_alone_is_no_way_back(written, key):
    folder = written(20)
    early = (folder / "checkpoint").read_bytes()
    with Log(folder, key, sync=False) as log:
        for _ in range(300):
            log.event("alarm")
        size = log.flush().size
    (folder / "checkpoint").write_bytes(early)
    found = verify(folder, key.verifier)
    assert (found.holds, found.size) == (True, size)
    assert "is older than the newest promise" in found.remarks[0]
    (folder / "edge/entries").write_bytes(b"")
    assert not verify(folder, key.verifier).holds
    with pytest.raises(FileFormatError, match=f"{size} records were promised by its checkpoint, and 256 whole ones"):
        Log(folder, key)


@pytest.mark.parametrize("signed", [True, False])
def test_counts_are_bounded_by_what_is_there(written, key, tmp_path, signed):
    folder = written(300)
    signer = key if signed else keys.make(tmp_path / "other.pem", key.name)
    text = checkpoint_text(key.name, 10**15, bytes(32))
    (folder / "checkpoint").write_text(str(signer.note(text)))
    facts = json.loads((folder / "log.json").read_text())
    (folder / "log.json").write_text(json.dumps({**facts, "first": 256 * 10**12, "retired": 256 * 10**12 + 1}))
    found = verify(folder, key.verifier)
    assert 0 < len(found.faults) < 6


def test_a_gap_is_one_fault(written, key):
    folder = written(2000)
    for number in (2, 3, 4):
        (folder / tile_path("entries", number)).unlink()
    found = verify(folder, key.verifier)
    assert [fault.what for fault in found.faults] == ["records 512 to 1,279 are missing"]


def test_an_editor_of_stored_hashes_alone_is_told_from_one_of_records(written, key):
    folder = written(600)
    for path in ("edge/0", "edge/1", "tile/0/001"):
        data = (folder / path).read_bytes()
        (folder / path).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        found = verify(folder, key.verifier)
        assert [fault.what for fault in found.faults] == [f"the hashes of {path} were changed"]
        with Log(folder, key, sync=False):
            pass
        assert verify(folder, key.verifier, full=True).holds


def test_the_verdict_says_of_what(written, key):
    folder = written(300)
    found, point = verify(folder, key.verifier), newest(folder)
    assert (found.origin, found.size, found.key, found.root) == (point.origin, point.size, key.verifier, point.root)
    *_, (_, last) = records(folder)
    assert found.time == last.time
    assert not found.is_full
