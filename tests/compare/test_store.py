"""Stored means stored: whole, found by key, once; other studies, damage and full disks end in words."""

import os
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from caudal.compare import store as stores
from caudal.compare.data import open_source
from caudal.compare.job import Job
from caudal.compare.store import FILE, Store
from caudal.errors import FileFormatError, InputError

FACTS = {"data": "toys 0123", "epochs": "3"}


@pytest.fixture
def outcome(fakes):
    parts = open_source(fakes.table()).parts
    return fakes.run(Job("cfc", "final", 0, 0), parts, lambda *words: None)


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path, FACTS)
    yield opened
    opened.close()


def test_an_outcome_comes_back_as_it_was(store, outcome):
    store.put(outcome)
    found = store.get(outcome.job)
    assert (found.run, found.contender, found.circuit, found.job) == (
        outcome.run, outcome.contender, None, outcome.job,
    )  # fmt: skip
    for name in ("scores", "series", "truth"):
        before, after = getattr(outcome, name), getattr(found, name)
        assert before.dtype == after.dtype and np.array_equal(before, after)
    assert store.get(Job("cfc", "final", 1, 1)) is None
    assert store.missing([outcome.job, Job("cfc", "final", 1, 1)]) == (Job("cfc", "final", 1, 1),)
    assert store.count(["cfc", "gru"]) == 1


def test_truth_is_kept_once_for_all_runs(store, outcome, fakes):
    parts = open_source(fakes.table()).parts
    for seed in range(3):
        store.put(fakes.run(Job("gru", "final", seed, seed), parts, lambda *words: None))
    with sqlite3.connect(store.path) as file:
        assert file.execute("SELECT COUNT(*) FROM blobs").fetchone()[0] == 3 + 2


def test_a_claim_holds_until_it_is_released_stored_or_stale(tmp_path, store, outcome, monkeypatch):
    other = Store(tmp_path, FACTS)
    key = outcome.job.key
    assert store.claim(key) and store.claim(key) and not other.claim(key)
    store.release(key)
    assert other.claim(key) and not store.claim(key)
    monkeypatch.setattr(stores, "EXPIRY", -1.0)
    assert store.claim(key)
    store.put(outcome)
    assert not other.claim(key)
    other.close()


def test_a_heartbeat_keeps_a_claim(tmp_path, store, outcome, monkeypatch):
    other = Store(tmp_path, FACTS)
    store.claim(outcome.job.key)
    later = time.time() + stores.EXPIRY + 1
    monkeypatch.setattr(time, "time", lambda: later)
    store.beat()
    assert not other.claim(outcome.job.key)
    monkeypatch.setattr(time, "time", lambda: later + stores.EXPIRY + 1)
    assert other.claim(outcome.job.key)
    other.close()


def test_the_claim_of_a_killed_process_is_free_at_once(tmp_path, store, outcome):
    code = (
        "import os, signal, sys; from caudal.compare.store import Store\n"
        f"Store(sys.argv[1], {FACTS!r}).claim(sys.argv[2]); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path, outcome.job.key], check=False, timeout=120)
    assert store.claim(outcome.job.key)


def test_another_study_is_refused(tmp_path, store):
    with pytest.raises(InputError) as caught:
        Store(tmp_path, {**FACTS, "data": "others 4567"})
    assert str(caught.value) == (
        f"compare: `out` holds another study, with data toys 0123; this one has others 4567: {tmp_path}. "
        "Name another folder, or ask for the same study."
    )


@pytest.mark.parametrize("content", [b"this is no database, and long enough to be told apart" * 100, None])
def test_damaged_files_end_in_words(tmp_path, outcome, content):
    first = Store(tmp_path, FACTS)
    for _ in range(3):
        first.put(outcome)
    first.close()
    path = tmp_path / FILE
    if content is None:
        whole = path.read_bytes()
        content = whole[:4096] + bytes([7]) * 8192 + whole[12288:]
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"is damaged or no store of runs .* Move it away to begin anew\."):
        Store(tmp_path, FACTS).get(outcome.job)


def test_a_cut_file_ends_in_words(tmp_path, outcome):
    first = Store(tmp_path, FACTS)
    first.put(outcome)
    first.close()
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(FileFormatError, match="Move it away"):
        Store(tmp_path, FACTS).get(outcome.job)


def test_a_full_disk_ends_in_words_and_keeps_what_was_stored(store, outcome, fakes):
    store.put(outcome)
    pages = store._file.execute("PRAGMA page_count").fetchone()[0]
    store._file.execute(f"PRAGMA max_page_count = {pages}")
    parts = open_source(fakes.table(4000)).parts
    with pytest.raises(InputError, match=r"`out` lies on a full disk: .* finished runs are kept\."):
        store.put(fakes.run(Job("gru", "final", 0, 0), parts, lambda *words: None))
    assert store.get(outcome.job) is not None and store.missing([outcome.job]) == ()


def test_folders_that_cannot_be_written_end_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"`out` is a folder that cannot be written"):
        Store(tmp_path / "file", FACTS)
    with pytest.raises(InputError, match=r"`out` is a folder that cannot be written"):
        Store("/proc/nowhere", FACTS)
    if os.geteuid() == 0:
        return  # to root every folder is open
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(InputError, match=r"`out` is a folder that cannot be written"):
        Store(tmp_path / "closed", FACTS)


def test_a_fact_is_laid_down_once(store):
    assert (store.fact("started", "now"), store.fact("started", "later")) == ("now", "now")
