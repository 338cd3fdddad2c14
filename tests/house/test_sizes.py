"""Files and functions stay small."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = [
    path
    for folder in ("src", "studies", "tests", "benchmarks", "docs", "examples")
    for path in (ROOT / folder).rglob("*.py")
]
LONGEST_FILE, LONGEST_FUNCTION, USUAL_FUNCTION = 700, 80, 50


def lengths(path: Path) -> dict[str, int]:
    """Lines of every function, its docstring left out: long words are welcome, long code is not."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            words = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) else 0
            found[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = node.end_lineno - node.lineno + 1 - words
    return found


def test_files_hold_at_most_700_lines():
    sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in FILES}
    assert not {name: size for name, size in sizes.items() if size > LONGEST_FILE}


def test_functions_hold_at_most_80_lines():
    assert not {name: size for path in FILES for name, size in lengths(path).items() if size > LONGEST_FUNCTION}


def test_nineteen_functions_in_twenty_hold_at_most_50_lines():
    sizes = sorted(size for path in FILES if "src" in path.parts for size in lengths(path).values())
    assert sizes[int(0.95 * (len(sizes) - 1))] <= USUAL_FUNCTION


def test_docstrings_do_not_count():
    def documented():
        """One.

        Two.
        """
        return 1

    sizes = {name.split()[1]: size for name, size in lengths(Path(__file__)).items()}
    assert documented() == 1
    assert sizes["documented"] == 2
