"""Pages and drawings that are made from the code when the site is built, so that they cannot promise what it lacks."""

import ast
import json
import re
import sys
from pathlib import Path

from mkdocs.structure.files import File

SOURCE = Path("src/caudal")
ROOMS = [
    "nn", "wiring", "interop", "testing", "kernels", "dynamics", "data", "estimators", "train", "explain", "audit",
    "fair", "energy", "export", "compare", "report", "bench",
]  # fmt: skip


def public_names(room):
    """Full names that a room exports: `from a.b import C as C`, in the order of its `__init__`."""
    tree = ast.parse((SOURCE / room / "__init__.py").read_text())
    return [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    ]


# Of the base of all layers also what the pages of the others leave out, because each repeats it.
WHOLE = '    options: {filters: ["!^_", "!^extra_repr$"]}\n'


def reference(room):
    """Markdown of the reference page of one room."""
    head = f"# caudal.{room}\n\n::: caudal.{room}\n    options: {{members: false, show_root_heading: false}}\n\n"
    names = public_names(room)
    if room == "dynamics":
        names = [f"caudal.dynamics.{path.stem}" for path in sorted((SOURCE / room).glob("[!_]*.py"))]
    return head + "".join(f"::: {name}\n{WHOLE if name.endswith('.Layer') else ''}\n" for name in names)


def clauses():
    """The promises of the contract as a table."""
    from caudal.testing import clauses

    rows = "".join(f"| `{name}` | {words} |\n" for name, words in clauses().items())
    return f"| Clause | Promise |\n|---|---|\n{rows}"


def drawing():
    """The circuit of the wirings page."""
    from caudal.wiring import ncp

    return f"<div>{ncp(inputs=8, inter=12, command=8, motor=2, seed=7).draw()}</div>"


MADE = {"<!-- clauses -->": clauses, "<!-- drawing: ncp -->": drawing}
DRIVE = re.compile(r"^<!-- drive: (\w+) (en|es) -->$", re.M)
STUDY = re.compile(r"^<!-- study: (\S+) (en|es) -->$", re.M)
EXPLAIN = re.compile(r"^<!-- explain: (\w+) (en|es) -->$", re.M)
INSTALL = re.compile(r"^<!-- install: (en|es) -->$", re.M)
CODE = re.compile(r"^<!-- code: (\S+) -->$", re.M)
# A guide and its Spanish twin; the switch of language leads from one to the other.
TWINS = {
    "audit": "auditoria", "audit-soundness": "solidez-auditoria", "choose": "elegir", "compare": "comparar",
    "compose": "componer", "contract": "contrato",
    "data": "datos", "driving": "conduccion", "edge-case": "caso-chip", "energy": "energia",
    "energy-study": "estudio-energia",
    "estimators": "estimadores", "explain": "explicar", "export": "exportar",
    "export-runtimes": "exportar-otros", "fair": "equidad", "fair-remedies": "remedios", "from-ncps": "desde-ncps",
    "glossary": "glosario",
    "notebooks": "cuadernos", "own-cell": "celda-propia", "proofs": "pruebas", "read-the-model": "leer-el-modelo",
    "report": "informe", "save": "guardar", "start": "inicio", "studies": "estudios", "studio": "taller",
    "cells/liquid-ssm": "liquid-ssm", "cells/family": "celdas-afines",
    "gallery": "galeria", "install": "instalar", "index": "index",
    "threat-model": "modelo-de-amenazas", "when-not": "cuando-no", "wirings": "cableados",
}  # fmt: skip


def driven(match):
    """One part of the kept driving study; a checkout without one says so."""
    from studies.driving import markdown, read

    kept = Path("benchmarks/results/drive.json")
    if not kept.exists():
        return f"*No study is kept in this checkout: there is no {kept}.*"
    return markdown(read(kept), match[1], match[2])


def studied(match):
    """One kept comparison in short; a checkout without it says so."""
    from caudal.report import markdown, read

    kept = Path(f"benchmarks/results/studies/{match[1]}.json")
    if not kept.exists():
        return f"*No study is kept in this checkout: there is no {kept}.*"
    return markdown(read(kept), match[2])


def explained(match):
    """Rows of one kind of the kept benchmark of explanations; a checkout without it says so."""
    from benchmarks.explain.goals import part
    from benchmarks.explain.report import ExplainReport

    kept = Path("benchmarks/results/explain.json")
    if not kept.exists():
        return f"*No benchmark is kept in this checkout: there is no {kept}.*"
    return part(ExplainReport.loads(kept.read_text(), kept.name), match[1], match[2])


INSTALL_WORDS = {
    "en": ("command", "bare install", "enough alone", "works", "needs", "every extra"),
    "es": ("orden", "sin extras", "basta con", "funciona", "pide", "cualquiera"),
}


def installed(match):
    """What every command needs, for each interpreter that was tried; a checkout without outcomes says so."""
    kept = Path("benchmarks/results/install.json")
    if not kept.exists():
        return f"*No outcomes are kept in this checkout: there is no {kept}.*"
    command, bare, enough, works, needs, every = INSTALL_WORDS[match[1]]
    parts = []
    for interpreter, tried in json.loads(kept.read_text(encoding="utf-8")).items():
        rows = [f"| {command} | {bare} | {enough} |", "|---|---|---|"]
        for words, first in tried["extras"]["bare"].items():
            alone = [f"`{name}`" for name, marks in tried["extras"].items() if marks.get(words) == "works"]
            told = every if first == "works" else ", ".join(alone) or "-"
            says = works if first == "works" else f"{needs} `{first}`"
            rows.append(f"| `caudal {short(words)}` | {says} | {told} |")
        parts.append(f'??? note "{interpreter}"\n\n' + "\n".join(f"    {row}" for row in rows))
    return "\n\n".join(parts)


def short(words):
    """A command without the options that only make it quick."""
    dull = r" --(seeds|set|budget|models|epochs|units|draws|rounds|keep|target|series|time) \S+| --(quiet|no-chips)"
    return re.sub(dull, "", words)


def on_page_markdown(markdown, **_):
    from docs.hooks.pictures import placed

    markdown = STUDY.sub(studied, markdown)
    markdown = EXPLAIN.sub(explained, DRIVE.sub(driven, markdown))
    markdown = INSTALL.sub(installed, markdown)
    for mark, make in MADE.items():
        if mark in markdown:
            markdown = markdown.replace(mark, make())
    return CODE.sub(lambda match: f"```python\n{Path(match[1]).read_text()}```", placed(markdown))


def _reference(nav):
    return next(entry["Reference"] for entry in nav if "Reference" in entry)


def on_config(config):
    # The studies and the page of liquidity stand beside the library, in the clone.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from caudal import __version__

    config.copyright = f"caudal {__version__} · Apache 2.0"
    rooms = [room for room in ROOMS if (SOURCE / room / "__init__.py").exists()]
    pages = [{room: f"reference/{room}.md"} for room in rooms] + [{"errors": "reference/errors.md"}]
    _reference(config.nav).append({"caudal": pages})
    return config


def on_files(files, config):
    for entry in _reference(config.nav)[-1]["caudal"]:
        ((room, path),) = entry.items()
        text = "# caudal.errors\n\n::: caudal.errors\n" if room == "errors" else reference(room)
        files.append(File.generated(config, path, content=text))
    from docs.liquid.page import PAGES, render

    for lang, path in PAGES.items():
        files.append(File.generated(config, path, content=render(lang)))
    for path in sorted(Path("notebooks").glob("*/*.ipynb")):
        files.append(File.generated(config, path.as_posix(), content=path.read_text()))
    return files
