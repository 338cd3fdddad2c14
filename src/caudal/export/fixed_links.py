"""Links of a plan as integer tables."""

import numpy as np

from caudal.export.assemble import Assembly
from caudal.export.fit import WIDEST, Fitted, FittedGate, as_type, fit_gate, fit_linear, largest
from caudal.export.plan import Floats, Links, Neurons
from caudal.export.program import Gate, Link
from caudal.export.tables import SIGMOID_UNIT, integer_table

# A gate has 15 fraction bits.
GATE = (2.0**-15, 32767)


def source_of(made: Assembly, links: Links) -> tuple[float, int]:
    """Unit and largest absolute value of the slot that links read."""
    slot = made.slots[made.reads(links.source)]
    return slot.unit, largest(slot.low, slot.high)


def as_link(made: Assembly, stem: str, links: Links, fitted: list[Fitted | None], gate: FittedGate | None) -> Link:
    """The link in table form; None where a channel receives nothing."""
    counts, index = made.shape(stem, links)
    names, shifts = [], []
    for k, one in enumerate(fitted):
        names.append("" if one is None else made.constant(f"{stem}_w{k}", as_type(one.weights)))
        shifted = one is not None and one.shift.any()
        shifts.append(made.constant(f"{stem}_shift{k}", one.shift.astype(np.uint8)) if one and shifted else "")
    held = None
    if gate is not None:
        made.tables["sigmoid"] = integer_table("sigmoid")
        slope = made.constant(f"{stem}_slope", as_type(gate.slope))
        held = Gate(slope, made.constant(f"{stem}_offset", as_type(gate.offset)), "sigmoid", gate.shift)
    takes = links.gated if gate is not None else (False,) * len(fitted)
    return Link(made.reads(links.source), counts, index, tuple(names), takes, tuple(shifts), held)


def fitted_links(made: Assembly, neurons: Neurons, units: tuple[float | Floats, ...]) -> tuple[Link, ...]:
    """All links of some neurons, onto accumulators of the given units."""
    found = []
    for place, links in enumerate(neurons.links):
        source, fitted = source_of(made, links), list[Fitted | None]()
        for k, unit in enumerate(units):
            if not links.weights[:, k].any():
                fitted.append(None)
                continue
            seen = GATE if links.slope is not None and links.gated[k] else source
            widest, each = WIDEST[made.dtype], made.dtype == "int8"
            fitted.append(fit_linear(neurons.name, links, k, unit, seen, widest, each))
        gate = None if links.slope is None else fit_gate(links, SIGMOID_UNIT, source, WIDEST[made.dtype])
        found.append(as_link(made, f"{neurons.name}_{place}", links, fitted, gate))
    return tuple(found)


def fitted_base(made: Assembly, neurons: Neurons, units: tuple[float | Floats, ...]) -> tuple[str, ...]:
    """Constants that the accumulators start from."""
    base = neurons.base
    if isinstance(base, tuple):
        return base
    whole = [np.floor(row / unit + 0.5).astype(np.int64) for row, unit in zip(base, units, strict=True)]
    return tuple(made.constant(f"{neurons.name}_base{k}", as_type(row)) for k, row in enumerate(whole))
