"""Joules of contenders: from a counter, from stated watts, or unknown for a reason; nothing is trained in vain."""

import numpy as np
import pytest

from caudal import energy
from caudal.cli import compare as command
from caudal.compare import study as studies
from caudal.compare.job import Job, Parts
from caudal.compare.measure import energy as energy_module
from caudal.compare.progress import Silent
from caudal.compare.run import run_job
from caudal.compare.runner import failed
from caudal.data import from_arrays
from caudal.errors import InputError
from caudal.intervals import Reading


@pytest.fixture(scope="module")
def parts():
    rng = np.random.default_rng(0)
    target = np.arange(60) % 2
    values = rng.normal(size=(60, 2, 5)) + target[:, None, None]
    data = from_arrays(values, target)
    return Parts(data.select(slice(0, 40)), data.select(slice(40, 50)), data.select(slice(50, 60)))


@pytest.fixture(scope="module")
def done(parts):
    jobs = [Job(name, "final", 0, 0, epochs=1, parameters=100, disturb=False) for name in ("gru", "trees", "trivial")]
    return [run_job(job, parts) for job in jobs]


def nothing_is_trained(*args):
    raise AssertionError("it was trained")


def test_unknown_has_a_reason_and_costs_nothing(parts, done, monkeypatch):
    monkeypatch.setattr(energy, "counters", lambda: energy.Counters({"gpu": "NVML"}, {"cpu": "no counter here"}))
    monkeypatch.setattr(energy_module, "train", nothing_is_trained)
    found = energy_module.measure(done, parts)
    assert found["trees"] == energy.Spent(*[Reading("unknown", "no counter here")] * 2) and len(found) == 3


def test_watts_give_joules_of_every_kind(parts, done, monkeypatch):
    monkeypatch.setattr(energy_module, "_WINDOW", 0.01)
    bad = failed(Job("lstm", "final", 0, 0), "it diverged")
    said = []
    found = energy_module.measure([*done, bad], parts, (5.0, 15.0), said.append)
    assert len(said) == 3 and "lstm" not in found
    for one in found.values():
        for reading in one:
            assert reading.label in ("estimated", "measured") and 0 < reading.low < reading.high
        assert one.decision.high < one.training.high
    assert "CPU s" not in found["gru"].training.source
    assert found["trees"].decision.low > found["trivial"].decision.high


@pytest.mark.parametrize(
    ("devices", "joules_read", "source"),
    [
        ({"cpu": 30.0, "dram": 2.0, "board": 90.0, "gpu": 50.0}, 32.0, "RAPL, processor and memory"),
        ({"cpu": 30.0}, 30.0, "RAPL"),
        ({"cpu": None, "board": 90.0}, 90.0, "RAPL"),
        ({"board": 90.0}, 90.0, "RAPL"),
        ({"cpu": None, "gpu": 50.0}, None, "locked"),
    ],
)
def test_what_counts_is_the_processor_with_its_memory(parts, done, monkeypatch, devices, joules_read, source):
    """A graphics card at rest, and a board that holds the processor, are not added to it."""
    seen = {
        name: Reading("unknown", "locked") if value is None else Reading("measured", "RAPL", value, value)
        for name, value in devices.items()
    }
    monkeypatch.setattr(energy, "counters", lambda: energy.Counters({"cpu": "RAPL"}, {}))
    monkeypatch.setattr(energy_module.energy, "measure_repeated", lambda work, n, **more: energy.Measurement(seen))
    monkeypatch.setattr(energy_module, "_WINDOW", 1e-9)
    read_here = energy_module.measure(done[2:], parts)["trivial"].decision
    assert read_here.source == source
    assert read_here.joules is None if joules_read is None else read_here.joules == pytest.approx(joules_read / 10)


@pytest.mark.parametrize("watts", [(15.0, 5.0), (0.0, 5.0), (5.0,), (5.0, float("nan")), (5.0, float("inf"))])
def test_watts_that_make_no_sense_are_refused_before_anything_runs(fakes, tmp_path, watts):
    with pytest.raises(InputError, match=r"compare: `watts` is .*Pass for example \(5, 15\)"):
        studies.compare(fakes.table(), tmp_path / "out", watts=watts, runner=nothing_is_trained)
    assert not (tmp_path / "out").exists()


def test_joules_are_kept_and_reach_the_study(fakes, tmp_path, monkeypatch):
    asked = []

    def measure(outcomes, parts, watts, say):
        asked.append(watts)
        label = "measured" if watts is None else "estimated"
        one = energy.Spent(Reading(label, "RAPL", 0.5, 0.5), Reading(label, "RAPL", 8.0, 8.0))
        return {outcome.job.model: one for outcome in outcomes}

    monkeypatch.setattr(studies.timing, "measure", lambda outcomes, parts: {})
    monkeypatch.setattr(studies.energy, "measure", measure)
    monkeypatch.setattr(studies.energy, "why_not", lambda watts: "")

    def compare(watts):
        return studies.compare(
            fakes.table(), tmp_path, models=["cfc", "gru", "trees"], changes={"seeds": 2, "trials": 0},
            executor="inline", watcher=Silent(), runner=fakes.run, watts=watts,
        )  # fmt: skip

    found = compare(None)
    assert compare(None).contenders == found.contenders and asked == [None]
    trees = next(one for one in found.contenders if one.name == "trees")
    assert trees.energy["training.measured"] == Reading("measured", "RAPL", 8.0, 8.0)
    assert trees.energy["correct.measured"].low > 0.5
    assert "no joules" not in found.not_measured
    assert "no joules" in compare((5.0, 15.0)).not_measured and asked == [None, (5.0, 15.0)]


def test_the_command_can_be_typed_again():
    parser = command.argparse.ArgumentParser()
    command.add_arguments(parser)
    args = parser.parse_args(["nafld", "--watts", "5", "15.5"])
    assert command.typed(args) == "caudal compare nafld --watts 5 15.5"
    assert command._asked(args)["watts"] == (5.0, 15.5)
