"""Numbers and names as tables and pages print them."""

from benchmarks.kernels.records import KernelReport, Measurement, Spread

WORKS = {"forward": "Forward", "train": "Forward and backward", "step": "One step at batch 1"}


def seconds(value: float | None) -> str:
    """A time with three digits and its unit.

    Example:
        >>> seconds(0.00123), seconds(2.5e-5), seconds(12.34), seconds(None)
        ('1.23 ms', '25.0 us', '12.3 s', '-')
    """
    if value is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{three(value / size)} {unit}"
    return f"{three(value * 1e6)} us"


def size(value: float | None) -> str:
    """Bytes with three digits and their unit.

    Example:
        >>> size(1_263_824), size(8.0e9), size(512)
        ('1.26 MB', '8.00 GB', '512 B')
    """
    if value is None:
        return "-"
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{three(value / scale)} {unit}"
    return f"{value:.0f} B"


def three(value: float) -> str:
    """Three digits, without an exponent.

    Example:
        >>> three(1234.5), three(12.34), three(0.1234)
        ('1,234', '12.3', '0.12')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(spread: Spread | None) -> str:
    """How many times, or `-`.

    Example:
        >>> times(Spread(9.0, 10.0, 11.0)), times(None)
        ('10.0x', '-')
    """
    return "-" if spread is None else f"{three(spread.median)}x"


def plural(number: int, noun: str) -> str:
    """A number and its noun.

    Example:
        >>> plural(1, "thread"), plural(2, "thread")
        ('1 thread', '2 threads')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def heading(measurement: Measurement) -> str:
    """What a group of measurements has in common."""
    shape = "" if measurement.work == "step" else f", {plural(measurement.time, 'step')}, batch {measurement.batch}"
    return f"{WORKS[measurement.work]}{shape}, {plural(measurement.threads, 'thread')}"


def machine_lines(report: KernelReport) -> list[str]:
    """The machine and the versions, one fact per line."""
    m, v = report.machine, report.versions
    memory = "" if m.memory_bytes is None else f", {size(m.memory_bytes)} memory"
    load = "" if m.load is None else f", load {m.load:g} when it began"
    caches = ", ".join(m.caches) or "unknown"
    lines = [
        f"Machine: {m.cpu}, {plural(m.cores, 'core')}, caches {caches}{memory}, {m.system}{load}",
        f"Versions: caudal {v.caudal} ({v.commit or 'no commit'}), Python {v.python}, torch {v.torch}, "
        f"numba {v.numba or 'not installed'}, ncps {v.ncps or 'not installed'}",
    ]
    for peak in report.peaks:
        rate = "unknown" if peak.synapses_per_s is None else f"{peak.synapses_per_s / 1e9:.2f} G/s"
        lines.append(
            f"Measured peak, {plural(peak.threads, 'thread')}: {peak.flop_per_s / 1e9:.0f} GFLOP/s, synapses {rate}"
        )
    return lines
