"""Studies made up by code; see `studies.py` and `odd.py`."""

import importlib.util
from pathlib import Path

import pytest


def _load(name):
    # pytest's importlib mode knows no sibling modules, so they are loaded by path.
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def studies():
    return _load("studies")


@pytest.fixture(scope="session")
def odd():
    return _load("odd")
