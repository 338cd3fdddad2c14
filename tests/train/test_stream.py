"""Training on chunks that are made anew in each pass."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from caudal import data, nn, train
from caudal.errors import DataError, InputError


def _series(n=30):
    rng = np.random.default_rng(0)
    label = np.arange(n) % 2
    rows = [rng.normal(2.0 * label[k] - 1, 1, (2, rng.integers(3, 9))) for k in range(n)]
    return data.from_arrays(rows, label)


def _chunks(whole, size=8):
    return [whole.select(slice(at, at + size)) for at in range(0, len(whole), size)]


def _model():
    torch.manual_seed(0)
    return nn.Readout(nn.CfC(2, 6, backbone_units=8), 2)


def _same(one, other):
    return all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


def test_one_chunk_is_training_in_memory():
    whole, recipe = _series(), train.TrainRecipe(epochs=3, batch_size=8)
    stream = train.Stream.fit([whole])
    held, flowing = _model(), _model()
    train.fit(held, train.examples(stream.encoder, whole), recipe=recipe)
    train.fit(flowing, stream, recipe=recipe)
    assert _same(held, flowing)


def test_chunks_are_seen_once_in_every_pass_and_counted():
    stream = train.Stream.fit(_chunks(_series()))
    assert (len(stream), stream.sizes, stream.counts, stream.task) == (30, (8, 8, 8, 6), (15, 15), "classify")
    assert np.allclose(stream.encoder.scaler.std, data.Encoder.fit(_series()).scaler.std)
    fitted = train.fit(_model(), stream, stream, train.TrainRecipe(epochs=6, batch_size=4, lr=0.03))
    assert fitted.history[-1].val < fitted.history[0].val


class Killed(BaseException):
    """As if the process had ended here."""


@pytest.mark.parametrize("after", [2, 9, 10, 17])
def test_a_killed_stream_goes_on_to_the_same_bits(tmp_path, monkeypatch, after):
    stream = train.Stream.fit(_chunks(_series()))
    recipe = train.TrainRecipe(epochs=3, batch_size=4)
    whole, again, path = _model(), _model(), tmp_path / "run.ckpt"
    train.fit(whole, stream, stream, recipe)
    updates, step = iter(range(after)), torch.optim.AdamW.step

    def dying(self, closure=None):
        if next(updates, None) is None:
            raise Killed
        return step(self, closure)

    monkeypatch.setattr(torch.optim.AdamW, "step", dying)
    with pytest.raises(Killed):
        train.fit(_model(), stream, stream, recipe, checkpoint=path, every=1)
    monkeypatch.undo()
    train.fit(again, stream, stream, recipe, checkpoint=path)
    assert _same(whole, again)
    with pytest.raises(InputError, match="another recipe, model, data"):
        train.fit(_model(), train.Stream.fit(_chunks(_series(), 7)), stream, recipe, checkpoint=path)


def test_sources_that_will_not_do_are_refused():
    whole = _series()
    with pytest.raises(DataError, match="is an iterator, which can be read once only"):
        train.Stream.fit(iter([whole]))
    with pytest.raises(DataError, match="has no target"):
        train.Stream.fit([whole.without_target()])
    with pytest.raises(DataError, match="holds no series"):
        train.Stream.fit([], data.Encoder.fit(whole))
    changed = replace(train.Stream.fit(_chunks(whole)), sizes=(8, 8, 8, 7))
    for stream in (changed, replace(changed, sizes=(8, 8, 8)), replace(changed, sizes=(8, 8, 8, 6, 1))):
        with pytest.raises(DataError, match="gave other chunks than in the first pass"):
            list(stream.chunks())
