"""What a log costs and finds, what conformal sets and drift monitors hold on real data: in parts, kept as JSON."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.audit import faults as faults_module
from benchmarks.audit import forge, log, monitor, replay
from benchmarks.audit.figures import Figure, Say
from benchmarks.kernels.machine import machine
from caudal import limits
from caudal._version import __version__
from caudal.errors import FileFormatError, InputError
from caudal.files import put

SCHEMA = "caudal bench audit 1"


@dataclass(frozen=True)
class Sizes:
    """How many records, mutations, kills and decisions each part of the benchmark takes.

    Attributes:
        records: of the large log.
        mutations: to try on a log of 1,100 records.
        forgeries: logs that an attacker edits.
        faults: calls of the system that fail, and as many at which the writer dies.
        kills: of a writer, at any time, and of processes at a desk.
        decisions: to replay.
        data: folder of PhysioNet 2012; None for the data that a package ships.
    """

    records: int = 1_000_000
    mutations: int = 10_000
    forgeries: int = 100_000
    faults: int = 1_000
    kills: int = 1_000
    decisions: int = 10_000
    data: str | None = None


PARTS: dict[str, Callable[[Sizes, Say], tuple[Figure, ...]]] = {
    "cost": lambda sizes, say: log.cost(sizes.records, say),
    "mutations": lambda sizes, say: log.mutations(sizes.mutations, say),
    "forgeries": lambda sizes, say: forge.forgeries(sizes.forgeries, say),
    "faults": lambda sizes, say: faults_module.faults(sizes.faults, say),
    "kills": lambda sizes, say: log.kills(sizes.kills, say),
    "desk": lambda sizes, say: log.desk_kills(sizes.kills, say),
    "replay": lambda sizes, say: replay.replays(sizes.decisions, say),
    "conformal": lambda sizes, say: monitor.conformal(sizes.data, say),
    "monitors": lambda sizes, say: monitor.cost(sizes.data, say),
    "drift": lambda sizes, say: monitor.drift(sizes.data, say),
}


def measure(
    only: Sequence[str] = (),
    sizes: Sizes | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    say: Say = lambda line: None,
) -> dict[str, Any]:
    """The report of the audit benchmark: figures of each part, measured in scratch folders that are removed.

    Arguments:
        only: names of `PARTS`; all without.
        sizes: how much work.
        out: JSON file to keep it in; parts that it holds and that are not measured now stay.
        say: told what goes on.

    Returns:
        what was measured, and what `out` held besides.

    Raises:
        InputError: there is no such part, or a size is below 1.
        FileFormatError: `out` holds something else.
    """
    sizes = sizes or Sizes()
    unknown = [name for name in only if name not in PARTS]
    if unknown:
        raise InputError("audit", "only", f"is {unknown[0]!r}", f"Pass some of {', '.join(PARTS)}.")
    if min(value for value in asdict(sizes).values() if isinstance(value, int)) < 1:
        raise InputError("audit", "sizes", "are below 1", "Leave them out.")
    report: dict[str, Any] = _held(out) if out else {"schema": SCHEMA, "parts": {}}
    for name in only or PARTS:
        say(f"part {name}")
        begun = time.perf_counter()
        figures = PARTS[name](sizes, say)
        report["parts"][name] = {
            "figures": [asdict(figure) for figure in figures],
            "sizes": {key: value for key, value in asdict(sizes).items() if key != "data"},
            "caudal": __version__,
            "machine": asdict(machine()),
            "seconds": round(time.perf_counter() - begun, 1),
        }
        if out:
            _keep(Path(out), report)
    return report


def figures(report: dict[str, Any]) -> list[tuple[str, Figure]]:
    """Every figure of a report, with its part."""
    return [(part, Figure(**figure)) for part, section in report["parts"].items() for figure in section["figures"]]


def _held(path: str | os.PathLike[str]) -> dict[str, Any]:
    place = Path(path)
    if not place.exists():
        return {"schema": SCHEMA, "parts": {}}
    try:
        report: dict[str, Any] = limits.parsed(place.read_text(encoding="utf-8"), limits.RECORD)
        if report["schema"] != SCHEMA or not isinstance(report["parts"], dict):
            raise ValueError("another schema")
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(f"audit: {place} is no report of it ({error}). Pass a new file.") from error
    return report


def _keep(path: Path, report: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    put(path, json.dumps(report, indent=1, allow_nan=False) + "\n")
