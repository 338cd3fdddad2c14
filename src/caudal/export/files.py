"""Files of an export: checked before the work, written whole or not at all."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from caudal.errors import InputError
from caudal.export.graph.bidirectional import Both
from caudal.export.plan.plan import Plan

Graph = Literal["step", "sequence"]
GRAPHS = ("step", "sequence")
NOW, NEXT = "state_{}", "next_{}"


@dataclass(frozen=True, eq=False)
class Exported:
    """What was written for a runtime.

    Attributes:
        path: where.
        form: "onnx", "torch", "aoti" or "executorch".
        graph: "step" or "sequence".
        plan: the step that it computes, or both of a bidirectional layer.
        states: names of the inputs that carry the state and of the outputs that answer the new one, with their sizes,
            in their order behind the other inputs and outputs. Zeros start a series.
        size: bytes of the file.
    """

    path: Path
    form: str
    graph: str
    plan: Plan | Both
    states: tuple[tuple[str, str, int], ...]
    size: int


def checked(path: str | os.PathLike[str], graph: str) -> Path:
    """Where to write.

    Raises:
        InputError: no such graph, or the path is a folder.
    """
    if graph not in GRAPHS:
        raise InputError("export", "graph", f"is {graph!r}", 'Pass "step" or "sequence".')
    place = Path(path)
    if place.is_dir():
        raise InputError("export", "path", f"is a folder: {place}", "Pass the name of a file, such as `net.onnx`.")
    return place


def written(place: Path, form: str, graph: str, plan: Plan | Both, write: Callable[[Path], object]) -> Exported:
    """Have a file written beside its place, then put it there; an older one stays whole when anything fails."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.stem}.{secrets.token_hex(4)}.pt2")
    try:
        write(beside)
        size = beside.stat().st_size
        beside.replace(place)
    finally:
        with suppress(OSError):
            beside.unlink()
    states = tuple((NOW.format(state.name), NEXT.format(state.name), state.size) for state in plan.states())
    return Exported(place, form, graph, plan, states, size)
