"""Joules of a piece of work: measured where a counter exists, estimated from stated watts, else unknown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from statistics import mean, stdev
from time import perf_counter, sleep

from caudal.energy.meters import Joules, Meter, cpu_seconds, too_short
from caudal.errors import InputError
from caudal.intervals import Reading

Span = tuple[float, float]
_JOULES_PER_KWH = 3.6e6
_NOTHING = Reading("unknown", "no device")
# Student's t at 97.5 % by degrees of freedom from 4 on; 1.96 beyond.
_T = (2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093)
_LEAST_RUNS, _FIRST_FREEDOM = 5, 4


@dataclass(frozen=True)
class Idle:
    """Idle power: device -> watts drawn while nothing of ours runs.

    Attributes:
        watts: by device; only devices that a counter reads.
        seconds: of the window.
    """

    watts: dict[str, float]
    seconds: float


@dataclass
class Measurement:
    """One window; `devices` is filled when the block ends.

    Attributes:
        devices: device -> reading.
        seconds: wall time.
        cpu_seconds: processor time of this process and of its children that have ended.
        grams: of CO2, from low to high, where a grid factor was stated and every watt of it is known; else None.
        asked_grams: whether a grid factor was stated.
    """

    devices: dict[str, Reading]
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    grams: Span | None = None
    asked_grams: bool = False

    def __str__(self) -> str:
        if not self.devices:
            return "still running"
        parts = [f"{device} {reading}" for device, reading in self.devices.items()]
        if self.grams is not None:
            parts.append(f"CO2 {self.grams[0]:.3g} to {self.grams[1]:.3g} g estimated (stated grid factor)")
        elif self.asked_grams:
            parts.append("CO2 unknown (it needs the joules of every device)")
        return " | ".join([*parts, f"{self.cpu_seconds:.3g} CPU s in {self.seconds:.3g} s"])


@contextmanager
def measure(
    *, watts_per_core: Span | None = None, grid: float | Span | None = None, idle: Idle | None = None
) -> Iterator[Measurement]:
    """Measure a block: joules by device where a counter exists, and CPU seconds always.

    A counter reads the whole machine, so other work on it counts too; subtract what it draws anyway by `idle`.
    Windows of a minute and more are worth quoting.

    Arguments:
        watts_per_core: from low to high; gives an estimate for the CPU where no counter exists.
        grid: grams of CO2 per kWh, or their range, of the electricity used.
        idle: from `measure_idle`, to be subtracted.

    Raises:
        InputError: a range is not from low to high, or negative.

    Example:
        >>> with measure(watts_per_core=(5, 15)) as reading:
        ...     total = sum(range(1000))
        >>> sorted(reading.devices)
        ['cpu', 'gpu']
    """
    watts = None if watts_per_core is None else _span("watts_per_core", watts_per_core)
    factor = None if grid is None else _span("grid", grid)
    meter, measurement = Meter(), Measurement({})
    start, used = perf_counter(), cpu_seconds()
    meter.begin()
    try:
        yield measurement
    finally:
        joules = meter.end()
        measurement.seconds, measurement.cpu_seconds = perf_counter() - start, cpu_seconds() - used
        measurement.devices = _devices(joules, measurement, watts, idle)
        measurement.grams, measurement.asked_grams = _grams(measurement.devices, factor), factor is not None


def measure_idle(seconds: float = 10.0) -> Idle:
    """Idle power of the machine, measured while this process sleeps.

    Raises:
        InputError: the time is not above 0.
    """
    if not 0 < seconds < float("inf"):
        raise InputError("measure_idle", "seconds", f"is {seconds}; expected above 0", "Pass `seconds=10.0`.")
    meter = Meter()
    meter.begin()
    start = perf_counter()
    sleep(seconds)
    joules = meter.end()
    took = perf_counter() - start
    return Idle({device: spent / took for device, (spent, _) in joules.read.items()}, took)


def measure_repeated(
    work: Callable[[], object],
    n: int = 5,
    *,
    watts_per_core: Span | None = None,
    grid: float | Span | None = None,
    idle: Idle | None = None,
) -> Measurement:
    """Measure some work n times; each reading is the 95 % interval of its mean (Student's t).

    Arguments:
        work: called n times; its result is dropped.
        n: at least 5.
        watts_per_core, grid, idle: as in `measure`.

    Raises:
        InputError: n is below 5, or an argument is out of range.

    Example:
        >>> measure_repeated(lambda: None, 3)
        Traceback (most recent call last):
        caudal.errors.InputError: measure_repeated: `n` is 3; expected at least 5. Measure 5 times or more.
    """
    if n < _LEAST_RUNS:
        raise InputError("measure_repeated", "n", f"is {n}; expected at least 5", "Measure 5 times or more.")
    runs = []
    for _ in range(n):
        with measure(watts_per_core=watts_per_core, idle=idle) as run:
            work()
        runs.append(run)
    devices = {name: _together([run.devices[name] for run in runs]) for name in runs[0].devices}
    seconds, used = mean(run.seconds for run in runs), mean(run.cpu_seconds for run in runs)
    factor = None if grid is None else _span("grid", grid)
    return Measurement(devices, seconds, used, _grams(devices, factor), factor is not None)


def _devices(joules: Joules, measurement: Measurement, watts: Span | None, idle: Idle | None) -> dict[str, Reading]:
    readings: dict[str, Reading] = {}
    for device, (spent, counter) in joules.read.items():
        readings[device] = _counted(device, spent, counter, measurement.seconds, idle)
    for device, reason in joules.missing.items():
        if device == "cpu" and watts is not None:
            used = measurement.cpu_seconds
            if used <= 0:
                readings[device] = Reading("unknown", "no processor time was used that the system counts")
                continue
            source = f"{watts[0]:g} to {watts[1]:g} W per core, as stated"
            low, high = used * watts[0], used * watts[1]
            readings[device] = Reading("estimated", source, low, high, f"{used:.3g} CPU s")
        else:
            readings[device] = Reading("unknown", reason)
    return dict(sorted(readings.items()))


def _counted(device: str, spent: float, counter: str, seconds: float, idle: Idle | None) -> Reading:
    if spent <= 0:
        return Reading("unknown", f"{counter} did not move in {seconds:.3g} s, its updates are further apart")
    source = counter
    if idle is not None and device in idle.watts:
        spent -= idle.watts[device] * seconds
        source = f"{counter}, idle subtracted"
        if spent <= 0:
            return Reading("unknown", f"{source}: no more than the machine draws idle")
    note = f"{seconds:.3g} s is too short for this counter" if too_short(counter, seconds) else ""
    return Reading("measured", source, spent, spent, note)


def _together(readings: list[Reading]) -> Reading:
    lost = next((reading for reading in readings if reading.low is None), None)
    if lost is not None:
        return lost
    low, high = (
        _bounds([reading.low or 0.0 for reading in readings])[0],
        _bounds([reading.high or 0.0 for reading in readings])[1],
    )
    label, source = readings[0].label, f"{readings[0].source}; n = {len(readings)}, 95 % interval of the mean"
    is_short = label == "measured" and any(reading.note for reading in readings)
    return Reading(label, source, max(low, 0.0), high, "windows too short for this counter" if is_short else "")


def _bounds(values: list[float]) -> Span:
    freedom = len(values) - 1
    at = freedom - _FIRST_FREEDOM
    half = (_T[at] if at < len(_T) else 1.96) * stdev(values) / sqrt(len(values))
    return mean(values) - half, mean(values) + half


def _grams(devices: dict[str, Reading], factor: Span | None) -> Span | None:
    """None also where a device is there and nothing is known of it: half a figure would look like a whole one."""
    known = _whole(devices)
    if factor is None or not known or any(reading.low is None for reading in known):
        return None
    low, high = sum(reading.low or 0.0 for reading in known), sum(reading.high or 0.0 for reading in known)
    return low / _JOULES_PER_KWH * factor[0], high / _JOULES_PER_KWH * factor[1]


def _whole(devices: dict[str, Reading]) -> list[Reading]:
    """Readings that add up to the machine, none of it twice: a battery feeds all, a board holds its processor."""
    if "battery" in devices and devices["battery"].low is not None:
        return [devices["battery"]]
    inside = {"cpu", "dram"} if devices.get("cpu", _NOTHING).low is None and "board" in devices else {"board"}
    return [reading for name, reading in devices.items() if name not in inside and reading.source != "no device"]


def _span(argument: str, value: float | Span) -> Span:
    low, high = value if isinstance(value, tuple) else (value, value)
    if not 0 <= low <= high < float("inf"):
        raise InputError("measure", argument, f"is {value!r}", "Pass `(low, high)`, neither below 0.")
    return float(low), float(high)
