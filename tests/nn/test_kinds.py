"""What a layer is given in the place of tensors: served, or refused in words."""

import numpy as np
import pytest
import torch

from caudal import LiquidClassifier
from caudal.errors import CaudalError
from caudal.nn import build_cell

CELLS = ("cfc", "ltc", "ltc-ncp", "cfc-ncp", "mixed", "lrc", "ctrnn", "lstm", "gru", "gru-d", "transformer", "ssm")
CELLS += ("liquid-ssm", "min-gru")
X = torch.zeros(2, 5, 4)
PACKED = torch.nn.utils.rnn.pack_padded_sequence(X, torch.tensor([5, 3]), batch_first=True)
WRONG = [
    *({"x": one} for one in (PACKED, X.numpy(), X.tolist(), {"x": X}, None, X[None])),
    *({"dt": one} for one in (np.ones((2, 5), "f4"), [0.5] * 5, "1", float("nan"), -1.0, True, torch.tensor(0.5))),
    *({"mask": one} for one in (np.ones((2, 5), bool), [[True] * 5] * 2)),
    *({"lengths": one} for one in ([5.0, 3.0], np.array([5, 3]), [6, 3], [5], 5, "53")),
    *({"state": one} for one in (torch.zeros(2, 8), [torch.zeros(2, 8)], {"h": 1}, (torch.zeros(2, 3),), (None,), ())),
]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pool", ["last", "mean"])
def test_other_kinds_are_refused_in_words(cell, pool):
    net = build_cell("test", cell, 4, 8, 2, pool=pool)
    for layer in (net, net.layer):
        for given in WRONG:
            with pytest.raises(CaudalError) as told:
                layer(**{"x": X, **given})
            assert "dt.to(x)" not in str(told.value).replace("as_tensor(dt).to(x)", "")
            if set(given) <= {"state"}:
                with pytest.raises(CaudalError):
                    layer.step(X[:, 0], **given)


@pytest.mark.parametrize("cell", CELLS)
def test_a_number_is_a_time_and_a_list_holds_lengths(cell):
    net = build_cell("test", cell, 4, 8, 2)
    x = torch.randn(2, 5, 4)
    assert torch.equal(net(x, dt=0.5)[0], net(x, dt=torch.full((2, 5), 0.5))[0])
    assert torch.equal(net(x, lengths=[5, 3])[0], net(x, lengths=torch.tensor([5, 3]))[0])
    with torch.no_grad():
        assert torch.equal(net.step(x[:, 0], dt=0.5)[0], net.step(x[:, 0], dt=torch.full((2,), 0.5))[0])


def test_estimators_train_wherever_they_are_called_and_refuse_what_is_no_series():
    x, y = np.random.default_rng(0).normal(size=(40, 2, 6)), np.array(["a", "b"] * 20)
    with torch.no_grad():
        first = LiquidClassifier("gru", 4, epochs=1).fit(x, y)
    second = LiquidClassifier("gru", 4, epochs=1).fit(torch.tensor(x, requires_grad=True), y)
    assert np.array_equal(first.predict_proba(x), second.predict_proba(x))
    for wrong in ({"x": x}, x[None]):
        with pytest.raises(CaudalError, match=r"is a dict|no form of series"):
            LiquidClassifier("gru", 4, epochs=1).fit(wrong, y)
