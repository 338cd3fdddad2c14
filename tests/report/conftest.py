"""Studies made up by code (`studies.py`, `odd.py`), and a headless Chromium (`browser.py`)."""

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
def load():
    return _load


@pytest.fixture(scope="session")
def studies():
    return _load("studies")


@pytest.fixture(scope="session")
def odd():
    return _load("odd")


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    module = _load("browser")
    if module.CHROMIUM is None:
        pytest.skip("NO CHROMIUM: the pages were not looked at. Install one (apt install chromium) to run these tests.")
    made = module.Browser(tmp_path_factory.mktemp("chromium"))
    yield made
    made.close()
