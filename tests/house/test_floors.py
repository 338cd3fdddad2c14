"""Imports run down only, and heavy packages wait until they are needed; by reading the source, not running it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

SRC = Path(__file__).parents[2] / "src" / "caudal"

# The list of CONTRIBUTING.md: a room may import any room before it. The files of the ground are one room.
GROUND = ("errors", "shapes", "limits", "extras", "importing", "serial", "intervals", "files", "typing", "_version")
ROOMS = (
    *("dynamics", "wiring", "data", "kernels", "nn", "interop", "testing", "train", "doctor"),
    *("energy", "explain", "monitor", "export", "fair", "audit", "estimators", "compare", "report", "cli"),
)
ORDER = {room: place for place, room in enumerate(ROOMS, 1)} | dict.fromkeys(GROUND, 0)
WITHOUT_TORCH = {"wiring", "data"}
HEAVY = frozenset(
    """
    numba llvmlite sklearn skorch pandas polars pyarrow networkx onnx onnxruntime onnxscript triton plotly matplotlib
    seaborn optuna ray captum shap fairlearn scipy ncps jax tensorflow datasets pynvml psutil tqdm IPython
    accelerate gymnasium mujoco PIL
    """.split()  # noqa: SIM905
)


class Import(NamedTuple):
    """One import: what, where, and whether it runs when the file is imported (types excluded)."""

    module: str
    line: int
    runs: bool
    relative: bool = False


def imports(path: Path) -> Iterator[Import]:
    """Every import of a file, also those inside functions and those by `import_module("...")`."""
    yield from _walk(ast.parse(path.read_text()), True)


def _walk(node: ast.AST, runs: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(alias.name, child.lineno, runs) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = child.module or ""
            names = [f"{base}.{alias.name}" for alias in child.names] if base == "caudal" else [base]
            yield from (Import(name, child.lineno, runs, child.level > 0) for name in names)
        elif isinstance(child, ast.Call) and _names_module(child):
            yield Import(child.args[0].value, child.lineno, runs)
        inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or _is_for_types(child)
        yield from _walk(child, runs and not inside)


def _names_module(call: ast.Call) -> bool:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return name == "import_module" and bool(call.args) and isinstance(getattr(call.args[0], "value", None), str)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and getattr(node.test, "id", getattr(node.test, "attr", "")) == "TYPE_CHECKING"


def room_of(module: str) -> str:
    """`caudal.nn.ltc` -> `nn`."""
    return module.split(".")[1] if "." in module else ""


def breaches(src: Path) -> list[str]:
    """Every breach as `file:line: words`."""
    found = []
    reached = _reached(src)
    for path in sorted(src.rglob("*.py")):
        parts = path.relative_to(src).parts
        room = parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            room = "cli"  # the roof: it may name every room, since it loads none
        for one in imports(path):
            fault = _fault(room, one, path in reached)
            if fault:
                found.append(f"{path.relative_to(src)}:{one.line}: {fault}")
    return found


def _fault(room: str, one: Import, reached: bool) -> str | None:
    top = one.module.split(".")[0]
    if one.relative:
        return "relative import; write the whole name"
    if room not in ORDER:
        return f"room {room!r} is not in the list of rooms"
    if top == "torch" and room in WITHOUT_TORCH:
        return f"{room} imports torch"
    if top in HEAVY and one.runs and reached:
        return f"imports {top} at the top; import it inside the function that needs it"
    if top != "caudal":
        return None
    target = room_of(one.module)
    if target not in ORDER:
        return f"imports {one.module}, which is not in the list of rooms"
    if ORDER[target] > ORDER[room]:
        return f"upward: {room} imports {target}, which stands above it"
    return None


def _reached(src: Path) -> set[Path]:
    """Files that load with one of the rooms, before anybody calls anything."""
    waiting = [*src.glob("*.py"), *src.glob("*/__init__.py")]
    reached: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        for one in imports(path):
            if one.runs and one.module.startswith("caudal."):
                waiting += _files(src, one.module)
    return reached


def _files(src: Path, module: str) -> list[Path]:
    inner = module.split(".")[1:]
    places = []
    for depth in range(1, len(inner) + 1):
        place = src.joinpath(*inner[:depth])
        places += [place.with_suffix(".py"), place / "__init__.py"]
    return [place for place in places if place.exists()]


def test_caudal_keeps_its_floors():
    assert not breaches(SRC), "\n" + "\n".join(breaches(SRC))


PLANTED = {
    "nn/up.py": ("from caudal.train import fit\n", "nn/up.py:1: upward: nn imports train, which stands above it"),
    "nn/late.py": ("def f():\n    import caudal.explain\n", "nn/late.py:2: upward"),
    "nn/typed.py": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from caudal import audit\n",
        "nn/typed.py:3: upward: nn imports audit",
    ),
    "nn/text.py": ("from importlib import import_module\nm = import_module('caudal.cli')\n", "nn/text.py:2: upward"),
    "fair/near.py": ("from caudal.audit import log\n", "fair/near.py:1: upward: fair imports audit"),
    "nn/near.py": ("from . import layer\n", "nn/near.py:1: relative import"),
    "nn/stray.py": ("from caudal.attic import box\n", "nn/stray.py:1: imports caudal.attic, which is not in the list"),
    "attic/box.py": ("import os\n", "attic/box.py:1: room 'attic' is not in the list"),
    "wiring/tensor.py": ("import torch\n", "wiring/tensor.py:1: wiring imports torch"),
    "nn/__init__.py": (
        "try:\n    import pandas\nexcept ImportError:\n    pass\n",
        "nn/__init__.py:2: imports pandas",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_breach_is_named_by_file_and_line(tmp_path, name):
    text, words = PLANTED[name]
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(text)
    found = breaches(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(words)


def test_sound_package_passes(tmp_path):
    for name, text in {
        "nn/__init__.py": "from caudal.nn.layer import Layer as Layer\nfrom caudal import errors, kernels\n",
        "nn/layer.py": "import torch\ndef f():\n    import pandas\n    from caudal.nn import far\n",
        "nn/far.py": "import numba\n",
        "kernels/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import triton\n",
        "shapes.py": "from caudal.errors import ShapeError\n",
        "audit/log.py": "from caudal.fair import report\n",
        "__init__.py": "from importlib import import_module\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert breaches(tmp_path) == []


def test_heavy_import_is_found_through_a_chain(tmp_path):
    (tmp_path / "nn").mkdir()
    (tmp_path / "nn" / "__init__.py").write_text("from caudal.nn.layer import Layer as Layer\n")
    (tmp_path / "nn" / "layer.py").write_text("from caudal.nn.deep import f\n")
    (tmp_path / "nn" / "deep.py").write_text("import numba.core\n")
    assert breaches(tmp_path) == ["nn/deep.py:1: imports numba at the top; import it inside the function that needs it"]
