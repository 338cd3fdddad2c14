"""The benchmark of explanations: its rows, kept one by one, and what they say about each goal."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.explain import monitors, proofs
from benchmarks.explain.circuits import DATA, CircuitRow, circuits
from benchmarks.explain.monitors import MonitorRow
from benchmarks.explain.planted import CELLS, MORE, PlantedRow, Work, planted
from benchmarks.explain.proofs import ProofRow
from benchmarks.explain.reasons import REASON_CELLS, WORLDS, Effort, ReasonRow, reasons
from benchmarks.explain.tasks import TASKS
from caudal import limits, serial
from caudal._version import __version__
from caudal.errors import FileFormatError
from caudal.files import put

SCHEMA = "caudal bench explain 1"
WIRED = ("cfc-ncp", "ltc-ncp")


@dataclass(frozen=True)
class ExplainReport:
    """Measured rows of the benchmark of explanations: circuits, planted tasks, proofs, monitors, reasons.

    Attributes:
        circuits: nets on real data, cut synapse by synapse.
        planted: nets on planted tasks.
        proofs: decisions proven within tolerances.
        monitors: nets watched while they ran and were broken.
        reasons: nets in worlds whose answer is planted, asked by default.
        caudal, torch: versions that measured the newest row.
    """

    circuits: tuple[CircuitRow, ...] = ()
    planted: tuple[PlantedRow, ...] = ()
    proofs: tuple[ProofRow, ...] = ()
    monitors: tuple[MonitorRow, ...] = ()
    reasons: tuple[ReasonRow, ...] = ()
    caudal: str = __version__
    torch: str = torch.__version__

    def dumps(self) -> str:
        """JSON text, one row per line."""
        rows = {kind: [asdict(row) for row in getattr(self, kind)] for kind in KINDS}
        lines = [f'  "schema": {json.dumps(SCHEMA)}', f'  "caudal": "{self.caudal}"', f'  "torch": "{self.torch}"']
        for kind, entries in rows.items():
            inner = ",\n".join("    " + json.dumps(row) for row in entries)
            lines.append(f'  "{kind}": [\n{inner}\n  ]' if entries else f'  "{kind}": []')
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
        remedy = "Pass a file that `python -m benchmarks explain --out` wrote."
        try:
            content = limits.parsed(text, limits.RECORD)
            if content.pop("schema") != SCHEMA:
                raise ValueError("another schema")
            rows: dict[str, Any] = {
                name: tuple(serial.read(kind, row) for row in content.pop(name, ())) for name, kind in KINDS.items()
            }
            return ExplainReport(**rows, caudal=content["caudal"], torch=content["torch"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FileFormatError(f"{source}: is no report of explanations ({error}). {remedy}") from None


KINDS: dict[str, Any] = {
    "circuits": CircuitRow,
    "planted": PlantedRow,
    "proofs": ProofRow,
    "monitors": MonitorRow,
    "reasons": ReasonRow,
}


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
        only: one of `KINDS`, or `"all"`.
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
        if key in {tuple(getattr(row, field.name) for field in fields(row)[:3]) for row in rows}:
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
    if only in ("all", "proofs"):
        for net in proofs.NETS:
            given = {"epochs": 1, "series": 1, "boxes": 1, "samples": 4} if quick else {}
            yield "proofs", (proofs.DATA, net, 0), lambda n=net, g=given: proofs.proofs(n, 0, **g)  # type: ignore[misc]  # likewise
    if only in ("all", "monitors"):
        for cell in monitors.CELLS:
            given = {"epochs": 1, "updates": 4096, "flips": 3, "repetitions": 1} if quick else {}
            yield "monitors", (monitors.DATA, cell, 0), lambda c=cell, g=given: monitors.monitors(c, 0, **g)  # type: ignore[misc]  # likewise
    if only in ("all", "reasons"):
        for seed in range(1 if quick else seeds):
            for world in WORLDS:
                for cell in REASON_CELLS:
                    effort = Effort(60, 1, 2, 1) if quick else None
                    yield "reasons", (world, cell, seed), partial(reasons, world, cell, seed, effort)
    if only in ("all", "planted"):
        for seed in range(1 if quick else seeds):
            for task in TASKS:
                for cell in (*CELLS, *MORE.get(task, ())):
                    short = {"units": 6, "work": Work(100, 1, 64)} if quick else {}
                    yield "planted", (task, cell, seed), lambda t=task, c=cell, s=seed, g=short: planted(t, c, s, **g)  # type: ignore[misc]  # likewise


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, text)
