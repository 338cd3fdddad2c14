"""`python -m benchmarks` speaks as `caudal` does: a list, one sentence for misuse, a page that is written."""

import numpy as np
import pytest

from benchmarks.__main__ import PROGRAM, main
from caudal.cli.app import _parser


@pytest.mark.parametrize("name", PROGRAM.commands)
def test_every_benchmark_explains_itself(name):
    text = _parser(name, PROGRAM).format_help()
    assert text.startswith(f"usage: python -m benchmarks {name}")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nonsense"], "benchmarks: no command is named 'nonsense'. Run `python -m benchmarks --help`"),
        (["kernels", "--only", "fc33"], "benchmarks: kernels: `--only` names 'fc33'. Choose of ncp19"),
        (["page", "nowhere.json"], "benchmarks: read: nowhere.json is no file."),
        (["kernels", "--threads", "0"], "'0' is not a whole number of at least 1"),
        (["fair", "--seeds", "0"], "benchmarks: fair: `--seeds` is 0"),
    ],
    ids=str,
)
def test_misuse_is_one_sentence_and_code_2(capsys, words, sentence):
    code = main(words)
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert sentence in err
    assert "Traceback" not in err


def test_the_list_names_every_benchmark(capsys):
    assert main(["--help"]) == 0
    assert all(f"  {name} " in capsys.readouterr().out for name in ["kernels"])


def test_page_command_writes_a_page(capsys, tmp_path):
    page = tmp_path / "page.md"
    assert main(["page", "--out", str(page)]) == 0
    assert capsys.readouterr().out == ""
    assert page.read_text().startswith("# Benchmarks\n")


def test_trials_of_liquid_nets_are_kept_and_go_on(tmp_path, capsys):
    from benchmarks.liquid.trials import FLASH, GAPS, SIGN, flashes

    series = flashes(np.random.default_rng(0), 3, GAPS["2-4"])
    first = np.asarray(series.target)[:, 0, 0]
    assert np.allclose(first, 1.0) and (series.dt[:, 1:] >= 2).all() and (series.dt <= 4).all()
    out = tmp_path / "rows.json"
    for _ in range(2):
        assert main(["liquid", "--quick", "--seeds", "1", "--only", "sign", "-o", str(out)]) == 0
    told = capsys.readouterr()
    assert told.err.count("sign, gru, 0") == 1 and all(name in told.out for name in SIGN)
    assert len(FLASH) == 12
