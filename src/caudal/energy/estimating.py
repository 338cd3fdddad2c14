"""From a model to operations per step and per decision, and from counted work to an interval of energy."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from caudal.energy.tables import TABLES, Range, table_of
from caudal.errors import InputError
from caudal.intervals import Reading
from caudal.nn.layer import Layer
from caudal.nn.operations import Operations, live_parameters, operations

Memory = Literal["sram", "dram"]
MEMORIES: tuple[Memory, ...] = ("sram", "dram")


def estimate(work: Operations, *, table: str = "horowitz-2014", memory: Memory = "sram") -> Reading:
    """Energy of some work in float32: arithmetic and memory; instructions, clocks and leakage are not in it.

    Arguments:
        work: of a step, or of a series (`caudal.nn.operations.operations`).
        table: `"horowitz-2014"` or `"jouppi-2021"`.
        memory: where the weights lie. State, inputs and outputs lie in SRAM.

    Raises:
        InputError: there is no such table or memory.

    Source: Horowitz, "Computing's energy problem", ISSCC 2014, fig. 1.1.9; Jouppi et al., "Ten lessons from three
    generations shaped Google's TPUv4i", ISCA 2021, table 2.

    Example:
        >>> print(estimate(Operations(macs=1000, weights=1000)))
        9.6 to 54.6 nJ estimated (Horowitz, ISSCC 2014, 45 nm; weights in SRAM)
    """
    if memory not in ("sram", "dram"):
        raise InputError("estimate", "memory", f"is {memory!r}", 'Pass "sram" or "dram".')
    prices = table_of(table)
    arithmetic = prices.multiply * work.products + prices.add * work.sums
    spent = [
        (work.divisions, prices.division),
        (work.transcendentals, prices.curved),
        (work.comparisons, prices.comparison),
        (work.weights, prices.sram if memory == "sram" else prices.dram),
        (work.state + work.ends, prices.sram),
        (1.0, Range(arithmetic, arithmetic)),
    ]
    low, high = (1e-12 * sum(count * getattr(price, end) for count, price in spent) for end in ("low", "high"))
    return Reading("estimated", f"{prices.title}; weights in {memory.upper()}", low, high)


class Spent(NamedTuple):
    """Joules that were read, or estimated from stated watts.

    Attributes:
        decision: of one series.
        training: of all passes together.
    """

    decision: Reading
    training: Reading


def columns(
    work: Operations | None,
    steps: float,
    *,
    correct: float | None = None,
    seen: float = 0.0,
    spent: Spent | None = None,
    why: str = "its operations are not counted",
) -> dict[str, Reading]:
    """The energy columns of one model in a study, each with its label and source.

    Arguments:
        work: of one step, or None where it is not counted.
        steps: of a typical series; one series is one decision.
        correct: share of decisions that are right, of a classifier.
        seen: steps of series that training went through, all passes together; forward and backward cost three times
            a step forward.
        spent: what was read, or estimated from watts; None where nobody looked.
        why: the reason, where `work` is None.

    Returns:
        `decision`, `correct` and `training`, each with `.sram` and `.dram` from counted operations, and `.measured`.

    Example:
        >>> print(columns(Operations(macs=1000, weights=1000), 10)["decision.sram"])
        96 to 546 nJ estimated (Horowitz, ISSCC 2014, 45 nm; weights in SRAM)
    """
    readings: dict[str, Reading] = {}
    for memory in MEMORIES:
        reading = Reading("unknown", why) if work is None else estimate(work, memory=memory)
        readings[f"decision.{memory}"] = reading.times(steps)
        if correct:
            readings[f"correct.{memory}"] = reading.times(steps / correct)
        if seen:
            readings[f"training.{memory}"] = reading.times(3 * seen)
    unread = Reading("unknown", "no energy counter was read")
    decision, training = spent or (unread, unread)
    readings["decision.measured"], readings["training.measured"] = decision, training
    if correct:
        readings["correct.measured"] = decision.times(1 / correct)
    return readings


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
