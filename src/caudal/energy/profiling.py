"""Cost of a model: operations per step and per decision, its size, and the numbers moved."""

from dataclasses import dataclass

from caudal.energy.estimating import MEMORIES, estimate
from caudal.energy.tables import TABLES
from caudal.errors import InputError
from caudal.intervals import Reading
from caudal.nn.layer import Layer
from caudal.nn.operations import Operations, live_parameters, operations

_WORD = 4


@dataclass(frozen=True)
class Profile:
    """Counted cost of a model in float32.

    Attributes:
        kind: class of the layer.
        steps: of a decision (a series).
        step, decision: exact work of one step and of one series.
        parameters: trained numbers.
        live_parameters: those that can change an output.
        synapses: of wired layers; 0 elsewhere.
        bytes_per_step: weights, state, inputs and outputs that move.
        energy: of one decision, by table and place of the weights.
    """

    kind: str
    steps: float
    step: Operations
    decision: Operations
    parameters: int
    live_parameters: int
    synapses: int
    bytes_per_step: float
    energy: dict[str, Reading]


def profile(net: Layer, steps: float = 1.0) -> Profile:
    """Count a model.

    Arguments:
        net: a layer or readout of `caudal.nn`.
        steps: of a typical series.

    Raises:
        InputError: the layer is not one of caudal's own, or `steps` is below 1.

    Example:
        >>> from caudal.nn import LTC
        >>> work = profile(LTC(3, 8, substeps=1), steps=24)
        >>> work.synapses, work.step.sigmoids, work.decision.sigmoids
        (88, 88.0, 2112.0)
    """
    if not 1 <= steps < float("inf"):
        raise InputError("profile", "steps", f"is {steps}; expected at least 1", "Pass the steps of a series.")
    work = operations(net, steps)
    whole = work.times(steps)
    return Profile(
        kind=type(getattr(net, "layer", net)).__name__,
        steps=float(steps),
        step=work,
        decision=whole,
        parameters=sum(p.numel() for p in net.parameters() if p.requires_grad),
        live_parameters=live_parameters(net),
        synapses=net.synapse_count(),
        bytes_per_step=_WORD * work.moved,
        energy={
            f"{name}, {memory}": estimate(whole, table=name, memory=memory) for name in TABLES for memory in MEMORIES
        },
    )
