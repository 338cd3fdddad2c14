"""Several processes hand in to one log: nothing is lost, and what does not fit is told."""

import errno
import importlib
import multiprocessing
import os
import pickle
import random
import signal
import socket
import time
from collections import defaultdict
from contextlib import suppress

import numpy as np
import pytest

from caudal.audit import Desk, Log, keys, records, verify
from caudal.audit.log import durable
from caudal.audit.log.record import Decision, Event
from caudal.errors import CaudalError, InputError

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


def test_a_full_disk_is_told_where_it_matters_and_nothing_is_lost(tmp_path, key, monkeypatch):
    """What the disk refuses waits, in its order; `flush` and `close` tell, and succeed once there is room."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with Log(tmp_path / "log", key, sync=False, every=0, seconds=0) as log:
        desk = Desk(log)
        slip = desk.slip()
        assert slip.flush() == 1
        with monkeypatch.context() as patch:
            patch.setattr(durable.Grower, "add", full)
            for k in range(600):
                slip.decide("bed 4", [k], model=MODEL, sequence=k)
            for _ in range(2):
                with pytest.raises(OSError, match="No space left"):
                    slip.flush()
            assert log.checkpoint.size == 1
            with pytest.raises(OSError, match="No space left"):
                desk.slip().flush()
        assert slip.flush() == log.checkpoint.size == log.size
        with monkeypatch.context() as patch:
            slip.decide("bed 4", [600], model=MODEL, sequence=600)
            patch.setattr(durable.Grower, "add", full)
            with pytest.raises(OSError, match="No space left"):
                desk.close()
        desk.close()
        with pytest.raises(ConnectionError, match="its desk was closed"):
            slip.flush()
    found = [one.sequence for _, one in records(tmp_path / "log") if isinstance(one, Decision)]
    assert found == list(range(601))
    assert verify(tmp_path / "log", key.verifier, full=True).holds
    with pytest.raises(InputError, match="is closed"):
        Desk(log)


def test_a_dead_writer_is_told(tmp_path, key, monkeypatch):
    with Log(tmp_path / "log", key, sync=False) as log:
        desk = Desk(log)
        slip = desk.slip()
        slip.flush()

        def die(*_, **__):
            raise SystemExit("killed")

        monkeypatch.setattr(log, "decide", die)
        slip.decide("bed 4", [1.0], model=MODEL)
        with pytest.raises(ConnectionError, match="is gone"):
            slip.flush()
        with pytest.raises(CaudalError, match="the writer had ended"):
            desk.close()


def test_a_foreigner_and_half_a_message_do_not_stop_the_others(tmp_path, key):
    """Whoever has not the key is not read; a message that never ends is waited for by nobody."""
    with Log(tmp_path / "log", key, sync=False) as log, Desk(log) as desk:
        slip = desk.slip()
        lines = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for line in lines:
            line.connect(slip._address)
        lines[0].sendall(b"\0\0\0\x28" + bytes(40) + b"\0\0\0\5cos.\n")
        lines[1].sendall(b"\xff\xff\xff\xffhalf")
        lines[2].sendall(b"\0\0\0\x28" + slip._key + (7).to_bytes(8, "big") + b"\0\0\0\3c\0?\0\0\0\xffhalf")
        slip.decide("bed 4", [1.0], model=MODEL)
        assert slip.flush() in (2, 3)
        lines[2].close()
        while slip.flush() < 4:
            slip.event("note")
    for line in lines:
        line.close()
    told = [one for _, one in records(tmp_path / "log") if isinstance(one, Event)]
    assert [one.facts["action"] for one in told if one.kind == "refused"] == ["read"]
    lost = [dict(one.facts) for one in told if one.kind == "lost"]
    assert lost == [{"process": 7, "handed_in": 1, "flushed": 0, "half_a_message": True}]


def test_a_process_that_sends_nonsense_never_listens_or_states_a_huge_message_stops_nobody(tmp_path, key):
    """Whatever a process with the key sends, the desk goes on and answers the others, in bounded memory."""
    messages = [
        pickle.dumps(one)
        for one in (("decide",), ("decide", 5, {}), ("event", ("x",), 3), (), 4, None, ("flush", (1, 2), {}))
    ]
    with Log(tmp_path / "log", key, sync=False) as log, Desk(log) as desk:
        slip = desk.slip()
        framed = [len(one).to_bytes(4, "big") + one for one in messages]
        hello = b"\0\0\0\x28" + slip._key + (7).to_bytes(8, "big")
        flush = pickle.dumps(("flush", (0,), {}))
        sent = [
            hello + b"".join(framed),
            hello + b"\xff\xff\xff\xff" + bytes(1000),
            b"\x10\0\0\0" + bytes(1000),
            hello + (len(flush).to_bytes(4, "big") + flush) * 20_000,
        ]
        lines = []
        for data in sent:
            lines.append(socket.socket(socket.AF_UNIX))
            lines[-1].connect(slip._address)
            lines[-1].settimeout(5)
            with suppress(OSError):  # the desk ends a line that it takes no more from
                lines[-1].sendall(data)
        slip.decide("bed 4", [1.0], model=MODEL)
        assert slip.flush() > 1
        assert len(desk._sides) <= 2
        for line in lines:
            line.close()
    told = [one for _, one in records(tmp_path / "log") if isinstance(one, Event)]
    assert sum(one.kind == "refused" for one in told) == len(messages)
    assert {one.kind for one in told} == {"open", "refused", "lost"}
    assert verify(tmp_path / "log", key.verifier, full=True).holds


def test_what_cannot_be_copied_is_refused_at_the_door(tmp_path, key):
    with Log(tmp_path / "log", key, sync=False) as log, Desk(log) as desk:
        slip = desk.slip()
        for call, sentence in (
            (lambda: slip.decide(4, [1.0], model=MODEL), "`session` is 4, an int"),
            (lambda: slip.decide("a", [1.0], model=MODEL, inputs=lambda: 0), "cannot be handed to another process"),
            (lambda: slip.event(b"x"), "`kind` is b'x', a bytes"),
        ):
            with pytest.raises(InputError, match=sentence):
                call()
        assert slip.flush() == 1


def sender(slip, number, told):
    """Hand in without end; say in shared memory what was promised."""
    count = 0
    while True:
        for _ in range(7):
            slip.decide(f"bed {number}", np.zeros(50 * (count % 5), np.float32), model=MODEL, sequence=count)
            count += 1
        slip.flush()
        told[number] = count


def test_killed_senders_are_events_and_lose_nothing_promised(tmp_path, key):
    kills, dice = 12, random.Random(0)
    context = multiprocessing.get_context("fork")
    told = context.Array("q", kills + 2, lock=False)
    with Log(tmp_path / "log", key, sync=False) as log, Desk(log, context) as desk:
        alive = [context.Process(target=sender, args=(desk.slip(), k, told), daemon=True) for k in range(2)]
        for process in alive:
            process.start()
        for k in range(kills):
            time.sleep(dice.uniform(0.01, 0.06))
            os.kill(alive[0].pid, signal.SIGKILL)
            alive.pop(0).join()
            alive.append(context.Process(target=sender, args=(desk.slip(), k + 2, told), daemon=True))
            alive[-1].start()
        before = told[kills]
        until = time.monotonic() + 20
        while told[kills] <= before + 7 and time.monotonic() < until:
            time.sleep(0.01)
        assert told[kills] > before + 7  # the others go on
        for process in alive:
            os.kill(process.pid, signal.SIGKILL)
            process.join()
    found = defaultdict(list)
    lost = 0
    for _, one in records(tmp_path / "log"):
        if isinstance(one, Decision):
            found[one.session].append(one.sequence)
        lost += isinstance(one, Event) and one.kind == "lost"
    for number, count in enumerate(told):
        steps = found[f"bed {number}"]
        assert steps == list(range(len(steps)))
        assert len(steps) >= count
    assert lost >= sum(count > 0 for count in told)
    assert verify(tmp_path / "log", key.verifier, full=True).holds


def writer(folder, pem, pipe):
    """A process with a desk, whose slip goes to the others."""
    with Log(folder, pem, sync=False) as log, Desk(log) as desk:
        pipe.send(desk.slip())
        time.sleep(60)


def test_a_killed_writer_is_told_and_the_log_opens_again(tmp_path):
    context = multiprocessing.get_context("fork")
    key = keys.make(tmp_path / "key.pem", "example.org/ward-4")
    near, far = context.Pipe()
    process = context.Process(target=writer, args=(tmp_path / "log", tmp_path / "key.pem", far), daemon=True)
    process.start()
    slip = near.recv()
    slip.decide("bed 4", [1.0], model=MODEL)
    promised = slip.flush()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with pytest.raises(ConnectionError, match="is gone"):
        slip.flush()
    with Log(tmp_path / "log", key, sync=False) as log:
        assert log.size > promised
    assert verify(tmp_path / "log", key.verifier, full=True).holds
