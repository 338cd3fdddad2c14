"""Several processes hand in to one log: nothing is lost, and what does not fit is told."""

import importlib
import multiprocessing
from collections import defaultdict

import numpy as np
import pytest

from caudal.audit import Desk, Log, records, verify
from caudal.errors import InputError
from caudal.records.decision import Decision, Event

MODEL = "ab" * 32


WORKER = """
import numpy as np

def hand_in(slip, name, count):
    for k in range(count):
        slip.decide(name, np.float32([k]), model="ab" * 32, inputs=np.zeros(2), sequence=k)
    slip.flush()
"""


def test_what_several_processes_hand_in_is_there_in_order(tmp_path, key, monkeypatch):
    (tmp_path / "worker_of_a_desk.py").write_text(WORKER)
    monkeypatch.syspath_prepend(tmp_path)  # a new process finds by name what it is to run
    hand_in = importlib.import_module("worker_of_a_desk").hand_in
    context = multiprocessing.get_context("spawn")
    with Log(tmp_path / "log", key, sync=False) as log, Desk(log, context) as desk:
        workers = [context.Process(target=hand_in, args=(desk.slip(), f"bed {k}", 60)) for k in range(3)]
        for one in workers:
            one.start()
        log.decide("bed 9", [1.0], model=MODEL)
        for one in workers:
            one.join()
        assert [one.exitcode for one in workers] == [0, 0, 0]
        assert log.checkpoint.size >= 181
    found = defaultdict(list)
    for _, one in records(tmp_path / "log"):
        if isinstance(one, Decision):
            found[one.session].append(one.sequence)
    assert {name: len(rows) for name, rows in found.items()} == {"bed 0": 60, "bed 1": 60, "bed 2": 60, "bed 9": 1}
    assert all(rows == sorted(rows) for rows in found.values())
    assert verify(tmp_path / "log", key.verifier, full=True).holds


def test_what_does_not_fit_is_an_event(tmp_path, key):
    with Log(tmp_path / "log", key, sync=False) as log, Desk(log) as desk:
        slip = desk.slip()
        slip.decide("bed 4", [1.0], model="no digest")
        slip.decide("bed 4", [1.0], model=MODEL, colour="red")
        slip.event("retired", first=256)
        slip.override("bed 4", 0, "dr. vega", "seen")
        slip.stop("dr. vega", "alarm")
        assert log.checkpoint.size == 6
    told = [one for _, one in records(tmp_path / "log") if isinstance(one, Event)]
    assert [one.kind for one in told] == ["open", "refused", "refused", "refused", "override", "stop"]
    assert "no digest" in told[1].facts["why"]


def test_an_estimator_may_write_through_a_slip(tmp_path, key):
    from caudal.audit import replay
    from caudal.estimators import LiquidClassifier

    x = np.random.default_rng(0).normal(size=(20, 2, 5))
    model = LiquidClassifier("gru", 4, epochs=1).fit(x, np.arange(20) % 2)
    with Log(tmp_path / "log", key, sync=False) as log, Desk(log) as desk:
        model.predict(x, log=desk.slip())
    assert replay(tmp_path / "log", model, x).same_decision == 20


def test_a_full_disk_is_told_when_the_desk_closes(tmp_path, key, monkeypatch):
    with Log(tmp_path / "log", key, sync=False) as log:
        desk = Desk(log)

        def full():
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(log, "flush", full)
            desk.slip().flush()
            with pytest.raises(OSError, match="No space left"):
                desk.close()
        desk.close()
    with pytest.raises(InputError, match="is closed"):
        Desk(log)
