import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from caudal.data import Sequences, from_arrays

_SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a set that lies beside the project; the test is skipped where it does not."""
    unpacked: dict[str, Path] = {}

    def find(name: str) -> Path:
        if (_SHARED / name).is_dir():
            return _SHARED / name
        archives = sorted(_SHARED.glob(f"{name}*.tar.xz"))
        if not archives:
            pytest.skip(f"the files of {name} are not beside the project")
        if name not in unpacked:
            unpacked[name] = tmp_path_factory.mktemp(name)
            with tarfile.open(archives[0]) as archive:
                archive.extractall(unpacked[name], filter="data")
        return unpacked[name]

    return find


@pytest.fixture
def ragged() -> Sequences:
    """Five irregular series with holes, groups and a sensitive attribute."""
    rng = np.random.default_rng(3)
    lengths = [4, 2, 5, 1, 3]
    series = [rng.normal(size=(n, 2)) for n in lengths]
    series[0][1, 0] = np.nan
    series[2][3, 1] = np.nan
    return from_arrays(
        series,
        ["a", "b", "a", "b", "a"],
        axes="time_first",
        dt=[rng.uniform(0.5, 2, n) for n in lengths],
        names=["pulse", "pressure"],
        ids=["p1", "p2", "p3", "p4", "p5"],
        group=[1, 1, 2, 2, 3],
        sensitive={"sex": ["f", "m", "f", "m", "f"]},
        static=[[30.0], [np.nan], [50.0], [60.0], [70.0]],
        static_names=["age"],
        time_unit="h",
    )
