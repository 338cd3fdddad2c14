"""Every Python block of the docs and the README runs, page by page; a text block that follows one is its output."""

import contextlib
import importlib.util
import io
import re
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from caudal.nn import registry

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"])
FENCE = re.compile(
    r"^(?:<!-- skip: (?P<reason>[^\n]+?) -->\n)?```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^```$", re.M | re.S
)
CODE = re.compile(r"^<!-- code: (\S+) -->$", re.M)


class Block(NamedTuple):
    line: int
    code: str
    output: str | None
    reason: str | None


def blocks(text):
    """Python blocks of a page; a `text` block that follows with only blank lines between is the expected output."""
    text = CODE.sub(lambda match: f"```python\n{(ROOT / match[1]).read_text()}```", text)
    found = []
    end = 0
    for match in FENCE.finditer(text):
        follows = not text[end : match.start()].strip()
        if match["language"] == "python":
            line = text[: match.start("body")].count("\n") + 1
            found.append(Block(line, match["body"], None, match["reason"]))
        elif match["language"] == "text" and found and follows:
            found[-1] = found[-1]._replace(output=match["body"])
        end = match.end()
    return found


WITH_CODE = [page for page in PAGES if blocks(page.read_text())]


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    torch.manual_seed(0)
    namespace = {"__name__": "page"}
    for block in blocks(page.read_text()):
        if block.reason:
            continue
        printed = io.StringIO()
        # Blank lines in front make a traceback name the line of the page.
        code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, namespace)
        if block.output is not None:
            assert printed.getvalue().rstrip() == block.output.rstrip(), f"{page.name}, line {block.line}"


def test_blocks_are_found_with_their_output_and_skips_with_their_reason():
    page = "a\n```python\nprint(1)\n```\n\n```text\n1\n```\n<!-- skip: needs a GPU -->\n```python\nboom\n```\n"
    assert blocks(page) == [Block(3, "print(1)\n", "1\n", None), Block(11, "boom\n", None, "needs a GPU")]


def test_every_page_is_in_the_navigation():
    listed = (ROOT / "mkdocs.yml").read_text()
    missing = [p.name for p in ROOT.glob("docs/**/*.md") if str(p.relative_to(ROOT / "docs")) not in listed]
    assert not missing


def test_every_guide_has_a_spanish_twin():
    """What users read exists in both languages; what only developers of caudal read is English."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "hooks" / "generate.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    for_developers = {"benchmarks", "kernels", "contributing"}
    pages = {page.stem for page in ROOT.glob("docs/*.md")} - for_developers
    assert pages == {name for name in hook.TWINS if "/" not in name}
    assert all((ROOT / "docs" / f"{name}.md").is_file() for name in hook.TWINS)
    assert {page.stem for page in ROOT.glob("docs/es/*.md")} == set(hook.TWINS.values())
