import pytest


@pytest.fixture(scope="session")
def simulated():
    pytest.importorskip("gymnasium", reason="gymnasium is not installed: pip install caudal[drive]")
    pytest.importorskip("Box2D", reason="Box2D is not installed: pip install caudal[drive]")
