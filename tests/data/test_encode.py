import json

import numpy as np
import pytest

from caudal.data import Encoder, Scaler, Sequences, from_arrays, since_observed
from caudal.errors import DataError, FileFormatError


def _holes() -> Sequences:
    nan = np.nan
    series = [[[1.0, nan, nan, 5.0], [nan, 2.0, 2.0, nan]], [[3.0, 3.0], [6.0, nan]]]
    return from_arrays(
        [np.array(one) for one in series],
        [0.5, 2.5],
        dt=[[9.0, 2.0, 4.0, 2.0], [9.0, 8.0]],
        names=["a", "b"],
        static=[[10.0], [np.nan]],
        static_names=["age"],
        dtype="float64",
    )


def test_scaler_sees_what_was_observed():
    scaler = Scaler.fit(_holes())
    assert scaler.mean == (3.0, 10 / 3)
    assert scaler.std == pytest.approx((np.std([1, 5, 3, 3]), np.std([2, 2, 6])))
    assert scaler.static_mean == (10.0,)
    assert scaler.static_std == (1.0,)
    assert (scaler.target_mean, scaler.target_std) == ((1.5,), (1.0,))
    assert scaler.gap == 3.0


def test_chunks_and_the_whole_give_the_same_scale():
    rng = np.random.default_rng(0)
    data = from_arrays(1e6 + rng.normal(size=(40, 3, 9)), rng.normal(size=(40, 2)), dtype="float64")
    chunks = [data.select(slice(k, k + 7)) for k in range(0, 40, 7)]
    one, other = Scaler.fit(data), Scaler.fit(chunks)
    for name in ("mean", "std", "target_mean", "target_std", "gap"):
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=1e-9)
    flat = data.values.reshape(-1, 3)
    assert np.allclose(one.std, flat.std(axis=0), rtol=1e-6)


def test_constants_and_categories_keep_their_size():
    assert Scaler.fit(from_arrays(np.full((3, 1, 4), 0.1), [0, 1, 0])).std == (1.0,)
    pandas = pytest.importorskip("pandas")
    from caudal.data import from_frame

    frame = pandas.DataFrame({"id": [1, 2], "t": 0, "ward": ["A", "B"], "y": [0, 1]})
    scaler = Scaler.fit(from_frame(frame, target="y", series="id", time="t"))
    assert (scaler.mean, scaler.std) == ((0.0, 0.0), (1.0, 1.0))


def test_filled_forward_with_indicators_and_statics():
    data = _holes()
    encoder = Encoder.fit(data)
    assert encoder.channels == ("a", "b", "observed(a)", "observed(b)", "age", "observed(age)")
    out = encoder(data)
    assert out.names == encoder.channels
    a, b = ((np.array([1.0, 1, 1, 5]) - 3) / np.sqrt(2)), (2 - 10 / 3) / np.std([2, 2, 6])
    assert np.allclose(out.x[0, :, 0], a)
    assert np.allclose(out.x[0, :, 1], [0, b, b, b])
    assert out.x[0, :, 2].tolist() == [1, 0, 0, 1]
    assert out.x[0, :, 5].tolist() == [1, 1, 1, 1]
    assert out.x[1, :, 4:].tolist() == [[0, 0]] * 4
    assert (out.x[1, 2:] == 0).all()
    assert out.dt[0].tolist() == [3, 2 / 3, 4 / 3, 2 / 3]
    assert out.target[:, 0].tolist() == [-1, 1]
    assert encoder.scaler.restore(out.target)[:, 0].tolist() == [0.5, 2.5]


def test_zero_fill_and_time_since():
    data = _holes()
    encoder = Encoder.fit(data, fill="zero", indicators="none", elapsed="raw")
    assert encoder.channels == ("a", "b", "since(a)", "since(b)", "age")
    out = encoder(data)
    assert out.x[0, 1:3, 0].tolist() == [0, 0]
    assert np.allclose(out.x[0, :, 2] * 3, [0, 2, 6, 8])
    assert np.allclose(out.x[0, :, 3] * 3, [0, 2, 4, 2])
    logs = Encoder.fit(data, elapsed="log")(data)
    assert np.allclose(np.expm1(logs.x[0, :, 4]) * 3, [0, 2, 6, 8])


def test_time_since_follows_the_paper_step_by_step():
    rng = np.random.default_rng(5)
    seen, dt = rng.random((4, 9, 3)) < 0.4, rng.random((4, 9))
    since = since_observed(seen, dt)
    for s in range(4):
        for k in range(3):
            last = 0
            for t in range(1, 9):
                last = t - 1 if seen[s, t - 1, k] else last
                assert since[s, t, k] == pytest.approx(dt[s, last + 1 : t + 1].sum())


def test_nothing_of_the_test_set_reaches_the_scale():
    data = _holes()
    train, test = data.select([0]), data.select([1])
    encoder = Encoder.fit(train)
    before = encoder(train).x.copy()
    encoder(test)
    assert encoder == Encoder.fit(train)
    assert (encoder(train).x == before).all()


def test_json_there_and_back_is_exact():
    rng = np.random.default_rng(1)
    data = from_arrays(rng.normal(size=(9, 2, 5)) * [[1e-30], [1e30]], rng.normal(size=9), dtype="float64")
    encoder = Encoder.fit(data, elapsed="log", indicators="all")
    again = Encoder.from_json(encoder.to_json())
    assert again == encoder
    assert (again(data).x == encoder(data).x).all()
    assert Scaler.from_json(encoder.scaler.to_json()) == encoder.scaler


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1}'])
def test_foreign_json_is_refused(text: str):
    with pytest.raises(FileFormatError, match="not an encoder"):
        Encoder.from_json(text)
    with pytest.raises(FileFormatError, match="not a scaler"):
        Scaler.from_json(text)


def test_unknown_fields_are_refused():
    facts = json.loads(Encoder.fit(_holes()).to_json())
    with pytest.raises(FileFormatError):
        Encoder.from_json(json.dumps({**facts, "more": 1}))


def test_other_inputs_are_refused():
    encoder = Encoder.fit(_holes())
    with pytest.raises(DataError, match="It was fitted on"):
        encoder(from_arrays(np.zeros((2, 2, 3)), [0, 1]))
    with pytest.raises(DataError, match="`fill` is 'mean'; expected forward, zero"):
        Encoder.fit(_holes(), fill="mean")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="`train` holds no chunk"):
        Encoder.fit([])


def test_dtype_follows_the_values():
    data = from_arrays(np.zeros((2, 1, 3)), [0, 1])
    out = Encoder.fit(data)(data)
    assert (out.x.dtype, out.dt.dtype) == (np.float32, np.float32)
