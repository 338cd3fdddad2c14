"""The gate covers every recurrence and turns red for a kernel that is wrong, fails, or is wrong by step alone."""

import dataclasses

import pytest
import torch

from benchmarks import kernels as suite
from benchmarks.__main__ import main
from benchmarks.kernels.gate import gate
from caudal import kernels
from caudal.errors import BackendError
from caudal.kernels import dispatch
from caudal.testing import backends
from caudal.testing.backends import GUARDED

CTRNN = [guarded for guarded in GUARDED if guarded.recurrence == "ctrnn_scan"]


@pytest.fixture
def plant(monkeypatch):
    """Put a backend of its own before the reference of the CT-RNN, and let the gate look at nothing else."""

    def planted(**changes):
        reference = dispatch.TABLE["ctrnn_scan"][-1]
        backend = dataclasses.replace(reference, name="planted", **changes)
        monkeypatch.setitem(dispatch.TABLE, "ctrnn_scan", (backend, reference))
        monkeypatch.setattr(backends, "GUARDED", tuple(CTRNN))
        return reference

    return planted


def test_every_recurrence_is_guarded():
    scans = {name for name in dispatch.TABLE if name.endswith("_scan")}
    assert {guarded.recurrence for guarded in GUARDED} == scans


def test_equal_backend_is_green(plant):
    plant()
    assert [(check.backend, check.status) for check in gate(rows=())] == [("planted", "equal")]


def test_wrong_outputs_are_red(plant):
    reference = dispatch.TABLE["ctrnn_scan"][-1]
    plant(forward=lambda call: [1.0001 * states for states in reference.forward(call)])
    (check,) = gate(rows=())
    assert check.status == "red"
    assert check.detail.startswith("batch 1, 1 steps: y differs by")


def test_a_single_wrong_gradient_is_red(plant):
    reference = dispatch.TABLE["ctrnn_scan"][-1]

    def backward(call, grads, states):
        found = reference.backward(call, grads, states)
        return [*found[:1], found[1] + 1e-3, *found[2:]]

    plant(backward=backward)
    (check,) = gate(rows=())
    assert check.status == "red"
    assert "gradient of dt differs" in check.detail


def test_nan_is_red(plant):
    plant(forward=lambda call: [torch.full((*call.x.shape[:2], s.shape[1]), torch.nan) for s in call.state])
    assert gate(rows=())[0].status == "red"


def test_a_failure_is_red_and_a_refusal_is_not(plant):
    def fail(call):
        raise ZeroDivisionError("planted")

    plant(forward=fail)
    (check,) = gate(rows=())
    assert (check.status, check.detail) == ("red", "failed: ZeroDivisionError: planted")
    plant(can=lambda call: "no such device")
    (check,) = gate(rows=())
    assert check.status == "refused"
    assert "no such device" in check.detail
    with pytest.raises(BackendError), kernels.use("planted"):
        CTRNN[0].build()(torch.zeros(1, 1, 3))


def test_red_gate_prints_no_speed_and_says_no(plant, capsys, tmp_path):
    reference = dispatch.TABLE["ctrnn_scan"][-1]
    plant(forward=lambda call: [states + 1e-3 for states in reference.forward(call)])
    kept = tmp_path / "kept.json"
    code = main(["kernels", "--only", "growth", "--quick", "--out", str(kept)])
    out = capsys.readouterr().out
    assert code == 1
    assert "RED" in out
    assert "planted" in out
    assert "No speed is shown" in out
    assert " ms" not in out
    assert not kept.exists()


def test_red_report_measures_nothing(plant):
    reference = dispatch.TABLE["ctrnn_scan"][-1]
    plant(forward=lambda call: [states + 1e-3 for states in reference.forward(call)])
    report = suite.kernels(suite.Settings(rows=(), threads=(1,)))
    assert not report.is_green
    assert report.measurements == report.growth == report.memory == report.peaks == ()
