"""Names of neurons and synapses: one spelling for pictures, files, logs and explanations."""

from collections.abc import Sequence

from caudal.wiring.parts import Role, Synapses

ARROW = " -> "


def name_of(kind: str, number: int) -> str:
    """Name of one input or neuron, counted from 0 within its kind.

    Example:
        >>> name_of("command", 3)
        'command/3'
    """
    return f"{kind}/{number}"


def pair_of(source: str, target: str) -> str:
    """Name of what runs from one thing to another: of a synapse between names, of a bundle between roles.

    Example:
        >>> pair_of("command/3", "motor/0")
        'command/3 -> motor/0'
    """
    return f"{source}{ARROW}{target}"


def input_names(inputs: int) -> tuple[str, ...]:
    """Names of the inputs, in order."""
    return tuple(name_of("input", number) for number in range(inputs))


def neuron_names(roles: Sequence[Role]) -> tuple[str, ...]:
    """Names of the neurons, in the order of the state.

    Example:
        >>> neuron_names(("inter", "inter", "motor"))
        ('inter/0', 'inter/1', 'motor/0')
    """
    first = {role: roles.index(role) for role in roles}
    return tuple(name_of(role, index - first[role]) for index, role in enumerate(roles))


def synapse_names(synapses: Synapses, sources: Sequence[str], targets: Sequence[str]) -> tuple[str, ...]:
    """Names of synapses, in their own order (by target, then by source)."""
    ends = zip(synapses.source.tolist(), synapses.target.tolist(), strict=True)
    return tuple(pair_of(sources[source], targets[target]) for source, target in ends)
