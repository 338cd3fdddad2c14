"""Whatever happens to a writer, promised records are there, and the log opens again or says in words why not."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.audit import faults
from caudal.audit import Log, keys, newest, records, verify
from caudal.audit.log import durable, recover, store
from caudal.audit.log.encoding import closed
from caudal.audit.log.tiles import split, tile_path
from caudal.errors import FileFormatError, InputError

WRITER = """
import sys
from caudal.audit import Log, keys
key = keys.load(sys.argv[2])
with Log(sys.argv[1], key, sync=False, every=0, seconds=0) as log:
    print("open", flush=True)
    for k in range(10**7):
        log.decide("bed 4", [k], model="ab" * 32, inputs=b"x")
        if k % 37 == 0:
            log.flush()
            print(log.size, flush=True)
"""


def test_a_killed_writer_loses_nothing_promised(tmp_path):
    pem = tmp_path / "key.pem"
    own = keys.make(pem, "example.org/ward-4")
    folder = tmp_path / "log"
    for trial in range(4):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(pem)], stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(0.02 * (trial + 1))
            os.kill(process.pid, signal.SIGKILL)
            told = process.stdout.read().split(b"\n")
        promised = max((int(one) for one in told[:-1] if one), default=0)
        assert newest(folder).size >= promised
        assert verify(folder, own.verifier, newest(folder)).holds
        with Log(folder, own, sync=False) as log:
            assert log.size >= promised
        assert verify(folder, own.verifier, full=True).holds


def test_every_cut_of_the_tail_is_found_and_named(written, tmp_path, key):
    folder = written(20)
    size = newest(folder).size
    with Log(folder, key, sync=False, every=0, seconds=0) as log:
        log.decide("bed 4", [1.0], model="ab" * 32)
        log._store.hand()
        whole = tmp_path / "whole"
        shutil.copytree(folder, whole)
    length = (whole / "edge" / "entries").stat().st_size
    promised = (folder / "edge" / "entries").stat().st_size
    for cut in range(length - 120, length, 7):
        copy = tmp_path / f"cut-{cut}"
        shutil.copytree(whole, copy)
        durable.Grower(copy / "edge" / "entries").cut(cut)
        assert verify(copy, key.verifier).holds
        with Log(copy, key, sync=False) as log:
            assert log.size >= size
        events = [one.facts for _, one in records(copy) if getattr(one, "kind", "") == "recovered"]
        assert sum(one["bytes"] for one in events) == sum(f.stat().st_size for f in copy.glob("torn/*"))
        assert verify(copy, key.verifier, full=True).holds
    assert promised >= length


def test_promised_records_that_are_gone_are_refused_in_words(written, key):
    folder = written(20)
    durable.Grower(folder / "edge" / "entries").cut(700)
    left = len(split((folder / "edge" / "entries").read_bytes())[0])
    words = f"21 records were promised by its checkpoint, and {left} whole ones are there"
    with pytest.raises(FileFormatError, match=words):
        Log(folder, key)
    found = verify(folder, key.verifier)
    assert found.first_bad == left


def test_altered_records_are_refused_on_open(written, key):
    folder = written(400)
    place = folder / "edge" / "entries"
    data = bytearray(place.read_bytes())
    entries, _ = split(bytes(data))
    one = bytearray(entries[3][:-4])
    one[20] ^= 1
    entries[3] = closed(bytes(one))
    place.write_bytes(b"".join(len(e).to_bytes(2, "big") + e for e in entries))
    with pytest.raises(FileFormatError, match="not those that its checkpoint promised"):
        Log(folder, key)


def test_a_full_disk_loses_nothing_promised(tmp_path, key, monkeypatch):
    with Log(tmp_path / "log", key, sync=False, every=0, seconds=0) as log:
        log.decide("a", [1.0], model="ab" * 32)
        log.flush()
        room = 100

        def write(handle, data, real=os.write):
            nonlocal room
            if room <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            part = bytes(data)[:room]
            room -= len(part)
            return real(handle, part)

        with monkeypatch.context() as patch:
            patch.setattr(durable.os, "write", write)
            for _ in range(3):
                log.decide("a", [2.0], model="ab" * 32)
            with pytest.raises(OSError, match="3 records wait in memory, and the 2 promised ones are safe"):
                log.flush()
            shutil.copytree(tmp_path / "log", tmp_path / "seen")
            assert verify(tmp_path / "seen", key.verifier).holds
        assert log.flush().size == 5
    assert verify(tmp_path / "log", key.verifier, full=True).holds


@pytest.mark.parametrize("stop", range(12))
def test_a_writer_that_dies_while_it_finishes_a_bundle(tmp_path, key, monkeypatch, stop):
    log = Log(tmp_path / "log", key, sync=False, every=0, seconds=0)
    while log.size < 254:
        log.decide("a", [1.0], model="ab" * 32)
    log.flush()
    left = stop

    def dying(real):
        def call(*args, **options):
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            return real(*args, **options)

        return call

    with monkeypatch.context() as patch:
        for owner, name in ((os, "replace"), (store, "put"), (durable.Grower, "add")):
            patch.setattr(owner, name, dying(getattr(owner, name)))
        try:
            for _ in range(6):
                log.decide("a", [1.0], model="ab" * 32)
            log.flush()
        except KeyboardInterrupt:
            pass
    log._hold.close()
    assert verify(tmp_path / "log", key.verifier).holds
    with Log(tmp_path / "log", key, sync=False) as again:
        assert again.size >= 254
        while again.size < 520:
            again.decide("a", [1.0], model="ab" * 32)
    assert verify(tmp_path / "log", key.verifier, full=True).holds


def test_calls_of_the_system_fail_and_writers_die_at_them():
    said = []
    figures = faults.faults(10, said.append)
    assert all(figure.holds for figure in figures), said


@pytest.mark.slow
def test_every_call_of_the_system_fails_and_writers_die_at_each():
    assert all(figure.holds for figure in faults.faults(600, print))


def test_lost_upper_tiles_are_made_again(written, key):
    folder = written(600)
    (folder / "edge" / "1").unlink()
    (folder / tile_path(0, 1)).unlink()
    with Log(folder, key, sync=False):
        pass
    assert verify(folder, key.verifier, full=True).holds
    assert recover.find(folder, newest(folder)).torn == b""


def test_a_second_writer_is_refused_in_words(tmp_path, key):
    with (
        Log(tmp_path / "log", key, sync=False),
        pytest.raises(InputError, match=f"is written by process {os.getpid()}. A log has one writer"),
    ):
        Log(tmp_path / "log", key)


def test_a_child_process_may_not_write(tmp_path, key):
    with Log(tmp_path / "log", key, sync=False) as log:
        log._process -= 1
        with pytest.raises(InputError, match="this is a child of it"):
            log.event("alarm")
        log._process += 1


def test_a_clock_that_runs_backwards_is_written_down(tmp_path, key):
    ticks = iter([100, 200, 50, 60])
    with Log(tmp_path / "log", key, sync=False, clock=lambda: next(ticks)) as log:
        for _ in range(3):
            log.decide("a", np.zeros(1), model="ab" * 32)
    assert [(one.time, one.is_backwards) for _, one in records(tmp_path / "log")] == [
        (100, False), (200, False), (50, True), (60, False),
    ]  # fmt: skip


def test_durable_promises_wait_for_the_disk(tmp_path, key, monkeypatch):
    synced = []
    real = os.fsync

    def fsync(handle):
        synced.append(Path(f"/proc/self/fd/{handle}").readlink())
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with Log(tmp_path / "log", key) as log:
        log.decide("a", [1.0], model="ab" * 32)
        synced.clear()
        log.flush()
        names = [one.name for one in synced]
    assert names.index("records.bin") < names.index("entries") < names.index("checkpoints")
    assert names[-1] == "log"


def test_bundles_that_were_never_promised_are_no_fault(tmp_path, key):
    log = Log(tmp_path / "log", key, sync=False, every=0, seconds=0)
    for k in range(2000):
        log.decide("a", [1.0], model="ab" * 32)
        if k == 600:
            log.flush()
    dead = tmp_path / "dead"  # what a writer that is killed now leaves
    shutil.copytree(tmp_path / "log", dead)
    shutil.copytree(tmp_path / "log.salts", tmp_path / "dead.salts")
    log.close()
    assert verify(dead, key.verifier).holds and verify(dead, key.verifier, full=True).holds
    with Log(dead, key, sync=False) as again:
        assert again.size > 1536
    assert verify(dead, key.verifier, full=True).holds
