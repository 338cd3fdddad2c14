"""A trace: every intermediate array of a forward pass, named, as one frozen value."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.nn.layer import Layer, State
from caudal.wiring import Wiring
from caudal.wiring.parts import name_of, pair_of


@dataclass(frozen=True, eq=False)
class Signal:
    """One named array of a trace.

    Attributes:
        values: detached, of the net's dtype.
        axes: what each axis is: `"batch"`, `"time"`, `"substep"`, `"head"`, `"synapse"`, `"neuron"`, `"output"`.
        names: along the last axis.
        unit: of the values; potentials of a net have no physical unit.
        meaning: one line.
    """

    values: Tensor
    axes: tuple[str, ...]
    names: tuple[str, ...]
    unit: str
    meaning: str


@dataclass(frozen=True, eq=False)
class Trace:
    """What one layer computed, and what the layers inside it did. Arrays are 0 at steps that do not count.

    Attributes:
        cell: class of the layer.
        path: where it stands in the net, `""` for the net itself, then as in `named_modules`.
        signals: arrays by name.
        parts: traces of the layers inside.
        residual: largest difference between the states (the outputs, of a composition) and those put together again
            from the parts; float error, or the trace does not tell the whole story. NaN where a cell has no parts.

    Example:
        >>> from caudal.explain import trace
        >>> from caudal.nn import LTC
        >>> signals = trace(LTC(3, 4), torch.randn(2, 5, 3))
        >>> signals["tau_sys"].shape, signals["currents"].shape, signals.residual < 1e-5
        (torch.Size([2, 5, 4]), torch.Size([2, 5, 28]), True)
    """

    cell: str
    path: str
    signals: Mapping[str, Signal]
    parts: tuple["Trace", ...] = ()
    residual: float = field(default=float("nan"))

    def walk(self) -> Iterator["Trace"]:
        """The trace itself and the traces inside it, outermost first."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def part(self, path: str) -> "Trace":
        """The trace of the layer at `path`.

        Raises:
            InputError: there is no such layer.
        """
        traces = {trace.path: trace for trace in self.walk()}
        if path not in traces:
            raise InputError("Trace.part", "path", f"is {path!r}; there are {sorted(traces)}", "Name one of them.")
        return traces[path]

    def signal(self, name: str) -> Signal:
        """The signal of that name: of this layer, or of the only layer inside that has one.

        Raises:
            InputError: there is none, or several layers inside have one.
        """
        if name in self.signals:
            return self.signals[name]
        places = [trace for trace in self.walk() if name in trace.signals]
        if len(places) == 1:
            return places[0].signals[name]
        if places:
            where = ", ".join(repr(trace.path) for trace in places)
            raise InputError("Trace", "name", f"is {name!r}, which {where} have", "Ask `trace.part(path)` first.")
        known = sorted({key for trace in self.walk() for key in trace.signals})
        raise InputError("Trace", "name", f"is {name!r}; there are {', '.join(known)}", "Name one of them.")

    def __getitem__(self, name: str) -> Tensor:
        """Values of `signal(name)`."""
        return self.signal(name).values

    @property
    def worst_residual(self) -> float:
        """The largest residual of this layer and of those inside it that have one."""
        known = [trace.residual for trace in self.walk() if trace.residual == trace.residual]
        return max(known, default=float("nan"))

    def __repr__(self) -> str:
        lines = [f"Trace of {self.cell}{f' at {self.path}' if self.path else ''}, residual {self.residual:.1e}"]
        for name, signal in self.signals.items():
            shape = " x ".join(f"{size} {axis}" for size, axis in zip(signal.values.shape, signal.axes, strict=True))
            lines.append(f"  {name}: {shape}; {signal.meaning} [{signal.unit}]")
        for part in self.parts:
            lines += ["  " + line for line in repr(part).splitlines()]
        return "\n".join(lines)


class TraceJob(NamedTuple):
    """Checked arguments of one layer.

    Attributes:
        x, dt, mask, state, synapses: as in `Layer.through`; x and dt are 0 where the mask is False.
        substeps: whether sub-steps are kept apart.
        path: of the layer in the net.
        names: of the inputs, or None.
    """

    x: Tensor
    dt: Tensor
    mask: Tensor | None
    state: State
    synapses: Tensor | None
    substeps: bool
    path: str
    names: Sequence[str] | None

    def inside(self, name: str, **changed: Any) -> "TraceJob":
        """The arguments of a layer inside this one."""
        return self._replace(path=f"{self.path}.{name}" if self.path else name, **changed)


Followed = tuple[Trace, Tensor, State]


class StepValues:
    """Collects the signals of one layer into a `Trace`."""

    def __init__(self, layer: Layer, job: TraceJob) -> None:
        self.layer, self.job, self.signals = layer, job, dict[str, Signal]()

    def add(
        self,
        name: str,
        values: Tensor,
        axis: str,
        names: Sequence[str],
        unit: str,
        meaning: str,
        *between: str,
        everywhere: bool = False,
    ) -> None:
        """Keep `(batch, time, *between, axis)`, 0 at steps that do not count unless it is kept `everywhere`."""
        mask = self.job.mask
        if mask is not None and not everywhere:
            values = torch.where(mask.view(*mask.shape, *[1] * (values.dim() - 2)), values, 0)
        axes = ("batch", "time", *between, axis)
        self.signals[name] = Signal(values.detach(), axes, tuple(names), unit or "1", meaning)

    def values(self, name: str) -> Tensor:
        """Values of a signal recorded before."""
        return self.signals[name].values

    def distance(self, recomputed: Tensor, states: Tensor) -> float:
        """Largest difference at steps that count."""
        gap = (recomputed - states).abs().flatten(2).amax(2)
        if self.job.mask is not None:
            gap = torch.where(self.job.mask, gap, 0)
        return float(gap.max())

    def trace(self, residual: float = float("nan"), parts: tuple[Trace, ...] = ()) -> Trace:
        """The trace of the layer."""
        return Trace(type(self.layer).__name__, self.job.path, self.signals, parts, residual)


def numbered(kind: str, count: int) -> tuple[str, ...]:
    """`kind/0`, `kind/1`, ...

    Example:
        >>> numbered("unit", 2)
        ('unit/0', 'unit/1')
    """
    return tuple(name_of(kind, k) for k in range(count))


def synapse_names(wiring: Wiring, inputs: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names of the sensory and recurrent synapses, with the inputs by the names given.

    Example:
        >>> from caudal.wiring import fully_connected
        >>> synapse_names(fully_connected(1, 1), ["pulse"])
        ('pulse -> motor/0', 'motor/0 -> motor/0')
    """
    if inputs is None:
        return wiring.synapse_names
    sensory, recurrent = wiring.sensory_synapses, wiring.synapse_names[len(wiring.sensory_synapses.source) :]
    ends = zip(sensory.source.tolist(), sensory.target.tolist(), strict=True)
    return (*(pair_of(inputs[a], wiring.names[b]) for a, b in ends), *recurrent)


def rows(values: Tensor) -> Tensor:
    """`(batch, time, ...)` reshaped to `(batch * time, ...)`."""
    return values.flatten(0, 1)


def unrow(values: Tensor, axes: Sequence[int]) -> Tensor:
    """`(batch * time, ...)` reshaped back to `(batch, time, ...)`, the reverse of `rows`."""
    return values.reshape(*axes, *values.shape[1:])


def per_row(strength: Tensor | None, job: TraceJob) -> Tensor | None:
    """Strengths as the rows of `rows` read them."""
    if strength is None or strength.dim() == 1:
        return strength
    return strength.repeat_interleave(job.x.shape[1], 0)
