"""A report as tables, for a terminal and for a page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.kernels.records import (
    GOALS,
    GRU,
    LSTM,
    OURS,
    PEER,
    SUBJECTS,
    Clock,
    KernelReport,
    Measurement,
    reached,
    spread,
)
from benchmarks.kernels.rows import ROWS
from benchmarks.kernels.words import heading, machine_lines, plural, seconds, size, times


@dataclass(frozen=True)
class Table:
    """A table and what must be said under it.

    Attributes:
        title: heading.
        header: names of the columns.
        rows: texts.
        notes: sentences below it.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def text(table: Table) -> str:
    """A table in columns of equal width.

    Example:
        >>> print(text(Table("Times", ("row", "s"), (("a", "1"), ("bb", "22")), ("Fast.",))))
        Times
          row   s
          a     1
          bb   22
          Fast.
    """
    lines = [table.header, *table.rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(table.header))]
    padded = [
        "  " + "  ".join(cell.rjust(widths[k]) if k else cell.ljust(widths[k]) for k, cell in enumerate(line))
        for line in lines
    ]
    return "\n".join([table.title, *padded, *(f"  {note}" for note in table.notes)])


def markdown(table: Table) -> str:
    """A table for a page, without its title.

    Example:
        >>> print(markdown(Table("Times", ("row", "s"), (("a", "1"),))))
        | row | s |
        |---|--:|
        | a | 1 |
    """
    rule = "|---|" + "--:|" * (len(table.header) - 1)
    lines = [_line(table.header), rule, *map(_line, table.rows)]
    return "\n".join([*lines, *(f"\n{note}" for note in table.notes)])


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def gate_table(report: KernelReport) -> Table:
    """The correctness gate, line by line."""
    rows = tuple((c.subject, c.recurrence, c.backend, c.status, c.detail) for c in report.gate)
    title = "Correctness gate: " + ("green" if report.is_green else "RED")
    return Table(title, ("layer", "recurrence", "backend", "result", "detail"), rows)


def time_tables(report: KernelReport) -> list[Table]:
    """One table per work, length and number of threads."""
    groups: dict[tuple[str, int, int], list[Measurement]] = {}
    for measurement in report.measurements:
        groups.setdefault((measurement.work, measurement.time, measurement.threads), []).append(measurement)
    return [_steps(group) if group[0].work == "step" else _times(group) for group in groups.values()]


def clock_of(threads: int) -> Clock:
    """One thread is compared by processor time, which neighbours disturb least; several by the clock."""
    return "cpu" if threads == 1 else "wall"


def _times(group: list[Measurement]) -> Table:
    clock = clock_of(group[0].threads)
    header = ("", *SUBJECTS, "floor", f"vs {PEER}", f"vs {LSTM}", f"vs {GRU}", "of the floor")
    rows = []
    for measurement in group:
        cells = [_both(measurement, subject) for subject in SUBJECTS]
        ratios = [times(measurement.ratio(subject, clock)) for subject in (PEER, LSTM, GRU)]
        rows.append(
            (ROWS[measurement.row].title, *cells, seconds(measurement.floor_s), *ratios, _share(measurement, clock))
        )
    used = "processor time" if clock == "cpu" else "time on the clock"
    note = (
        f"Processor time, and time on the clock in brackets, medians. Ratios: how many times longer the other took, in "
        f"{used}, pair by pair; below 1 means that caudal is slower."
    )
    return Table(heading(group[0]), header, tuple(rows), (note, *_skips(group)))


def _both(measurement: Measurement, subject: str) -> str:
    timing = measurement.timing(subject)
    if timing is None:
        return "-"
    return f"{seconds(spread(timing.cpu_s).median)} ({seconds(spread(timing.wall_s).median)})"


def _share(measurement: Measurement, clock: Clock) -> str:
    ours = measurement.timing(OURS)
    if ours is None or measurement.floor_s is None:
        return "-"
    return f"{100 * measurement.floor_s / spread(ours.values(clock)).median:.0f} %"


def _steps(group: list[Measurement]) -> Table:
    rows = []
    for measurement in group:
        cells = []
        for subject in SUBJECTS:
            timing = measurement.timing(subject)
            shown = None if timing is None else spread(timing.wall_s)
            cells.append("-" if shown is None else f"{shown.low * 1e6:.1f} / {shown.median * 1e6:.1f}")
        ratios = [times(measurement.ratio(subject, "wall")) for subject in (PEER, LSTM, GRU)]
        rows.append((ROWS[measurement.row].title, *cells, *ratios))
    header = ("", *SUBJECTS, f"vs {PEER}", f"vs {LSTM}", f"vs {GRU}")
    note = "Microseconds on the clock, shortest / median, through the public API, without gradients."
    return Table(heading(group[0]), header, tuple(rows), (note, *_skips(group)))


def _skips(group: list[Measurement]) -> Iterable[str]:
    reasons: dict[tuple[str, str], list[str]] = {}
    for measurement in group:
        for skip in measurement.skipped:
            reasons.setdefault((skip.subject, skip.reason), []).append(ROWS[measurement.row].title)
    for (subject, reason), titles in reasons.items():
        which = "" if len(titles) == len(group) and len(titles) > 1 else f" in {', '.join(titles)}"
        yield f"{subject} was not measured{which}: {reason}."


def memory_table(report: KernelReport) -> Table:
    """Bytes kept for backward."""
    sizes = {(record.row, record.time, record.subject): record.kept_bytes for record in report.memory}
    rows = []
    for row, time in dict.fromkeys((record.row, record.time) for record in report.memory):
        ours, *others = (sizes.get((row, time, subject)) for subject in SUBJECTS)
        ratios = ["-" if other is None or not ours else times(spread((other / ours,))) for other in others]
        rows.append((ROWS[row].title, f"{time:,}", size(ours), *map(size, others), *ratios))
    header = ("", "steps", *SUBJECTS, f"vs {PEER}", f"vs {LSTM}", f"vs {GRU}")
    batch = report.memory[0].batch if report.memory else report.settings.batch
    note = (
        "Distinct storages that autograd keeps beyond parameters and input. A dash: recording such a pass would have "
        f"taken longer than {report.settings.skip_s:g} s."
    )
    return Table(f"Memory kept for backward, batch {batch}", header, tuple(rows), (note,))


def goal_table(report: KernelReport) -> Table:
    """What would count as winning, and what was reached."""
    rows = []
    for goal in GOALS:
        value = reached(goal, report)
        shown = "not measured" if value is None else goal.show(value)
        rows.append(
            (goal.title, goal.show(goal.must) if goal.must else "-", goal.show(goal.goal), shown, goal.verdict(value))
        )
    return Table("Goals", ("", "must", "goal", "reached", "verdict"), tuple(rows))


def report_text(report: KernelReport) -> str:
    """The whole report for a terminal; after a red gate the gate alone."""
    if not report.is_green:
        return text(gate_table(report)) + "\n\nNo speed is shown before the gate is green."
    equal = sum(check.status == "equal" for check in report.gate)
    reasons = dict.fromkeys((c.backend, c.recurrence, c.detail) for c in report.gate if c.status == "refused")
    refused = [f"  not compared: {backend} of {recurrence}: {reason}" for backend, recurrence, reason in reasons]
    head = [f"Correctness gate: green, {plural(equal, 'comparison')} equal", *refused, *machine_lines(report)]
    tables = [*time_tables(report), *([memory_table(report)] if report.memory else []), goal_table(report)]
    return "\n\n".join(["\n".join(head), *map(text, tables)])
