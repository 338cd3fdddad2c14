"""Exported programs of torch, AOTInductor and ExecuTorch against the network: 256 irregular steps."""

import importlib.util
import shutil

import numpy as np
import pytest
import torch

from caudal import export
from caudal.cli import main
from caudal.errors import BackendError, InputError, MissingExtraError
from caudal.export.graph import torch_step
from caudal.nn import GRUD, LTC, SSM, CfC, Readout, save

STEPS = 256
# What AOTInductor and ExecuTorch are run on: each takes seconds to a minute.
FEW = {
    "ltc": lambda: Readout(LTC(3, 5, substeps=2), 2, pool="mean"),
    "cfc": lambda: CfC(3, 4, backbone_units=6),
    "gru-d": lambda: GRUD(2, 4),
}


def _series(inputs, batch):
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.normal(size=(batch, STEPS, inputs)), dtype=torch.float32)
    dt = torch.tensor(rng.exponential(size=(batch, STEPS)), dtype=torch.float32)
    dt[0, 3] = 0
    return x, dt


def _start(made, batch):
    return [torch.zeros(batch, size) for _, _, size in made.states]


def _roll(step, made, x, dt):
    state, found = _start(made, len(x)), []
    for t in range(x.shape[1]):
        y, *state = (part.clone() for part in step(x[:, t].contiguous(), dt[:, t].contiguous(), *state))
        found.append(y)
    return torch.stack(found, 1)


def _torch(net, x, dt, **more):
    with torch.no_grad():
        return net(x, dt, **more)[0]


def test_step_module_is_the_network(net):
    """The graph that all three exporters are given, for every cell and mode."""
    from caudal.export.graph.torch_step import step_module

    plan = export.describe(net)
    x, dt = _series(net.inputs, 2)
    state, step, found = [torch.zeros(2, one.size) for one in plan.states()], step_module(plan), []
    for t in range(STEPS):
        y, *state = step(x[:, t], dt[:, t], *state)
        found.append(y)
    y = _torch(net, x, dt)
    own = _torch(net.double(), x.double(), dt.double())
    net.float()
    widest = max(1e-6 * max(1.0, y.abs().max()), 3 * (y - own).abs().max())
    assert (torch.stack(found, 1) - y).abs().max() <= widest


def test_step_module_of_layers_without_c(graphed):
    from caudal.export.graph.torch_step import step_module

    plan = export.describe(graphed, graphs=True)
    x, dt = _series(graphed.inputs, 2)
    state, step, found = [torch.zeros(2, one.size) for one in plan.states()], step_module(plan), []
    for t in range(STEPS):
        y, *state = step(x[:, t], dt[:, t] / 4, *state)
        found.append(y)
    y = _torch(graphed, x, dt / 4)
    own = _torch(graphed.double(), x.double(), dt.double() / 4)
    graphed.float()
    assert (torch.stack(found, 1) - y).abs().max() <= max(1e-6 * max(1.0, y.abs().max()), 3 * (y - own).abs().max())


@pytest.mark.parametrize("cell", FEW)
def test_exported_step(tmp_path, cell):
    net = FEW[cell]().eval()
    made = export.torch_program(net, tmp_path / "net.pt2")
    step = torch.export.load(made.path).module()
    for batch in (1, 4):
        x, dt = _series(net.inputs, batch)
        assert (_roll(step, made, x, dt) - _torch(net, x, dt)).abs().max() <= 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("cell", FEW)
def test_exported_sequence(tmp_path, cell):
    net = FEW[cell]().eval()
    made = export.torch_program(net, tmp_path / "net.pt2", "sequence")
    run = torch.export.load(made.path).module()
    x, dt = _series(net.inputs, 4)
    mask = torch.rand(dt.shape) < 0.8
    mask[1] = False
    x[~mask], dt[~mask] = torch.nan, -1.0
    y, last, *_ = run(x, dt, mask, *_start(made, 4))
    assert (y - _torch(net, x, dt, mask=mask)).abs().max() <= 1e-6
    assert (last[1] == 0).all()
    ends = [int(one.nonzero().max()) for one in mask[[0, 2, 3]]]
    assert (last[[0, 2, 3]] == y[[0, 2, 3], ends]).all()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="g++ is not installed: AOTInductor is NOT tested")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cell", FEW)
def test_compiled_step(tmp_path, cell):
    net = FEW[cell]().eval()
    made = export.aoti(net, tmp_path / "net.pt2")
    step = torch._inductor.aoti_load_package(str(made.path))
    for batch in (1, 4):
        x, dt = _series(net.inputs, batch)
        assert (_roll(step, made, x, dt) - _torch(net, x, dt)).abs().max() <= 1e-6


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cell", FEW)
def test_executorch_step(tmp_path, cell):
    pytest.importorskip("executorch", reason="executorch is not installed: its export is NOT tested")
    from executorch.runtime import Runtime

    net = FEW[cell]().eval()
    made = export.executorch(net, tmp_path / "net.pte")
    method = Runtime.get().load_program(made.path).load_method("forward")
    x, dt = _series(net.inputs, 1)
    found = _roll(lambda *given: method.execute(given), made, x, dt)
    assert (found - _torch(net, x, dt)).abs().max() <= 1e-6


@pytest.mark.parametrize("write", ["torch_program", "aoti", "executorch", "onnx"])
def test_bad_models_are_sentences_and_write_nothing(tmp_path, monkeypatch, write):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    with pytest.raises(InputError, match="holds a SSM, whose step cannot be exported"):
        getattr(export, write)(SSM(2, 3), tmp_path / "net")
    with pytest.raises(InputError, match="`path` is a folder"):
        getattr(export, write)(LTC(2, 3), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(torch_step.shutil, "which", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'Run `pip install "caudal\[executorch\]"`'):
        export.executorch(LTC(2, 3), tmp_path / "net.pte")
    with pytest.raises(MissingExtraError, match=r'Run `pip install "caudal\[onnx\]"`'):
        export.onnx(LTC(2, 3), tmp_path / "net.onnx")
    with pytest.raises(BackendError, match="AOTInductor needs a C"):
        export.aoti(LTC(2, 3), tmp_path / "net.pt2")


def test_command(tmp_path, capsys):
    save(CfC(2, 3, backbone_layers=0), tmp_path / "cfc.caudal")
    words = ["export", str(tmp_path / "cfc.caudal"), "-o", str(tmp_path / "cfc.pt2")]
    assert main([*words, "--to", "torch"]) == 0
    assert "state: state_h -> next_h, (batch, 3)" in capsys.readouterr().out
    assert main([*words, "--to", "aoti", "--graph", "sequence"]) == 2
    assert "`--graph` is given, and `--to aoti` has no such choice" in capsys.readouterr().err
