"""Send on change step by step is send on change on a table, for every layer, and costs no more steps."""

import numpy as np
import pytest
import torch

from caudal import nn
from caudal.data.changes import held_answers, sent_steps
from caudal.errors import CaudalError, InputError

NETS = {
    "ssm": lambda: nn.LiquidSSM(2, 4),
    "ssm-previous": lambda: nn.LiquidSSM(2, 4, pairing="previous"),
    "mean": lambda: nn.Readout(nn.GRU(2, 4), 3, pool="mean"),
    "gru-d": lambda: nn.GRUD(1, 4),
}


@pytest.mark.parametrize("name", NETS)
def test_steps_of_a_stream_are_those_of_a_table(name):
    torch.manual_seed(0)
    net = NETS[name]().double().eval()
    rng = np.random.default_rng(2)
    x = np.round(np.cumsum(rng.normal(scale=0.3, size=(5, 20, 2)), 1), 1)
    dt = rng.uniform(0.2, 2.0, (5, 20))
    sent = sent_steps(x, np.ones(x.shape, bool), np.full(5, 20), np.array([0.4, 0.4]))
    assert 0.1 < sent.mean() < 0.9
    state, rows, counted = None, [], []
    with torch.no_grad():
        for step in range(20):
            y, state, moved = nn.step_on_change(net, torch.tensor(x[:, step]), 0.4, torch.tensor(dt[:, step]), state)
            rows.append(y.numpy())
            counted.append(moved.numpy())
        assert (np.stack(counted, 1) == sent).all()
        for k in range(5):
            gaps = np.diff(np.cumsum(dt[k])[sent[k]], prepend=0.0)
            whole, _ = net(torch.tensor(x[k : k + 1, sent[k]]), dt=torch.tensor(gaps[None]))
            expected = held_answers(sent[k : k + 1], whole.numpy())[0]
            np.testing.assert_allclose(np.stack(rows, 1)[k], expected, atol=1e-12)


def test_a_step_that_is_not_computed_calls_no_layer(monkeypatch):
    net, x = nn.GRU(2, 4), torch.zeros(1, 2)
    y, state, _ = nn.step_on_change(net, x, 0.0)
    monkeypatch.setattr(net, "tick", None)
    again, state, computed = nn.step_on_change(net, x, 0.0, 3.0, state)
    assert torch.equal(y, again) and not computed.any() and state.waited.item() == 3.0


@pytest.mark.parametrize(("x", "dt"), [(float("nan"), 1.0), (0.0, -1.0), (0.0, float("inf"))])
def test_bad_numbers_are_refused_whether_computed_or_not(x, dt):
    net = nn.GRU(2, 4)
    _, state, _ = nn.step_on_change(net, torch.zeros(1, 2), 0.5)
    with pytest.raises(CaudalError):
        nn.step_on_change(net, torch.full((1, 2), x), 0.5, dt, state)


@pytest.mark.parametrize("least", [-1.0, [0.1, 0.1, 0.1], float("nan")])
def test_thresholds_that_make_no_sense_are_refused(least):
    with pytest.raises(InputError, match="step_on_change: `thresholds`"):
        nn.step_on_change(nn.GRU(2, 4), torch.zeros(1, 2), least)
