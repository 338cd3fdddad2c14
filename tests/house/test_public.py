"""Public names are typed and documented; classes are abstract or final; a room's front is a table of contents."""

import ast
import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import caudal
from caudal.nn import Layer

SRC = Path(caudal.__file__).parent
FILES = sorted(SRC.rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _name(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(SRC)}:{node.lineno} {getattr(node, 'name', '')}"


def public(path: Path) -> Iterator[ast.AST]:
    """Public classes and functions of a module, and the public methods of those classes."""
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from (m for m in node.body if isinstance(m, Function) and not m.name.startswith("_"))


def is_typed(function: Function) -> bool:
    """Whether every argument (but self and cls) and the result are annotated."""
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    named = [a for i, a in enumerate(every) if a is not None and not (i == 0 and a.arg in ("self", "cls"))]
    return function.returns is not None and all(a.annotation is not None for a in named)


def test_public_names_are_documented():
    bare = [_name(p, n) for p in FILES for n in public(p) if not ast.get_docstring(n) and not _is_overload(n)]
    bare += [str(p.relative_to(SRC)) for p in FILES if not ast.get_docstring(ast.parse(p.read_text()))]
    assert not bare


def _is_overload(node: ast.AST) -> bool:
    return any(getattr(d, "id", getattr(d, "attr", "")) == "overload" for d in node.decorator_list)


def test_public_functions_are_typed():
    # Files of compiled kernels (`*_jit.py`) are left out: numba infers their types from each call.
    files = [path for path in FILES if not path.stem.endswith("_jit")]
    assert not [_name(p, n) for p in files for n in public(p) if isinstance(n, Function) and not is_typed(n)]


def test_package_fronts_re_export_by_alias():
    """`from caudal.nn.ltc import LTC as LTC`: one line per public name, no `__all__` to forget."""
    faults = []
    for path in FILES:
        tree = ast.parse(path.read_text())
        names = [n for node in ast.walk(tree) if isinstance(node, ast.Assign) for n in node.targets]
        faults += [_name(path, n) for n in names if getattr(n, "id", "") == "__all__"]
        if path.name != "__init__.py":
            continue
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("caudal"):
                faults += [_name(path, node) for alias in node.names if alias.asname != alias.name]
    assert not faults


def test_super_is_called_for_birth_alone():
    """Compose, never override: what a base class wrote is not called from a rewritten version of it."""
    faults = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            is_super = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call)
            if is_super and getattr(node.value.func, "id", "") == "super" and node.attr not in ("__init__", "__new__"):
                faults.append(_name(path, node) + node.attr)
    assert not faults


def _modules() -> Iterator[str]:
    yield from (module.name for module in pkgutil.walk_packages([str(SRC)], "caudal."))


def _below(kind: type) -> Iterator[type]:
    for sub in kind.__subclasses__():
        # A class of a docstring example lives in the module's name only, not in the module.
        if sub.__module__.startswith("caudal.") and hasattr(sys.modules[sub.__module__], sub.__name__):
            yield sub
        yield from _below(sub)


def test_layers_are_abstract_or_final():
    for name in _modules():
        importlib.import_module(name)
    layers = set(_below(Layer))
    assert layers
    abstract = {kind for kind in layers if set(_below(kind))}
    assert not [kind for kind in layers - abstract if not getattr(kind, "__final__", False)], "mark it @final"
    assert not [kind for kind in abstract if getattr(kind, "__final__", False)], "a final class has a subclass"


def test_lazy_names_of_the_roof_are_those_that_type_checkers_see():
    for path in (SRC / "__init__.py", SRC / "testing" / "__init__.py"):
        tree = ast.parse(path.read_text())
        seen = {
            alias.asname
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("caudal")
            for alias in node.names
        }
        module = importlib.import_module("caudal" if path.parent == SRC else "caudal.testing")
        assert seen == {name for name in dir(module) if not name.startswith("__") or name == "__version__"}
        assert all(getattr(module, name) is not None for name in seen)
