"""Calibrated sets, states out of distribution and drift: right by hand, and written down as records."""

from statistics import NormalDist

import numpy as np
import pytest

from caudal.audit import Log, records, replay, verify
from caudal.audit.log.record import Decision, Event
from caudal.errors import InputError, NonFiniteError, ShapeError
from caudal.estimators import LiquidClassifier, LiquidRegressor
from caudal.monitor import Guard, Space, Watch, conformal
from caudal.monitor.drift import limit, share
from caudal.monitor.flags import ABSTAINED, DRIFT, OUT_OF_DISTRIBUTION

pytest.importorskip("crepes", reason="crepes is not installed: pip install caudal[monitor]")
pytest.importorskip("river", reason="river is not installed: pip install caudal[monitor]")


@pytest.fixture
def answers():
    dice = np.random.default_rng(0)
    shares = dice.dirichlet([2, 1, 1], 3000)
    truth = np.array([dice.choice(3, p=chances) for chances in shares])
    return shares, truth, dice.choice(["a", "b", "c"], 3000)


def test_sets_are_those_of_the_definition(answers):
    shares, truth, _ = answers
    calibrated = conformal.calibrate(shares[:99], truth[:99])
    scores = np.sort(1 - shares[np.arange(99), truth[:99]])
    sets = calibrated.answer(shares[99:400]).sets
    by_hand = 1 - shares[99:400] <= scores[89]  # the ceil(100 * 0.9) = 90th of 99
    assert (sets == by_hand).all()


def test_intervals_are_those_of_the_definition():
    dice = np.random.default_rng(0)
    predictions, truth = dice.normal(size=104), dice.normal(size=104)
    ends = conformal.calibrate(predictions, truth).answer([3.0]).intervals
    assert ends[0] == pytest.approx(
        3.0 + np.array([-1, 1]) * np.sort(np.abs(predictions - truth))[94]
    )  # ceil(105 * 0.9)


def test_groups_and_classes_keep_the_promise(answers):
    shares, truth, group = answers
    calibrated = conformal.calibrate(shares[:1500], truth[:1500], group[:1500], by_class=True)
    answer = calibrated.answer(shares[1500:], group[1500:])
    covered = conformal.coverage(answer, truth[1500:], group[1500:])
    assert 0.88 < covered.marginal < 0.94
    assert covered.worst > 0.86
    assert min(conformal.coverage(answer, truth[1500:], truth[1500:]).by_group.values()) > 0.86
    assert (answer.abstained == (answer.sets.sum(axis=1) != 1)).all()


def test_nothing_is_promised_of_groups_that_are_unknown_or_too_small(answers):
    shares, truth, group = answers
    group = group.astype(object)
    group[:200][group[:200] == "c"] = "a"
    group[:3] = "d"
    calibrated = conformal.calibrate(shares[:200], truth[:200], group[:200])
    assert (calibrated.small, calibrated.least) == (("d",), 9)
    answer = calibrated.answer(shares[:4], ["d", "c", "x", "a"])
    assert answer.sets[:3].all()
    assert answer.abstained[:3].all()
    ends = conformal.calibrate(shares[:200, 0], shares[:200, 1], group[:200]).answer([0.5], ["x"])
    assert np.isinf(ends.intervals).all()
    assert calibrated.answer(shares[:4]).abstained.all()  # calibrated by group, asked without


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"confidence": 1.0}, InputError, "`confidence` is 1.0"),
        ({"truth": np.zeros(5)}, ShapeError, r"`truth` has shape \(5,\)"),
        ({"truth": np.full(200, 3)}, InputError, "no code of 3 classes"),
        ({"predictions": np.full((200, 3), np.nan)}, NonFiniteError, "holds NaN"),
        ({"groups": np.arange(200)}, InputError, "no group has the 9 that 0.9 needs"),
        ({"groups": ["a"]}, ShapeError, "`groups` has shape"),
    ],
)
def test_bad_calibrations_are_refused(answers, change, error, sentence):
    usual = {"predictions": answers[0][:200], "truth": answers[1][:200], **change}
    with pytest.raises(error, match=sentence):
        conformal.calibrate(usual.pop("predictions"), usual.pop("truth"), usual.pop("groups", None), **usual)


def test_a_wide_interval_is_no_answer():
    dice = np.random.default_rng(0)
    calibrated = conformal.calibrate(np.zeros(99), dice.normal(size=99), widest=1.0)
    assert calibrated.answer([0.0]).abstained.all()


def test_the_threshold_is_that_of_the_formula():
    for length, slack in ((370, 0.5), (1e7, 0.25)):
        b = limit(length, slack) + 1.166
        assert (np.exp(2 * slack * b) - 2 * slack * b - 1) / (2 * slack**2) == pytest.approx(length, rel=1e-6)
    assert share(np.array([1.0, 1.0]), 5.0) < 1


def test_drift_raises_an_alarm_and_quiet_streams_are_left_alone():
    dice = np.random.default_rng(3)
    names = [f"channel {k}" for k in range(5)]
    watch = Watch({name: dice.normal(size=800) for name in names})
    quiet = [alarm for row in dice.normal(size=(2000, 5)) for alarm in watch.see(dict(zip(names, row, strict=True)))]
    assert quiet == []
    alarm = next(
        alarm
        for row in dice.normal(size=(400, 5))
        for alarm in watch.see({**dict.fromkeys(names, np.nan), "channel 3": row[3] - 0.7})
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
    written = [record for _, record in records(tmp_path / "log")]
    flags = np.array([record.monitors for record in written if isinstance(record, Decision)])
    alarms = [record.facts for record in written if isinstance(record, Event) and record.kind == "alarm"]
    assert ((flags & OUT_OF_DISTRIBUTION) > 0).mean() > 0.1
    assert 0 < ((flags & DRIFT) > 0).sum() <= len(alarms)
    assert {alarm["stream"] for alarm in alarms} >= {"input 0", "input 1"} or len(alarms) > 1
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


def alarms_by_definition(reference, per, values):
    """Alarms of one stream, one value after the other: Page's sums of normal scores, and ADWIN at every value."""
    from river.drift import ADWIN

    known, size = np.sort(reference), len(reference)
    slack = 0.25 + 0.5 / np.sqrt(size)
    most = limit(2 * per * 5.0, slack)
    alarms, seen, up, down, adwin = [], 0, 0.0, 0.0, ADWIN()
    for row, value in enumerate(values):
        if not np.isfinite(value):
            continue
        rank = share(known, value)
        score, seen = NormalDist().inv_cdf(rank), seen + 1
        up, down = max(0.0, up + score - slack), max(0.0, down - score - slack)
        adwin.update(rank)
        if max(up, down) > most or adwin.drift_detected:
            detector = "cusum" if max(up, down) > most else "adwin"
            alarms.append((row, detector, seen, adwin.width if detector == "adwin" else None))
            up, down, adwin = 0.0, 0.0, ADWIN()
    return alarms


@pytest.mark.parametrize("per", [1, 1000, 1e200])
@pytest.mark.parametrize("seed", range(4))
def test_alarms_are_those_of_the_definition(per, seed):
    """Blocks of ranks for ADWIN and tables of rows change no alarm; a huge `per` leaves all of them to ADWIN."""
    dice = np.random.default_rng(seed)
    reference = np.round(dice.normal(size=300), 1 + seed % 2)
    values = dice.normal(size=3000) + np.repeat(dice.choice([0, 0, 0.4, -1.0], 12), 250)
    values[dice.random(3000) < 0.1] = np.nan
    watch, alarms, row = Watch({"a": reference}, per=per), [], 0
    for size in dice.permutation([1, 31, 32, 33, 256, 257, 600, 1790]):
        for some in watch.see_all({"a": values[row : row + size]}):
            alarms += [(row, a.detector, a.seen, a.since if a.detector == "adwin" else None) for a in some]
            row += 1
    assert row == 3000
    assert alarms == alarms_by_definition(reference, per, values)
    assert any(alarm[1] == ("adwin" if per > 1e100 else "cusum") for alarm in alarms)


def test_a_table_at_once_gives_the_alarms_of_row_by_row():
    dice = np.random.default_rng(8)
    names = [f"channel {k}" for k in range(4)]
    reference = {name: np.round(dice.normal(size=300), 1 + k) for k, name in enumerate(names)}
    slow, fast = Watch(reference, per=50), Watch(reference, per=50)
    alarms = 0
    for rows in (1, 5, 40, 256, 256, 13):
        table = dice.normal(size=(rows, 4)) + np.linspace(0, 0.8, rows)[:, None] * [0, 1, -1, 2]
        table[dice.random((rows, 4)) < 0.1] = np.nan
        expected = tuple(slow.see(dict(zip(names, row.tolist(), strict=True))) for row in table)
        assert fast.see_all(dict(zip(names, table.T, strict=True))) == expected
        alarms += sum(map(len, expected))
    assert alarms > 4
    assert slow.see_all({name: [] for name in names}) == ()
    with pytest.raises(InputError, match="holds the stream 'b'"):
        slow.see_all({"b": np.zeros(30)})
    with pytest.raises(ShapeError, match=r"shapes \(2,\), \(3,\)"):
        slow.see_all({"channel 0": np.zeros(3), "channel 1": np.zeros(2)})
    with pytest.raises(ShapeError, match=r"expected \(rows, 4\)"):
        slow.see_table(np.zeros((3, 5)))


def test_flags_are_those_of_the_public_parts():
    """One compiled pass flags what `Conformal.answer`, `Space.tail` and the outputs say."""
    from caudal.data import from_arrays

    model = LiquidClassifier("cfc", 5, epochs=1).fit(*series(120))
    ward = np.array(["north", "south"])[np.arange(300) % 2]
    guard = Guard(model, from_arrays(*series(300, seed=1), sensitive={"ward": ward}), by="ward", rare=0.05)
    dice = np.random.default_rng(5)
    out, rows = dice.normal(size=(200, 2)) * 3, dice.permutation(300)[:200]
    states = dice.normal(size=(200, len(guard.space.mean))) * np.linspace(0, 0.5, 200)[:, None]
    states[3], states[4, 0], out[5], out[6, 0], out[7, 0] = np.nan, np.inf, np.nan, np.inf, -np.inf
    data = from_arrays(series(300, seed=2)[0], sensitive={"ward": ward})
    flags = guard.look(data, rows.tolist(), out, states).flags
    with np.errstate(invalid="ignore"):
        probabilities = np.exp(out - out.max(axis=1, keepdims=True))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    is_finite = np.isfinite(probabilities).all(axis=1)
    abstained = ~is_finite
    abstained[is_finite] = guard.conformal.answer(probabilities[is_finite], ward[rows][is_finite]).abstained
    assert ((flags & ABSTAINED > 0) == abstained).all()
    assert ((flags & OUT_OF_DISTRIBUTION > 0) == (guard.space.tail(states) <= 0.05)).all()
    assert is_finite.tolist().count(False) == 2
    for call, sentence in (
        (lambda: guard.look(data, [300], out[:1], states[:1]), "reach from 300 to 300"),
        (lambda: guard.look(data, [0], out[:2], states[:1]), r"`out` has shape \(2, 2\)"),
        (lambda: guard.look(data, [0], out[:1], states[:1, 1:]), "`states` has shape"),
        (lambda: guard.look(from_arrays(np.zeros((4, 5, 3))), [0], out[:1], states[:1]), "have the inputs"),
    ):
        with pytest.raises(InputError, match=sentence):
            call()


@pytest.mark.parametrize("by_class", [False, True])
def test_the_limits_are_those_of_the_p_values(answers, by_class):
    """Sets by a limit for each category are the sets of the p-values that crepes states."""
    from crepes import ConformalClassifier

    shares, truth, group = answers
    calibrated = conformal.calibrate(shares[:400], truth[:400], group[:400], by_class=by_class, confidence=0.85)
    sets = calibrated.answer(shares[400:], group[400:]).sets
    model = ConformalClassifier().fit(calibrated.scores, bins=calibrated.bins)
    codes = np.array(["abc".index(name) for name in group[400:]])
    for c in range(3):
        bins = codes * 3 + c if by_class else codes
        p = model.predict_p(1 - shares[400:, c : c + 1], bins=bins, smoothing=False)[:, 0]
        assert (sets[:, c] == (p > 0.15 + 1e-9)).all()
