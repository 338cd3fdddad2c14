import sys
from pathlib import Path

import pytest


@pytest.fixture
def fakes(monkeypatch):
    """The module of fakes under a name that other processes can import."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import fakes as module

    yield module
    sys.modules.pop("fakes", None)
