"""The command line: exit codes, one-sentence errors, JSON that parses, help at once."""

import json
import subprocess
import sys
import time

import pytest

from caudal import nn, wiring
from caudal._version import __version__
from caudal.cli import app, main

FAST = [["cells"], ["kernels"], ["cite"], ["cite", "LTC"]]


@pytest.fixture
def circuit():
    return wiring.ncp(4, 5, 3, 2, seed=1)


def run(capsys, *words):
    code = main(list(words))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_help_lists_every_command_on_one_line(capsys):
    code, out, err = run(capsys, "--help")
    assert (code, err) == (0, "")
    for name, (_, line) in app.COMMANDS.items():
        assert [text for text in out.splitlines() if text.split("  ")[1:2] == [name] and text.endswith(line)]


def test_help_is_fast_and_loads_nothing_heavy():
    code = (
        "import sys, time; t = time.process_time(); from caudal.cli import main; main(['--help']); "
        "assert not {'torch', 'numpy', 'numba'} & set(sys.modules); print(time.process_time() - t)"
    )
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        best = min(best, float(done.stdout.splitlines()[-1]), time.perf_counter() - begun)
    assert best < 0.3


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"caudal {__version__}\n", "")


@pytest.mark.parametrize("name", app.COMMANDS)
def test_every_command_explains_itself(capsys, name):
    code, out, _ = run(capsys, *name.split(), "--help")
    assert code == 0
    assert f"usage: caudal {name}" in out
    assert "--json" in out
    assert "--traceback" in out


@pytest.mark.parametrize("words", FAST, ids=" ".join)
def test_json_is_json_and_alone_on_stdout(capsys, words):
    code, out, err = run(capsys, *words, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert out.strip()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nonsense"], "caudal: no command is named 'nonsense'. Run `caudal --help` for those there are."),
        (["audit", "nonsense"], "caudal: no command is named 'audit nonsense'."),
        (["cite", "Perceptron"], "caudal: cite: `cell` is 'Perceptron'. Name some of LTC,"),
        (["wiring", "show", "nowhere.json"], "caudal: wiring show: nowhere.json is no file. Pass a wiring as JSON"),
        (["cells", "--nonsense"], "unrecognized arguments: --nonsense"),
        (["wiring", "show"], "the following arguments are required: file"),
    ],
    ids=str,
)
def test_misuse_is_one_sentence_and_code_2(capsys, words, sentence):
    code, out, err = run(capsys, *words)
    assert code == 2
    assert out == ""
    assert sentence in err
    assert "Traceback" not in err


def test_traceback_on_request(capsys):
    code, _, err = run(capsys, "cite", "Perceptron", "--traceback")
    assert code == 2
    assert "Traceback" in err


def test_a_fault_of_caudal_is_not_taken_for_an_answer(capsys, monkeypatch):
    monkeypatch.setattr("caudal.cli.info.bibtex", None)
    code, _, err = run(capsys, "cite")
    assert code == 70
    assert "Traceback" in err


def test_a_prefix_lists_its_commands(capsys):
    code, out, err = run(capsys, "audit")
    assert (code, out) == (2, "")
    assert "audit verify" in err
    assert "cells" not in err
    code, out, _ = run(capsys, "audit", "--help")
    assert code == 0
    assert "audit show" in out


def test_wiring_of_json_and_of_saved_layers(capsys, tmp_path, circuit):
    text, saved, drawn = tmp_path / "circuit.json", tmp_path / "net.caudal", tmp_path / "circuit.svg"
    text.write_text(circuit.to_json())
    nn.save(nn.MixedMemory(4, nn.LTC(circuit), form="stacked"), saved)
    code, out, err = run(capsys, "wiring", "show", str(text), "--svg", str(drawn), "--title", "Mine")
    assert code == 0
    assert out.strip() == circuit.describe()
    assert "drawn in" in err
    assert "<title>Mine</title>" in drawn.read_text()
    code, out, _ = run(capsys, "wiring", "show", str(saved), "--json")
    assert code == 0
    assert wiring.Wiring.from_json(json.dumps(json.loads(out)["wiring"])) == circuit


def test_layers_without_wiring_are_refused(capsys, tmp_path):
    saved = tmp_path / "net.caudal"
    nn.save(nn.CfC(3, 4), saved)
    code, _, err = run(capsys, "wiring", "show", str(saved))
    assert code == 2
    assert "holds a CfC, which has no wiring. Pass a layer over a wiring" in err


def test_tables_name_every_layer_and_recurrence(capsys):
    _, out, _ = run(capsys, "cells", "--json")
    by_name = {cell["name"]: cell for cell in json.loads(out)}
    assert by_name["LTC"]["wired"] and not by_name["CfC"]["wired"]
    assert by_name["LTC"]["recurrences"] == ["ltc_scan"]
    assert by_name["LSTM"]["recurrences"] == []
    assert by_name["CfC"]["parameters"] == sum(p.numel() for p in nn.CfC(8, 32).parameters())
    _, out, _ = run(capsys, "kernels", "--json")
    rows = json.loads(out)
    chosen = [row["recurrence"] for row in rows if row["status"] == "chosen"]
    assert len(chosen) == len(set(chosen)) == len({row["recurrence"] for row in rows})
    assert all(row["reason"] for row in rows if row["status"] == "refused")


def test_a_reader_who_leaves_is_no_fault():
    code = "import sys; from caudal.cli import main; sys.exit(main(['cite']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
