"""Everything that a net computed on the way to its outputs, as one frozen value with named arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from caudal import shapes
from caudal.errors import InputError
from caudal.nn.layer import Layer, State


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
        >>> from caudal.nn import LTC
        >>> found = trace(LTC(3, 4), torch.randn(2, 5, 3))
        >>> found["tau_sys"].shape, found["currents"].shape, found.residual < 1e-5
        (torch.Size([2, 5, 4]), torch.Size([2, 5, 28]), True)
    """

    cell: str
    path: str
    signals: Mapping[str, Signal]
    parts: tuple["Trace", ...] = ()
    residual: float = field(default=float("nan"))

    def walk(self) -> Iterator["Trace"]:
        """Itself and the traces inside it, outermost first."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def part(self, path: str) -> "Trace":
        """The trace of the layer at `path`.

        Raises:
            InputError: there is no such layer.
        """
        found = {one.path: one for one in self.walk()}
        if path not in found:
            raise InputError("Trace.part", "path", f"is {path!r}; there are {sorted(found)}", "Name one of them.")
        return found[path]

    def signal(self, name: str) -> Signal:
        """The signal of that name: of this layer, or of the only layer inside that has one.

        Raises:
            InputError: there is none, or several layers inside have one.
        """
        if name in self.signals:
            return self.signals[name]
        places = [one for one in self.walk() if name in one.signals]
        if len(places) == 1:
            return places[0].signals[name]
        if places:
            where = ", ".join(repr(one.path) for one in places)
            raise InputError("Trace", "name", f"is {name!r}, which {where} have", "Ask `trace.part(path)` first.")
        known = sorted({key for one in self.walk() for key in one.signals})
        raise InputError("Trace", "name", f"is {name!r}; there are {', '.join(known)}", "Name one of them.")

    def __getitem__(self, name: str) -> Tensor:
        """Values of `signal(name)`."""
        return self.signal(name).values

    @property
    def worst_residual(self) -> float:
        """The largest residual of this layer and of those inside it that have one."""
        known = [one.residual for one in self.walk() if one.residual == one.residual]
        return max(known, default=float("nan"))

    def __repr__(self) -> str:
        lines = [f"Trace of {self.cell}{f' at {self.path}' if self.path else ''}, residual {self.residual:.1e}"]
        for name, one in self.signals.items():
            shape = " x ".join(f"{size} {axis}" for size, axis in zip(one.values.shape, one.axes, strict=True))
            lines.append(f"  {name}: {shape}; {one.meaning} [{one.unit}]")
        for part in self.parts:
            lines += ["  " + line for line in repr(part).splitlines()]
        return "\n".join(lines)


def trace(
    model: nn.Module,
    x: Tensor,
    dt: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    lengths: Tensor | None = None,
    state: State | None = None,
    synapses: Tensor | None = None,
    substeps: bool = False,
    names: Sequence[str] | None = None,
) -> Trace:
    """Run a net and keep what every layer computed. No hook is set, nothing of the net changes.

    The net runs once on its usual kernels; gates, currents and time constants of all steps are then put together from
    its states in a few large operations, so a trace costs a small multiple of the call.

    Arguments:
        model: any layer of caudal, wired or not, or a composition.
        x, dt, mask, lengths, state, synapses: as in `Layer.forward`.
        substeps: keep LTC, LRC and CTRNN signals for every sub-step, on an axis after time. Without it gates,
            conductances and currents are means over the sub-steps, moves are sums, `tau_sys` is the capacitance over
            the mean conductance.
        names: of the inputs; `input/0`, ... without.

    Raises:
        InputError: `model` is not a layer of caudal, or `names` do not fit.
        ShapeError, DtypeError, NonFiniteError, TimeError: as in `Layer.forward`.
    """
    from caudal.explain.trace_job import Job
    from caudal.explain.trace_layers import evaluating, follow  # the tracers read the values of this file

    if not isinstance(model, Layer):
        fault = f"is a {type(model).__name__}; expected a layer of caudal"
        raise InputError("trace", "model", fault, "Pass the net; of an estimator that is `model.net_`.")
    if names is not None and len(names) != model.inputs:
        fault = f"holds {len(names)} names; the net has {model.inputs} inputs"
        raise InputError("trace", "names", fault, "Pass one name per input.")
    with torch.no_grad(), evaluating(model):
        y, _ = model(x, dt=dt, mask=mask, lengths=lengths, state=state, synapses=synapses)
        steps = shapes.steps_mask(x, mask, lengths)
        dt = x.new_ones(x.shape[:2]) if dt is None else dt
        if steps is not None:
            x, dt = torch.where(steps[..., None], x, 0), torch.where(steps, dt, 0)
        start = model.initial_state(x.shape[0]) if state is None else state
        strength = synapses.to(x.dtype) if synapses is not None else None
        found, again, _ = follow(model, Job(x, dt, steps, start, strength, substeps, "", names))
        if steps is not None:
            again = torch.where(steps[..., None], again, 0)
    drift = float((again - y).abs().max())
    residual = max(drift, found.residual) if found.residual == found.residual else drift
    return Trace(found.cell, found.path, found.signals, found.parts, residual)
