"""What the commands say of files and settings that will not do: one sentence, in words that can be typed there."""

import io
import os
import random
import re
import shutil
import signal
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from caudal.cli import app, main

pandas = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")
pytest.importorskip("rfc8785")
COLUMNS = ["--target", "ill", "--series", "patient", "--time", "hours"]
QUICK = ["--epochs", "1", "--units", "4", "--quiet"]
STUDY = ["--seeds", "1", "--budget", "demo", "--set", "epochs=1", "--models", "cfc,trees", "--no-chips", "--out", "o"]
FORECAST = ["--target", "load", "--series", "meter", "--time", "when"]
# Python where a command is typed: a keyword, a call, a name of the package, a part of a recipe with an option.
PYTHON = re.compile(
    r"""(?<!--set )\b[a-z_]+=["'\[(]|`[a-z_.]+=[^`]*`|`caudal\.(?!save)|`[a-z_.]+\(|data\.(series|target)"""
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place, before = tmp_path_factory.mktemp("sentences"), Path.cwd()
    os.chdir(place)
    table(24).to_csv("t.csv", index=False)
    table(24).to_parquet("t.parquet")
    assert told(["fit", "t.csv", *COLUMNS, "--sensitive", "sex", "--cell", "cfc-ncp", *QUICK, "-o", "m.caudal"])[0] == 0
    assert told(["audit", "keys", "make", "key.pem"])[0] == 0
    assert told(["predict", "m.caudal", "t.csv", "--log", "log", "--key", "key.pem", "-o", "p.csv"])[0] == 0
    yield place
    os.chdir(before)


def table(patients, steps=5):
    rng = np.random.default_rng(0)
    return pandas.DataFrame(
        {
            "patient": f"p{p:02d}",
            "hours": k + rng.uniform(0, 0.4),
            "pulse": 70 + 8 * (p % 2) + rng.normal(),
            "temp": 37 + rng.normal(),
            "ill": ["no", "yes"][p % 2],
            "sex": "fm"[p // 2 % 2],
        }
        for p in range(patients)
        for k in range(steps)
    )


def told(words):
    talk = io.StringIO()
    with redirect_stdout(talk), redirect_stderr(talk):
        return main([str(word) for word in words]), talk.getvalue()


def check(words, code=None):
    """A command ends with an answer or one sentence, which names its own options alone."""
    ended, talk = told(words)
    assert ended in ((0, 1, 2) if code is None else (code,)) and "Traceback" not in talk, (words, talk)
    if ended == 2 and not talk.startswith("usage"):
        assert talk.splitlines()[-1].startswith("caudal"), (words, talk)
    name = next(name for count in (2, 1) if (name := " ".join(words[:count])) in app.COMMANDS)
    options = {word for action in app._parser(name)._actions for word in action.option_strings}
    if ended == 2:
        named = {word for word in re.findall(r"(?<![\w-])--[a-z][a-z-]*", talk) if not talk.startswith("usage")}
        assert named <= options, (words, named - options, talk)
        assert not PYTHON.search(talk), (words, talk)
    return talk


def cells(column, words, every=1):
    """A change that writes words over cells of a column."""

    def change(frame):
        texts = frame[column].astype(object).tolist()
        texts[::every] = [words[k % len(words)] for k in range(len(texts[::every]))]
        return frame.assign(**{column: texts})

    return change


TABLES = {
    "equal times": cells("hours", [1.0]),
    "no times": cells("hours", ["noon", "dusk"]),
    "dates of America": cells("hours", ["03/30/2024 1:10 PM", "03/30/2024 2:10 PM", "03/31/2024 2:11 AM"]),
    "dates as numbers": cells("hours", [20231228, 20231229, 20240102, 20240103, 20240104]),
    "the hour that comes twice": cells("hours", [f"2024-11-03 0{n}" for n in ("0:30", "1:30", "1:10", "2:30", "3:30")]),
    "decimal commas": cells("pulse", ["69,87", "70,1"]),
    "thousands": cells("pulse", [f"1,{100 + k}" for k in range(60)]),
    "thousands by spaces": cells("pulse", [f"1 {100 + k}" for k in range(60)]),
    "percent": cells("pulse", [f"{k} %" for k in range(60)]),
    "a dash": cells("pulse", ["-"], 9),
    "texts": cells("pulse", [f"word {k}" for k in range(120)]),
    "infinite": cells("pulse", [np.inf], 50),
    "one class": cells("ill", ["yes"]),
    "no class": cells("ill", [None]),
    "a slip": cells("ill", ["yes"], 100),
    "no patient": cells("patient", [None], 30),
    "a class for each": lambda frame: frame.assign(ill=frame.patient),
    "one patient": lambda frame: frame.assign(patient="p00"),
    "two": lambda frame: frame[frame.patient < "p02"],
    "one row each": lambda frame: frame.drop_duplicates("patient"),
    "no rows": lambda frame: frame[:0],
    "other names": lambda frame: frame.rename(columns={"patient": "Patient", "pulse": "puls"}),
    "one column": lambda frame: frame[["pulse"]],
    "one of its sex": cells("sex", ["x"], 500),
    "unknown sex": cells("sex", [None], 40),
}
READERS = {
    "fit": ["fit", "@", *COLUMNS, *QUICK, "-o", "n.caudal"],
    "doctor": ["doctor", "@", *COLUMNS],
    "doctor of a model": ["doctor", "m.caudal", "@"],
    "predict": ["predict", "m.caudal", "@", "-o", "p2.csv"],
    "fair": ["fair", "m.caudal", "@", "--sensitive", "sex", "--draws", "100", "-o", "f.html"],
    "explain": ["explain", "m.caudal", "@", "-o", "e.html"],
    "trim": ["trim", "m.caudal", "@", "--quiet", "--rounds", "1", "-o", "s.caudal"],
    "export": ["export", "m.caudal", "--data", "@", "-o", "c"],
    "replay": ["audit", "replay", "log", "m.caudal", "@"],
}


@pytest.mark.parametrize("reader", READERS)
def test_bad_tables_are_told_in_words_of_the_shell(folder, reader):
    for name, change in TABLES.items():
        place = folder / f"{name.replace(' ', '_')}.csv"
        change(table(24)).to_csv(place, index=False)
        shutil.rmtree("c", ignore_errors=True)
        check([place.name if word == "@" else word for word in READERS[reader]])


SETTINGS = [
    [], ["--target", "ill"], ["--series", "patient"], ["--time", "hours", "--target", "pulse"],
    [*COLUMNS, "--task", "guess"], [*COLUMNS, "--task", "regress"], [*COLUMNS, "--task", "forecast"],
    [*COLUMNS, "--equal-times", "maybe"], [*COLUMNS, "--static", "pulse"], [*COLUMNS, "--features", "pulze"],
    [*COLUMNS, "--categorical", "pulse"], [*COLUMNS, "--time-unit", "moons"], [*COLUMNS, "--time-zone", "Mars/Base"],
    [*COLUMNS, "--time-format", "DD/MM/YYYY"], [*COLUMNS, "--drop", "ill"], [*COLUMNS, "--drop", "nothing"],
    [*COLUMNS, "--horizon", "3"], [*COLUMNS, "--sep", ";;"], [*COLUMNS, "--decimal", "x"],
    [*COLUMNS, "--thousands", "."], [*COLUMNS, "--features", "ill"], [*COLUMNS, "--features", "patient"],
    [*COLUMNS, "--sensitive", "ill"], [*COLUMNS, "--group", "nothing"],
    ["--target", "pulse", "--series", "patient", "--horizon", "30"],
    ["--target", "pulse", "--series", "patient", "--horizon", "2", "--window", "50"],
    ["--target", "patient", "--series", "patient"], ["--target", "ill", "--series", "patient,sex"],
]  # fmt: skip
OF_FIT = ["units=3", "test=0.99", "model.units=0", "batch_size=0", "lr=-1", "device=meta", "device=moon", "clip=-1",
          "patience=-1", "pace=fast", "clock=odd", "by=targets", "by=group", "cell=odd", "nothing=1"]  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS, ids=" ".join)
def test_settings_that_will_not_do_are_told_in_words_of_the_shell(folder, settings):
    check(["fit", "t.csv", *settings, *QUICK, "-o", "n.caudal"])
    check(["doctor", "t.csv", *settings])
    if told(["doctor", "t.csv", *settings])[0] == 2:  # what the doctor can read would be a whole study
        check(["compare", "t.csv", *settings, *STUDY], 2)


@pytest.mark.parametrize("change", OF_FIT)
def test_changes_of_the_recipe_are_told_as_they_are_typed(folder, change):
    check(["fit", "t.csv", *COLUMNS, *QUICK, "-o", "n.caudal", "--set", change])


def test_short_histories_name_the_rows_that_would_do(folder):
    for meters, rows in ((1, 10), (2, 20), (3, 30)):
        frame = pandas.DataFrame(
            {"meter": f"m{m}", "when": pandas.Timestamp("2024-01-01") + pandas.Timedelta(hours=k), "load": k % 7 + m}
            for m in range(meters)
            for k in range(rows)
        )
        frame.to_csv("load.csv", index=False)
        for more in (["--horizon", "6"], ["--horizon", "6", "--window", "9"], ["--horizon", "40"]):
            check(["fit", "load.csv", *FORECAST, *more, *QUICK, "-o", "n.caudal"])
            check(["doctor", "load.csv", *FORECAST, *more])


def contents(folder):
    """Files that are no good: by their bytes."""
    rng, model = random.Random(0), (folder / "m.caudal").read_bytes()
    return {
        "empty": b"", "zeros": bytes(300), "binary": rng.randbytes(3000), "text": b"no table\nat all\n",
        "json": b'{"a": [1, {"b": null}]}', "number": b"17", "deep": b"[" * 5000, "half": model[: len(model) // 2],
        "begin": model[:60], "changed": model[:200] + bytes([255] * 40) + model[240:],
        "gzip": b"\x1f\x8b\x08\x00rubbish", "zip": b"PK\x03\x04rubbish", "utf16": "a,b\n".encode("utf-16"),
        "parquet": b"PAR1" + rng.randbytes(50) + b"PAR1",
        "key": (folder / "key.pem").read_bytes(), "nul": b"a,b\n1\x00,2\n", "quote": b'a,b\n"1,2\n',
        "other": b'{"caudal": {"kind": "Study", "version": 99}}', "safetensors": b'\x08\0\0\0\0\0\0\0{"a":1} ',
    }  # fmt: skip


TAKERS = [
    ["predict", "@", "t.csv"], ["predict", "m.caudal", "@"], ["doctor", "@"], ["doctor", "@", *COLUMNS],
    ["doctor", "m.caudal", "@"], ["fit", "@", *COLUMNS, *QUICK, "-o", "n.caudal"], ["compare", "@", *COLUMNS, *STUDY],
    ["explain", "@", "t.csv", "-o", "e.html"], ["fair", "@", "t.csv", "-o", "f.html"], ["report", "@", "-o", "r.html"],
    ["trim", "@", "t.csv", "--quiet", "-o", "s.caudal"], ["export", "@", "-o", "c"], ["energy", "@"],
    ["wiring", "show", "@"], ["audit", "show", "@"], ["audit", "verify", "@"], ["audit", "prove", "@", "1"],
    ["audit", "replay", "@", "m.caudal", "t.csv"], ["audit", "replay", "log", "@", "t.csv"],
    ["audit", "replay", "log", "m.caudal", "@"], ["audit", "verify", "log", "--key", "@"],
    ["audit", "verify", "log", "--held", "@"], ["audit", "keys", "show", "@"], ["audit", "card", "@"],
    ["audit", "sign", "@", "--key", "key.pem"], ["export", "measure", "@"],
    ["audit", "retain", "@", "--before", "2020-01-01", "--key", "key.pem"],
]  # fmt: skip


@contextmanager
def within(seconds):
    """An error that no `except` of ours takes, where something waits for ever."""

    class Waits(BaseException):
        pass

    def end(*_):
        raise Waits

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("taker", TAKERS, ids=lambda words: " ".join(words[:5]))
def test_no_file_is_a_fault_of_caudal(folder, taker):
    shutil.rmtree("c", ignore_errors=True)
    names = []
    for k, (kind, content) in enumerate(contents(folder).items()):
        names.append(f"{kind}.{['csv', 'caudal', 'json', 'parquet', 'toml'][k % 5]}")
        Path(names[-1]).write_bytes(content)
    for name in ("pipe.csv", "pipe.caudal", "pipe.json"):
        if not Path(name).exists():
            os.mkfifo(name)
    for name in ("dir", "dir.csv", "dir.json"):
        Path(name).mkdir(exist_ok=True)
    others = ["pipe.csv", "pipe.caudal", "pipe.json", "dir", "dir.csv", "dir.json", "none.csv", "x" * 300, "a\0b", ""]
    for name in [*names, *others]:
        with within(120):
            ended, talk = told([name if word == "@" else word for word in taker])
        assert ended in (0, 1, 2) and "Traceback" not in talk, (taker, name, talk)
        assert ended != 2 or re.search(r"^(caudal|usage)", talk, re.M), (taker, name, talk)
