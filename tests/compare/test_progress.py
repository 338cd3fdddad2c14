"""What is written while runs go on, on a terminal and elsewhere."""

import pytest

from caudal.compare.job import Job
from caudal.compare.progress import Board
from caudal.compare.runner import failed


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def board(lively, clock):
    written = []
    return Board(lively, written.append, clock), written


def ended(one, clock, seed, seconds, why=""):
    job = Job("cfc", "final", seed, seed)
    one.begun(job)
    clock.now += seconds
    one.ended(job, failed(job, why), "", "auroc")


def test_without_a_terminal_each_run_is_one_line(clock):
    one, written = board(False, clock)
    one.start(6, 2, 2)
    ended(one, clock, 0, 10.0)
    ended(one, clock, 1, 20.0, "the loss is NaN")
    one.close()
    assert written == [
        "2 of 6 runs are stored already; going on from there.\n",
        "4 runs to go, 2 at once; the first ones may compile their kernels.\n",
        "[3/6] cfc seed 0: done, 10 s\n",
        "[4/6] cfc seed 1: failed: the loss is NaN, 20 s, about 15 s left\n",
    ]


def test_on_a_terminal_one_bar_is_drawn_again_and_wiped(clock):
    one, written = board(True, clock)
    one.start(4, 0, 1)
    ended(one, clock, 0, 50.0)
    one.begun(Job("gru", "trial", 3, 0))
    assert all("\n" not in text for text in written)
    assert written[-1] == "\r\x1b[2K[#####.................] 1/4 runs    gru trial 3"
    one.close()
    assert written[-1] == "\r\x1b[2K"


def test_a_failure_stays_on_the_terminal(clock):
    one, written = board(True, clock)
    one.start(2, 0, 1)
    ended(one, clock, 0, 1.0, "the loss is NaN")
    assert "[1/2] cfc seed 0: failed: the loss is NaN, 1.0 s\n" in written


def test_the_first_run_which_compiles_does_not_set_the_estimate(clock):
    one, written = board(False, clock)
    one.start(13, 0, 1)
    ended(one, clock, 0, 90.0)
    assert "left" not in written[-1]
    for seed in (1, 2):
        ended(one, clock, seed, 4.0)
    assert written[-1].endswith("4.0 s, about 40 s left\n")


def test_each_model_is_guessed_by_its_own_runs_and_the_guess_is_rounded(clock):
    one, written = board(False, clock)
    one.start(8, 0, 1, {("cfc", "final"): 4, ("trivial", "final"): 4})
    for seed, seconds in ((0, 90.0), (1, 30.0), (2, 30.0)):
        ended(one, clock, seed, seconds)
    for seed in range(3):
        job = Job("trivial", "final", seed, seed)
        one.begun(job)
        clock.now += 0.1
        one.ended(job, failed(job, ""), "", "auroc")
    # One of cfc at 30 s and one of trivial at .1 s.
    assert written[-1].endswith("0.1 s, about 35 s left\n")
