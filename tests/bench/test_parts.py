"""Clocks, counts, memory, rows and goals."""

import gc

import pytest
import torch

from benchmarks import kernels
from benchmarks.kernels import growth, presets, records, rows, timing
from benchmarks.kernels.counts import cost, floor_s
from benchmarks.kernels.peak import kept_bytes
from benchmarks.kernels.records import OURS, PEER, Peak, Settings
from caudal.errors import InputError
from caudal.testing import backends


def test_repetitions_take_turns_with_the_collector_at_rest():
    seen = []
    works = {name: lambda name=name: seen.append((name, gc.isenabled())) for name in ("a", "b")}
    settings = Settings(rows=(), repetitions=3, sample_s=1e-9, task_s=1.0)
    found = timing.interleaved(works, {"a": 1e-6, "b": 1e-6}, settings)
    assert seen == [("a", False), ("b", False)] * 3
    assert gc.isenabled()
    assert [(one.subject, one.calls, len(one.wall_s), len(one.cpu_s)) for one in found] == [
        ("a", 1, 3, 3),
        ("b", 1, 3, 3),
    ]


def test_short_calls_are_repeated_and_long_ones_take_two_turns():
    settings = Settings(rows=(), repetitions=9, sample_s=1e-3, task_s=0.01)
    found = timing.interleaved({"a": lambda: None}, {"a": 1e-4}, settings)
    assert (found[0].calls, len(found[0].wall_s)) == (10, 9)
    assert len(timing.interleaved({"a": lambda: None}, {"a": 1.0}, settings)[0].wall_s) == 2


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with timing.threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("row", ["ncp19", "cfc64"])
def test_counted_memory_is_what_is_kept_while_it_is_kept(row):
    x = torch.randn(2, 5, 4)
    for model in rows.subjects(rows.ROWS[row], 4).values():
        kept = {}

        def pack(tensor, kept=kept):
            kept[tensor.untyped_storage().data_ptr()] = tensor  # held, so that no address is used twice
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model.scan(x)
        for known in (x, *model.module.parameters(), *model.module.buffers()):
            kept.pop(known.untyped_storage().data_ptr(), None)
        expected = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
        assert kept_bytes(model.module, x, model.scan) == expected > 0


def test_rows_are_the_peers_numbers_and_sizes():
    pytest.importorskip("ncps", reason="ncps is not installed; `pip install ncps==1.0.1` compares with it")
    for row in rows.ROWS.values():
        models = rows.subjects(row, 16)
        x = torch.randn(2, 3, 16)
        torch.testing.assert_close(models[OURS].scan(x), models[PEER].scan(x), rtol=1e-5, atol=1e-6)
        units = models["LSTM"].module.hidden_size
        assert units == row.units == models["GRU"].module.hidden_size
        assert models[OURS].module.units == row.units


def test_rows_without_the_peer_have_the_same_sizes(monkeypatch):
    with_peer = {row.name: rows.subjects(row, 16)[OURS].module for row in rows.ROWS.values()}
    monkeypatch.setattr(rows, "has_peer", lambda: False)
    for row in rows.ROWS.values():
        models = rows.subjects(row, 16)
        assert PEER not in models
        ours, theirs = models[OURS].module, with_peer[row.name]
        assert (ours.inputs, ours.units, ours.outputs) == (theirs.inputs, theirs.units, theirs.outputs)


def test_steps_carry_their_state():
    for model in rows.subjects(rows.ROWS["ncp19"], 4).values():
        with torch.no_grad():
            step = model.stepper(torch.randn(1, 4))
            first, second = step(), step()
        one, two = (value[0] if isinstance(value, tuple) else value for value in (first, second))
        assert not torch.equal(one, two)


def test_unknown_row_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"names 'fc33'\. Choose of ncp19, ncp32"):
        rows.pick(("fc33",))


def test_operations_are_counted_from_shapes():
    assert cost(torch.nn.LSTM(16, 64)) == (2 * 4 * 64 * (16 + 64), 5 * 64, 4 * 64 * 80)
    model = rows.subjects(rows.ROWS["cfc64"], 16)[OURS].module
    weights = (16 + 64) * 128 + 128 * 4 * 64
    assert cost(model) == (2 * weights, 128 + 4 * 64, weights)
    assert floor_s(model, 1, 1, "train", Peak(1, 1e9, 1e9)) == pytest.approx(3e-9 * (2 * weights + 384))
    assert floor_s(model, 1, 1, "train", Peak(1, 1e9, None)) is None


def test_axes_of_growth_are_all_there():
    plan = growth.plan(Settings(rows=()))
    assert {place.axis for place in plan} == set(growth.AXES)


def test_presets_name_rows_and_growth():
    assert presets.quick(("fc32",)).rows == ("fc32",)
    assert not presets.quick(("fc32",)).growth
    changed = presets.changed(presets.full(("growth",)), threads=(1,), lengths=(7,))
    assert (changed.rows, changed.growth, changed.threads, changed.lengths) == ((), True, (1,), (7,))


def test_goals_read_the_worst_row(report):
    by_title = {goal.title: records.reached(goal, report) for goal in records.GOALS}
    assert by_title["LTC FC 32 forward, against ncps"] == pytest.approx(10)
    assert by_title["LTC NCP 32 and NCP 64 forward, against ncps"] is None
    verdicts = [goal.verdict(value) for goal in records.GOALS[-2:] for value in (9.0, 60.0)]
    assert verdicts == ["goal", "missed", "goal", "goal"]


def test_ratio_is_taken_pair_by_pair(report):
    ratio = report.measurements[0].ratio("LSTM", "cpu")
    assert ratio == pytest.approx((0.003 / 0.012, 0.004 / 0.011, 0.5))
    assert report.measurements[0].ratio("GRU", "cpu") is None


@pytest.fixture
def ungated(monkeypatch):
    """The gate has tests of its own, and would compile every kernel here."""
    monkeypatch.setattr(backends, "GUARDED", ())


def test_a_small_run_measures_everything_once(ungated):
    lines = []
    settings = kernels.Settings(
        rows=("ncp19",), growth=False, lengths=(2, 3), threads=(1,), batch=2, inputs=4, repetitions=2, sample_s=1e-5,
        task_s=0.01,
    )  # fmt: skip
    report = kernels.kernels(settings, lines.append)
    assert report.is_green
    assert [(one.work, one.time) for one in report.measurements] == [
        ("forward", 2), ("train", 2), ("forward", 3), ("train", 3), ("step", 1),
    ]  # fmt: skip
    assert {kept.time for kept in report.memory} == {2, 3}
    assert all(one.timing(OURS) is not None and one.floor_s for one in report.measurements)
    assert lines[0].startswith("Correctness first")
    assert kernels.files.loads(kernels.files.dumps(report)).settings == settings


def test_long_calls_are_left_out_with_a_reason(ungated):
    settings = kernels.Settings(
        rows=("ncp19",), growth=False, lengths=(2, 2000), threads=(1,), batch=2, inputs=4, repetitions=2,
        sample_s=1e-5, task_s=0.01, skip_s=0.02, skip_bytes=10,
    )  # fmt: skip
    report = kernels.kernels(settings)
    reasons = {skip.reason.split(" over ")[-1] for one in report.measurements for skip in one.skipped}
    assert "the limit of 0.02 s" in reasons
    assert "the limit of 0.0 GB" in reasons
