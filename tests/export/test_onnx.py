"""ONNX in onnxruntime against torch: every cell and mode, 256 irregular steps, state handed over, masks and lengths."""

import copy

import numpy as np
import pytest
import torch

from caudal import export, wiring
from caudal.cli import main
from caudal.errors import InputError
from caudal.nn import GRU, GRUD, LTC, SSM, Bidirectional, CfC, PhasedLSTM, Readout, Stack, Transformer, save

pytest.importorskip("onnx", reason="onnx is not installed: its export is NOT tested")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: the ONNX export is NOT tested")

STEPS = 256


def _series(inputs, batch=3, steps=STEPS, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(batch, steps, inputs)).astype(np.float32)
    dt = rng.exponential(size=(batch, steps)).astype(np.float32)
    dt[0, 3] = 0
    return x, dt


def _torch(net, x, dt, **more):
    kind = next(net.parameters()).dtype
    with torch.no_grad():
        return net(torch.tensor(x, dtype=kind), torch.tensor(dt, dtype=kind), **more)[0].numpy()


def _session(made):
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return runtime.InferenceSession(made.path, options)


def _start(made, batch):
    return {name: np.zeros((batch, size), np.float32) for name, _, size in made.states}


def _roll(made, x, dt):
    """Answers of the step graph, one step at a time."""
    session, state, found = _session(made), _start(made, len(x)), []
    for t in range(x.shape[1]):
        y, *after = session.run(None, {"x": x[:, t], "dt": dt[:, t], **state})
        state = dict(zip(state, after, strict=True))
        found.append(y)
    return np.stack(found, 1)


def _scan(made, x, dt, mask=None, state=None):
    mask = np.ones(dt.shape, np.bool_) if mask is None else mask
    found = _session(made).run(None, {"x": x, "dt": dt, "mask": mask, **(state or _start(made, len(x)))})
    return found[0], found[1], dict(zip(_start(made, 1), found[2:], strict=True))


def _widest(net, x, dt, y):
    """1e-6; or, where the net itself amplifies rounding, three times what torch loses against float64."""
    own = np.abs(y - _torch(copy.deepcopy(net).double(), x, dt)).max()
    return max(1e-6 * max(1.0, np.abs(y).max()), 3 * own)


@pytest.mark.parametrize("graph", ["step", "sequence"])
def test_256_irregular_steps_as_torch(net, tmp_path, graph):
    x, dt = _series(net.inputs)
    y = _torch(net, x, dt)
    made = export.onnx(net, tmp_path / "net.onnx", graph)
    found = _roll(made, x, dt) if graph == "step" else _scan(made, x, dt)[0]
    assert np.abs(found - y).max() <= _widest(net, x, dt, y)


@pytest.mark.parametrize("graph", ["step", "sequence"])
def test_layers_without_c_as_torch(graphed, tmp_path, graph):
    x, dt = _series(graphed.inputs)
    dt = dt / 4  # explicit solvers diverge at long steps
    y = _torch(graphed, x, dt)
    made = export.onnx(graphed, tmp_path / "net.onnx", graph)
    found = _roll(made, x, dt) if graph == "step" else _scan(made, x, dt)[0]
    assert np.abs(found - y).max() <= _widest(graphed, x, dt, y)


def test_masked_steps_of_layers_without_c(graphed, tmp_path):
    x, dt = _series(graphed.inputs, steps=40)
    mask = np.random.default_rng(1).random(dt.shape) < 0.7
    y = _torch(graphed, x, dt / 4, mask=torch.tensor(mask))
    found = _scan(export.onnx(graphed, tmp_path / "net.onnx", "sequence"), x, dt / 4, mask)[0]
    assert np.abs(found - y).max() <= 2e-6


def test_layers_without_c_are_told_where_to_go(graphed, tmp_path):
    with pytest.raises(InputError, match=r"ONNX"):
        export.c(graphed, tmp_path / "policy")
    assert list(tmp_path.iterdir()) == []


BOTH = {
    "plain": lambda: Bidirectional(GRU(3, 4), LTC(3, 5, substeps=2)),
    "read out": lambda: Readout(Bidirectional(CfC(3, 4, backbone_units=5), _gru_d_behind()), 2),
}


def _gru_d_behind():
    """Reads three inputs, as the layer beside it does."""
    return Stack(CfC(3, 4, backbone_layers=0), GRUD(2, 3))


@pytest.mark.parametrize("name", BOTH)
def test_both_directions_as_torch(tmp_path, name):
    torch.manual_seed(0)
    net = BOTH[name]().eval()
    made = export.onnx(net, tmp_path / "net.onnx", "sequence")
    x, dt = _series(3)
    assert np.abs(_scan(made, x, dt)[0] - _torch(net, x, dt)).max() <= 1e-6
    mask = np.random.default_rng(1).random(dt.shape) < 0.7
    mask[1], mask[2, 25:] = False, False
    x[~mask], dt[~mask] = np.nan, -1.0
    y = _torch(net, x, dt, mask=torch.tensor(mask))
    found, last, _ = _scan(made, x, dt, mask)
    assert np.abs(found - y).max() <= 1e-6
    ends = [np.flatnonzero(one) for one in mask]
    expected = [found[k, at[-1]] if len(at) else np.zeros(net.outputs) for k, at in enumerate(ends)]
    assert (last == expected).all()


def test_both_directions_have_no_step(tmp_path):
    net = Readout(Bidirectional(GRU(3, 4), GRU(3, 4)), 2, pool="mean")
    with pytest.raises(InputError, match="so it has the ONNX graph of a sequence alone"):
        export.onnx(net, tmp_path / "net.onnx")
    with pytest.raises(InputError, match="takes the mean over a bidirectional layer"):
        export.onnx(net, tmp_path / "net.onnx", "sequence")
    assert list(tmp_path.iterdir()) == []


def test_masked_steps_are_not_there(some_net, tmp_path):
    x, dt = _series(some_net.inputs, steps=40)
    mask = np.random.default_rng(1).random(dt.shape) < 0.7
    mask[1], mask[2, 25:] = False, False
    x[~mask], dt[~mask] = np.nan, -1.0
    y = _torch(some_net, x, dt, mask=torch.tensor(mask))
    found, last, _ = _scan(export.onnx(some_net, tmp_path / "net.onnx", "sequence"), x, dt, mask)
    assert np.abs(found - y).max() <= 1e-6
    assert (found[~mask] == 0).all()
    ends = [np.flatnonzero(one) for one in mask]
    expected = [found[k, at[-1]] if len(at) else np.zeros(some_net.outputs) for k, at in enumerate(ends)]
    assert (last == expected).all()


def test_lengths_are_a_mask(tmp_path):
    net = Readout(LTC(3, 5, substeps=2), 2, pool="mean")
    x, dt = _series(3, steps=12)
    lengths = np.array([12, 5, 1])
    made = export.onnx(net, tmp_path / "net.onnx", "sequence")
    _, last, _ = _scan(made, x, dt, np.arange(12) < lengths[:, None])
    with torch.no_grad():
        series, _ = net.series(torch.tensor(x), torch.tensor(dt), lengths=torch.tensor(lengths))
    assert np.abs(last - series.numpy()).max() <= 1e-6


def test_chunks_steps_and_the_whole_agree(some_net, tmp_path):
    x, dt = _series(some_net.inputs, batch=2, steps=10)
    made = export.onnx(some_net, tmp_path / "net.onnx", "sequence")
    whole, _, end = _scan(made, x, dt)
    first, _, state = _scan(made, x[:, :4], dt[:, :4])
    second, _, after = _scan(made, x[:, 4:], dt[:, 4:], state=state)
    assert np.abs(np.concatenate([first, second], 1) - whole).max() <= 1e-6
    assert all(np.abs(after[name] - end[name]).max() <= 1e-6 for name in end)
    stepped = _roll(export.onnx(some_net, tmp_path / "step.onnx"), x, dt)
    assert np.abs(stepped - whole).max() <= 1e-6


@pytest.mark.parametrize("graph", ["step", "sequence"])
def test_scales_of_an_estimator_are_inside(trained, tmp_path, graph):
    model = trained("ltc")
    made = export.onnx(model.net, tmp_path / "net.onnx", graph, encoder=model.encoder)
    scaling = made.plan.scaling
    x, dt = _series(len(scaling.names), steps=50)
    units = (x * np.array(scaling.std) + np.array(scaling.mean)).astype(np.float32)
    found = _roll(made, units, dt * np.float32(scaling.gap)) if graph == "step" else None
    found = _scan(made, units, dt * np.float32(scaling.gap))[0] if found is None else found
    y = _torch(model.net, x, dt)
    assert np.abs(found - y).max() <= 1e-6 * max(1, np.abs(y).max())


def test_a_sparse_circuit_stays_small(tmp_path):
    circuit = wiring.ncp(32, 12, 6, 1, sensory_fanout=6, inter_fanout=4, recurrent_command=7, motor_fanin=6)
    net = LTC(circuit)
    for graph in ("step", "sequence"):
        made = export.onnx(net, tmp_path / f"{graph}.onnx", graph)
        assert made.size <= 1.5 * 4 * sum(part.numel() for part in net.parameters()) + 10 * 1024


def test_a_neuron_that_nothing_reaches(tmp_path):
    net = CfC(2, 3, backbone_layers=0)
    with torch.no_grad():
        net.entry.weight.zero_()
    x, dt = _series(2, steps=5)
    made = export.onnx(net, tmp_path / "net.onnx")
    assert np.abs(_roll(made, x, dt) - _torch(net, x, dt)).max() <= 1e-6


@pytest.mark.parametrize(
    ("make", "graph", "words"),
    [
        (lambda: LTC(2, 3), "loop", r'export: `graph` is \'loop\'\. Pass "step" or "sequence"\.'),
        (lambda: SSM(2, 3), "step", "holds a SSM, whose step cannot be exported: has complex states"),
        (lambda: Transformer(2, 4, heads=2), "step", "attends to the steps before, whose number grows"),
        (lambda: PhasedLSTM(2, 3), "step", "counts absolute time"),
        (lambda: 3, "step", "is a int"),
    ],
)
def test_bad_arguments_are_sentences_and_write_nothing(tmp_path, make, graph, words):
    with pytest.raises(InputError, match=words):
        export.onnx(make(), tmp_path / "net.onnx", graph)
    with pytest.raises(InputError, match="`path` is a folder"):
        export.onnx(LTC(2, 3), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_no_numbers_are_refused_and_an_older_file_stays(tmp_path):
    net = LTC(2, 3)
    export.onnx(net, tmp_path / "net.onnx")
    before = (tmp_path / "net.onnx").read_bytes()
    with torch.no_grad():
        net.mu[0] = float("nan")
    with pytest.raises(InputError, match="holds NaN or infinity"):
        export.onnx(net, tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_command(tmp_path, capsys):
    save(LTC(2, 3), tmp_path / "ltc.caudal")
    words = ["export", str(tmp_path / "ltc.caudal"), "--to", "onnx", "-o", str(tmp_path / "ltc.onnx")]
    assert main([*words, "--graph", "sequence"]) == 0
    assert "state: state_v -> next_v, (batch, 3)" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert '"graph": "step"' in capsys.readouterr().out
    assert main([*words, "--dtype", "int8"]) == 2
    assert "`--dtype` is given, and `--to onnx` has no such choice" in capsys.readouterr().err
    assert main([*words[:2], "--graph", "step", "-o", str(tmp_path / "c")]) == 2
    assert "`--graph` is given, and `--to c` has no such choice" in capsys.readouterr().err
