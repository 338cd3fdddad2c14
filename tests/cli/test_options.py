"""Commands that read a table have the same options of columns; what a command parsed can be typed again."""

import argparse
import json
import shlex

import numpy as np
import pytest

from caudal import LiquidClassifier
from caudal.cli import app
from caudal.cli.columns import WRITTEN, add_columns
from caudal.cli.names import command_line, name_list
from caudal.compare.data import open_source
from caudal.data import from_frame
from caudal.data.columns import COLUMN_NAMES, ColumnArguments, Columns
from caudal.errors import DataError
from caudal.estimators.recipe import DataPart

READERS = ("compare", "fit", "doctor")
ASKERS = ("predict", "fair", "explain", "trim")


def options(parser):
    return {action.dest: action for action in parser._actions if action.option_strings}


@pytest.fixture(scope="module")
def columns():
    parser = argparse.ArgumentParser()
    add_columns(parser)
    return options(parser)


def test_options_keys_and_arguments_are_the_fields_of_columns(columns):
    assert set(columns) - {"help", "folder", "protocol"} == {*COLUMN_NAMES} - {"units"}
    assert set(ColumnArguments.__annotations__) == {*COLUMN_NAMES} <= set(DataPart.__dataclass_fields__)
    assert all(f"        {name}: " in Columns.__doc__ for name in COLUMN_NAMES)


@pytest.mark.parametrize("name", app.COMMANDS)
def test_an_option_of_columns_is_the_same_in_every_command(name, columns):
    there = options(app._parser(name))
    expected = set(columns) if name in READERS else {*WRITTEN} if name in ASKERS else set()
    assert expected <= set(there)
    for dest in set(there) & (set(columns) - {"help"}) if expected else ():
        one, other = columns[dest], there[dest]
        for part in ("option_strings", "metavar", "help", "type", "nargs", "choices"):
            assert getattr(one, part) == getattr(other, part), (name, dest, part)


def fits(action, word):
    """Whether an option takes a word."""
    try:
        (action.type or str)(word)
    except (argparse.ArgumentTypeError, ValueError):
        return False
    return action.choices is None or word in map(str, action.choices)


def sample(action):
    """Words that an option or argument takes."""
    if action.nargs == 0:
        return []
    words = ["-05:00"] if action.metavar == "ZONE" else ["epochs=3"] if action.dest == "set" else []
    words += ['age,"pulse, seated"'] if action.type is name_list else ["0.125"] if action.type is float else []
    words += ["dropped=0.4,noise=1"] if action.metavar == "KIND=LEVEL,..." else []
    words += ["a b.csv", "3", *map(str, action.choices or ())]
    word = next(word for word in words if fits(action, word))
    return [word] * action.nargs if isinstance(action.nargs, int) else [word]


@pytest.mark.parametrize("name", app.COMMANDS)
def test_what_was_typed_is_typed_again(name):
    parser = app._parser(name)
    needed = [word for action in parser._actions if not action.option_strings for word in sample(action)]
    must = [action for action in parser._actions if action.option_strings and action.required]
    for option in [None, *options(parser).values()]:
        if option is not None and option.dest in ("help", "json", "traceback", "yes"):
            continue
        words = []
        for action in [*must, *([option] if option is not None and option not in must else [])]:
            given = sample(action)
            words += (
                [f"{action.option_strings[-1]}={given[0]}"] if len(given) == 1 else [action.option_strings[-1], *given]
            )
        args = parser.parse_args([*words, *needed])
        line = command_line(f"caudal {name}", parser, args)
        assert vars(parser.parse_args(shlex.split(line)[1 + len(name.split()) :])) == vars(args), line


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    """A model, and a table with points and one of the same rows with semicolons and decimal commas."""
    folder = tmp_path_factory.mktemp("ward")
    draw = np.random.default_rng(0)
    rows = [
        (f"p{k}", step, "fm"[k // 2 % 2], f"{draw.normal(k % 2, 0.3):.3f}", "yn"[k % 2])
        for k in range(24)
        for step in range(3)
    ]
    lines = ["patient,hour,sex,pulse,ill", *(",".join(map(str, row)) for row in rows)]
    (folder / "points.csv").write_text("\n".join(lines))
    (folder / "commas.csv").write_text("\n".join(line.replace(",", ";").replace(".", ",") for line in lines))
    columns = ["--target", "ill", "--series", "patient", "--time", "hour", "--sensitive", "sex"]
    model = ["--epochs", "1", "--units", "4", "--quiet", "-o", str(folder / "ward.caudal")]
    assert app.main(["fit", str(folder / "points.csv"), *columns, *model]) == 0
    return folder


@pytest.mark.parametrize(
    "words",
    [["predict", "--json"], ["fair", "--sensitive", "sex", "--draws", "100", "--json"], ["doctor", "--json"]],
    ids=lambda words: words[0],
)
def test_a_model_reads_a_table_that_is_written_otherwise(ward, capsys, words):
    answers = []
    for name, written in (("points", []), ("commas", ["--sep", ";", "--decimal", ","])):
        app.main([words[0], str(ward / "ward.caudal"), str(ward / f"{name}.csv"), *words[1:], *written])
        answers.append(json.loads(capsys.readouterr().out))
        answers[-1] = {**answers[-1], "data": ""} if isinstance(answers[-1], dict) else answers[-1]
    assert answers[0] == answers[1]


def test_columns_beside_a_model_are_refused(ward, capsys):
    assert app.main(["doctor", str(ward / "ward.caudal"), str(ward / "points.csv"), "--target", "ill"]) == 2
    assert "doctor: `--target` is given, and a model reads the columns of its training." in capsys.readouterr().err


def test_one_value_says_all_about_the_columns_of_a_table(ward):
    columns = Columns.of(target="ill", series="patient", time="hour", sensitive="sex", sep=";", decimal=",")
    data = from_frame(ward / "commas.csv", columns)
    assert data.digest == from_frame(ward / "points.csv", columns, sep=",", decimal=".").digest
    assert columns.given()["sensitive"] == ("sex",) and Columns.of(columns, time=None) == columns
    with pytest.raises(DataError, match=r"from_frame: `targt` is no argument .* Did you mean `target`\?"):
        from_frame(ward / "points.csv", targt="ill")
    with pytest.raises(DataError, match=r"compare: `serie` is no argument .* Did you mean `series`\?"):
        open_source(str(ward / "points.csv"), columns={"serie": "patient"})


def test_a_model_reads_times_that_are_written_otherwise(tmp_path, capsys):
    """The same moments as ISO times with their offset, and as days first on the clocks of Madrid."""
    draw = np.random.default_rng(0)
    iso, local = ["who,at,pulse,ill"], ["who,at,pulse,ill"]
    for k in range(24):
        for day in range(3):
            row = f"{draw.normal(k % 2, 0.3):.3f},{'yn'[k % 2]}"
            iso.append(f"p{k},2024-05-{day + 11}T{8 + day:02}:30:00+02:00,{row}")
            local.append(f"p{k},{day + 11}/05/2024 {8 + day:02}:30,{row}")
    (tmp_path / "iso.csv").write_text("\n".join(iso))
    (tmp_path / "local.csv").write_text("\n".join(local))
    columns = ["--target", "ill", "--series", "who", "--time", "at", "--epochs", "1", "--units", "4", "--quiet"]
    model = str(tmp_path / "ward.caudal")
    assert app.main(["fit", str(tmp_path / "iso.csv"), *columns, "-o", model]) == 0
    capsys.readouterr()
    answers = []
    for name, written in (
        ("iso", []),
        ("local", ["--time-format", "DD/MM/YYYY HH:mm", "--time-zone", "Europe/Madrid"]),
    ):
        assert app.main(["predict", model, str(tmp_path / f"{name}.csv"), "--json", *written]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]
    assert app.main(["predict", model, str(tmp_path / "local.csv"), "--json", "--time-zone", "Mars/Base"]) == 2
    assert "Mars/Base" in capsys.readouterr().err


def test_an_estimator_takes_the_columns_as_every_reader_of_a_table(ward):
    columns = Columns.of(target="ill", series="patient", time="hour", drop="sex")
    whole = LiquidClassifier("gru", 4, epochs=1).fit(ward / "points.csv", columns=columns)
    changed = LiquidClassifier("gru", 4, epochs=1).fit(ward / "commas.csv", columns=columns, sep=";", decimal=",")
    assert (
        changed.data_recipe_.form.decimal == "," and whole.net_.state_dict().keys() == changed.net_.state_dict().keys()
    )
    assert all((a == b).all() for a, b in zip(*(m.net_.parameters() for m in (whole, changed)), strict=True))
    with pytest.raises(DataError, match=r"LiquidClassifier: `serie` is no argument .* Did you mean `series`\?"):
        LiquidClassifier().fit(ward / "points.csv", target="ill", serie="patient")
    with pytest.raises(DataError, match="`target` is missing, and `decimal` says how a table is read"):
        LiquidClassifier().fit(np.zeros((4, 1, 3)), [0, 1, 0, 1], decimal=",")
