"""Where the work vectors of a step lie: those never needed at the same time share memory."""

from dataclasses import dataclass

from caudal.export.program.program import Program, Step


@dataclass(frozen=True)
class Place:
    """An array on the stack: its name, C type and size."""

    name: str
    ctype: str
    size: int


def _touched(step: Step) -> list[str]:
    """Slots that a step reads or writes, in the order in which the program names them."""
    names = [name for pair in step.commit for name in pair]
    if step.block is not None:
        names += [*step.block.base, *(link.source for link in step.block.links)]
        names += [name for name, _ in step.block.stores]
        names += [node.name for node in step.block.nodes if node.op in ("load", "scalar")]
    return names


def places(program: Program) -> dict[str, Place]:
    """The array of each work vector.

    Example:
        >>> from caudal.export.plan.read import describe
        >>> from caudal.export.program.lower_fixed import lower_fixed
        >>> from caudal.nn import LTC
        >>> found = places(lower_fixed(describe(LTC(4, 3))))
        >>> found["x_scaled"] == found["v_next"], found["x_scaled"].size
        (True, 4)
    """
    spans: dict[str, tuple[int, int]] = {}
    for at, step in enumerate(program.steps):
        for name in _touched(step):
            if name in program.slots and program.slots[name].role == "work":
                spans[name] = (spans.get(name, (at, at))[0], at)
    groups: list[tuple[list[tuple[int, int]], Place]] = []
    group_of: dict[str, int] = {}
    # Ties are broken by name: equal programs must give equal C in every process.
    for name, span in sorted(spans.items(), key=lambda item: (-program.slots[item[0]].size, item[1], item[0])):
        slot = program.slots[name]
        for k, (taken, place) in enumerate(groups):
            if place.ctype == slot.ctype and all(span[1] < first or last < span[0] for first, last in taken):
                taken.append(span)
                group_of[name] = k
                break
        else:
            group_of[name] = len(groups)
            groups.append(([span], Place(f"w{len(groups)}", slot.ctype, slot.size)))
    return {name: groups[k][1] for name, k in group_of.items()}
