"""The page of the docs that shows a kept report: the same report gives the same page to the letter."""

from statistics import median

from benchmarks.kernels.charts import lines
from benchmarks.kernels.growth import AXES, WORKS
from benchmarks.kernels.records import LSTM, SUBJECTS, KernelReport
from benchmarks.kernels.rows import ROWS
from benchmarks.kernels.table import Table, clock_of, goal_table, markdown, memory_table, time_tables
from benchmarks.kernels.words import WORKS as WORK_WORDS
from benchmarks.kernels.words import machine_lines, plural, three

AXIS_WORDS = {"time": "time steps", "batch": "series per call", "units": "units", "synapses": "synapses, or weights"}
STYLES = ("CfC", "LTC-FC", "LTC-NCP", "LSTM", "LTC")
HEAD = """# Benchmarks

What the kernels cost, beside ncps 1.0.1, `nn.LSTM` and `nn.GRU`, measured by one command in one run:

```
python -m benchmarks kernels --out {out}
python -m benchmarks page {out} --out docs/benchmarks.md
```

The first checks every backend against the reference, outputs and all gradients; a difference prints no speed. It then
takes turns: ours, ncps, LSTM and GRU once each per repetition, so that a slow moment of the machine hits all of them.
Losses stand beside wins. A ratio below 1 means that caudal is slower.
"""
NONE_YET = """
No run is kept in this checkout yet, so this page shows no numbers. The commands above measure on your machine, in
several minutes; `--quick` takes about one, and `--only fc32,growth` measures a part.
"""
ROWS_NOTE = """## What is measured

| name | network |
|---|---|
| `ncp19` | LTC over the driving policy of Lechner et al. 2020: 12 inter, 6 command, 1 motor neuron |
| `ncp32`, `ncp64` | LTC over `AutoNCP(32, 4)` and `AutoNCP(64, 4)` |
| `fc32` | LTC, fully connected, 32 units |
| `cfc64`, `cfc256` | CfC of 64 and 256 units, one backbone layer of 128 |

Ours is converted from the ncps module, so both compute the same numbers; the LSTM and the GRU have as many units. An
LTC takes six sub-steps per step, an LSTM none. *The floor* is the number of operations that the equations need over
the peak that this machine reached in the same run in loops that do nothing else: a matrix product, and a sigmoid with
its three multiply-adds. Training counts as three forward passes. One step at batch 1 is `net.step` of ours, the cell
of ncps, and `nn.LSTMCell` and `nn.GRUCell`.
"""


def page(report: KernelReport | None, source: str = "") -> str:
    """The page of a report, or one that says how to make it.

    Arguments:
        report: a kept report; None when there is none yet.
        source: its file, as the page names it.

    Example:
        >>> page(None).splitlines()[0]
        '# Benchmarks'
    """
    head = HEAD.format(out=source or "benchmarks/results/kernels.json")
    if report is None:
        return f"{head}{NONE_YET}\n{ROWS_NOTE}"
    parts = [
        head,
        _where(report),
        "## Goals and what was reached\n",
        _goals(report),
        _losses(report),
        ROWS_NOTE,
        "## Times\n",
        *map(_section, time_tables(report)),
    ]
    if report.memory:
        parts.append(_section(memory_table(report)))
    if report.growth:
        parts += ["## How cost grows\n", GROWTH_NOTE, *_curves(report)]
    parts.append(_gate(report))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


GROWTH_NOTE = (
    "One thread, processor time, medians; both axes are logarithmic. Unless it is what grows: batch 64, 100 steps, 64 "
    "units. In the last pair the LTC is wired at random, ever denser; CfC and LSTM are single points at their number "
    "of weights."
)


def _where(report: KernelReport) -> str:
    lines_of = machine_lines(report)
    settings = report.settings
    how = (
        f"Settings: {plural(settings.inputs, 'input')}, batch {settings.batch}, float32, up to "
        f"{plural(settings.repetitions, 'repetition')}, medians"
    )
    return f"Measured on {report.date}.\n\n" + "\n".join(f"- {line}" for line in [*lines_of, how])


def _goals(report: KernelReport) -> str:
    note = (
        "Set before the work began. Processor time on one thread, batch "
        f"{report.settings.batch}, 100 steps unless stated; where several networks are named, the worst one counts."
    )
    return f"{note}\n\n{markdown(goal_table(report))}"


def _losses(report: KernelReport) -> str:
    """Every measured place where caudal is slower, said first and plainly."""
    losses = []
    for measurement in report.measurements:
        for other in SUBJECTS[1:]:
            ratio = measurement.ratio(other, "wall" if measurement.work == "step" else clock_of(measurement.threads))
            if ratio is not None and ratio.median < 1:
                steps = "" if measurement.work == "step" else f", {plural(measurement.time, 'step')}"
                where = f"{WORK_WORDS[measurement.work].lower()}{steps}, {plural(measurement.threads, 'thread')}"
                losses.append(
                    f"- {ROWS[measurement.row].title}, {where}: {three(1 / ratio.median)} times the time of {other}"
                )
    if not losses:
        return "## Where caudal is slower\n\nNowhere in this run."
    return "## Where caudal is slower\n\n" + "\n".join(losses)


def _section(table: Table) -> str:
    return f"### {table.title}\n\n{markdown(table)}\n"


def _curves(report: KernelReport) -> list[str]:
    charts = []
    for axis in AXES:
        for work in WORKS:
            curves: dict[str, list[tuple[float, float]]] = {}
            for point in report.growth:
                if (point.axis, point.work) == (axis, work):
                    curves.setdefault(point.model, []).append((point.at, median(point.timing.cpu_s)))
            if curves:
                title = f"{WORK_WORDS[work]} against {AXIS_WORDS[axis]}"
                order = {name: sorted(curves[name]) for name in sorted(curves, key=lambda name: (name == LSTM, name))}
                charts.append(f"<div>{lines(title, AXIS_WORDS[axis], 'ms per call', order, 1e-3, STYLES)}</div>\n")
    return charts


def _gate(report: KernelReport) -> str:
    rows = [f"| {c.subject} | `{c.recurrence}` | {c.backend} | {c.status} | {c.detail} |" for c in report.gate]
    title = f"## The gate of this run: {'green' if report.is_green else 'red'}"
    note = "Outputs, final states and gradients of parameters, `x`, `dt` and initial state.\n\n"
    return f"{title}\n\n{note}| layer | recurrence | backend | result | detail |\n|---|---|---|---|---|\n" + "\n".join(
        rows
    )
