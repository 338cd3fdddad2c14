"""Old records go, every proof stays, and nobody can pretend that more were retired than the log says."""

import contextlib
import json
import shutil
from datetime import UTC, date, datetime

import numpy as np
import pytest

from caudal.audit import Log, Salts, export, newest, prove, records, retain, verify
from caudal.audit.log.tiles import split, tile_path
from caudal.cli import main
from caudal.errors import InputError

DAY = 86_400 * 10**9
START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 10**9
NOW = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 10**9


@pytest.fixture
def old(tmp_path, key):
    """A log of 1,400 records, one an hour; the folder and a proof and a checkpoint of each age."""
    folder, held, moment = tmp_path / "log", [], [START]
    with Log(folder, key, sync=False, every=0, seconds=0, clock=lambda: moment[0]) as log:
        for k in range(1400):
            log.decide("bed 4", np.float32([k]), model="ab" * 32, inputs=b"x")
            moment[0] += DAY // 24
            if k in (5, 500, 1100):
                held.append((log.flush(), prove(folder, log.size - 2)))
    return folder, held


def cut(folder, key, before=date(2024, 1, 30), **options):
    with Log(folder, key, sync=False, clock=lambda: NOW) as log:
        return retain(log, before, **options)


def test_what_is_left_is_proven_as_before(old, key, tmp_path):
    folder, held = old
    found = cut(folder, key)
    assert found.first == found.records == 512
    for point, proof in held:
        verdict = verify(folder, key.verifier, point, full=True)
        assert verdict.holds
        assert proof.holds(key.verifier)
    assert verdict.remarks == ("records before 512 were retired; their hashes are kept",)
    assert prove(folder, 512).holds(key.verifier)
    assert next(iter(records(folder)))[0] == 512
    said = dict(records(folder))[found.event]
    assert (said.kind, said.facts["first"], said.facts["records"]) == ("retired", 512, 512)
    with pytest.raises(InputError, match="records 512 to"):
        prove(folder, 511)
    export(folder, tmp_path / "served")
    assert not (tmp_path / "served" / tile_path("entries", 1)).exists()
    with Log(folder, key, sync=False) as log:
        for _ in range(300):
            log.event("alarm")
    assert verify(folder, key.verifier, held[0][0], full=True).holds


def test_salts_of_retired_records_are_erased(old, key):
    folder, _ = old
    salts = Salts(f"{folder}.salts")
    assert salts.of_record(300) is not None
    cut(folder, key)
    salts = Salts(f"{folder}.salts")
    assert [salts.of_record(k) is None for k in (5, 300, 511, 600)] == [True, True, True, False]


def test_the_newest_bundle_stays_and_a_second_call_goes_on(old, key):
    folder, _ = old
    assert cut(folder, key).first == 512
    assert cut(folder, key).records == 0
    assert cut(folder, key, date(2025, 1, 1)).first == 1024
    assert cut(folder, key, date(2025, 1, 1)).records == 0
    assert verify(folder, key.verifier, full=True).holds


def test_bundles_are_archived_and_lead_to_the_same_hashes(old, key, tmp_path):
    folder, _ = old
    before = (folder / tile_path("entries", 1)).read_bytes()
    cut(folder, key, archive=tmp_path / "attic")
    assert (tmp_path / "attic" / tile_path("entries", 1)).read_bytes() == before
    shutil.copytree(tmp_path / "attic" / "tile", folder / "tile", dirs_exist_ok=True)
    assert verify(folder, key.verifier, full=True).holds


def test_young_records_are_kept_whatever_is_asked(old, key):
    folder, _ = old
    with pytest.raises(InputError, match=r"is 2025-12-01, and records are kept for 184 days. Pass 2025-07-01"):
        cut(folder, key, date(2025, 12, 1))
    with pytest.raises(InputError, match="`before` is 'soon'"):
        cut(folder, key, "soon")
    assert verify(folder, key.verifier).remarks == ()


def test_a_later_clock_in_a_bundle_keeps_it(tmp_path, key):
    with Log(tmp_path / "log", key, sync=False, clock=lambda: START) as log:
        for k in range(600):
            log.decide("a", [k], model="ab" * 32, time=NOW if k == 100 else START)
        log._clock = lambda: NOW
        assert retain(log, date(2024, 6, 1)).first == 0


@pytest.mark.parametrize("names", [None, 1300, 5])
def test_claiming_that_more_was_retired_is_found(old, key, names):
    folder, _ = old
    facts = json.loads((folder / "log.json").read_text())
    (folder / "log.json").write_text(json.dumps(facts | {"first": 768, "retired": names}))
    for number in range(3):
        (folder / tile_path("entries", number)).unlink()
    found = verify(folder, key.verifier)
    assert not found.holds
    assert found.faults[-1].what.startswith("log.json says that records before 768 were retired, and")


def test_raising_the_number_after_a_true_one_is_found(old, key):
    folder, _ = old
    cut(folder, key)
    facts = json.loads((folder / "log.json").read_text())
    (folder / "log.json").write_text(json.dumps(facts | {"first": 768}))
    (folder / tile_path("entries", 2)).unlink()
    assert "does not say so" in verify(folder, key.verifier).faults[-1].what
    (folder / "log.json").write_text(json.dumps(facts))
    assert verify(folder, key.verifier).first_bad == 512


@pytest.mark.parametrize("stop", range(4))
def test_a_writer_that_dies_while_it_retires(old, key, monkeypatch, stop):
    from pathlib import Path

    from caudal.audit.log import manifest

    folder, _ = old
    left = stop

    def dying(real):
        def call(*args, **options):
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            return real(*args, **options)

        return call

    log = Log(folder, key, sync=False, clock=lambda: NOW)
    with monkeypatch.context() as patch:
        patch.setattr(manifest, "with_first", dying(manifest.with_first))
        patch.setattr(Path, "unlink", dying(Path.unlink))
        with contextlib.suppress(KeyboardInterrupt):
            retain(log, date(2024, 1, 30))
    log._hold.close()
    assert verify(folder, key.verifier, full=True).holds
    cut(folder, key)
    assert not (folder / tile_path("entries", 0)).exists()
    assert verify(folder, key.verifier, full=True).holds


def test_only_the_log_writes_its_own_kinds(tmp_path, key):
    with Log(tmp_path / "log", key, sync=False) as log, pytest.raises(InputError, match="is 'retired', which only"):
        log.event("retired", first=256)


def test_on_the_command_line(tmp_path, capsys, monkeypatch):
    from caudal.audit import keys

    pem, folder = str(tmp_path / "k.pem"), str(tmp_path / "log")
    own = keys.make(pem, "example.org/ward-4")
    with Log(folder, own, sync=False, clock=lambda: START) as log:
        for k in range(600):
            log.decide("a", [k], model="ab" * 32)
    words = ["audit", "retain", folder, "--key", pem, "--before"]
    assert main([*words, "2024-02-01"]) == 0
    assert "256 records removed; the first one kept is 256; record" in capsys.readouterr().out
    assert main(["audit", "verify", folder, "--key", f"{pem}.pub"]) == 0
    for when in ("tomorrow", "2999-01-01"):
        assert main([*words, when]) == 2
    assert main(["audit", "retain", str(tmp_path / "none"), "--before", "2024-02-01"]) == 2
    assert not (tmp_path / "none").exists()
    assert newest(folder).size == len(split((tmp_path / "log/edge/entries").read_bytes())[0]) + 512
