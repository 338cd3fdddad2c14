"""Measuring against a made-up Zeus; the real one where it is installed."""

import importlib.util
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest

from caudal import energy
from caudal.cli.app import main
from caudal.energy import measuring as room
from caudal.energy import meters
from caudal.errors import InputError
from caudal.records.reading import read


@pytest.fixture
def zeus(monkeypatch):
    """A module named zeus whose counters read what a test says, in turn."""
    said = []

    class ZeusMonitor:
        def begin_window(self, key):
            self.key = key

        def end_window(self, key):
            assert key == self.key
            cpu, dram, gpu = said.pop(0) if len(said) > 1 else said[0]
            return SimpleNamespace(cpu_energy=cpu, dram_energy=dram, gpu_energy=gpu)

    fake, monitor = ModuleType("zeus"), ModuleType("zeus.monitor")
    monitor.ZeusMonitor = ZeusMonitor
    monkeypatch.setitem(sys.modules, "zeus", fake)
    monkeypatch.setitem(sys.modules, "zeus.monitor", monitor)
    return said


@pytest.fixture
def no_zeus(monkeypatch):
    monkeypatch.setitem(sys.modules, "zeus", None)
    monkeypatch.setitem(sys.modules, "zeus.monitor", None)


def long_enough(monkeypatch):
    monkeypatch.setattr(meters, "RESOLUTION", {"RAPL": 0.0, "NVML": 0.0})


def test_counters_are_read(zeus, monkeypatch):
    long_enough(monkeypatch)
    zeus.append(({0: 800.0, 1: 12.0}, {0: 40.0}, {}))
    with energy.measure() as reading:
        assert str(reading) == "still running"
    assert str(reading).startswith("cpu 812 J measured (RAPL) | dram 40 J measured (RAPL) | gpu unknown (no device) | ")


def test_without_zeus_the_reason_is_told(no_zeus):
    with energy.measure() as reading:
        pass
    assert reading.devices["cpu"].label == "unknown"
    assert 'pip install "caudal[energy]"' in str(reading)
    assert reading.grams is None


def test_watts_give_an_estimate_only_when_stated(no_zeus):
    with energy.measure(watts_per_core=(5, 15), grid=(100, 400)) as reading:
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass
    cpu = reading.devices["cpu"]
    assert cpu.label == "estimated"
    assert cpu.high == pytest.approx(3 * cpu.low)
    assert "5 to 15 W per core, as stated" in cpu.source
    # The GPU is unknown for want of zeus: grams of half the machine are not told.
    assert reading.grams is None


def test_grams_need_a_grid_factor(zeus, monkeypatch):
    long_enough(monkeypatch)
    zeus.append(({0: 3.6e6}, None, {}))
    with energy.measure(grid=(100, 400)) as reading:
        pass
    assert reading.grams == pytest.approx((100, 400))
    assert "CO2 100 to 400 g" in str(reading)
    with energy.measure() as reading:
        pass
    assert "CO2" not in str(reading)


def test_a_window_shorter_than_the_counter_is_flagged(zeus):
    zeus.append(({0: 3.0}, None, {0: 5.0}))
    with energy.measure() as reading:
        pass
    assert "too short for this counter" in str(reading.devices["gpu"])


def test_no_joules_is_not_zero_joules(zeus):
    zeus.append(({0: 0.0}, None, {0: 0.0}))
    with energy.measure() as reading:
        pass
    assert {one.label for one in reading.devices.values()} == {"unknown"}
    assert "did not move" in str(reading)


def test_idle_is_subtracted(zeus, monkeypatch):
    long_enough(monkeypatch)
    zeus.append(({0: 10.0}, None, {}))
    idle = energy.Idle({"cpu": 2.0}, 10.0)
    monkeypatch.setattr(room, "perf_counter", iter([0.0, 3.0]).__next__)
    with energy.measure(idle=idle) as reading:
        pass
    assert reading.devices["cpu"].low == pytest.approx(4.0)
    assert "idle subtracted" in reading.devices["cpu"].source
    monkeypatch.setattr(room, "perf_counter", iter([0.0, 9.0]).__next__)
    with energy.measure(idle=idle) as reading:
        pass
    assert reading.devices["cpu"].label == "unknown"


def test_the_idle_machine_is_measured(zeus):
    zeus.append(({0: 1.0}, None, {}))
    idle = energy.measure_idle(0.02)
    assert 0 < idle.watts["cpu"] <= 50.0


def test_repeated(zeus, monkeypatch):
    long_enough(monkeypatch)
    zeus.extend([({0: joules}, None, {}) for joules in (9.0, 10.0, 11.0, 10.0, 10.0)])
    found = energy.measure_repeated(lambda: None).devices["cpu"]
    assert found.joules == pytest.approx(10.0)
    assert found.high - 10 == pytest.approx(2.776 * 0.5**0.5 / 5**0.5)
    assert "n = 5" in found.source
    assert read(str(found)).label == "measured"


def test_work_that_raises_is_measured_too(zeus):
    zeus.append(({0: 3.0}, None, {}))
    with pytest.raises(ValueError, match="mine"), energy.measure() as reading:
        raise ValueError("mine")
    assert reading.devices["cpu"].label == "measured"


def test_a_monitor_that_cannot_start_is_a_reason(zeus, monkeypatch):
    def refuse(self):
        raise RuntimeError("no driver")

    monkeypatch.setattr(sys.modules["zeus.monitor"].ZeusMonitor, "__init__", refuse)
    with energy.measure() as reading:
        pass
    assert "zeus cannot start: RuntimeError: no driver" in str(reading)


@pytest.mark.parametrize("watts", [(5, 1), (-1, 2), (0, float("inf"))])
def test_impossible_watts_are_refused(watts):
    with pytest.raises(InputError, match="watts_per_core"), energy.measure(watts_per_core=watts):
        pass


def test_too_few_repeats_are_refused():
    with pytest.raises(InputError, match="at least 5"):
        energy.measure_repeated(lambda: None, 4)
    with pytest.raises(InputError, match="above 0"):
        energy.measure_idle(0)


@pytest.mark.skipif(importlib.util.find_spec("zeus") is None, reason='zeus is missing: pip install "caudal[energy]"')
def test_the_real_zeus_reads_or_says_why():
    with energy.measure() as reading:
        sum(range(100_000))
    assert {"cpu", "gpu"} <= set(reading.devices)
    assert all(one.low is None or one.low > 0 for one in reading.devices.values())


def test_command(no_zeus, capsys):
    assert main(["energy", "--watts", "5", "15", "--", sys.executable, "-c", "raise SystemExit(3)"]) == 3
    said = capsys.readouterr().out
    assert "cpu" in said
    assert "estimated" in said


def test_model(tmp_path, capsys):
    from caudal import nn

    path = tmp_path / "net.caudal"
    nn.save(nn.Readout(nn.LTC(3, 8, substeps=1), 2), path)
    assert main(["energy", str(path), "--steps", "24"]) == 0
    said = capsys.readouterr().out
    assert "88 synapses" in said
    assert "Horowitz" in said
    assert main(["energy", str(path), "--json"]) == 0
    assert '"sigmoids": 88.0' in capsys.readouterr().out
    assert main(["energy"]) == 2
    assert main(["energy", str(tmp_path / "none")]) == 2
