"""SHAP, Quantus and TorchLens on our nets as they are, where they are installed; nothing here is a dependency."""

import copy
import warnings

import numpy as np
import pytest
import torch

from caudal.explain import Answering, ask
from caudal.kernels import use
from caudal.nn import CTRNN, GRU, LRC, LSTM, LTC, CfC, Readout, WiredCfC
from caudal.wiring import ncp

WIRING = ncp(inputs=3, inter=5, command=4, motor=2, seed=3)
CELLS = {
    "ltc": lambda: LTC(WIRING, substeps=2),
    "wired-cfc": lambda: WiredCfC(WIRING),
    "cfc": lambda: CfC(3, 4, backbone_units=5),
    "lrc": lambda: LRC(WIRING),
    "ctrnn": lambda: CTRNN(WIRING),
    "lstm": lambda: LSTM(3, 4),
    "gru": lambda: GRU(3, 4),
}
# What these libraries warn about is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")


def library(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name, exc_type=ImportError)


def asked(cell, series=4):
    torch.manual_seed(0)
    net = Readout(CELLS[cell](), 2)
    with torch.no_grad():
        net.map.weight.mul_(5)
    return ask(net, torch.randn(series, 6, 3))


@pytest.mark.parametrize("cell", CELLS)
def test_shap_gradients_add_up(cell):
    shap = library("shap")
    question = asked(cell, 12)
    answer = Answering(question, scores=True)
    np.random.seed(0)
    found = shap.GradientExplainer(answer, question.x).shap_values(question.x[:2], nsamples=600, rseed=0)
    assert np.shape(found) == (2, 6, 3, 2)
    with torch.no_grad():
        every = answer(question.x)
        total = (every[:2] - every.mean(0)).numpy()
    # An expectation over 600 draws of start and place: it adds up to sampling error.
    assert np.abs(found.sum((1, 2)) - total).max() < 0.25 * float(every.max() - every.min())


@pytest.mark.parametrize("cell", ["ltc", "cfc"])
def test_quantus_marks_our_explanations(cell):
    quantus = library("quantus")
    question = asked(cell)
    model = Answering(question, channels_first=True, scores=True).eval()
    x, target = question.x.transpose(1, 2).numpy(), question.target.numpy()

    def attribute(model, inputs, targets, **_):
        at = torch.as_tensor(inputs, dtype=torch.float32).requires_grad_()
        own = model(at)[torch.arange(len(at)), torch.as_tensor(targets)].sum()
        return (torch.autograd.grad(own, at)[0] * at).detach().numpy()

    kept = copy.deepcopy(model.net.state_dict())
    metrics = {
        "faithfulness": quantus.FaithfulnessCorrelation(nr_runs=10, subset_size=4, disable_warnings=True),
        "sufficiency": quantus.Sufficiency(disable_warnings=True),
        "sensitivity": quantus.MaxSensitivity(nr_samples=3, disable_warnings=True),
        "sparseness": quantus.Sparseness(disable_warnings=True),
        "randomisation": quantus.MPRT(disable_warnings=True),
    }
    given = {"explain_func": attribute, "explain_func_kwargs": {}, "device": "cpu", "channel_first": True}
    for metric in metrics.values():
        found = metric(model=model, x_batch=x, y_batch=target, a_batch=attribute(model, x, target), **given)
        assert len(found)
    # Layer by layer it drew anew what `reset_parameters` covers, in a copy.
    assert {"original", "net.map", "net.layer"} <= set(found)
    assert all(torch.equal(value, kept[name]) for name, value in model.net.state_dict().items())


@pytest.mark.parametrize("cell", CELLS)
def test_torchlens_follows_the_net(cell):
    torchlens = library("torchlens")
    question = asked(cell, 1)
    seen = torchlens.trace(question.model, question.x)
    assert seen.num_layers > 5
    with use("reference"):
        plain = torchlens.trace(question.model, question.x)
    names = " ".join(plain.layer_labels)
    # On the reference backend it meets every operator; on the fused ones, one for the whole recurrence.
    assert any(one in names for one in ("sigmoid", "tanh", "lstm", "gru"))
