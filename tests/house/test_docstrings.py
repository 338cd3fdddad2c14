"""Every example in every docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest
import torch

import caudal

MODULES = ["caudal", *(module.name for module in pkgutil.walk_packages(caudal.__path__, "caudal."))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, tmp_path, monkeypatch):
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
