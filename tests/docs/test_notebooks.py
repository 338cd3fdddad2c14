"""The notebooks run, both languages hold the same cells, and the kept files are those of their sources."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("notebooks", ROOT / "docs/hooks/notebooks.py")
notebooks = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(notebooks)
NAMES = [path.stem for path in sorted(notebooks.HOME.glob("*.md"))]
LONG = {"fairness", "talk", "explain-and-prove", "irregular-time"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in NAMES])
def test_a_notebook_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    torch.manual_seed(0)
    source = (notebooks.HOME / f"{name}.md").read_text()
    namespace = {"__name__": "notebook"}
    for kind, text in notebooks.cells(source, "en"):
        if kind == "code":
            exec(compile(text, f"{name}.ipynb", "exec"), namespace)


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_hold_the_same_cells(name):
    source = (notebooks.HOME / f"{name}.md").read_text()
    english, spanish = (notebooks.cells(source, lang) for lang in ("en", "es"))
    assert [kind for kind, _ in english] == [kind for kind, _ in spanish]
    assert [text for kind, text in english if kind == "code"] == [text for kind, text in spanish if kind == "code"]
    heads = [[text.count("# ") for kind, text in part if kind == "markdown"] for part in (english, spanish)]
    assert heads[0] == heads[1]


def test_the_kept_notebooks_are_those_of_the_sources():
    for place, text in notebooks.all_notebooks().items():
        assert (notebooks.HOME / place).read_text() == text, f"{place}: run `python docs/hooks/notebooks.py`"
        assert all(not cell.get("outputs") for cell in json.loads(text)["cells"])
