"""Figures of the house, read off the source: sizes, names, circles. `python tests/house/figures.py` prints them."""

import ast
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SRC = Path(__file__).parents[2] / "src" / "caudal"
# Words that do not say what a value holds.
VAGUE_NAMES = frozenset({"one", "found", "made", "told", "said", "own", "every", "kept", "held", "again"})
# What each cell calls its numbers, its state and its fixed settings.
SHARED_CLASS_NAMES = frozenset({"Params", "State", "Settings"})
SHORT_FILE = 60


@dataclass(frozen=True)
class Figures:
    """Counts over the Python files of a package; `circles` lists modules that import each other at run time."""

    files: int
    lines: int
    median_lines: int
    longest_file: int
    short_files: int
    short_files_of_one_importer: tuple[str, ...]
    classes_of_one_name: tuple[str, ...]
    circles: tuple[str, ...]
    vague_names: int
    any_types: int
    type_ignores: int
    format_skips: int


def figures(src: Path) -> Figures:
    """Figures of the package in the folder `src`."""
    texts = {_dotted(path, src): path.read_text() for path in sorted(src.rglob("*.py"))}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    fronts = {_dotted(path, src) for path in src.rglob("__init__.py")}
    uses = {name: _uses(tree, trees) - {name} for name, tree in trees.items()}
    importers = Counter(target for targets in uses.values() for target in targets)
    lines = {name: text.count("\n") for name, text in texts.items()}
    short = [name for name, count in lines.items() if count < SHORT_FILE]
    entries = fronts | {f"{src.name}.__main__"}  # nobody imports what Python starts
    inner = {name: targets - fronts for name, targets in uses.items() if name not in fronts}
    return Figures(
        files=len(lines),
        lines=sum(lines.values()),
        median_lines=int(statistics.median(lines.values())),
        longest_file=max(lines.values()),
        short_files=len(short),
        short_files_of_one_importer=tuple(name for name in short if name not in entries and importers[name] <= 1),
        classes_of_one_name=tuple(_shared_class_names(trees)),
        circles=tuple(_circles(inner)),
        vague_names=sum(name in VAGUE_NAMES for tree in trees.values() for name in _value_names(tree)),
        any_types=sum(
            isinstance(node, ast.Name) and node.id == "Any" for tree in trees.values() for node in ast.walk(tree)
        ),
        type_ignores=sum(text.count("type: ignore") for text in texts.values()),
        format_skips=sum(text.count("fmt: skip") for text in texts.values()),
    )


def _dotted(path: Path, src: Path) -> str:
    parts = (src.name, *path.relative_to(src).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _uses(tree: ast.Module, known: Mapping[str, ast.Module]) -> set[str]:
    """Modules of the package that a file imports at run time, also inside functions."""
    for_types = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in ast.walk(branch)
    }
    targets = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            targets |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            targets |= {name if name in known else node.module for name in inside}
    return targets & known.keys()


def _shared_class_names(trees: Mapping[str, ast.Module]) -> Iterator[str]:
    places = defaultdict(list)
    for name, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)
    yield from (name for name, files in sorted(places.items()) if len(files) > 1 and name not in SHARED_CLASS_NAMES)


def _circles(uses: Mapping[str, set[str]]) -> Iterator[str]:
    """One circle after another; each is opened at its last arrow to find the next."""
    graph = {name: set(targets) for name, targets in uses.items()}
    while True:
        try:
            TopologicalSorter(graph).prepare()
            return
        except CycleError as error:
            circle = error.args[1]
            yield " <- ".join(circle)
            graph[circle[1]].discard(circle[0])


def _value_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


if __name__ == "__main__":
    for field, value in asdict(figures(SRC)).items():
        print(f"{field}: {f'{len(value)}: ' + ', '.join(value) if isinstance(value, tuple) else value}")
