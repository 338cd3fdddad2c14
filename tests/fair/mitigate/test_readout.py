"""The readout alone, trained on with a price: the gap closes, the recurrent layer stays, faults are told."""

import numpy as np
import pytest
import torch

from caudal.errors import InputError
from caudal.fair.mitigate import Lagrangian, Penalty, fair_readout
from caudal.fair.mitigate.circuit.hidden_states import readings
from caudal.nn import CfC, Readout
from caudal.train import Examples, TrainRecipe, answer, fit


def people(count: int = 400, wronged: float = 0.5) -> Examples:
    rng = np.random.default_rng(0)
    who, true = rng.integers(0, 2, count), rng.integers(0, 2, count)
    x = rng.normal(size=(count, 5, 2))
    x[..., 0] += (2 * true - 1)[:, None]
    x[..., 1] += (2 * who - 1)[:, None]
    seen = np.where((who == 1) & (true == 1) & (rng.random(count) < wronged), 0, true)
    return Examples(
        torch.tensor(x).float(), torch.ones(count, 5), torch.full((count,), 5), "classify", torch.ones(count),
        torch.tensor(seen), torch.ones(count) > 0, torch.tensor(who),
    )  # fmt: skip


def gap(net: Readout, data: Examples) -> float:
    decided = answer(net, data).argmax(1) == 1
    rates = [decided[(data.groups == g) & (data.target == 1)].float().mean().item() for g in (0, 1)]
    return abs(rates[0] - rates[1])


def test_the_gap_closes_and_the_layer_stays():
    torch.manual_seed(0)
    data = people()
    net = Readout(CfC(2, 6, backbone_units=8), 2)
    fit(net, data, recipe=TrainRecipe(epochs=15, lr=0.03, batch_size=64), progress=False)
    price = Penalty(weight=20.0, sharpness=4.0)
    fair = fair_readout(net, data, price)
    assert gap(net, data) > 0.2 and gap(fair, data) < 0.1
    assert torch.equal(readings(fair, data)[0], readings(net, data)[0])
    assert not torch.equal(fair.map.weight, net.map.weight)
    assert torch.equal(fair_readout(net, data, price).map.weight, fair.map.weight)
    loose = fair_readout(net, data, Lagrangian(tolerance=1.0), updates=5, class_weights=(1.0, 2.0))
    assert loose.map.weight.shape == net.map.weight.shape


def test_faults_are_told():
    data = people(20)
    net = Readout(CfC(2, 4, backbone_units=8), 2)
    with pytest.raises(InputError, match="fair_readout: `updates` is 0"):
        fair_readout(net, data, Penalty(), updates=0)
    with pytest.raises(InputError, match="fair_readout: `model` is a CfC"):
        fair_readout(net.layer, data, Penalty())
    from dataclasses import replace

    with pytest.raises(InputError, match="lacks target or groups"):
        fair_readout(net, replace(data, groups=None), Penalty())
