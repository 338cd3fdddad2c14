"""Decisions come out again to the bit, whatever the batch and the threads; erased persons cannot be linked."""

import numpy as np
import pytest
import torch

from caudal.audit import Log, Salts, Vault, keys, model_digest, newest, records, replay, verify
from caudal.audit.check.replay import _outputs
from caudal.audit.log import encrypted
from caudal.audit.log.record import Decision
from caudal.audit.log.salts import alias
from caudal.audit.log.tiles import split
from caudal.audit.package import model_digest_1
from caudal.audit.predictions import class_of, elapsed, pieces, uncertainty_of
from caudal.data import from_arrays
from caudal.errors import InputError
from caudal.estimators import LiquidClassifier, LiquidForecaster, LiquidRegressor
from caudal.kernels import exact
from caudal.monitor.flags import NOT_FINITE
from caudal.nn import CTRNN, LRC, LTC, CfC, Readout, WiredCfC
from caudal.wiring import ncp


def _wired(inputs, units):
    return WiredCfC(ncp(inputs, units - 7, 4, 3))


@pytest.fixture
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("make", [CfC, LTC, LRC, CTRNN, _wired])
@pytest.mark.parametrize("pool", ["last", "mean"])
def test_replay_mode_gives_the_same_bits(make, pool):
    net = Readout(make(3, 13), 2, pool=pool).eval()
    x, dt, lengths = torch.randn(70, 6, 3), torch.rand(70, 6), torch.randint(1, 7, (70,))
    found = []
    for threads, size in ((1, 1), (1, 70), (2, 1), (2, 3), (2, 17), (2, 33), (2, 70)):
        torch.set_num_threads(threads)
        with torch.no_grad(), exact():
            parts = [slice(k, k + size) for k in range(0, 70, size)]
            found.append(torch.cat([net.series(x[p], dt=dt[p], lengths=lengths[p])[0] for p in parts]))
    assert all(torch.equal(found[0], one) for one in found)


def series(count=20, seed=0):
    dice = np.random.default_rng(seed)
    return from_arrays(dice.normal(size=(count, 2, 5)), np.arange(count) % 2, ids=[f"p{k}" for k in range(count)])


@pytest.fixture(scope="module")
def model():
    return LiquidClassifier("cfc", 6, epochs=1).fit(series(40, 1))


@pytest.mark.parametrize("batch", [1, 7, 256])
def test_decisions_come_out_again_at_any_batch(tmp_path, key, model, batch):
    data = series()
    with Log(tmp_path / "log", key, sync=False) as log:
        told = model.predict(data, log=log)
    found = replay(tmp_path / "log", model, data, batch=batch)
    assert found.holds
    assert found.decisions == found.same_bits == found.same_decision == found.exact == 20
    assert (found.worst, found.unlinked, found.other_models) == (0.0, 0, 0)
    decisions = [one for _, one in records(tmp_path / "log") if hasattr(one, "session")]
    assert [model.classes_[int(np.argmax(one.output))] for one in decisions] == told.tolist()
    assert not any(f"p{k}".encode() in b"".join(one.session.encode() for one in decisions) for k in range(20))


def test_another_model_or_other_data_do_not_pass(tmp_path, key, model):
    data = series()
    with Log(tmp_path / "log", key, sync=False) as log:
        model.predict(data, log=log)
    other = LiquidClassifier("cfc", 6, epochs=1, seed=3).fit(series(40, 1))
    found = replay(tmp_path / "log", other, data)
    assert not found.holds
    assert found.other_models == 20
    found = replay(tmp_path / "log", model, series(20, 9))
    assert not found.holds
    assert len(found.other_input) == 20


def test_an_erased_person_cannot_be_linked_and_every_proof_holds(tmp_path, key, model):
    data = series()
    with Log(tmp_path / "log", key, sync=False) as log:
        model.predict(data, log=log)
        log.salts.erase_person("p3")
    found = replay(tmp_path / "log", model, data)
    assert (found.decisions, found.unlinked, found.share, found.holds) == (19, 1, 0.95, False)
    assert replay(tmp_path / "log", model, data, allow_unlinked=True).holds
    assert verify(tmp_path / "log", key.verifier, full=True).holds
    assert Salts(tmp_path / "log.salts").of_person("p3") is None


def test_regressors_forecasters_and_steps_are_logged_too(tmp_path, key):
    dice = np.random.default_rng(0)
    x = dice.normal(size=(12, 2, 8))
    numbers = LiquidRegressor("ltc", 5, epochs=1).fit(x, x.mean(axis=(1, 2)))
    steps = LiquidClassifier("cfc", 5, epochs=1).fit(list(x), [np.arange(8) % 2] * 12)
    ahead = LiquidForecaster("cfc", 5, horizon=2, window=4, epochs=1).fit(x)
    for name, one, count in (("numbers", numbers, 12), ("steps", steps, 96), ("ahead", ahead, 12)):
        asked = list(x) if name == "steps" else x
        with Log(tmp_path / name, key, sync=False) as log:
            one.predict(asked, log=log)
        found = replay(tmp_path / name, one, asked, batch=5)
        assert found.holds, (name, found)
        assert found.decisions == found.same_bits == count


def test_cells_outside_replay_mode_decide_the_same(tmp_path, key):
    data = series()
    gru = LiquidClassifier("gru", 6, epochs=1).fit(data)
    with Log(tmp_path / "log", key, sync=False) as log:
        gru.predict(data, log=log)
    found = replay(tmp_path / "log", gru, data, batch=3)
    assert found.holds
    assert found.exact == 0
    assert found.worst < 1e-6


def test_the_digest_is_of_what_decides(tmp_path, model):
    model.save(tmp_path / "model.caudal")
    assert model_digest(LiquidClassifier.load(tmp_path / "model.caudal")) == model_digest(model)


def test_nothing_in_the_clear_tells_whose_an_erased_record_is(tmp_path, key):
    """An attacker has the table, the model and the log, and looks for the nearest of each number."""
    dice = np.random.default_rng(4)
    x = dice.normal(size=(60, 2, 6))
    data = from_arrays(x, np.arange(60) % 2, ids=[f"p{k}" for k in range(60)])
    gru = LiquidClassifier("gru", 6, epochs=1).fit(data)
    numbers = LiquidRegressor("cfc", 5, epochs=1).fit(x, x.mean(axis=(1, 2)))
    vault = Vault(bytes(32))
    with Log(tmp_path / "log", key, sync=False, shuffle=True, vault=vault) as log:
        scores = gru.predict_proba(data, log=log)
        numbers.predict(x, log=log)
    owners = owners_of(tmp_path / "log", [f"p{k}" for k in range(60)] + [str(k) for k in range(60)])
    exact_records = [Salts(tmp_path / "log.salts").opened(record) for _, record in decisions(tmp_path / "log")]
    assert all(record.uncertainty is not None for record in exact_records[:60])
    salts = Salts(tmp_path / "log.salts")
    for person in set(owners):
        salts.erase_person(person)
    found = [record for _, record in decisions(tmp_path / "log")]
    assert {(record.dt, record.uncertainty, record.influence) for record in found} == {(None, None, ())}
    guesses = [f"p{np.abs(scores - np.float64(record.output)).sum(axis=1).argmin()}" for record in found[:60]]
    assert sum(guess == owner for guess, owner in zip(guesses, owners[:60], strict=True)) <= 2  # one of each class
    assert np.isnan([record.output for record in found[60:]]).all()
    by_order = sum(owner == f"p{k}" for k, owner in enumerate(owners[:60]))
    assert by_order < 10
    assert len({len(record.payload) for record in found[:60]}) == 1
    for record, owner in zip(found, owners, strict=True):
        for salt in (bytes(32), owner.encode().ljust(32)):
            with pytest.raises(InputError, match="does not open"):
                encrypted.opened(record, salt)
            with pytest.raises(InputError, match="does not open"):
                vault.open(encrypted.split(record)[1], encrypted.place(record.session, record.sequence), salt)


def decisions(folder):
    return [(index, record) for index, record in records(folder) if isinstance(record, Decision)]


def owners_of(folder, names):
    salts = Salts(folder.with_name("log.salts"))
    known = {alias(salt): name for name in names if (salt := salts.of_person(name)) is not None}
    return [known[record.session] for _, record in decisions(folder)]


def rewritten(folder, key, model, data, change):
    """A log of the same decisions, each changed by its writer, who has the key."""
    with Log(folder, key, sync=False) as log:
        out = _outputs(model, data, list(range(len(data))))
        for row in range(len(data)):
            output, facts = out[row], {"uncertainty": float(uncertainty_of(out[row])), "dt": elapsed(data, row, None)}
            output, facts = change(output, facts)
            inputs = dict(pieces(data, row))[None]
            log.decide(None, output, model=model_digest(model), inputs=inputs, person=str(data.ids[row]), **facts)
    return folder


CHANGES = {
    "certain": (lambda out, facts: (np.float32([50, -50]) * (1 if out[0] > out[1] else -1), facts), "broken"),
    "one bit": (lambda out, facts: (np.nextafter(out, np.float32(9)), facts), "broken"),
    "one bit, said to be exact": (
        lambda out, facts: (np.nextafter(out, np.float32(9)), {**facts, "is_exact": True}),
        "broken",
    ),
    "another number of outputs": (lambda out, facts: (out[:1], facts), "broken"),
    "sure": (lambda out, facts: (out, {**facts, "uncertainty": 0.0}), "other_facts"),
    "another time": (lambda out, facts: (out, {**facts, "dt": facts["dt"] + 1}), "other_facts"),
    "not finite": (lambda out, facts: (out, {**facts, "monitors": NOT_FINITE}), "other_facts"),
    "another class in the clear": (lambda out, facts: (out, {**facts, "lasting": class_of(-out)}), "other_facts"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_record_does_not_say_how_strictly_it_is_judged(tmp_path, key, model, name):
    data, (change, where) = series(), CHANGES[name]
    assert replay(rewritten(tmp_path / "honest", key, model, data, lambda *facts: facts), model, data).holds
    found = replay(rewritten(tmp_path / "log", key, model, data, change), model, data)
    assert (found.holds, len(getattr(found, where)), found.exact) == (False, 20, 20)


def test_networks_outside_replay_mode_are_compared_as_numbers(tmp_path, key):
    data = series()
    gru = LiquidClassifier("gru", 6, epochs=1).fit(data)
    far = replay(
        rewritten(tmp_path / "far", key, gru, data, lambda out, facts: (out * np.float32(1.001), facts)), gru, data
    )
    assert (far.holds, far.tolerance, len(far.broken) > 0) == (False, 1e-6, True)
    near = rewritten(tmp_path / "near", key, gru, data, lambda out, facts: (np.nextafter(out, np.float32(9)), facts))
    found = replay(near, gru, data)
    assert (found.holds, found.same_bits, found.same_decision) == (True, 0, 20)
    assert not replay(near, gru, data, tolerance=0).holds


def test_decisions_made_elsewhere_pass_by_a_tolerance_that_is_asked_for(tmp_path, key, model):
    data = series()
    log = rewritten(tmp_path / "log", key, model, data, lambda out, facts: (np.nextafter(out, np.float32(9)), facts))
    assert not replay(log, model, data).holds
    found = replay(log, model, data, tolerance=1e-5)
    assert (found.holds, found.exact, found.tolerance) == (True, 0, 1e-5)
    for bad in (-1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="`tolerance` is"):
            replay(log, model, data, tolerance=bad)


def test_what_was_not_made_again_is_not_good(tmp_path, key, model):
    data, other = series(), LiquidClassifier("cfc", 6, epochs=1, seed=3).fit(series(40, 1))
    with Log(tmp_path / "log", key, sync=False) as log:
        other.predict(data, log=log)
        for k in range(100):
            log.decide(f"ghost {k}", np.float32([9, -9]), model=model_digest(model), inputs=np.zeros(3))
        model.predict(data, log=log)
    found = replay(tmp_path / "log", model, series(21, 0))
    assert (found.total, found.unlinked, found.other_models, found.holds) == (140, 100, 20, False)
    found = replay(tmp_path / "log", model, data, allow_unlinked=True)
    assert (found.decisions, found.share, found.holds) == (20, 20 / 140, True)
    assert replay(tmp_path / "log", model, series(20), allow_unlinked=True).silent == 0


def test_a_series_that_comes_twice_makes_up_for_no_other_decision(tmp_path, key, model, monkeypatch):
    data = series(2)
    with Log(tmp_path / "log", key, sync=False) as log:
        model.predict(data, log=log)
        for name in ("ghost", "spectre"):
            log.decide(name, np.float32([9, -9]), model=model_digest(model), inputs=np.zeros(3))
    monkeypatch.setattr(model, "parts", lambda _: iter([data, data]), raising=False)
    found = replay(tmp_path / "log", model, data)
    assert (found.decisions, found.total, found.unlinked, found.holds) == (2, 4, 2, False)


def test_records_of_caudal_0_1_are_told_by_name_and_not_taken_for_the_same(tmp_path, key, model, monkeypatch):
    monkeypatch.setattr("caudal.audit.predictions.model_digest", model_digest_1)
    with Log(tmp_path / "log", key, sync=False) as log:
        model.predict(series(), log=log)
    found = replay(tmp_path / "log", model, series())
    assert (found.holds, found.other_models, found.former) == (False, 20, 20)


def test_the_log_is_verified_before_it_is_believed(tmp_path, key, model):
    data = series()
    with Log(tmp_path / "log", key, origin="example.org/test", sync=False) as log:
        model.predict(data, log=log)
    assert replay(tmp_path / "log", model, data).key is None
    found = replay(tmp_path / "log", model, data, key=key.verifier)
    assert (found.holds, found.decisions, "is called" in found.log_faults[0]) == (False, 0, True)
    found = replay(tmp_path / "log", model, data, key=key.verifier, origin="example.org/test")
    assert (found.holds, found.key) == (True, f"{key.name} ({key.verifier.id.hex()})")
    foreign = keys.make(tmp_path / "foreign.pem", key.name).verifier
    assert not replay(tmp_path / "log", model, data, key=foreign, origin="example.org/test").holds
    end = tmp_path / "log" / "edge" / "entries"
    held = newest(tmp_path / "log")
    with Log(tmp_path / "log", key, sync=False) as log:
        log.event("alarm")
    wanted = {"key": key.verifier, "origin": "example.org/test"}
    assert replay(tmp_path / "log", model, data, held=held, **wanted).holds
    entries, _ = split(end.read_bytes())
    del entries[3]  # a decision is not missed by who has never seen it
    end.write_bytes(b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries))
    found = replay(tmp_path / "log", model, data, **wanted)
    assert (found.holds, found.decisions, bool(found.log_faults)) == (False, 0, True)
