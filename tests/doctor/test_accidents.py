"""Likely accidents of a table: named where they are, silence elsewhere, and the same words by each command."""

import json
import sys
import tempfile
import unicodedata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import caudal as cd
from caudal import doctor
from caudal.cli import main
from caudal.data import ParquetSequences, from_arrays, from_frame, read_like, split
from caudal.data.accidents import label_flips, spelling_twins
from caudal.errors import DataError, InputError

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")


def _sibling(name):
    """A module beside this file, which pytest's importlib mode does not know."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


tables, other_tables = _sibling("accident_tables"), _sibling("other_tables")

COLUMNS = ["--target", "ill", "--series", "patient", "--time", "hours"]
QUICK = ["--cell", "gru", "--units", "3", "--epochs", "1", "--quiet"]


def visits(count=40, steps=5, seed=0):
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(count), steps)
    hours = np.cumsum(rng.uniform(0.5, 2, (count, steps)), axis=1).ravel().round(3)
    pulse = (70 + 8 * (patient % 2) + rng.normal(0, 1, len(patient))).round(2)
    ward = rng.choice(["A", "B"], len(patient))
    return pandas.DataFrame({"patient": patient, "hours": hours, "pulse": pulse, "ward": ward, "ill": patient % 2})


def said(capsys, *words, code=0):
    assert main([str(word) for word in words]) == code, capsys.readouterr().err
    return capsys.readouterr()


def test_each_planted_accident_is_named(tmp_path):
    lost = list(tables.missed(3 * len(tables.ACCIDENTS), tmp_path))
    assert [(table.kind, table.culprit) for table, _ in lost] == []


def test_clean_tables_pass_in_silence(tmp_path):
    false = list(tables.alarms(100, tmp_path))
    assert len(false) <= 2, [str(symptom) for _, symptoms in false for symptom in symptoms]


def test_tables_of_other_trades_pass_in_silence_and_their_accidents_are_named():
    false = list(other_tables.alarms(100))
    assert len(false) <= 2, [f"{trade}: {symptom}" for trade, symptoms in false for symptom in symptoms]
    assert list(other_tables.missed(63)) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(12, 60), st.integers(3, 6), st.integers(0, 9), st.sampled_from(["number", "text"]))
def test_one_mistyped_label_is_found_at_its_row(count, steps, seed, kind):
    series = np.repeat(np.arange(count), steps)
    row = int(np.random.default_rng(seed).integers(len(series)))
    labels = series % 2
    labels[row] = 1 - labels[row]
    given_labels = labels.astype(float) if kind == "number" else np.array(["no", "yes"])[labels]
    assert label_flips(series, given_labels).tolist() == [row]


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 40), st.integers(3, 6), st.integers(0, 9))
def test_labels_of_each_step_are_no_mistakes(count, steps, seed):
    rng = np.random.default_rng(seed)
    series = np.repeat(np.arange(count), steps)
    turned = np.tile(np.arange(steps), count) >= rng.integers(1, steps, count)[series]
    assert label_flips(series, turned).size == 0
    rare = np.zeros(len(series), int)
    rare[steps - 1] = 1  # one machine fails at its end; all the others never do
    assert label_flips(series, rare).size == 0
    assert label_flips(series, series % 2).size == 0


@pytest.mark.parametrize("reader", ["csv", "parquet", "frame"])
def test_a_mistyped_label_stops_whatever_trains(tmp_path, capsys, reader):
    frame = visits()
    frame.loc[100, "ill"] = 1 - frame.loc[100, "ill"]
    names = {"target": "ill", "series": "patient", "time": "hours"}
    assert [finding.code for finding in from_frame(frame, **names).findings] == ["flip"]
    with pytest.raises(DataError, match=r"two, first 20 with '1' at row 100.*pass `task=\"classify_steps\"`"):
        cd.LiquidClassifier(units=2, epochs=1).fit(frame, **names)
    cd.LiquidClassifier(units=2, epochs=1).fit(frame, **names, task="classify_steps")
    if reader == "frame":
        return
    table = tmp_path / f"t.{reader}"
    frame.to_csv(table, index=False) if reader == "csv" else frame.to_parquet(table)
    end = ["-o", tmp_path / "m.caudal", *QUICK]
    for words in (["fit", table, *COLUMNS, *end], ["compare", table, *COLUMNS, "-o", tmp_path / "out"]):
        assert "classify_steps" in said(capsys, *words, code=2).err
    if reader == "parquet":
        assert "at row 100" in said(capsys, "fit", table, *COLUMNS, *end, "--stream", code=2).err
    said(capsys, "fit", table, *COLUMNS, "--task", "classify_steps", *end)
    assert "serious  flip: `ill` is one value per series" in said(capsys, "doctor", table, *COLUMNS, code=1).out


@pytest.mark.parametrize(
    ("values", "alike"),
    [
        (["Yes", "no", "yes "], True), (["Perú", "Peru"], True), (["unit-b", "unit B"], True),
        (["ＩＣＵ", "ICU"], True),
        (["A+", "A-"], False), (["0-10", "10-0"], False), (["が", "か"], False), (["1", "1.0", "-1"], False),
        (["x1", "x2"], False), ([1, 2, 1.5], False),
    ],
)  # fmt: skip
def test_texts_that_differ_in_spelling_alone(values, alike):
    assert bool(spelling_twins("c", values)) == alike


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_every_command_says_what_it_read_and_what_is_odd(tmp_path, capsys, ending):
    frame = visits().assign(sex=lambda t: np.where(t.patient % 4 < 2, "f", "m"), admitted="2024-03-01")

    def written(name, table):
        path = tmp_path / f"{name}.{ending}"
        table.to_csv(path) if ending == "csv" else table.assign(nr=range(len(table))).to_parquet(path)
        return path

    good, model = written("good", frame), tmp_path / "m.caudal"
    learnt = said(capsys, "fit", good, *COLUMNS, "--sensitive", "sex", "-o", model, *QUICK).err
    asks, reads = learnt.splitlines()[:2]
    assert asks.startswith("asks: `ill` as 2 classes (0: 20, 1: 20), one per series (another `--task` reads it")
    assert "in 40 series of 5 steps; `hours` as numbers in a unit not named (`--time-unit` names it)" in asks
    counter = "Unnamed: 0" if ending == "csv" else "nr"
    assert reads.startswith("reads: pulse, ward (2 categories); kept apart: sex; left out: ")
    assert {counter, "admitted"} == set(reads.rpartition("left out: ")[2].split(", "))
    assert f"note: `{counter}` " in learnt
    assert "List it in `--features` to read it." in learnt
    odd = (
        pandas.concat([frame, frame.iloc[[7]]])
        .assign(ward=lambda t: t.ward.str.lower(), hours=lambda t: t.hours * 1e3)
        .sort_values("patient", kind="stable")
    )
    bad = written("bad", odd.assign(pulse=np.nan))
    outs = tmp_path / "o.csv", tmp_path / "o.html", tmp_path / "e.html"
    told = {
        "predict": said(capsys, "predict", model, bad, "-o", outs[0]).err,
        "explain": said(capsys, "explain", model, bad, "-o", outs[2]).err,
        "doctor": "".join(said(capsys, "doctor", model, bad, code=1)),
    }
    main(["fair", str(model), str(bad), "--sensitive", "sex", "--draws", "100", "-o", str(outs[1])])
    told["fair"] = capsys.readouterr().err
    for command, text in told.items():
        assert "asks: `ill` as 2 classes" in text, command
        assert "(another" not in text, command
        for words in ("`ward` holds '", "1 rows repeat another row in full", "typical gap is 1e+03 times"):
            assert words in text, (command, words)
        assert "'pulse' is empty in every row, and was never empty in training" in text, command
    assert "asks: " in said(capsys, "doctor", good, *COLUMNS).err
    if ending == "parquet":
        text = said(capsys, "predict", model, bad, "-o", outs[0], "--stream").err
        assert "`ward` holds '" in text
        assert "'pulse' is empty in every row" in text


def test_a_few_chunks_without_a_sensor_are_no_dead_sensor(tmp_path, capsys):
    frame = visits(600, 2)
    frame.to_parquet(tmp_path / "t.parquet")
    said(capsys, "fit", tmp_path / "t.parquet", *COLUMNS, "-o", tmp_path / "m.caudal", *QUICK)
    frame.loc[frame.patient < 256, "pulse"] = np.nan
    frame.to_parquet(tmp_path / "n.parquet")
    told = said(capsys, "predict", tmp_path / "m.caudal", tmp_path / "n.parquet", "--stream", "-o", tmp_path / "a.csv")
    assert "empty in every row" not in told.err


def test_dropped_listed_and_dated_columns(tmp_path):
    frame = visits().assign(nr=np.arange(200)[::-1], when=pandas.Timestamp("2024-01-01"), note="a")
    names = {"target": "ill", "series": "patient", "time": "hours"}
    data = from_frame(frame, **names, drop=["note", "ward"])
    assert data.names == ("pulse",)
    assert [(finding.code, finding.column) for finding in data.findings] == [("left_out", "nr"), ("left_out", "when")]
    assert from_frame(frame, **names, features=["nr"]).names == ("nr",)
    with pytest.raises(DataError, match="`when` has the type Datetime"):
        from_frame(frame, **names, features=["when"])
    with pytest.raises(DataError, match="`ill` is to be dropped and has another part as well"):
        from_frame(frame, **names, drop="ill")
    with pytest.raises(DataError, match="`patient` is both the target and the series"):
        from_frame(frame, target="patient", series="patient", time="hours")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=2, max_size=60), st.integers(0, 5), st.sampled_from([0.0, 0.15]))
def test_rare_classes_never_empty_a_part(sizes, seed, val):
    labels = np.repeat([f"c{k}" for k in range(len(sizes))], sizes)
    data = from_arrays(np.zeros((len(labels), 1, 2)), labels)
    try:
        found = split(data, val=val, test=0.2, seed=seed)
    except DataError as error:
        spare = len(labels) - len(sizes)
        assert spare < (2 if val else 1) or len(labels) < 3, (sizes, str(error))
        return
    assert len(found.test)
    assert len(found.val) or not val
    assert set(labels[found.test]) <= set(labels[found.train]) or max(sizes) == 1


def test_a_comparison_is_refused_before_it_trains_where_the_test_part_holds_one_class(tmp_path, capsys):
    def never(*arguments):
        raise AssertionError("a model was trained")

    from caudal.compare import compare

    frame = visits(60)
    ask = {"target": "ill", "series": "patient", "time": "hours", "executor": "inline", "runner": never}
    with pytest.raises(DataError, match=r"one class only in the test part.*class 1 has 1 of 60 series"):
        compare(frame.assign(ill=(frame.patient == 1).astype(int)), tmp_path / "out", **ask)
    frame = frame.assign(ill=frame.patient.isin([1, 3, 5]).astype(int))
    frame.to_csv(tmp_path / "t.csv", index=False)
    told = said(capsys, "fit", tmp_path / "t.csv", *COLUMNS, "-o", tmp_path / "m.caudal", *QUICK)
    assert "Class 1 has 3 series only" in said(capsys, "doctor", tmp_path / "t.csv", *COLUMNS).out
    assert "asks: " in told.err


def test_a_setting_is_refused_before_the_table_is_read(tmp_path, capsys):
    end = [*COLUMNS, "-o", tmp_path / "m.caudal"]
    (tmp_path / "unread.parquet").write_bytes(b"no table")
    for words, text in [
        (["--cell", "trees"], "`cell` is 'trees'; expected one of cfc, ltc"),
        (["--cell", "CfC"], "Did you mean 'cfc'?"),
        (["--epochs", "0"], "is 0; expected a whole number of at least 1"), (["--set", "lr=-1"], "is -1.0; expected"),
    ]:  # fmt: skip
        told = said(capsys, "fit", tmp_path / "unread.parquet", *words, *end, code=2).err
        assert text in told.replace("--cell", "cell"), told


def test_validation_holds_out_at_least_one_group(tmp_path, capsys):
    frame = visits(30).assign(team=lambda t: t.patient % 6)
    frame.to_csv(tmp_path / "t.csv", index=False)
    words = ["fit", tmp_path / "t.csv", *COLUMNS, "--group", "team", "-o", tmp_path / "m.caudal", *QUICK]
    assert "best of pass 1 of 1" in said(capsys, *words).out
    assert cd.load(tmp_path / "m.caudal").fitted_.history[0].val is not None
    told = said(capsys, *words, "--set", "validation=0").out
    assert "all 1 passes; no validation: `validation` is 0, so the last pass is kept" in told
    frame[frame.patient < 3].to_csv(tmp_path / "s.csv", index=False)
    told = said(capsys, "fit", tmp_path / "s.csv", *COLUMNS, "-o", tmp_path / "n.caudal", *QUICK).out
    assert "no validation: too few series or groups are left to hold one out" in told


@pytest.mark.parametrize("alone", [1, 2])
def test_persons_alone_in_their_group_do_not_stop_a_report(tmp_path, capsys, alone):
    frame = visits(80).assign(sex=lambda t: np.where(t.patient < alone, "x" + t.patient.astype(str),
                                                     np.where(t.patient % 4 < 2, "f", "m")))  # fmt: skip
    frame.to_csv(tmp_path / "t.csv", index=False)
    model = tmp_path / "m.caudal"
    said(capsys, "fit", tmp_path / "t.csv", *COLUMNS, "--sensitive", "sex", "-o", model, *QUICK)
    main(["fair", str(model), str(tmp_path / "t.csv"), "--sensitive", "sex", "--draws", "100", "--json"])
    (found,) = json.loads(capsys.readouterr().out)["attributes"]
    assert found["groups"] == {"f": 40 - min(alone, 2), "m": 40, "other": alone}
    assert "other" in found["hidden"]
    frame.assign(sex="p" + frame.patient.astype(str)).query("patient < 20").to_csv(tmp_path / "u.csv", index=False)
    told = said(capsys, "fair", model, tmp_path / "u.csv", "--sensitive", "sex", code=2).err
    assert "`sex` holds groups of one person only" in told


def test_doubles_that_chance_makes_are_no_finding_and_true_copies_are():
    rng = np.random.default_rng(0)
    marks = rng.integers(0, 40, (8000, 1, 2)).astype(float)
    assert len(np.unique(marks.reshape(8000, 2), axis=0)) < 2000
    assert [one.code for one in doctor.examine(None, from_arrays(marks, rng.integers(0, 2, 8000)))] == []
    long = rng.integers(0, 40, (200, 1, 6)).astype(float)
    long[17] = long[3]
    (found,) = doctor.examine(None, from_arrays(long, rng.integers(0, 2, 200)))
    assert (found.code, found.severity, found.where) == ("overlap", "serious", "17")
    every = np.concatenate([rng.normal(size=(30, 1, 2))] * 2)
    assert doctor.examine(None, from_arrays(every, rng.integers(0, 2, 60)))[0].severity == "serious"


def test_a_forecast_without_a_past_is_told(tmp_path, capsys):
    hours = np.tile(np.arange(60.0), 3)
    frame = pandas.DataFrame({"meter": np.repeat(["a", "b", "c"], 60), "t": hours, "heat": np.cos(hours / 5).round(3)})
    frame["load"] = np.sin(hours / 4).round(3)
    words = ["--target", "load", "--series", "meter", "--time", "t"]
    frame.to_csv(tmp_path / "t.csv", index=False)
    ask = ["--horizon", "2", "--window", "6", "-o", tmp_path / "m.caudal", *QUICK]
    assert "empty throughout" not in said(capsys, "fit", tmp_path / "t.csv", *words, *ask).err
    frame.assign(load=frame.load.where(frame.meter != "b")).to_csv(tmp_path / "n.csv", index=False)
    told = said(capsys, "predict", tmp_path / "m.caudal", tmp_path / "n.csv", "-o", tmp_path / "a.csv").err
    assert "`load` is empty throughout in 1 series, first b" in told


def test_a_fault_of_the_settings_names_itself():
    with pytest.raises(InputError, match=r"`cell` is 'gruu'.*Did you mean 'gru'"):
        cd.LiquidClassifier(cell="gruu").fit(np.zeros((8, 1, 3)), [0, 1] * 4)


def test_series_and_groups_that_can_hardly_be_divided_are_told():
    frame = visits(40).assign(team=lambda t: t.patient % 4, row=range(200))
    names = {"target": "ill", "time": "hours"}
    found = doctor.examine_table(frame.drop(columns="row"), series="patient", group="team", **names)
    assert [(one.code, one.where, one.severity) for one in found] == [("few_groups", "team", "mild")]
    found = doctor.examine_table(frame.drop(columns="team"), series="row", **names)
    assert ("single_steps", "row") in [(one.code, one.where) for one in found]
    with pytest.raises(DataError, match="`patient, team` names 2 columns; a series has one name"):
        from_frame(frame, series="patient, team", **names)
    with pytest.raises(DataError, match="`pwave` is not a column") as caught:
        from_frame(frame.assign(age=1), series="pwave", **names)
    assert caught.value.remedy == "Check the spelling of the name."


def _accents(form):
    return unicodedata.normalize(form, "presión")


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(["series", "target", "features", "sensitive", "time"]), st.booleans())
def test_a_name_whose_accents_are_composed_otherwise_is_the_same_column(part, composed):
    there, typed = ("NFD", "NFC") if composed else ("NFC", "NFD")
    plain = {"series": "patient", "target": "ill", "features": "pulse", "sensitive": "sex", "time": "hours"}
    frame = visits(12).assign(patient=lambda t: "0" + t.patient.astype(str), sex="f")
    frame = frame.rename(columns={plain[part]: _accents(there)})
    ask = {**plain, part: _accents(typed)}
    ask |= {"features": [ask["features"]], "sensitive": [ask["sensitive"]]}
    with tempfile.TemporaryDirectory() as folder:
        frame.to_csv(f"{folder}/t.csv", index=False)
        frame.to_parquet(f"{folder}/t.parquet")
        for source in (f"{folder}/t.csv", f"{folder}/t.parquet", frame):
            data = from_frame(source, **ask)
            assert ("accents", _accents(typed)) in [(found.code, found.column) for found in data.findings]
            assert data.ids[0] == "00"  # names stay as they are written
            assert read_like(source, data.recipe).names == data.names


@pytest.mark.parametrize("command", ["fit", "doctor", "compare"])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--sensitive", "ill"], "`ill` is both the target and the protected attribute. Leave it out of `--sensitive`"),
        (["--group", "ill"], "`ill` is both the target and the group. Name as `--group` who the series belong to"),
        (["--sensitive", "patient"], "`patient` names the series and is a protected attribute as well"),
    ],
)
def test_parts_that_say_nothing_beside_the_target_are_refused(tmp_path, capsys, command, words, sentence):
    visits().to_csv(tmp_path / "t.csv", index=False)
    end = {"fit": ["-o", tmp_path / "m.caudal", *QUICK], "doctor": [], "compare": ["-o", tmp_path / "out"]}[command]
    assert sentence in said(capsys, command, tmp_path / "t.csv", *COLUMNS, *words, *end, code=2).err


def test_swapped_and_missing_names_are_told(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    visits().to_csv("t.csv", index=False)
    visits().to_parquet("t.parquet")
    said(capsys, "fit", "t.csv", *COLUMNS, "-o", "m.caudal", *QUICK)
    for table in ("t.csv", "t.parquet"):
        for words in (["predict"], ["explain"], ["fair", "--sensitive", "ward"], ["doctor"]):
            told = said(capsys, words[0], table, "m.caudal", *words[1:], code=2).err
            assert f"names a table, and a model is needed: {table}. The model is m.caudal: swap the two." in told
        assert f"a model is needed: {table}" in said(capsys, "audit", "replay", "log", table, "m.caudal", code=2).err
    assert "is a saved model: m.caudal. Name a table." in said(capsys, "predict", "m.caudal", "m.caudal", code=2).err
    for target in ("ill", "patient"):
        told = said(capsys, "fair", "m.caudal", "t.csv", "--sensitive", target, code=2).err
        assert "whose groups say nothing about who is treated worse" in told
    for words in (["doctor"], ["fit", "-o", "n.caudal"], ["compare", "-o", "out"]):
        told = said(capsys, words[0], "t.csv", *words[1:], code=2).err
        assert "Name the column to predict: patient, hours, pulse, ward, ill." in told
    told = said(capsys, "compare", "t.csv", *COLUMNS, "--models", "CfCs,trees", "-o", "out", code=2).err
    assert "is 'CfCs'; there are ltc-ncp" in told
    assert told.endswith("Did you mean 'cfc'?\n")
    from caudal.cli.compare import _MODELS
    from caudal.compare.contenders.registry import CONTENDERS

    assert tuple(_MODELS.partition(";")[0].split(", ")) == tuple(CONTENDERS)


def test_a_stream_says_that_accidents_are_looked_for_in_its_first_batch(tmp_path):
    visits(40).to_parquet(tmp_path / "t.parquet")
    names = {"target": "ill", "series": "patient", "time": "hours"}
    found = ParquetSequences.open(tmp_path / "t.parquet", **names, rows_per_batch=64).findings
    assert "likely accidents were looked for in the first 60 of 200 rows" in found[-1].message
    assert ParquetSequences.open(tmp_path / "t.parquet", **names).findings == ()
