"""Names, tables and sequences become divided series with their facts."""

from dataclasses import replace

import numpy as np
import pytest

from caudal.compare.assemble import owners
from caudal.compare.data import digest_of, open_source
from caudal.data import from_arrays
from caudal.data.datasets import Card, Dataset
from caudal.data.split import official
from caudal.errors import DataError

pandas = pytest.importorskip("pandas")


def frame(people=40):
    rng = np.random.default_rng(0)
    return pandas.DataFrame(
        [
            {"stay": f"{p}-{s}", "person": p, "h": float(t), "x": rng.normal(), "old": p % 2, "y": "ab"[p % 2]}
            for p in range(people)
            for s in range(2)
            for t in range(2 + s)
        ]
    )


def test_a_frame_is_divided_by_group_and_described():
    columns = {"target": "y", "series": "stay", "time": "h", "group": "person", "sensitive": ["old"], "time_unit": "h"}
    found = open_source(frame(), columns=columns)
    facts, parts = found.facts, found.parts
    people = [set(part.group.tolist()) for part in (parts.train, parts.val, parts.test)]
    assert not (people[0] & people[1] or people[0] & people[2] or people[1] & people[2])
    assert (facts.series, facts.steps, facts.train + facts.val + facts.test) == (80, 200, 80)
    assert (facts.name, facts.task, facts.target, facts.positive, facts.protocol) == (
        "table", "classify", "y", "b", "table",
    )  # fmt: skip
    assert facts.class_shares == (0.5, 0.5) and facts.gap_median == 1.0 and facts.time_unit == "h"
    assert facts.split == "65/15/20 by group, seed 0." and facts.sensitive == ("old",) and not facts.sensitive_inputs
    assert len(np.unique(owners(parts.test))) == len(people[2])


def test_the_digest_is_of_data_and_division():
    columns = {"target": "y", "series": "stay", "time": "h", "features": ["x"]}
    first = open_source(frame(), columns=columns)
    assert first.facts.digest == digest_of(open_source(frame(), columns=columns).parts)
    assert first.facts.digest != open_source(frame(), columns=columns, seed=1).facts.digest


def test_a_set_without_validation_lends_some_of_its_training():
    data = from_arrays(np.random.default_rng(0).normal(size=(60, 1, 3)), [0, 1] * 30)
    card = Card("toy", "Toy", "t", "s", "l", "o", package=("x",), sensitive=(), bias=("few",), leaks=("none",))
    found = open_source(Dataset(card, data, official(np.arange(40), [], np.arange(40, 60)), "clean"))
    assert (len(found.parts.train), len(found.parts.val), len(found.parts.test)) == (34, 6, 20)
    assert found.facts.split.endswith("15 % of the training series validate.") and found.facts.known_bias == ("few",)


def test_unlabelled_series_are_left_out_and_forecasts_are_divided_by_time():
    rows = pandas.DataFrame({"id": 1, "t": np.arange(300.0), "z": np.sin(np.arange(300.0))})
    found = open_source(rows, columns={"target": "z", "series": "id", "time": "t", "horizon": 2, "window": 5})
    assert found.facts.task == "forecast" and found.facts.split.startswith("65/15/20 by time.")
    assert found.parts.train.end.max() < found.parts.val.start.min()
    data = from_arrays(np.random.default_rng(0).normal(size=(60, 1, 3)), [0, 1] * 30)
    some = replace(data, target_mask=np.arange(60) >= 6)
    assert open_source(some).facts.series == 54


def test_official_sets_keep_their_split():
    pytest.importorskip("sktime", reason="needs the extra demo")
    found = open_source("Japanese_Vowels")
    assert (found.facts.name, found.facts.test) == ("japanese-vowels", 370)
    assert found.facts.train + found.facts.val == 270 and len(found.facts.classes) == 9


@pytest.mark.parametrize(
    ("data", "more", "words"),
    [
        ("nafl", {}, "`data` is 'nafl', neither a file nor a data set; there are nafld"),
        ("nafld", {"columns": {"target": "y"}}, "`target` is given, and a named data set has its columns"),
        (
            frame(),
            {"columns": {"target": "y"}},
            "`series` is missing: no column says which rows .* Name it: stay, person, h, x, old, y",
        ),
        (frame(), {"protocol": "paper"}, "`protocol` is given, and belongs to named data sets only"),
        (frame(), {"columns": {"target": "y", "series": "stay"}, "by": "luck"}, "`by` is 'luck'"),
    ],
)
def test_what_does_not_fit_is_refused(data, more, words):
    with pytest.raises(DataError, match=words):
        open_source(data, **more)


def beats(people, each=6):
    rows = [
        {"beat": f"{p}-{k}", "time": t, "pulse": float(p % 2 + t * 0.1 + k), "person": f"p{p}", "ill": p % 2}
        for p in range(people)
        for k in range(each)
        for t in range(3)
    ]
    return pandas.DataFrame(rows)


PERSON = {"target": "ill", "series": "beat", "time": "time", "group": "person"}


def test_few_people_are_all_tested_once_in_folds_that_keep_them_whole():
    source = open_source(beats(12), columns=PERSON, folds=None)
    assert len(source.folds) == source.facts.folds == 5 and source.parts is source.folds[0]
    tested = [name for parts in source.folds for name in parts.test.ids]
    assert sorted(tested) == sorted(set(tested)) and len(tested) == 72
    for parts in source.folds:
        three = [set(part.group) for part in (parts.train, parts.val, parts.test)]
        assert not (three[0] & three[1] | three[0] & three[2] | three[1] & three[2])
    assert source.facts.owner == "person" and sum(source.facts.owners) == 12
    assert any("5 folds" in line for line in source.read)


def test_one_test_part_can_be_asked_for_and_says_how_small_it_is():
    source = open_source(beats(12), columns=PERSON, folds=1)
    assert not source.folds and source.facts.owners[2] < 10
    assert source.facts.test_owners and any("can hardly be told" in line for line in source.read)


def test_many_people_share_one_test_part_unless_folds_are_asked_for():
    assert not open_source(beats(60, 1), columns=PERSON, folds=None).folds
    assert len(open_source(beats(60, 1), columns=PERSON, folds=3).folds) == 3


def test_the_seed_draws_the_split():
    first, second = (open_source(beats(60, 1), columns=PERSON, seed=seed).parts for seed in (0, 1))
    assert set(first.test.ids) != set(second.test.ids)


def test_folds_of_named_sets_and_of_times_are_refused():
    with pytest.raises(DataError, match="folds"):
        open_source(beats(12), columns=PERSON, by="time", folds=5)
