"""Training through the integer twin: the loss is the chip's, the gradient the network's, and it never ends worse."""

import copy

import numpy as np
import pytest
import torch

from caudal import export
from caudal.data import Encoder, from_arrays
from caudal.errors import InputError
from caudal.export.quantization_aware import _Chip
from caudal.nn import LTC, CfC, Readout
from caudal.train import TrainRecipe, examples


def _task(kind="classify"):
    x = np.random.default_rng(0).normal(size=(40, 2, 6))
    mean = x[:, 0].mean(1)
    data = from_arrays(x, (mean > 0).astype(int) if kind == "classify" else 100 + 7 * mean)
    torch.manual_seed(0)
    return data, Encoder.fit(data), Readout(LTC(2, 4, substeps=1), 2 if kind == "classify" else 1)


@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_it_learns_and_keeps_the_best(kind):
    data, encoder, net = _task(kind)
    found = export.tune(net, data, encoder=encoder, recipe=TrainRecipe(epochs=4, lr=0.02))
    assert len(found.losses) == 5
    assert found.losses[found.kept] == min(found.losses) < found.losses[0]
    chip = _Chip(net, encoder, "int8", False)
    assert chip.loss(examples(encoder, data), TrainRecipe()) == pytest.approx(min(found.losses), rel=1e-6)


def test_the_loss_is_that_of_the_exported_c(tmp_path):
    data, encoder, net = _task()
    made = export.c(net, tmp_path / "policy", "int8", encoder=encoder, state="int16")
    theirs = export.Twin(made.program).run(data.values, data.dt)[np.arange(40), data.lengths - 1]
    chip = _Chip(net, encoder, "int8", False)
    assert (chip.answer(examples(encoder, data)).numpy() == theirs.astype(np.float32)).all()


def test_a_step_that_is_too_large_is_undone():
    data, encoder, net = _task()
    before = copy.deepcopy(net.state_dict())
    found = export.tune(net, data, encoder=encoder, recipe=TrainRecipe(epochs=1, lr=5.0))
    if found.kept == 0:
        assert all((value == before[name]).all() for name, value in net.state_dict().items())
    assert found.losses[found.kept] <= found.losses[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"encoder": None}, "is no estimator, and came without an encoder"),
        ({"dtype": "float32"}, "`dtype` is 'float32'"),
    ],
)
def test_bad_arguments_are_sentences(given, words):
    data, encoder, net = _task()
    with pytest.raises(InputError, match=words):
        export.tune(net, data, **{"encoder": encoder, **given})
    with pytest.raises(InputError, match="no estimator"):
        export.tune(CfC(2, 3), data, encoder=encoder)


def test_a_target_is_needed():
    data, encoder, net = _task()
    with pytest.raises(InputError, match="`data` has no target"):
        export.tune(net, from_arrays(np.moveaxis(data.values, 2, 1)), encoder=encoder)
