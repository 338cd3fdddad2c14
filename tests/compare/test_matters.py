"""Whether time and order matter, on series made so that one of them does."""

import numpy as np
import pytest

from caudal.compare.assemble import owners
from caudal.compare.data import open_source
from caudal.compare.measure.matters import matters, words_of
from caudal.data import from_arrays

pytest.importorskip("sklearn")
COUNT, STEPS = 300, 8


def told(values, dt, target):
    parts = open_source(from_arrays(values, target, dt=dt)).parts
    return {pair.question: pair for pair in matters(parts, owners(parts.test))}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_elapsed_times_that_tell_the_class_matter(rng):
    target = np.arange(COUNT) % 2
    dt = rng.uniform(0.5, 1.5, (COUNT, STEPS)) * (1 + 2 * target[:, None])
    found = told(rng.normal(size=(COUNT, 1, STEPS)), dt, target)
    assert found["time"].verdict == "better" and found["order"].verdict != "better"
    assert words_of(found["time"]).startswith("matters: elapsed times")


def test_an_order_that_tells_the_class_matters(rng):
    target = np.arange(COUNT) % 2
    rise = np.linspace(-1, 1, STEPS) * (2 * target[:, None] - 1)
    found = told((rise + 0.5 * rng.normal(size=(COUNT, STEPS)))[:, None], np.ones((COUNT, STEPS)), target)
    assert found["order"].verdict == "better" and found["time"].verdict != "better"


def test_where_only_the_mean_matters_neither_does(rng):
    target = np.arange(COUNT) % 2
    found = told(rng.normal(size=(COUNT, 1, STEPS)) + 2 * target[:, None, None], np.ones((COUNT, STEPS)), target)
    assert not any(pair.verdict == "better" for pair in found.values())


def test_a_class_at_each_step_asks_for_time_only(rng):
    steps = (rng.random((60, STEPS)) < 0.5).astype(int)
    parts = open_source(from_arrays(rng.normal(size=(60, 1, STEPS)), steps, task="classify_steps")).parts
    assert [pair.question for pair in matters(parts, owners(parts.test))] == ["time"]


def test_the_doctor_says_so_to_programs_as_well(rng, tmp_path, capsys):
    import json

    from caudal.cli import main

    rows = [f"{p},{t},{rng.normal() + 3 * (p % 2):.3f},{'ab'[p % 2]}" for p in range(40) for t in range(4)]
    (tmp_path / "t.csv").write_text("\n".join(["id,t,x,y", *rows]))
    words = ["doctor", str(tmp_path / "t.csv"), "--target", "y", "--series", "id", "--time", "t", "--json"]
    assert main(words) in (0, 1)
    told = json.loads(capsys.readouterr().out)["matters"]
    assert {pair["question"] for pair in told} <= {"time", "order"} and told
    assert all({"verdict", "metric", "difference"} <= pair.keys() for pair in told)
