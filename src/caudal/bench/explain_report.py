"""The benchmark of explanations: its rows, kept one by one, and what they say about each goal."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch

from caudal._version import __version__
from caudal.bench.explain_circuits import DATA, CircuitRow, circuits
from caudal.bench.explain_planted import PlantedRow, planted
from caudal.bench.explain_tasks import TASKS
from caudal.errors import FileFormatError

SCHEMA = "caudal bench explain 1"
WIRED, LIQUID, GATED = ("cfc-ncp", "ltc-ncp"), "cfc-ncp", "lstm"


@dataclass(frozen=True)
class ExplainReport:
    """What was measured.

    Attributes:
        circuits: nets on real data, cut synapse by synapse.
        planted: nets on planted tasks.
        caudal, torch: versions that measured the newest row.
    """

    circuits: tuple[CircuitRow, ...] = ()
    planted: tuple[PlantedRow, ...] = ()
    caudal: str = __version__
    torch: str = torch.__version__

    def dumps(self) -> str:
        """JSON text, one row per line."""
        rows = {kind: [asdict(row) for row in getattr(self, kind)] for kind in ("circuits", "planted")}
        lines = [f'  "schema": {json.dumps(SCHEMA)}', f'  "caudal": "{self.caudal}"', f'  "torch": "{self.torch}"']
        for kind, found in rows.items():
            inner = ",\n".join("    " + json.dumps(row) for row in found)
            lines.append(f'  "{kind}": [\n{inner}\n  ]' if found else f'  "{kind}": []')
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @staticmethod
    def loads(text: str, source: str = "text") -> "ExplainReport":
        """The report that `dumps` wrote.

        Raises:
            FileFormatError: the text is none.

        Example:
            >>> ExplainReport.loads(ExplainReport().dumps()) == ExplainReport()
            True
        """
        remedy = "Pass a file that `caudal bench explain --out` wrote."
        try:
            found = json.loads(text)
            if found.pop("schema") != SCHEMA:
                raise ValueError("another schema")
            rows = [tuple(kind(**row) for row in found.pop(name)) for name, kind in _KINDS.items()]
            return ExplainReport(rows[0], rows[1], found["caudal"], found["torch"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FileFormatError(f"{source}: is no report of explanations ({error}). {remedy}") from None


_KINDS: dict[str, Any] = {"circuits": CircuitRow, "planted": PlantedRow}


@dataclass(frozen=True)
class Goal:
    """One line of the answer.

    Attributes:
        name: what is asked for.
        found: what came out, in words.
        goal: in words.
        reached: whether it is.
    """

    name: str
    found: str
    goal: str
    reached: bool


def measure(
    path: str | Path | None = None,
    *,
    seeds: int = 5,
    only: str = "all",
    quick: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> ExplainReport:
    """Train and mark every net; a row that the file holds is not measured again, so a killed run goes on.

    Arguments:
        path: file to go on from and to keep each row in; None keeps nothing.
        seeds: of each planted task.
        only: `"circuits"`, `"planted"` or `"all"`.
        quick: one short training of each kind, to see that everything runs; its figures mean nothing.
        say: called with a line of progress.

    Raises:
        FileFormatError: the file is no such report.
        MissingExtraError: a data set is not installed.
    """
    place = None if path is None else Path(path)
    report = ExplainReport()
    if place is not None and place.exists():
        report = replace(ExplainReport.loads(place.read_text(encoding="utf-8"), place.name), caudal=__version__)
    for kind, key, make in _jobs(seeds, only, quick):
        rows = getattr(report, kind)
        if key in {tuple(getattr(row, one.name) for one in fields(row)[:3]) for row in rows}:
            continue
        say(" ".join(map(str, key)))
        added: Any = {kind: (*rows, make())}
        report = replace(report, **added)
        if place is not None:
            _write(place, report.dumps())
    return report


def _jobs(seeds: int, only: str, quick: bool) -> Iterator[tuple[str, tuple[str, str, int], Callable[[], object]]]:
    if only in ("all", "circuits"):
        for data in DATA:
            for cell in WIRED:
                given = {"epochs": 1, "series": 4} if quick else {}
                yield "circuits", (data, cell, 0), lambda d=data, c=cell, g=given: circuits(d, c, 0, **g)  # type: ignore[misc]  # defaults bind the loop
    if only in ("all", "planted"):
        for seed in range(1 if quick else seeds):
            for task in TASKS:
                for cell in (LIQUID, GATED):
                    short = {"units": 6, "epochs": 1} if quick else {}
                    yield "planted", (task, cell, seed), lambda t=task, c=cell, s=seed, g=short: planted(t, c, s, **g)  # type: ignore[misc]  # likewise


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def goals(report: ExplainReport) -> tuple[Goal, ...]:
    """What the rows say about each goal; a goal without rows is left out.

    Example:
        >>> goals(ExplainReport())
        ()
    """
    return (*_circuit_goals(report.circuits), *_planted_goals(report.planted))


def _circuit_goals(rows: tuple[CircuitRow, ...]) -> list[Goal]:
    if not rows:
        return []
    open_ = mean(row.flagged for row in rows)
    gradient = mean(row.spearman["gradient"] for row in rows)
    current = mean(row.spearman["currents"] for row in rows)
    kept, removal, drawn = (mean(row.kept[name] for row in rows) for name in ("cut in rounds", "removal", "currents"))
    rho, covered = max(max(row.rho.values()) for row in rows), min(row.covered for row in rows)
    return [
        Goal("completeness of path integrals", f"{1 - open_:.1%} of series within 1 %, the others flagged", "at most 1 %, or flagged", True),  # noqa: E501
        Goal("rank correlation with cutting each synapse, one gradient", f"{gradient:.2f} (currents {current:.2f}; cutting itself, our default, is 1 by definition)", "at least 0.90", gradient >= 0.90),  # noqa: E501
        Goal("decision kept by a third of the synapses", f"{kept:.1%} cut in rounds ({removal:.1%} ranked once by cutting, {drawn:.1%} by currents)", "at least 95 %", kept >= 0.95),  # noqa: E501
        Goal("parameter randomisation, worst mean rank correlation", f"{rho:.2f}, {covered:.0%} of the parameters drawn anew", "at most 0.20, all covered", rho <= 0.20 and covered == 1),  # noqa: E501
    ]  # fmt: skip


def _planted_goals(rows: tuple[PlantedRow, ...]) -> list[Goal]:
    found = []
    for task in TASKS:
        own = [row for row in rows if (row.task, row.cell) == (task, LIQUID)]
        other = [row for row in rows if (row.task, row.cell) == (task, GATED)]
        if not own or not other:
            continue
        share, peer, chance = mean(r.share for r in own), mean(r.share for r in other), mean(r.chance for r in own)
        told, told_peer = mean(r.accuracy for r in own), mean(r.accuracy for r in other)
        words = (
            f"{share:.2f} ({share / chance:.0f} times chance, accuracy {told:.2f}, {len(own)} seeds); "
            f"LSTM {peer:.2f} (accuracy {told_peer:.2f})"
        )
        reached = share >= 0.70 and share >= 5 * chance
        found.append(Goal(f"planted: {task}", words, "at least 0.70 and 5 times chance", reached))
    return found


def table(report: ExplainReport) -> str:
    """Goals and rows as Markdown."""
    lines = ["| asked | found | goal | |", "|---|---|---|---|"]
    lines += [f"| {g.name} | {g.found} | {g.goal} | {'yes' if g.reached else '**missed**'} |" for g in goals(report)]
    if report.circuits:
        names = list(report.circuits[0].spearman)
        lines += [
            "",
            "| data, cell | accuracy | synapses | "
            + " | ".join(names)
            + " | third kept: "
            + " | ".join(report.circuits[0].kept)
            + " | rho |",
        ]
        lines.append("|" + "---|" * (3 + len(names) + len(report.circuits[0].kept) + 1))
        for row in report.circuits:
            numbers = [f"{one:.2f}" for one in (*row.spearman.values(), *row.kept.values())]
            rho = ", ".join(f"{one:.2f}" for one in row.rho.values())
            lines.append(
                f"| {row.data}, {row.cell} | {row.accuracy:.2f} | {row.synapses} | {' | '.join(numbers)} | {rho} |"
            )
    return "\n".join(lines)
