"""Settings with names: a quick look, and the run whose numbers are kept."""

from dataclasses import replace

from benchmarks.kernels.machine import memory_bytes
from benchmarks.kernels.records import Settings

GROWTH = "growth"


def full(names: tuple[str, ...]) -> Settings:
    """The run whose numbers are kept: several minutes.

    Arguments:
        names: rows, and `"growth"` for the growth curves.

    Example:
        >>> full(("fc32", "growth")).growth, full(("fc32",)).growth
        (True, False)
    """
    return _named(names, Settings(rows=(), skip_bytes=_limit()))


def quick(names: tuple[str, ...]) -> Settings:
    """About a minute on a quiet machine: short sequences and few repetitions."""
    brief = Settings(
        rows=(), lengths=(100,), repetitions=5, sample_s=0.005, task_s=0.8, skip_s=2.0, skip_bytes=_limit()
    )
    return _named(names, brief)


def changed(
    settings: Settings,
    threads: tuple[int, ...] | None = None,
    lengths: tuple[int, ...] | None = None,
    batch: int | None = None,
) -> Settings:
    """Settings with what is given put in the place of what was there.

    Example:
        >>> changed(quick(("fc32",)), batch=8).batch
        8
    """
    return replace(
        settings,
        threads=threads or settings.threads,
        lengths=lengths or settings.lengths,
        batch=batch or settings.batch,
    )


def _named(names: tuple[str, ...], settings: Settings) -> Settings:
    return replace(settings, rows=tuple(name for name in names if name != GROWTH), growth=GROWTH in names)


def _limit() -> int:
    """A quarter of the machine's memory, 4 GiB at most."""
    return min(4 * 2**30, (memory_bytes() or 16 * 2**30) // 4)
