"""The real Zeus over a made-up tree of RAPL files: units, packages, wrap-around, permissions."""

import builtins
import time

import pytest

from caudal import energy
from caudal.energy import meters

rapl = pytest.importorskip("zeus.device.cpu.rapl", reason="zeus is missing: RAPL is NOT tested (caudal[energy])")

RANGE = 262_143_328_850


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Writes the counter of a zone, in microjoules; Zeus reads the tree."""
    import zeus.device.cpu as cpu

    def write(path, microjoules, name=""):
        place = tmp_path / path
        place.mkdir(parents=True, exist_ok=True)
        (place / "energy_uj").write_text(f"{microjoules}\n")
        if name:
            (place / "name").write_text(f"{name}\n")
            (place / "max_energy_range_uj").write_text(f"{RANGE}\n")

    monkeypatch.setattr(rapl, "RAPL_DIR", str(tmp_path))
    monkeypatch.setattr(meters, "RAPL", tmp_path)
    monkeypatch.setattr(meters, "RESOLUTION", dict.fromkeys(meters.RESOLUTION, 0.0))
    monkeypatch.setattr(cpu, "_cpus", None)
    rapl.rapl_is_available.cache_clear()
    write("intel-rapl:0", RANGE - 5_000_000, "package-0")
    write("intel-rapl:1", 1000, "package-1")
    write("intel-rapl:0/intel-rapl:0:0", 0, "dram")
    write("intel-rapl:0/intel-rapl:0:1", 0, "core")
    yield write
    rapl.rapl_is_available.cache_clear()


@pytest.mark.parametrize("seconds", [0.0, pytest.param(2.5, marks=pytest.mark.slow)])
def test_two_packages_one_of_which_wraps_around(tree, seconds):
    """At once we mend it; after two seconds Zeus has seen it by itself."""
    with energy.measure() as reading:
        time.sleep(seconds)
        tree("intel-rapl:0", 7_000_000)
        tree("intel-rapl:1", 20_001_000)
        tree("intel-rapl:0/intel-rapl:0:0", 3_000_000)
        time.sleep(seconds)
    assert reading.devices["cpu"].low == pytest.approx(32.0)
    assert reading.devices["dram"].low == pytest.approx(3.0)
    assert {reading.devices[name].label for name in ("cpu", "dram")} == {"measured"}


def test_files_that_may_not_be_read_are_a_reason(tree, monkeypatch):
    def refuse(path, *args, **more):
        if str(path).endswith("energy_uj"):
            raise PermissionError(13, "Permission denied")
        return builtins.open(path, *args, **more)  # noqa: PTH123

    monkeypatch.setattr(rapl, "open", refuse, raising=False)
    with energy.measure() as reading:
        pass
    assert reading.devices["cpu"].label == "unknown"
    assert "root alone may read it" in reading.devices["cpu"].source


def test_counters_are_named_with_nothing_running(tree):
    found, missing = energy.counters()
    assert found["cpu"] == found["dram"] == "RAPL" and missing == {"gpu": "no device"}
