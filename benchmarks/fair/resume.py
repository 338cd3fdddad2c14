"""Rows of a study kept one job after the other, so that a killed run goes on."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from caudal import limits, serial
from caudal._version import __version__
from caudal.errors import FileFormatError


@dataclass(frozen=True)
class Kept:
    """Rows of a benchmark, with their schema and the version that measured them.

    Attributes:
        schema: of the file.
        rows: in the order in which they were made.
        caudal: version that made the newest.
    """

    schema: str
    rows: tuple[Any, ...] = ()
    caudal: str = __version__

    def dumps(self) -> str:
        """JSON text, one row per line."""
        inner = ",\n".join("    " + json.dumps(asdict(row)) for row in self.rows)
        return (
            f'{{\n  "schema": {json.dumps(self.schema)},\n  "caudal": "{self.caudal}",\n  "rows": [\n{inner}\n  ]\n}}\n'
        )


def read(text: str, schema: str, kind: Any, source: str = "text") -> Kept:
    """What `Kept.dumps` wrote.

    Arguments:
        text: JSON.
        schema: expected.
        kind: dataclass of the rows.
        source: name in a refusal.

    Raises:
        FileFormatError: the text is something else.
    """
    try:
        content = limits.parsed(text, limits.RECORD)
        if content["schema"] != schema:
            raise ValueError("another schema")
        return Kept(schema, tuple(serial.read(kind, row) for row in content["rows"]), content["caudal"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FileFormatError(f"{source}: is no {schema} ({error}). Pass a file that --out wrote.") from None


def keep(
    schema: str,
    kind: Any,
    keys: Sequence[str],
    path: str | Path | None,
    jobs: Sequence[tuple[Any, ...]],
    make: Callable[[Any], list[Any]],
    say: Callable[[str], None],
) -> Kept:
    """Do every job that the file has no row of, and write the file after each.

    Arguments:
        schema: of the file.
        kind: dataclass of the rows.
        keys: its fields that name a job, in the order of a job.
        path: the file; None keeps nothing.
        jobs: to do.
        make: rows of a job.
        say: told what goes on.

    Raises:
        FileFormatError: the file holds something else.
    """
    place = None if path is None else Path(path)
    results = Kept(schema)
    if place is not None and place.exists():
        results = Kept(schema, read(place.read_text(encoding="utf-8"), schema, kind, place.name).rows)
    for job in jobs:
        if job in {tuple(getattr(row, key) for key in keys) for row in results.rows}:
            continue
        say(", ".join(map(str, job)))
        results = Kept(schema, (*results.rows, *make(job)))
        if place is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            beside = place.with_name(place.name + ".part")
            beside.write_text(results.dumps(), encoding="utf-8")
            beside.replace(place)
    return results
