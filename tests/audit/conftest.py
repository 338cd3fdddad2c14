import numpy as np
import pytest

from caudal.audit import Log, keys

MODEL = "ab" * 32


@pytest.fixture(scope="session")
def key(tmp_path_factory):
    return keys.make(tmp_path_factory.mktemp("keys") / "ward.pem", "example.org/ward-4")


@pytest.fixture
def written(tmp_path, key):
    """Write a log of some decisions; the folder."""

    def write(count, name="log", **options):
        with Log(tmp_path / name, key, sync=False, **options) as log:
            for k in range(count):
                log.decide("bed 4", np.float32([k, -k]), model=MODEL, inputs=np.full(3, k), dt=0.5)
        return tmp_path / name

    return write
