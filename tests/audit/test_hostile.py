"""Whatever is in the files: a sentence, nothing executed, nothing written outside."""

import base64
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caudal.audit import (
    Checkpoint,
    Log,
    Proof,
    Salts,
    Vault,
    Verifier,
    Wanted,
    examine,
    export,
    keys,
    newest,
    prove,
    records,
    verify,
)
from caudal.audit.log import merkle
from caudal.audit.log.checkpoint import checkpoint_text
from caudal.audit.log.encoding import closed, pack, to_json, unpack
from caudal.audit.log.record import Decision, Event, record_from_dict, record_to_dict
from caudal.errors import CaudalError, FileFormatError, InputError, MissingFileError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FEW
@given(st.binary(max_size=300))
def test_bytes_are_a_record_or_refused(data):
    for one in (data, closed(b"\1" + data), closed(b"\1\0\0\0" + data), b"{" + data):
        try:
            unpack(one)
        except FileFormatError as error:
            assert str(error).endswith(".")


@FEW
@given(st.binary(max_size=200))
def test_bytes_are_a_note_a_proof_a_key_or_refused(data):
    for read in (Checkpoint.parse, Proof.parse, lambda one: Verifier.parse(one.decode(errors="replace"))):
        with pytest.raises(FileFormatError):
            read(data)


@FEW
@given(st.lists(st.floats(width=32, allow_nan=False), max_size=5), TEXTS, st.integers(0, 2**32 - 1))
def test_packed_and_json_come_back(output, session, monitors):
    one = Decision(5, "ab" * 32, session, 7, "00" * 32, tuple(output), None, 0.5, monitors, payload=b"x")
    data = pack(one)
    assert pack(unpack(data)) == data
    assert pack(record_from_dict(record_to_dict(one))) == data


@FEW
@given(data=st.data())
def test_any_file_of_a_log_may_be_garbage(written, data, key, tmp_path_factory):
    import shutil

    folder = tmp_path_factory.mktemp("fuzz") / "log"
    shutil.copytree(_once(written), folder)
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    place = data.draw(st.sampled_from(files))
    place.write_bytes(data.draw(st.binary(max_size=400)))
    before = {one.name for one in folder.parent.iterdir()}
    for action in (lambda: verify(folder, key.verifier), lambda: list(records(folder)), lambda: prove(folder, 3)):
        try:
            action()
        except CaudalError as error:
            assert len(str(error)) < 2000
    assert {one.name for one in folder.parent.iterdir()} == before


_MADE = []


def _once(written):
    if not _MADE or not _MADE[0].exists():
        _MADE[:] = [written(300)]
    return _MADE[0]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"session": "x" * 256}, "does not fit"),
        ({"session": "\ud800"}, "holds characters that are no text"),
        ({"output": np.zeros(70_000)}, "does not fit"),
        ({"output": np.zeros(10_000)}, "does not fit"),
        ({"monitors": -1}, "does not fit"),
        ({"model": "no digest"}, "`model` is 'no digest'"),
        ({"inputs": object()}, "which has no bytes of its own"),
        ({"session": None}, "is missing, and so is `person`"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_log_goes_on(tmp_path, key, change, sentence):
    usual = {"session": "bed 4", "output": [1.0], "model": "ab" * 32, "inputs": b"x"}
    with Log(tmp_path / "log", key, sync=False) as log:
        given_ = {**usual, **change}
        with pytest.raises(InputError, match=sentence):
            log.decide(given_.pop("session"), given_.pop("output"), **given_)
        with pytest.raises(InputError, match="have no canonical JSON"):
            log.event("alarm", value=float("nan"))
        log.decide(usual.pop("session"), usual.pop("output"), **usual)
    assert newest(tmp_path / "log").size == 2
    assert verify(tmp_path / "log", key.verifier, full=True).holds


def test_events_by_operators_are_records(tmp_path, key):
    with Log(tmp_path / "log", key, sync=False) as log:
        log.override("bed 4", 3, "dr. vega", "seen at the bedside", [1.0])
        at = log.stop("dr. vega", "alarm")
        assert log.checkpoint.size == at + 1
    kinds = [one.kind for _, one in records(tmp_path / "log") if isinstance(one, Event)]
    assert kinds == ["open", "override", "stop"]


def test_keys_are_for_their_owner_alone(tmp_path):
    made = keys.make(tmp_path / "new" / "one.pem", "example.org/one", passphrase="deep water")
    path = tmp_path / "new" / "one.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert keys.load(path, passphrase="deep water").verifier == made.verifier
    for words, sentence in ((None, "is missing; the key is encrypted"), ("shallow", "does not open")):
        with pytest.raises(InputError, match=sentence):
            keys.load(path, passphrase=words)
    with pytest.raises(InputError, match="exists"):
        keys.make(path, "example.org/one")
    with pytest.raises(InputError, match="`name` is"):
        keys.make(tmp_path / "two.pem", "a b")
    with pytest.raises(FileFormatError, match="not its public half"):
        keys.load(_private(tmp_path / "half.pem", path.with_name("one.pem.pub").read_bytes()))
    with pytest.raises(MissingFileError, match="there is no key"):
        keys.load(tmp_path / "none.pem")
    path.chmod(0o644)
    with pytest.raises(InputError, match="can be read by others"):
        keys.load(path, passphrase="deep water")


def test_a_key_of_an_unknown_kind_is_refused_in_words(tmp_path):
    path = tmp_path / "key.pem"
    keys.make(path, "ward")
    name, begin, body, end, *_ = path.read_bytes().split(b"\n")
    der = base64.b64decode(body).replace(b"\x2b\x65\x70", b"\x2b\x65\x60")
    path.write_bytes(b"\n".join([name, begin, base64.b64encode(der), end, b""]))
    with pytest.raises(FileFormatError, match="holds a key of a kind that is not known here"):
        keys.load(path)


def _private(path, data):
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def test_the_default_key_is_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("CAUDAL_AUDIT_KEY", raising=False)
    assert keys.default().verifier == keys.default().verifier


def test_another_key_may_not_write(written, tmp_path):
    folder = written(3)
    other = keys.make(tmp_path / "other.pem", "example.org/ward-4")
    with pytest.raises(InputError, match="is signed by example"):
        Log(folder, other)


def test_inputs_are_kept_only_when_asked_and_only_encrypted(tmp_path, key):
    vault = Vault.at(tmp_path / "vault")
    with Log(tmp_path / "log", key, sync=False, vault=vault) as log:
        log.decide("bed 4", [1.0], model="ab" * 32, inputs=np.full(3, 7.0))
    one = next(record for _, record in records(tmp_path / "log") if isinstance(record, Decision))
    assert vault.open(one.payload, b"bed 4/0")[0].tolist() == [7.0] * 3
    for other, place in ((Vault(bytes(32)), b"bed 4/0"), (vault, b"bed 4/1")):
        with pytest.raises(InputError, match="does not open the payload"):
            other.open(one.payload, place)


def test_salts_of_records_are_erased_one_by_one(tmp_path, key):
    with Log(tmp_path / "log", key, sync=False) as log:
        rows = [log.decide("a", [1.0], model="ab" * 32, inputs=b"x") for _ in range(3)]
    salts = Salts(tmp_path / "log.salts")
    salts.erase_record(rows[1])
    assert [salts.of_record(row) is None for row in rows] == [False, True, False]
    assert stat.S_IMODE(salts.folder.stat().st_mode) == 0o700
    assert verify(tmp_path / "log", key.verifier, full=True).holds


def test_a_commitment_is_that_of_its_definition():
    """The bytes that are hashed are a format: a log of years ago must still be checked against its inputs."""
    from hashlib import sha256

    from caudal.audit import commitment

    def framed(head, data):
        return len(head).to_bytes(2, "big") + head + len(data).to_bytes(8, "big") + data

    start = bytes(32) + b"caudal.commitment/1" + b"\5bed 4" + (7).to_bytes(8, "big")
    table = np.arange(6.0).reshape(2, 3)
    cases = [
        (b"xy", framed(b"bytes", b"xy")),
        (None, b"-"),
        (table, framed(b"<f8(2, 3)", table.tobytes())),
        (table[:, ::2], framed(b"<f8(2, 2)", table[:, ::2].copy().tobytes())),
        (table.astype(">f8"), framed(b"<f8(2, 3)", table.tobytes())),
        (np.float32(1.5), framed(b"<f4(1,)", np.float32(1.5).tobytes())),
        ([True, False], framed(b"|b1(2,)", b"\1\0")),
    ]
    for part, data in cases:
        assert commitment(bytes(32), b"bed 4", 7, [part]) == sha256(start + data).digest()


def _nothing(place):
    place.symlink_to("nothing")


def _circle(place):
    place.symlink_to(place.name)


def _pipe(place):
    os.mkfifo(place)


def _endless(place):
    place.symlink_to("/dev/urandom")


def _sparse(place):
    place.write_bytes(b"")
    os.truncate(place, 1 << 40)


PARTS = (
    "log.json",
    "checkpoint",
    "edge/entries",
    "edge/0",
    "edge/1",
    *(f"tile/{k}/00{n}" for k in ("entries", 0) for n in "01"),
)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes have names here")
@pytest.mark.parametrize("instead", [_nothing, _circle, _pipe, _endless, _sparse, Path.mkdir])
@pytest.mark.parametrize("full", [False, True])
def test_what_is_no_file_is_a_fault_and_never_waited_for(written, key, instead, full):
    folder = written(600)
    for part in PARTS:
        (folder / part).rename(folder.parent / "genuine")
        instead(folder / part)
        found = examine(folder, key.verifier, Wanted("log"), full=full)
        assert not found.holds, part
        if part.startswith("tile/entries"):
            start = 256 * int(part[-1])
            assert found.faults[0].index == start, part
            with pytest.raises(FileFormatError, match="cannot be read"):
                list(records(folder))
        with suppress(CaudalError, OSError):  # of what may stand there no byte is written
            log = Log(folder, key, sync=False)
            with suppress(OSError):
                log.flush()
            log._let_go()
        (folder / part).rmdir() if (folder / part).is_dir() else (folder / part).unlink()
        (folder.parent / "genuine").rename(folder / part)
    assert examine(folder, key.verifier, Wanted("log"), full=full).holds


@pytest.mark.parametrize("part", ["lock", "log.json", "checkpoint", "checkpoints", "edge/entries", "edge/0", "edge/1"])
def test_a_writer_follows_no_link(written, key, tmp_path, part):
    folder, other = written(600), tmp_path / "other"
    for data in (b"of somebody else\n", (folder / part).read_bytes()):
        other.write_bytes(data)
        (folder / part).rename(tmp_path / "genuine")
        (folder / part).symlink_to(other)
        with pytest.raises(InputError, match="which is a link"):
            Log(folder, key, sync=False)
        assert other.read_bytes() == data
        (tmp_path / "genuine").rename(folder / part)
    log = Log(folder, key, sync=False)
    log.event("alarm")
    (folder / part).unlink()
    (folder / part).symlink_to(other)
    with suppress(CaudalError, OSError):
        log.flush()
    log._let_go()
    assert other.read_bytes() == data


@pytest.mark.parametrize("instead", [_pipe, _endless, _sparse, Path.mkdir])
def test_a_history_that_is_no_file_is_a_remark(written, key, instead):
    folder = written(3)
    (folder / "checkpoints").unlink()
    instead(folder / "checkpoints")
    (log,) = examine(folder, key.verifier).findings
    assert log.holds and any("checkpoints is missing" in remark for remark in log.remarks)


@pytest.mark.parametrize("form", ["packed", "json"])
def test_what_nobody_promised_decides_nothing_about_the_log(written, key, form):
    folder = written(600, form=form)
    edge, size = folder / "edge" / "entries", newest(folder).size
    encode = pack if form == "packed" else to_json
    retired = encode(Event(2**62, "retired", {"first": 256, "records": 256, "before": "2030-01-01"}))
    nonsense = closed(b"\1\7\0\0" + bytes(20)) if form == "packed" else b'{"type":"decision"}'
    genuine = edge.read_bytes()
    for entry in (retired, nonsense):
        edge.write_bytes(genuine + len(entry).to_bytes(2, "big") + entry)
        with Log(folder, key, sync=False) as log:
            log.event("alarm")
        assert verify(folder, key.verifier, full=True).holds
        assert not [one for _, one in records(folder, size) if getattr(one, "kind", "") == "retired"]
        assert entry in next((folder / "torn").glob("*.bin")).read_bytes()
        shutil.rmtree(folder / "torn")
        genuine, size = edge.read_bytes(), newest(folder).size


def test_a_copy_for_witnesses_is_bounded_by_what_is_there(written, key, tmp_path):
    folder = written(3)
    for size in (10**15, 10**4000):
        (folder / "checkpoint").write_text(
            str(key.note(checkpoint_text(key.name, size, merkle.node(bytes(32), bytes(32)))))
        )
        with pytest.raises(FileFormatError):
            export(folder, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()
        assert not verify(folder).holds and not verify(folder, full=True).holds


def test_a_new_log_that_is_refused_leaves_nothing(tmp_path, key):
    with Log(tmp_path / "one", key) as log:
        log.event("alarm")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match="knows 2 promised records"):
        Log(tmp_path / "two", key, salts=tmp_path / "one.salts")
    assert sorted(tmp_path.iterdir()) == before
    (tmp_path / "three").mkdir()
    with pytest.raises(InputError, match="knows 2 promised records"):
        Log(tmp_path / "three", key, salts=tmp_path / "one.salts")
    assert not list((tmp_path / "three").iterdir())
