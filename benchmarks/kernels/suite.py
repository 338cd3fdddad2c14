"""The run of `python -m benchmarks kernels`: the gate, then every row, then how cost grows."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import torch
from torch import Tensor

from benchmarks.kernels.counts import floor_s
from benchmarks.kernels.gate import gate
from benchmarks.kernels.growth import grow
from benchmarks.kernels.growth import plan as growth_plan
from benchmarks.kernels.machine import machine, versions
from benchmarks.kernels.peak import higher, kept_bytes, peak
from benchmarks.kernels.records import (
    OURS,
    PEER,
    SCHEMA,
    SUBJECTS,
    Kept,
    KernelReport,
    Measurement,
    Peak,
    Settings,
    Skip,
    Work,
)
from benchmarks.kernels.rows import Row, Subject, call_of, has_peer, pick, subjects
from benchmarks.kernels.timing import Call, Progress, Say, interleaved, sample, threads, warm

WORKS: tuple[Work, ...] = ("forward", "train")


@dataclass
class _Run:
    """Settings, results and paces of a run of the benchmark so far."""

    settings: Settings
    progress: Progress
    peaks: dict[int, Peak] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    memory: list[Kept] = field(default_factory=list)
    # Seconds per time step of a call, by row, subject and work: what a longer sequence is expected to take.
    pace: dict[tuple[str, str, str], float] = field(default_factory=dict)
    # The same for bytes.
    keeps: dict[tuple[str, str], float] = field(default_factory=dict)


def kernels(settings: Settings, say: Say = lambda line: None) -> KernelReport:
    """Check every backend, then measure; a red gate measures nothing.

    Arguments:
        settings: what and how long.
        say: takes lines of progress.

    Raises:
        InputError: a row is not known.

    Example:
        >>> brief = Settings(rows=("ncp19",), growth=False, lengths=(2,), threads=(1,), batch=1,
        ...                  repetitions=2, sample_s=1e-4, task_s=0.1)
        >>> report = kernels(brief)
        >>> report.is_green, report.measurements[0].work
        (True, 'forward')
    """
    rows = pick(settings.rows)
    say("Correctness first: every backend against the reference.")
    with threads(max(settings.threads)):
        checks = gate(settings.rows, settings.inputs)
    today = datetime.now(UTC).date().isoformat()
    report = KernelReport(SCHEMA, today, machine(), versions(), settings, checks)
    if not report.is_green:
        return report
    run = _Run(settings, Progress(_announced(rows, settings), say))
    for count in settings.threads:
        for row in rows:
            _row(run, row, count)
    points = grow(settings, run.progress) if settings.growth else ()
    for count in run.peaks:
        _probe(run, count)
    measured = tuple(_with_floor(run, measurement) for measurement in run.measurements)
    return replace(
        report, peaks=tuple(run.peaks.values()), measurements=measured, memory=tuple(run.memory), growth=points
    )


def _announced(rows: tuple[Row, ...], settings: Settings) -> float:
    tasks = len(rows) * (len(settings.threads) * len(settings.lengths) * len(WORKS) + 1)
    return tasks + (len(growth_plan(settings)) / 4 if settings.growth else 0)


def _probe(run: _Run, count: int) -> None:
    """Measure the peak again and keep the better: a neighbour's load must not lower the floor."""
    probed = peak(count)
    run.peaks[count] = higher(run.peaks[count], probed) if count in run.peaks else probed


def _row(run: _Run, row: Row, count: int) -> None:
    settings = run.settings
    models = subjects(row, settings.inputs)
    torch.manual_seed(0)
    with threads(count):
        _probe(run, count)
        for time in settings.lengths:
            x = torch.randn(settings.batch, time, settings.inputs)
            if count == settings.threads[0]:
                _memory(run, row, models, x)
            for work in WORKS:
                run.progress.start(f"{row.title}, {time} steps, {work}, {count} thread{'s' * (count > 1)}", 1.0)
                calls = {name: call_of(model, x, work) for name, model in models.items()}
                _measure(run, row, work, calls, x, count)
        if count == settings.threads[0]:
            run.progress.start(f"{row.title}, one step at batch 1", 1.0)
            step_x = torch.randn(1, 1, settings.inputs)
            with torch.no_grad():
                steps = {name: model.stepper(step_x[:, 0]) for name, model in models.items()}
                _measure(run, row, "step", steps, step_x, count)


def _measure(run: _Run, row: Row, work: Work, calls: dict[str, Call], x: Tensor, count: int) -> None:
    time, skipped, expected = x.shape[1], [], {}
    for name in SUBJECTS:
        reason = _reason(run, row, name, work, time) if name in calls else _missing(name)
        if reason is None:
            if name == OURS:
                calls[name]()
            # A step is too short for one call to say anything about it.
            expected[name] = _pace_of_steps(calls[name]) if work == "step" else warm(calls[name])
            run.pace[row.name, name, work] = expected[name] / time
        else:
            skipped.append(Skip(name, reason))
    taken = {name: calls[name] for name in SUBJECTS if name in expected}
    timings = interleaved(taken, expected, run.settings)
    batch = x.shape[0]
    run.measurements.append(Measurement(row.name, work, time, batch, count, timings, tuple(skipped), None))


def _pace_of_steps(step: Call) -> float:
    sample(step, 20)
    return sample(step, 50)[0]


def _missing(name: str) -> str:
    return "is not installed; run `pip install ncps==1.0.1`" if name == PEER and not has_peer() else "has no such model"


def _reason(run: _Run, row: Row, name: str, work: Work, time: int) -> str | None:
    """Why a call is left out, from what a shorter sequence took; None when it is run."""
    if work == "step":
        return None
    settings = run.settings
    seconds = time * run.pace.get((row.name, name, work), 0.0)
    if seconds > settings.skip_s:
        return f"one call would take about {seconds:.0f} s, over the limit of {settings.skip_s:g} s"
    size = time * run.keeps.get((row.name, name), 0.0)
    if work == "train" and size > settings.skip_bytes:
        limit = settings.skip_bytes / 1e9
        return f"backward would keep about {size / 1e9:.1f} GB, over the limit of {limit:.1f} GB"
    return None


def _memory(run: _Run, row: Row, models: dict[str, Subject], x: Tensor) -> None:
    batch, time, _ = x.shape
    for name, model in models.items():
        # Recording for backward takes some two or three times the forward pass.
        seconds = 3 * time * run.pace.get((row.name, name, "forward"), 0.0)
        if seconds > run.settings.skip_s:
            continue
        size = kept_bytes(model.module, x, model.scan)
        run.keeps[row.name, name] = size / time
        run.memory.append(Kept(row.name, time, batch, name, size))


def _with_floor(run: _Run, measurement: Measurement) -> Measurement:
    module = subjects(pick((measurement.row,))[0], run.settings.inputs)[OURS].module
    return replace(
        measurement,
        floor_s=floor_s(
            module, measurement.batch, measurement.time, measurement.work, run.peaks.get(measurement.threads)
        ),
    )
