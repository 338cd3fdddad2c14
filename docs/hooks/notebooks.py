"""Notebooks of both languages from the sources in `notebooks/`: `python docs/hooks/notebooks.py` writes them all.

A source is Markdown: prose behind `<!-- en -->` or `<!-- es -->`, and Python blocks that both languages share.
"""

import json
import re
from pathlib import Path

HOME = Path(__file__).resolve().parents[2] / "notebooks"
PIECE = re.compile(r"<!-- (?P<lang>en|es) -->\n(?P<text>.*?)(?=<!-- |```python|\Z)|```python\n(?P<code>.*?)```\n", re.S)
KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def cells(source, lang):
    """Kind and text of each cell in one language."""
    found = []
    for piece in PIECE.finditer(source):
        if piece["code"] is not None:
            found.append(("code", piece["code"].rstrip("\n")))
        elif piece["lang"] == lang:
            found.append(("markdown", piece["text"].strip("\n")))
    return found


def notebook(source, lang):
    """The text of a notebook without outputs."""
    parts = []
    for number, (kind, text) in enumerate(cells(source, lang)):
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}
        parts.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    whole = {"cells": parts, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def all_notebooks():
    """Path under `notebooks/` -> text."""
    return {
        f"{lang}/{path.stem}.ipynb": notebook(path.read_text(), lang)
        for path in sorted(HOME.glob("*.md"))
        for lang in ("en", "es")
    }


if __name__ == "__main__":
    for place, text in all_notebooks().items():
        (HOME / place).parent.mkdir(exist_ok=True)
        (HOME / place).write_text(text)
