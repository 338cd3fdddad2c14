"""Calibrated sets, states out of distribution and drift: right by hand, and written down as records."""

import numpy as np
import pytest

from caudal.audit import Guard, Log, Space, Watch, conformal, records, replay, verify
from caudal.audit.drift import limit, share
from caudal.errors import InputError, NonFiniteError, ShapeError
from caudal.estimators import LiquidClassifier, LiquidRegressor
from caudal.records.decision import ABSTAINED, DRIFT, OUT_OF_DISTRIBUTION, Decision, Event

pytest.importorskip("crepes", reason="crepes is not installed: pip install caudal[monitor]")
pytest.importorskip("river", reason="river is not installed: pip install caudal[monitor]")


@pytest.fixture
def told():
    dice = np.random.default_rng(0)
    shares = dice.dirichlet([2, 1, 1], 3000)
    truth = np.array([dice.choice(3, p=one) for one in shares])
    return shares, truth, dice.choice(["a", "b", "c"], 3000)


def test_sets_are_those_of_the_definition(told):
    shares, truth, _ = told
    held = conformal.calibrate(shares[:99], truth[:99])
    scores = np.sort(1 - shares[np.arange(99), truth[:99]])
    found = held.answer(shares[99:400]).sets
    by_hand = 1 - shares[99:400] <= scores[89]  # the ceil(100 * 0.9) = 90th of 99
    assert (found == by_hand).all()


def test_intervals_are_those_of_the_definition():
    dice = np.random.default_rng(0)
    told, truth = dice.normal(size=104), dice.normal(size=104)
    ends = conformal.calibrate(told, truth).answer([3.0]).intervals
    assert ends[0] == pytest.approx(3.0 + np.array([-1, 1]) * np.sort(np.abs(told - truth))[94])  # ceil(105 * 0.9)


def test_groups_and_classes_keep_the_promise(told):
    shares, truth, group = told
    held = conformal.calibrate(shares[:1500], truth[:1500], group[:1500], by_class=True)
    answer = held.answer(shares[1500:], group[1500:])
    found = conformal.coverage(answer, truth[1500:], group[1500:])
    assert 0.88 < found.marginal < 0.94
    assert found.worst > 0.86
    assert min(conformal.coverage(answer, truth[1500:], truth[1500:]).by_group.values()) > 0.86
    assert (answer.abstained == (answer.sets.sum(axis=1) != 1)).all()


def test_nothing_is_promised_of_groups_that_are_unknown_or_too_small(told):
    shares, truth, group = told
    group = group.astype(object)
    group[:200][group[:200] == "c"] = "a"
    group[:3] = "d"
    held = conformal.calibrate(shares[:200], truth[:200], group[:200])
    assert (held.small, held.least) == (("d",), 9)
    answer = held.answer(shares[:4], ["d", "c", "x", "a"])
    assert answer.sets[:3].all()
    assert answer.abstained[:3].all()
    ends = conformal.calibrate(shares[:200, 0], shares[:200, 1], group[:200]).answer([0.5], ["x"])
    assert np.isinf(ends.intervals).all()
    assert held.answer(shares[:4]).abstained.all()  # calibrated by group, asked without


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"confidence": 1.0}, InputError, "`confidence` is 1.0"),
        ({"truth": np.zeros(5)}, ShapeError, r"`truth` has shape \(5,\)"),
        ({"truth": np.full(200, 3)}, InputError, "no code of 3 classes"),
        ({"told": np.full((200, 3), np.nan)}, NonFiniteError, "holds NaN"),
        ({"groups": np.arange(200)}, InputError, "no group has the 9 that 0.9 needs"),
        ({"groups": ["a"]}, ShapeError, "`groups` has shape"),
    ],
)
def test_bad_calibrations_are_refused(told, change, error, sentence):
    usual = {"told": told[0][:200], "truth": told[1][:200], **change}
    with pytest.raises(error, match=sentence):
        conformal.calibrate(usual.pop("told"), usual.pop("truth"), usual.pop("groups", None), **usual)


def test_a_wide_interval_is_no_answer():
    dice = np.random.default_rng(0)
    held = conformal.calibrate(np.zeros(99), dice.normal(size=99), widest=1.0)
    assert held.answer([0.0]).abstained.all()


def test_the_threshold_is_that_of_the_formula():
    for length, slack in ((370, 0.5), (1e7, 0.25)):
        b = limit(length, slack) + 1.166
        assert (np.exp(2 * slack * b) - 2 * slack * b - 1) / (2 * slack**2) == pytest.approx(length, rel=1e-6)
    assert share(np.array([1.0, 1.0]), 5.0) < 1


def test_drift_is_found_and_quiet_streams_are_left_alone():
    dice = np.random.default_rng(3)
    names = [f"channel {k}" for k in range(5)]
    watch = Watch({name: dice.normal(size=800) for name in names})
    quiet = [one for row in dice.normal(size=(2000, 5)) for one in watch.see(dict(zip(names, row, strict=True)))]
    assert quiet == []
    alarm = next(
        one
        for row in dice.normal(size=(400, 5))
        for one in watch.see({**dict.fromkeys(names, np.nan), "channel 3": row[3] - 0.7})
    )
    assert (alarm.stream, alarm.direction) == ("channel 3", "down")
    assert alarm.seen - 2000 < 200
    assert alarm.facts["monitor"] == "drift"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Watch({}), "`reference` is empty"),
        (lambda: Watch({"a": [1.0] * 9}), "has 9 values of 'a'"),
        (lambda: Watch({"a": np.arange(50)}).see({"b": 1.0}), "holds the stream 'b'"),
        (lambda: Space.of(np.zeros((5, 2))), "at least 100"),
    ],
)
def test_bad_streams_are_refused(call, sentence):
    with pytest.raises(InputError, match=sentence):
        call()


def test_an_ellipsoid_of_states():
    dice = np.random.default_rng(0)
    space = Space.of(dice.normal(size=(600, 4)) * [1, 10, 0.1, 1])
    new = dice.normal(size=(2000, 4)) * [1, 10, 0.1, 1]
    assert (space.tail(new) <= 0.05).mean() == pytest.approx(0.05, abs=0.03)
    assert (space.tail([[0, 0, 2.0, 0]]) < 0.01).all()
    assert space.tail([[np.nan] * 4])[0] == space.tail([[1e9] * 4])[0] > 0


def series(count, shift=0.0, seed=0):
    dice = np.random.default_rng(seed)
    y = dice.integers(0, 2, count)
    return dice.normal(size=(count, 2, 5)) + y[:, None, None] + shift, y


def test_a_guard_writes_into_the_log_what_it_sees(tmp_path, key):
    from caudal.data import from_arrays

    model = LiquidClassifier("gru", 6, epochs=2).fit(*series(200))
    x, y = series(400, seed=1)
    ward = np.array(["north", "south"])[np.arange(400) % 2]
    guard = Guard(model, from_arrays(x, y, sensitive={"ward": ward}), by="ward")
    new, _ = series(300, seed=2)
    new = new * 3 + [[6.0], [-6.0]]
    asked = from_arrays(new, sensitive={"ward": ward[:300]})
    with Log(tmp_path / "log", key, sync=False, guard=guard) as log:
        model.predict(asked, log=log)
    found = [one for _, one in records(tmp_path / "log")]
    flags = np.array([one.monitors for one in found if isinstance(one, Decision)])
    alarms = [one.facts for one in found if isinstance(one, Event) and one.kind == "alarm"]
    assert ((flags & OUT_OF_DISTRIBUTION) > 0).mean() > 0.1
    assert 0 < ((flags & DRIFT) > 0).sum() <= len(alarms)
    assert {one["stream"] for one in alarms} >= {"input 0", "input 1"} or len(alarms) > 1
    assert verify(tmp_path / "log", key.verifier).holds
    assert replay(tmp_path / "log", model, new).holds
    odd = guard.look(from_arrays(new[:4], sensitive={"ward": ["east"] * 4}), [0, 1, 2, 3], np.zeros((4, 2)))
    assert (odd.flags & ABSTAINED > 0).all()


def test_a_guard_of_numbers_and_what_it_refuses():
    x, _ = series(300)
    model = LiquidRegressor("cfc", 4, epochs=1).fit(x[:100], x[:100].mean(axis=(1, 2)))
    from caudal.data import from_arrays

    data = from_arrays(x[100:], x[100:].mean(axis=(1, 2)), task="regress")
    guard = Guard(model, data, widest=1e-9)
    look = guard.look(from_arrays(x[:3], task="regress"), [0, 2], np.zeros((2, 1), np.float32))
    assert (look.flags & ABSTAINED > 0).all()
    for words, sentence in (({"by": "ward"}, "the data have no groups"), ({"rare": 0}, "`rare` is 0")):
        with pytest.raises(InputError, match=sentence):
            Guard(model, data, **words)
    steps = LiquidClassifier("cfc", 4, epochs=1).fit(list(x[:20]), [np.arange(5) % 2] * 20)
    with pytest.raises(InputError, match="is trained to classify_steps"):
        Guard(steps, data)


def test_a_table_at_once_gives_the_alarms_of_row_by_row():
    dice = np.random.default_rng(8)
    names = [f"channel {k}" for k in range(4)]
    reference = {name: np.round(dice.normal(size=300), 1 + k) for k, name in enumerate(names)}
    slow, fast = Watch(reference, per=50), Watch(reference, per=50)
    alarms = 0
    for rows in (1, 5, 40, 256, 256, 13):
        table = dice.normal(size=(rows, 4)) + np.linspace(0, 0.8, rows)[:, None] * [0, 1, -1, 2]
        table[dice.random((rows, 4)) < 0.1] = np.nan
        told = tuple(slow.see(dict(zip(names, row.tolist(), strict=True))) for row in table)
        assert fast.see_all(dict(zip(names, table.T, strict=True))) == told
        alarms += sum(map(len, told))
    assert alarms > 4
    assert slow.see_all({name: [] for name in names}) == ()
    with pytest.raises(InputError, match="holds the stream 'b'"):
        slow.see_all({"b": np.zeros(30)})


@pytest.mark.parametrize("by_class", [False, True])
def test_the_limits_are_those_of_the_p_values(told, by_class):
    """Sets by a limit for each category are the sets of the p-values that crepes states."""
    from crepes import ConformalClassifier

    shares, truth, group = told
    held = conformal.calibrate(shares[:400], truth[:400], group[:400], by_class=by_class, confidence=0.85)
    sets = held.answer(shares[400:], group[400:]).sets
    model = ConformalClassifier().fit(held.scores, bins=held.bins)
    codes = np.array(["abc".index(name) for name in group[400:]])
    for c in range(3):
        bins = codes * 3 + c if by_class else codes
        p = model.predict_p(1 - shares[400:, c : c + 1], bins=bins, smoothing=False)[:, 0]
        assert (sets[:, c] == (p > 0.15 + 1e-9)).all()
