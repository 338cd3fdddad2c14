"""Which backend runs: order, reasons, refusals by name, and no fallback on an exception."""

import subprocess
import sys

import pytest
import torch

from caudal import kernels, nn
from caudal.errors import BackendError
from caudal.kernels import dispatch

BF16 = "x is torch.bfloat16, and this backend computes float32 and float64"


def half(call):
    low = {name: getattr(call, name).bfloat16() for name in ("x", "dt", "weight")}
    lists = {name: [t.bfloat16() for t in getattr(call, name)] for name in ("state", "params")}
    return call._replace(**low, **lists)


def test_the_compiled_backend_stands_before_the_reference(make, case):
    name = make(case).name
    assert kernels.names(name)[0] == "numba"
    assert kernels.names(name)[-1] == "reference"
    assert kernels.why(name, torch.zeros(1, 2, 3)).backend == "numba"


def test_why_prints_the_choice_and_every_refusal(capsys):
    found = kernels.why("lrc_scan", torch.zeros(1, 2, 3, dtype=torch.bfloat16))
    assert found.backend == "reference"
    assert found.refused[0] == ("numba", BF16)
    assert capsys.readouterr().out.startswith(f"lrc_scan: reference\n  not numba: {BF16}\n")


def test_why_takes_the_settings_that_a_backend_may_refuse():
    x = torch.zeros(1, 2, 3)
    assert kernels.why("cfc_scan", x).backend == "numba"
    assert ("numba", "the exact gelu has no compiled form") in kernels.why("cfc_scan", x, activation="gelu").refused


def test_why_knows_its_recurrences():
    with pytest.raises(BackendError, match=r"^No recurrence is named 'gru_scan'\. Choose one of .*ltc_scan"):
        kernels.why("gru_scan", torch.zeros(1, 2, 3))


def test_a_backend_asked_for_by_name_refuses_in_words(make, case):
    call = half(make(case))
    with pytest.raises(BackendError) as caught:
        call.run("numba")
    assert str(caught.value) == (
        f"{call.name}: backend 'numba' cannot run this call: {BF16}. Ask for \"auto\" to let caudal choose."
    )


def test_a_call_that_the_compiled_backend_refuses_runs_on_the_next_one(make, case):
    call = half(make(case))
    assert torch.equal(call.run("auto"), call.run("reference"))


def test_mixed_dtypes_and_gelu_are_refused_with_their_reason(make):
    call = make("ctrnn")
    with pytest.raises(BackendError, match="dt, state or parameters differ from x in dtype"):
        call._replace(dt=call.dt.double()).run("numba")
    call = make("cfc-default")
    with pytest.raises(BackendError, match="the exact gelu has no compiled form"):
        call._replace(settings={"mode": "default", "activation": "gelu"}).run("numba")


def test_an_unknown_backend_is_refused_with_the_known_ones(make):
    with pytest.raises(BackendError, match=r"ctrnn_scan: no backend is named 'fpga'\. Choose auto, numba, .*reference"):
        make("ctrnn").run("fpga")


@pytest.mark.parametrize("asked", ["auto", "numba"])
def test_an_exception_inside_a_backend_is_never_a_fallback(make, monkeypatch, asked):
    from caudal.kernels.cpu import wired

    def broken(*_):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(wired, "_forward", broken)
    with pytest.raises(ZeroDivisionError, match="planted"):
        make("ctrnn").run(asked)
    monkeypatch.undo()
    monkeypatch.setattr(wired, "_backward", broken)
    with pytest.raises(ZeroDivisionError, match="planted"):
        make("ctrnn").gradients(asked)


def test_a_block_asks_for_one_backend_and_hands_back_the_choice(monkeypatch):
    taken = []
    pick = dispatch.pick

    def noted(*args):
        taken.append(pick(*args).name)
        return pick(*args)

    monkeypatch.setattr(dispatch, "pick", noted)
    net, x = nn.CTRNN(3, 4), torch.zeros(1, 2, 3)
    with kernels.use("reference"):
        net(x)
    net(x)
    assert taken == ["reference", "numba"]


def test_nothing_compiles_at_import_time():
    code = "import sys, caudal, caudal.nn, caudal.kernels; raise SystemExit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 0


WITHOUT_NUMBA = """
import importlib.machinery, sys
class Hidden(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split(".")[0] not in ("numba", "llvmlite"):
            return importlib.machinery.PathFinder.find_spec(name, path, target)
sys.meta_path[:] = [Hidden if finder is importlib.machinery.PathFinder else finder for finder in sys.meta_path]
import torch
from caudal import kernels, nn, wiring
torch.manual_seed(0)
x, dt = torch.randn(3, 6, 4), torch.rand(3, 6)
circuit = wiring.ncp(inputs=4, inter=4, command=3, motor=2, seed=1)
cells = (nn.LTC(circuit), nn.LRC(circuit), nn.CTRNN(circuit), nn.WiredCfC(circuit), nn.CfC(4, 5), nn.LiquidSSM(4, 5))
for net in cells:
    y, _ = net(x, dt=dt)
    y.sum().backward()
    with kernels.use("reference"):
        assert torch.equal(net(x, dt=dt)[0], y), net
    with torch.no_grad():
        state = None
        for t in range(6):
            step, state = net.step(x[:, t], dt=dt[:, t], state=state)
        assert torch.allclose(step, y[:, -1], atol=1e-6), net
assert "numba" not in sys.modules and "llvmlite" not in sys.modules
"""


def test_plain_torch_runs_every_cell_where_numba_is_missing_and_says_so_once():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMBA], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        "caudal: plain PyTorch runs the cells, which takes 3 to 40 times as long; "
        '`pip install "caudal[kernels]"` compiles the loops of the cells for this processor'
    ]
