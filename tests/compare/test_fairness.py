"""Gaps between groups in a study: those that `caudal fair` tells of the same network, or words."""

from dataclasses import replace

import numpy as np
import pytest

from caudal import fair
from caudal.compare.assemble import owners
from caudal.compare.contenders.base import unpacked
from caudal.compare.data import open_source
from caudal.compare.job import Job, Parts
from caudal.compare.measure import fairness as room
from caudal.compare.measure.fairness import protected
from caudal.compare.progress import Silent
from caudal.compare.record import Study
from caudal.compare.run import run_job
from caudal.compare.study import compare
from caudal.data import from_arrays
from caudal.fair.curve import first_steps

FAST = {"seeds": 2, "trials": 0, "resamples": 100}


def series(count=600, **columns):
    """Two classes, clearer in one group; steps of unequal number."""
    rng = np.random.default_rng(3)
    sex, truth = rng.integers(0, 2, count), rng.integers(0, 2, count)
    lengths = rng.integers(3, 9, count)
    pull = np.where(sex == 1, 1.0, 0.2) * (2 * truth - 1)
    rows = [rng.normal(pull[k], 1.0, (1, lengths[k])) for k in range(count)]
    sensitive = {"sex": np.array(["f", "m"])[sex], "age": rng.uniform(20, 90, count), **columns}
    return from_arrays(rows, truth, sensitive=sensitive)


def judged(data, *models, epochs=3):
    source = open_source(data)
    jobs = {name: Job(name, "final", 0, 3, epochs=epochs, parameters=150, disturb=False) for name in models}
    finals = {name: [run_job(job, source.parts)] for name, job in jobs.items()}
    return finals, source


def test_the_gaps_are_those_of_the_network_that_is_handed_over():
    finals, source = judged(series(900), "cfc", "trivial", epochs=2)
    test = source.parts.test
    (found,) = room.fairness(finals, source.parts, owners(test), source.facts, ("cfc",))
    assert found.model == "cfc" and 0.3 < found.threshold < 0.7 and found.answers == found.series == len(test)
    assert [one.name for one in found.attributes] == ["sex", "age", "sex & age"]

    model = unpacked(finals["cfc"][0].model)
    asked = fair.decisions(test.target, model.predict_proba(test)[:, 1], threshold=found.threshold)
    groups = fair.Groups.of({"sex": test.sensitive["sex"]})
    told = fair.report(
        test, asked, sensitive=("sex",), threshold=found.threshold,
        at={
            step: fair.decisions(
                test.target, model.predict_proba(first_steps(test, step))[:, 1],
                threshold=found.threshold,
            )
            for step in (moment.step for moment in found.attributes[0].curve)
        },
    )  # fmt: skip
    own, theirs = found.attributes[0], told.attributes[0]
    assert found.digest == told.digest and dict(own.groups) == dict(zip(groups.names, groups.counts, strict=True))
    for mine, other in zip(own.gaps, theirs.gaps, strict=True):
        assert (mine.name, mine.high, mine.low, mine.value) == (other.name, other.high, other.low, other.value)
        assert mine.seeds == (pytest.approx(mine.value.value),)
    assert len(own.curve) > 1
    values = [moment.gap and moment.gap.value for moment in own.curve]
    assert any(values) and values == [moment.gap and moment.gap.value for moment in theirs.curve]
    assert "no curve" not in found.not_measured and "no mitigation" in found.not_measured


def test_a_study_tells_every_model_but_the_trivial_one(fakes, tmp_path, monkeypatch):
    from caudal.compare import study as studies

    monkeypatch.setattr(studies.timing, "measure", lambda outcomes, parts: {})
    study = compare(fakes.table(400), tmp_path, models=["cfc", "gru"], changes=FAST, executor="inline",
                    watcher=Silent(), runner=fakes.run)  # fmt: skip
    assert {one.model for one in study.fairness} == {"cfc", "gru", "summary", "trees"}
    assert "no fairness" not in study.not_measured and "no mitigation" in study.not_measured
    one = study.fairness[0]
    assert one.digest and one.positive == "1" and all(len(gap.seeds) == 2 for a in one.attributes for gap in a.gaps)
    # Groups of the scores and of the gaps are the same.
    assert {s.group for s in study.groups if s.attribute == "age"} == set(one.attributes[1].groups)
    assert Study.from_json(study.to_json()) == study


def test_answers_of_one_person_are_drawn_together():
    finals, source = judged(series(), "cfc")
    alone = owners(source.parts.test)
    together = room.fairness(finals, source.parts, alone // 4, source.facts)[0].attributes[0].gap("accuracy")
    apart = room.fairness(finals, source.parts, alone, source.facts)[0].attributes[0].gap("accuracy")
    assert together.value.value == apart.value.value and together.value != apart.value


def test_columns_that_make_no_groups_say_why():
    count = 300
    data = series(count, ward=np.array(["one"] * count), number=np.array([f"p{k}" for k in range(count)]))
    found, left = protected(Parts(data, data, data))
    assert set(found) == {"sex", "age"} and "is constant" in left["ward"] and "different values" in left["number"]
    few = series(60, kind=np.array(["a"] * 30 + ["b"] * 29 + ["c"]))
    lonely = protected(Parts(few, few, few))[0]["kind"]
    assert lonely.names == ("a", "b", "other")


def test_numbers_are_cut_by_all_series_whatever_falls_into_the_test_part():
    data = series(300, floor=np.arange(300) % 40)
    test = data.select(np.flatnonzero(data.sensitive["floor"] < 11))  # 11 values: no quantity by themselves
    found = protected(Parts(data, data, test))[0]
    whole = np.concatenate([part.sensitive["floor"] for part in (data, data, test)])
    assert found["floor"].edges["floor"] == fair.thirds(whole)
    assert len(found["age"].names) == 3


def test_people_are_counted_and_the_group_of_a_split_is_no_sensitive_group():
    finals, source = judged(series(), "cfc")
    test = source.parts.test
    few = np.arange(len(test)) % 4  # four people
    (found,) = room.fairness(finals, source.parts, few, source.facts)
    sex = found.attributes[0]
    assert not sex.gaps and set(sex.hidden) == {"f", "m"} and all(rate.value is None for rate in sex.rates)
    assert sex.people == {"f": 4, "m": 4}
    assert "group" not in protected(Parts(test, test, replace(test, group=few)))[0]


def test_of_many_classes_the_gap_in_right_decisions_is_told():
    rng = np.random.default_rng(1)
    truth, sex = np.arange(300) % 3, np.array(["f", "m"])[rng.integers(0, 2, 300)]
    rows = rng.normal((truth * np.where(sex == "m", 2.0, 0.5))[:, None, None], 1.0, (300, 1, 4))
    finals, source = judged(from_arrays(rows, truth, sensitive={"sex": sex}), "cfc")
    found = room.fairness(finals, source.parts, owners(source.parts.test), source.facts, ("cfc",))[0]
    own = found.attributes[0]
    assert found.threshold is None and found.positive == "" and own.curve_of in ("accuracy", "")
    assert {gap.name for gap in own.gaps} <= {"accuracy"} and {one.metric for one in own.rates} == {"accuracy"}
    right = finals["cfc"][0].scores.argmax(1) == finals["cfc"][0].truth
    rows = source.parts.test.sensitive["sex"] == "m"
    assert next(one for one in own.rates if one.group == "m").value.value == pytest.approx(right[rows].mean())


def test_other_tasks_and_bare_data_have_no_gaps():
    finals, source = judged(series(), "cfc", epochs=1)
    parts, owner = source.parts, owners(source.parts.test)
    for test in (
        from_arrays(np.zeros((40, 1, 3)), np.arange(40) / 7, task="regress", sensitive={"sex": list("fm") * 20}),
        from_arrays(np.zeros((40, 1, 3)), np.arange(40) % 2),
    ):
        other = type(parts)(parts.train, parts.val, test)
        assert room.fairness(finals, other, owner, source.facts) == ()
