"""One interface: jobs are taken as workers get free, failures stay alone, the dead are replaced."""

import os
import threading

import pytest

from caudal.compare.executors import open_executor
from caudal.errors import InputError


@pytest.fixture(params=["inline", "local"])
def executor(request):
    with open_executor(request.param, 2) as opened:
        yield opened


def test_outcomes_come_as_they_end_and_failures_stay_alone(executor, fakes):
    told = []
    done = list(executor.map(fakes.add, 10, [1, -2, 3], lambda job, words: told.append((job, words))))
    assert sorted(one.outcome for one in done if not one.error) == [11, 13]
    bad = next(one for one in done if one.error)
    assert (bad.job, bad.error, bad.lost) == (-2, "ValueError: -2 is below 0", False)
    assert (3, ("working", 3)) in told


def test_jobs_are_taken_when_a_worker_is_free(executor, fakes):
    taken = []

    def jobs():
        for job in range(6):
            taken.append(job)
            yield job

    found = executor.map(fakes.add, 0, jobs())
    next(found)
    assert len(taken) <= executor.workers + 1
    assert len(list(found)) == 5


def test_workers_have_one_thread_and_stay_between_calls(fakes):
    with open_executor("local", 2) as executor:
        first = {one.outcome for one in executor.map(fakes.where, None, range(6))}
        again = {one.outcome for one in executor.map(fakes.where, None, range(6))}
    assert {threads for threads, _ in first} == {"1"}
    assert again <= first and os.getpid() not in {pid for _, pid in first}


def test_a_dead_process_is_replaced_and_its_job_tried_again(fakes, tmp_path):
    with open_executor("local", 2) as executor:
        done = list(executor.map(fakes.add, 7, [("die once", str(tmp_path / "flag")), 1, 2]))
    assert sorted(one.outcome for one in done) == [7, 8, 9]


def test_a_job_that_kills_twice_is_lost_and_the_others_are_not(fakes, tmp_path):
    with open_executor("local", 1) as executor:
        done = list(executor.map(fakes.add, 7, [("die", str(tmp_path / "flag")), 1]))
    assert [one.lost for one in done] == [True, False]
    assert done[0].error == "its process ended twice: signal 9 (memory may have run out)"
    assert done[1].outcome == 8


def test_a_function_that_workers_cannot_import_travels_by_value(fakes, monkeypatch):
    monkeypatch.setattr(fakes.add, "__module__", "nowhere.to.be.found", raising=False)
    with open_executor("local", 1) as executor:
        assert [done.outcome for done in executor.map(fakes.add, 10, [1])] == [11]


def test_what_can_go_to_no_worker_is_told(fakes):
    with open_executor("local", 1) as executor, pytest.raises(TypeError, match="pickle"):
        list(executor.map(fakes.add, threading.Lock(), [1]))


def test_leaving_ends_every_worker(fakes):
    with open_executor("local", 2) as executor:
        pids = {one.outcome[1] for one in executor.map(fakes.where, None, range(4))}
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("name", ["threads", "local:x", ""])
def test_unknown_executors_are_refused(name):
    with pytest.raises(InputError, match="expected local, inline, ray or ray:ADDRESS"):
        open_executor(name)


def test_no_workers_are_refused():
    with pytest.raises(InputError, match="`workers` is 0; expected at least 1"):
        open_executor("local", 0)
