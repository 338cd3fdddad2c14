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


COLUMNS = {"target": "y", "series": "stay", "time": "h", "features": ["x"]}


def divided(words, **more):
    """A frame whose column `part` says so of each person, taking words in turn."""
    table = frame()
    table["part"] = [words[p % len(words)] for p in table["person"]]
    return table, {**COLUMNS, **more}


def test_a_column_says_which_series_train_validate_and_test():
    words = ["Train", "train", "training", "TRAIN", "validation", "Validación", "test", "prueba"]
    table, columns = divided(words, sensitive=["old"])
    found = open_source(table, columns=columns, split_column="part", folds=None)
    parts = (found.parts.train, found.parts.val, found.parts.test)
    for part, said in zip(parts, ({0, 1, 2, 3}, {4, 5}, {6, 7}), strict=True):
        assert {int(str(name).split("-")[0]) % 8 for name in part.ids} == said
        assert set(part.sensitive) == {"old"} and "part" not in part.names and "part" not in part.recipe.sensitive
    assert found.facts.split == "parts by the column `part`." and not found.facts.folds
    without = open_source(divided(["train", "train", "test"])[0], columns=COLUMNS, split_column="part", seed=4)
    assert without.facts.split == "parts by the column `part`; 15 % of the training series validate, seed 4."
    assert len(without.parts.val) and not set(without.parts.val.ids) & set(without.parts.train.ids)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "tset"], "names `part`, which holds 'tset'. Write train, validation or test"),
        (["train", ""], "is empty in some series"),
        (["train", "validation"], "gives no series to test: "),
        (["val", "test"], "gives no series to train: "),
    ],
)
def test_a_column_that_says_something_else_is_refused(words, sentence):
    table, columns = divided(words)
    with pytest.raises(DataError, match=sentence):
        open_source(table, columns=columns, split_column="part")


def test_a_part_that_changes_within_a_series_is_refused():
    table, columns = divided(["train", "test"])
    table.loc[table["h"] == 0, "part"] = "val"
    with pytest.raises(DataError, match="part"):
        open_source(table, columns=columns, split_column="part")
    with pytest.raises(DataError, match="nowhere"):
        open_source(table, columns=columns, split_column="nowhere")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"split_column": "part", "test": "x.csv"}, "each says which series test"),
        ({"split_column": "part", "folds": 5}, "is 5, and the column 'part' says which series test"),
        ({"test": "x.csv", "folds": 5}, "is 5, and a test table is given"),
    ],
)
def test_parts_that_contradict_each_other_are_refused(more, sentence):
    with pytest.raises(DataError, match=sentence):
        open_source(divided(["train", "test"])[0], columns=COLUMNS, **more)


def test_a_set_by_name_keeps_its_split():
    with pytest.raises(DataError, match="keeps the split of its card"):
        open_source("nafld", split_column="part")


def test_a_table_of_ones_own_is_tested_on(tmp_path):
    table = frame()
    first, second = table[table["person"] < 30], table[table["person"] >= 30].assign(extra=1)
    first.to_csv(tmp_path / "train.csv", index=False)
    second.to_csv(tmp_path / "official.csv", index=False)
    found = open_source(str(tmp_path / "train.csv"), columns=COLUMNS, test=str(tmp_path / "official.csv"), folds=None)
    assert {int(str(name).split("-")[0]) for name in found.parts.test.ids} == set(range(30, 40))
    assert found.facts.split == "tested on official.csv; 15 % of the training series validate, seed 0."
    assert found.facts.series == 80 and not any(
        line.startswith("note: ") and "trained on" in line for line in found.read
    )
    with pytest.raises(DataError, match="x"):
        open_source(first, columns=COLUMNS, test=second.drop(columns="x"))
    with pytest.raises(DataError, match="y"):
        open_source(first, columns=COLUMNS, test=second.drop(columns="y"))


def test_whoever_is_in_both_parts_is_told():
    table, columns = divided(["train", "train", "test"], group="person")
    table.loc[table["stay"] == "2-0", "part"] = "train"
    found = open_source(table, columns=columns, split_column="part")
    assert any("1 of 13 `person` of the test part are trained on too (2)" in line for line in found.read)
    assert any("trained on too" in note for note in found.facts.notes)
    twice = open_source(table, columns=COLUMNS, test=table[table["person"] < 5])
    assert any("10 of 10 test series stand in the training value by value" in line for line in twice.read)
