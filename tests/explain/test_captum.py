"""Captum's sound methods run on our nets, agree with our own, and the unsound ones are refused with the reason."""

import sys

import pytest
import torch

from caudal.errors import InputError, MissingExtraError
from caudal.explain import Answering, ask, captum, influence
from caudal.explain.influence.captum import REFUSED, SOUND
from caudal.nn import GRU, LRC, LSTM, LTC, CfC, Readout, WiredCfC
from caudal.wiring import ncp

WIRING = ncp(inputs=3, inter=5, command=4, motor=2, seed=3)
CELLS = {
    "ltc": lambda: LTC(WIRING, substeps=2),
    "wired-cfc": lambda: WiredCfC(WIRING),
    "cfc": lambda: CfC(3, 4, backbone_units=5),
    "lrc": lambda: LRC(WIRING),
    "lstm": lambda: LSTM(3, 4),
    "gru": lambda: GRU(3, 4),
}


def asked(cell):
    net = Readout(CELLS[cell](), 3).double()
    x, dt = torch.randn(3, 5, 3).double(), (0.2 + torch.rand(3, 5)).double()
    return ask(net, x, dt, lengths=torch.tensor([5, 3, 1]))


@pytest.mark.parametrize("method", SOUND)
@pytest.mark.parametrize("cell", CELLS)
def test_sound_methods_run(cell, method):
    pytest.importorskip("captum")
    question = asked(cell)
    found = captum(question, method)
    assert found.x.shape == question.x.shape
    assert found.dt.shape == question.dt.shape
    assert torch.isfinite(found.x).all()
    assert (found.x[2, 1:] == 0).all()
    assert found.x.abs().sum() > 0


@pytest.mark.parametrize("cell", CELLS)
def test_captum_and_our_own_agree(cell):
    pytest.importorskip("captum")
    question = asked(cell)
    own = torch.from_numpy(influence(question, "everything", "path", tolerance=1e-8).values)
    found = captum(question, "IntegratedGradients")
    torch.testing.assert_close(torch.cat([found.x, found.dt[..., None]], 2), own, rtol=1e-4, atol=1e-6)
    own = torch.from_numpy(influence(question, "everything", "occlusion").values)
    found = captum(question, "FeatureAblation")
    torch.testing.assert_close(torch.cat([found.x, found.dt[..., None]], 2), own, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("method", REFUSED)
def test_unsound_methods_are_refused_with_the_reason(method):
    with pytest.raises(InputError, match=f"captum: `method` is '{method}', which"):
        captum(asked("ltc"), method)


def test_words_for_what_is_missing(monkeypatch):
    with pytest.raises(InputError, match=r"captum: `method` is 'Magic'\. Take one of IntegratedGradients"):
        captum(asked("ltc"), "Magic")
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(MissingExtraError, match=r"captum: needs `captum`.*caudal\[explain\]"):
        captum(asked("ltc"))


def test_the_module_answers_in_either_order_of_axes():
    question = asked("ltc")
    one = Answering(question, channels_first=True, scores=True)(question.x.transpose(1, 2))
    torch.testing.assert_close(one, question.scores())
    with pytest.raises(InputError, match="Answering: `x` holds 2 series; the question is about 3"):
        Answering(question)(question.x[:2])
