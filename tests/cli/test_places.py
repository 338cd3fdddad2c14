"""Outputs that would destroy something or cannot be written are refused before the work, by one rule."""

import argparse
import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from caudal.cli import app, main
from caudal.cli.app import _parser
from caudal.cli.names import columns_of, joined, name_list, quoted
from caudal.cli.places import Reads, Writes, is_own
from caudal.cli.streams import nearest

ENCODINGS = ("cp1252", "ascii", "latin-1", "cp437", "utf-8")


def outputs():
    """Command, option, role, and words that parse otherwise."""
    for name in app.COMMANDS:
        parser = _parser(name)
        if not any(isinstance(action.type, Reads) for action in parser._actions):
            continue  # they measure, and read nothing of the user's
        for action in parser._actions:
            if isinstance(action.type, Writes):
                yield name, parser, action


OUTPUTS = [pytest.param(*one, id=f"{one[0]} {max(one[2].option_strings, key=len)}") for one in outputs()]


def words_for(parser, action, place, read):
    """A command line with every required place on `read`, and the output on `place`."""
    words = []
    for one in parser._actions:
        if one is action or isinstance(one, argparse._HelpAction):
            continue
        needed = not one.option_strings and one.nargs in (None, 1)
        if needed:
            words.append("0" if one.type is int else (one.choices[0] if one.choices else str(read)))
        elif one.required:
            words += [one.option_strings[-1], "x" if not isinstance(one.type, Reads) else str(read)]
    return [*words, action.option_strings[-1], str(place)]


def refused(name, words):
    talk = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(talk):
        code = main([*name.split(), *words])
    return code, talk.getvalue()


@pytest.mark.parametrize(("name", "parser", "action"), OUTPUTS)
def test_an_output_that_is_read_is_refused_and_stays(tmp_path, name, parser, action):
    table = tmp_path / "t.csv"
    table.write_text("patient,hours,ill\na,0,1\n")
    before = table.read_bytes()
    link = tmp_path / "link.csv"
    link.symlink_to(table)
    for place in (table, link, tmp_path / "." / "t.csv"):
        code, talk = refused(name, words_for(parser, action, place, table))
        assert code == 2 and "Traceback" not in talk, talk
        assert table.read_bytes() == before and link.is_symlink()


@pytest.mark.parametrize(("name", "parser", "action"), OUTPUTS)
def test_places_that_cannot_be_written_are_refused_before_the_work(tmp_path, name, parser, action):
    table = tmp_path / "t.csv"
    table.write_text("patient,hours,ill\na,0,1\n")
    places = [tmp_path / "t.csv" / "inside.csv", tmp_path / ("x" * 300)]
    if action.type.form in ("file", "table", "resumed"):
        places += [tmp_path, tmp_path / "nowhere" / "a.html", "/dev/null"]
    for place in places:
        code, talk = refused(name, words_for(parser, action, place, table))
        assert code == 2 and "Traceback" not in talk and talk.count("\n") <= 8, (place, talk)
    assert [one.name for one in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize("name", ["a.caudal", "a.html", "a.json", "a.svg", "a.onnx", "a.pt2", "noending"])
@pytest.mark.parametrize(
    "content", [b"my notes\n", b"<html><body>mine</body></html>", b'{"mine": 1}', bytes(range(256))]
)
def test_a_file_of_somebody_else_is_known(tmp_path, name, content):
    place = tmp_path / name
    place.write_bytes(content)
    assert not is_own(place)
    place.write_bytes(b"")
    assert is_own(place)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("words", [["--help"], ["cite"], ["datasets"], ["no", "such"], ["fit", "--help"]], ids=" ".join)
def test_every_stream_says_what_it_can(encoding, words):
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-m", "caudal", *words], capture_output=True, env=env, check=False)
    assert done.returncode in (0, 2) and b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_signs_are_spelled_as_near_as_can_be(encoding):
    code = (
        "import sys; from caudal.cli.streams import steady, exact\n"
        "with steady():\n"
        "    print('\\u22120.5 \\u2265 se\\u00f1al \\u6c34 \\udc80')\n"
        "    with exact() as file: file.write('id\\u0142\\n')"
    )
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    said, data = done.stdout.decode(encoding).splitlines()
    assert said.startswith("-0.5 >= se") and data == r"id\u0142"
    assert b"1 signs are written as escapes" in done.stderr
    assert nearest("\u2212\u6c34") == "-?"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_a_full_disk_is_a_sentence():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "caudal", "cite"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 2
    assert done.stderr.decode().strip() == (
        "caudal: standard output cannot be written: the disk is full. Make room, or choose another place."
    )


def test_nobody_who_listens_is_no_fault():
    line = f"{sys.executable} -m caudal --help 2>&1 | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
    assert done.returncode == 0 and done.stderr == b""
    done = subprocess.run(["bash", "-c", f"{sys.executable} -m caudal cite >&-"], capture_output=True, check=False)
    assert done.returncode == 0 and b"Traceback" not in done.stderr


NAMES = ["pulse, seated", "temp", 'the "new" one', "a,b,c", "a", "señal", " x", "=y"]


def test_names_with_commas_are_read_as_they_were_written(tmp_path):
    for first in NAMES:
        for second in NAMES:
            listed = tuple(dict.fromkeys((first.strip(), second.strip())))
            assert name_list(quoted(listed)) == listed
    assert joined(name_list("pulse, seated,temp"), NAMES) == ("pulse, seated", "temp")
    assert joined(["a", "b"], ["a", "b", "a,b"]) == ("a", "b")
    for delimiter in ",;\t":
        place = tmp_path / "t.csv"
        place.write_text(f'"pulse, seated"{delimiter}temp\n')
        assert "pulse, seated" in columns_of(place)
    with pytest.raises(argparse.ArgumentTypeError):
        name_list('"open')


def test_closed_streams_are_sentences(tmp_path):
    ward = ["patient,hours,pulse,ill", *(f"p{k // 3},{k % 3},{k % 7}.5,{k // 3 % 2}" for k in range(36))]
    (tmp_path / "ward.csv").write_text("\n".join(ward), encoding="utf-8")
    asked = "--target ill --series patient --time hours"
    caudal = f"cd {tmp_path} && {sys.executable} -m caudal"
    fit = f"{caudal} fit ward.csv {asked} --epochs 1 --units 4 --quiet -o ward.caudal >/dev/null 2>&1"
    for command, words in (
        (
            f"{fit}; {caudal} predict ward.caudal ward.csv >&-",
            "standard output is closed. Pass -o FILE.",
        ),
        (f"{caudal} doctor - {asked} <&-", "names an empty file: standard input"),
    ):
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and words in done.stderr, (command, done.stderr)


@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
def test_a_disk_that_fills_leaves_the_older_file(tmp_path, name):
    pytest.importorskip("resource")
    pytest.importorskip("pyarrow")
    place = tmp_path / name
    place.write_bytes(b"older")
    code = (
        "import sys, signal, numpy, pandas, pyarrow.parquet; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "from caudal.data.to_table import write_table\nfrom caudal.cli.spoken import sentence_of\n"
        "try: write_table(sys.argv[1], [{'a': numpy.random.default_rng(0).normal(size=9000)}])\n"
        "except OSError as error: print(sentence_of(error)); sys.exit(2)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(place)], capture_output=True, text=True, check=False)
    assert ended.returncode == 2 and "the disk is full" in ended.stdout, ended.stdout + ended.stderr
    assert place.read_bytes() == b"older" and [path.name for path in tmp_path.iterdir()] == [name]


def test_an_interrupted_command_ends_with_130_and_no_file(tmp_path, monkeypatch, capsys):
    table = tmp_path / "t.csv"
    rows = (f"p{p},{k},{p + k},{p % 2}\n" for p in range(20) for k in range(3))
    table.write_text("patient,hours,pulse,ill\n" + "".join(rows))

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("caudal.estimators.base.LiquidEstimator.save", interrupted)
    words = ["fit", str(table), "--target", "ill", "--series", "patient", "--epochs", "1", "--units", "4", "--quiet"]
    assert main([*words, "-o", str(tmp_path / "m.caudal")]) == 130
    assert "interrupted" in capsys.readouterr().err and [path.name for path in tmp_path.iterdir()] == ["t.csv"]
