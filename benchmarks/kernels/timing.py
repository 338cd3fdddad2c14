"""Two clocks, interleaved repetitions, the garbage collector at rest."""

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch

from benchmarks.kernels.records import Settings, Timing

Call = Callable[[], object]


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch, and the kernels that follow it, use `count` threads inside the block.

    Example:
        >>> with threads(1):
        ...     torch.get_num_threads()
        1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet() -> Iterator[None]:
    """Collect garbage first, then keep the collector from running inside the block."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def sample(call: Call, calls: int) -> tuple[float, float]:
    """Seconds per call on the clock and on the processor, over `calls` calls in a row."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        call()
    cpu_end, wall_end = time.process_time(), time.perf_counter()
    return (wall_end - wall) / calls, (cpu_end - cpu) / calls


def warm(call: Call, long_s: float = 0.5) -> float:
    """Seconds of a warm call: the second one, or the first where that is long and so has little to warm up.

    A kernel compiles in its first call, so ours is called once before.
    """
    first, _ = sample(call, 1)
    return first if first > long_s else sample(call, 1)[0]


def interleaved(works: Mapping[str, Call], expected_s: Mapping[str, float], settings: Settings) -> tuple[Timing, ...]:
    """Time several calls in turn, repetition by repetition, so that a slow moment of the machine hits all of them.

    Arguments:
        works: what to call, by subject.
        expected_s: seconds of a warm call of each.
        settings: `sample_s`, `task_s` and `repetitions` decide how often.

    Returns:
        one `Timing` per subject, each with the same number of repetitions, at least two.

    Example:
        >>> calls = {"a": lambda: sum(range(50)), "b": lambda: sum(range(99))}
        >>> brief = Settings(rows=(), repetitions=3, sample_s=1e-4)
        >>> [len(timing.cpu_s) for timing in interleaved(calls, {"a": 1e-6, "b": 1e-6}, brief)]
        [3, 3]
    """
    calls = {name: max(1, math.ceil(settings.sample_s / max(expected_s[name], 1e-7))) for name in works}
    round_s = sum(calls[name] * expected_s[name] for name in works)
    repetitions = max(2, min(settings.repetitions, int(settings.task_s / max(round_s, 1e-9))))
    wall: dict[str, list[float]] = {name: [] for name in works}
    cpu: dict[str, list[float]] = {name: [] for name in works}
    with quiet():
        for _ in range(repetitions):
            for name, call in works.items():
                on_clock, on_cpu = sample(call, calls[name])
                wall[name].append(on_clock)
                cpu[name].append(on_cpu)
    return tuple(Timing(name, calls[name], tuple(wall[name]), tuple(cpu[name])) for name in works)


Say = Callable[[str], None]


class Progress:
    """Counts shares of work that were announced against those that are done.

    Arguments:
        total: announced work, in any unit.
        say: takes a line of text.

    Example:
        >>> progress = Progress(2.0, print)
        >>> progress.start("NCP 32, forward", 1.0)
        [  0 %] NCP 32, forward
    """

    def __init__(self, total: float, say: Say) -> None:
        self._total, self._say = total, say
        self._done = 0.0
        self._begun = time.perf_counter()
        self._share = 0.0

    def start(self, what: str, share: float) -> None:
        """Say what begins now; what began before is done."""
        self._done, self._share = self._done + self._share, share
        part = self._done / self._total if self._total else 1.0
        left = f", about {clock(self._passed() * (1 - part) / part)} left" if part > 0.02 else ""
        self._say(f"[{100 * part:3.0f} %] {what}{left}")

    def _passed(self) -> float:
        return time.perf_counter() - self._begun


def clock(seconds: float) -> str:
    """Seconds in words.

    Example:
        >>> clock(42), clock(185)
        ('42 s', '3 min 05 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
