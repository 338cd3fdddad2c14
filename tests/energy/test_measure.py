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
from caudal.intervals import read_energy


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
    monkeypatch.setattr(meters, "RESOLUTION", dict.fromkeys(meters.RESOLUTION, 0.0))


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
    assert read_energy(str(found)).label == "measured"


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


class Zone:
    """A RAPL zone as Zeus shows it."""

    def __init__(self, name, microjoules=262_143_328_850):
        self.rapl_file = SimpleNamespace(name=name, max_energy_range_uj=microjoules)
        self.dram = SimpleNamespace(name="dram", max_energy_range_uj=65_712_999_613)


def zoned(monkeypatch, *names):
    """Give the made-up Zeus packages with names and ranges."""
    cpus = SimpleNamespace(cpus=[Zone(name) for name in names])
    monkeypatch.setattr(sys.modules["zeus.monitor"].ZeusMonitor, "cpus", cpus, raising=False)


def test_packages_add_up_and_a_platform_is_no_package(zeus, monkeypatch):
    long_enough(monkeypatch)
    zoned(monkeypatch, "package-0", "package-1", "psys")
    zeus.append(({0: 100.0, 1: 40.0, 2: 190.0}, {0: 7.0, 1: 3.0}, {}))
    with energy.measure(grid=3.6e6) as reading:
        pass
    assert {name: one.low for name, one in reading.devices.items()} == {
        "board": 190.0, "cpu": 140.0, "dram": 10.0, "gpu": None,
    }  # fmt: skip
    assert reading.grams == (150.0, 150.0)  # the platform holds its packages


@pytest.mark.parametrize("joules", [-262_100.0, 262_143.32885 + 43.32885])
def test_a_counter_that_wraps_around_is_mended(zeus, monkeypatch, joules):
    long_enough(monkeypatch)
    zoned(monkeypatch, "package-0", "package-1")
    zeus.append(({0: joules, 1: 10.0}, None, {}))
    with energy.measure() as reading:
        pass
    assert reading.devices["cpu"].label == "measured"
    assert reading.devices["cpu"].low == pytest.approx(53.32885)


def test_a_wrap_of_unknown_range_is_no_reading(zeus, monkeypatch):
    long_enough(monkeypatch)
    zeus.append(({0: -262_100.0, 1: 10.0}, {0: 4.0}, {}))
    with energy.measure() as reading:
        pass
    assert "unknown (RAPL wrapped around" in str(reading)
    assert reading.devices["dram"].low == 4.0


def test_a_board_tells_of_itself(zeus, monkeypatch):
    long_enough(monkeypatch)
    board = SimpleNamespace(cpu_energy_mj=2000.0, gpu_energy_mj=500.0, total_energy_mj=4000.0)
    kind, end = sys.modules["zeus.monitor"].ZeusMonitor, sys.modules["zeus.monitor"].ZeusMonitor.end_window
    monkeypatch.setattr(kind, "end_window", lambda self, key: SimpleNamespace(**vars(end(self, key)), soc_energy=board))
    zeus.append((None, None, {}))
    with energy.measure() as reading:
        pass
    assert str(reading).startswith("board 4 J measured (Jetson) | cpu 2 J measured (Jetson) | gpu 500 mJ")


def test_why_there_is_no_rapl_is_told(zeus, monkeypatch, tmp_path):
    zeus.append((None, None, {}))
    monkeypatch.setattr(meters, "RAPL", tmp_path)
    with energy.measure() as reading:
        pass
    assert "this machine shows none" in reading.devices["cpu"].source
    (tmp_path / "intel-rapl:0").mkdir()
    with energy.measure() as reading:
        pass
    assert "root alone may read it" in reading.devices["cpu"].source


@pytest.mark.parametrize("when", ["begin_window", "end_window"])
def test_a_monitor_that_fails_within_spoils_no_work(zeus, monkeypatch, when):
    def refuse(self, key):
        raise OSError("counter gone")

    zeus.append(({0: 1.0}, None, {}))
    monkeypatch.setattr(sys.modules["zeus.monitor"].ZeusMonitor, when, refuse)
    with energy.measure() as reading:
        done = True
    assert done
    assert "OSError: counter gone" in reading.devices["cpu"].source


def test_zeus_does_not_see_the_script_that_it_would_run_again(zeus, monkeypatch):
    seen = []
    kind = sys.modules["zeus.monitor"].ZeusMonitor
    look = lambda self, key: seen.append(getattr(sys.modules["__main__"], "__file__", None))  # noqa: E731
    monkeypatch.setattr(kind, "begin_window", look)
    own = sys.modules["__main__"]
    with energy.measure():
        pass
    assert seen == [None]
    assert sys.modules["__main__"] is own


def battery_of(folder, **facts):
    place = folder / "BAT0"
    place.mkdir(exist_ok=True)
    for name, value in facts.items():
        (place / name).write_text(f"{value}\n")


def test_a_battery_is_a_meter_of_the_whole_machine(no_zeus, monkeypatch, tmp_path):
    monkeypatch.setattr(meters, "SUPPLIES", tmp_path)
    battery_of(tmp_path, type="Battery", status="Discharging", energy_now=50_000_000)
    (tmp_path / "mouse").mkdir()
    (tmp_path / "mouse" / "type").write_text("Battery")
    (tmp_path / "mouse" / "scope").write_text("Device")
    with energy.measure(grid=3.6e6) as reading:
        battery_of(tmp_path, energy_now=49_990_000)
    assert reading.devices["battery"].low == pytest.approx(36.0)
    assert "too short for this counter" in reading.devices["battery"].note
    assert reading.grams == pytest.approx((36.0, 36.0))
    with energy.measure() as reading:
        battery_of(tmp_path, status="Charging")
    assert "battery" not in reading.devices
    battery_of(tmp_path, status="Discharging", charge_now=4_000_000, voltage_min_design=11_000_000)
    (tmp_path / "BAT0" / "energy_now").unlink()
    assert meters.charge() == pytest.approx(4 * 11 * 3600)
    battery_of(tmp_path, charge_now="none")
    assert meters.charge() is None


def test_grams_that_are_missing_are_told(no_zeus):
    with energy.measure(grid=(100, 400)) as reading:
        pass
    assert "CO2 unknown (it needs the joules of every device)" in str(reading)


def test_no_processor_time_is_no_zero(no_zeus, monkeypatch):
    monkeypatch.setattr(room, "cpu_seconds", lambda: 1.0)
    with energy.measure(watts_per_core=(5, 15)) as reading:
        pass
    assert reading.devices["cpu"].label == "unknown"


def test_options_that_would_be_ignored_are_refused(tmp_path, capsys):
    from caudal import nn

    nn.save(nn.LSTM(2, 3), tmp_path / "net.caudal")
    assert main(["energy", str(tmp_path / "net.caudal"), "--watts", "5", "15"]) == 2
    assert "`--watts` is given, and a model is counted" in capsys.readouterr().err
    assert main(["energy", "--steps", "3", "--", "true"]) == 2
    assert "`--steps` is given, and a command is measured" in capsys.readouterr().err
    assert main(["energy", "--", "no-such-program"]) == 2
    assert "is no program here" in capsys.readouterr().err


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
