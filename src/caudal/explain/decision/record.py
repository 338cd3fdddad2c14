"""The data shown on the explanation page of one decision."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from caudal.data import Feature
from caudal.explain.counterfactual.bounds import Bounds
from caudal.explain.counterfactual.record import Counterfactual
from caudal.explain.equations.dead import Dead
from caudal.explain.equations.read import Equations
from caudal.explain.influence.record import Influence
from caudal.explain.neurons.phases import Drives
from caudal.explain.proof.verify import Certificate
from caudal.nn.decide import decided
from caudal.typing import Floats
from caudal.wiring import Wiring


@dataclass(frozen=True, eq=False)
class Decision:
    """One decision of a network with everything computed to explain it.

    Attributes:
        id: name of the series.
        weights: of the net, how many.
        cell: class of its recurrent layer.
        classes: names of the classes; empty for a regression.
        decision: class decided for, or the predicted number as text.
        scores: `(time, outputs)` probabilities of the classes, or predicted numbers, so far at each step.
        time: `(time,)` of each step, in `time_unit`.
        time_unit: of the times.
        influence: of every input and elapsed time at every step, with its scorecard.
        synapses: influence of each synapse by removal, or None without a wiring.
        without: synapse -> probability of the decision (or predicted number) without it, and whether it turns.
        wiring: the circuit, or None.
        neurons: names.
        inputs: channels of the net.
        activity: `(time, neurons)` states.
        tau: `(time, neurons)` time constants in `time_unit`, or None for cells without.
        drives: what moves each neuron in this series.
        counterfactual: the least change found that turns it, or None.
        certificate: what is proven of it, or None.
        radius: tolerance of the certificate, in standard deviations; the elapsed times move as much.
        proven: largest tolerance that was proven, in standard deviations; 0 where none was.
        dead: synapses that the equations leave out, or None.
        equations: of the net, or None.
        rounding: largest change of the outputs of this series by the digits of the printed equations; NaN of
            larger nets, where it was not measured.
        outside: values beyond the range of the other series: `(name, step, value)`.
        missing: part -> why it is not there.
        reference: how many series ranges and typical values come from.
        outcome: what is decided about, the name of the target; `""` where it is not known.
        features: the inputs, with their units.
        values: `(time, features)` as they were observed; NaN where they were not.
        gaps: `(time,)` elapsed times before each step, in `time_unit`.
        bounds: range, spread and grid of inputs and gaps over the table.
        threshold: of two classes, the probability of the last from which on it is decided for; None for the likeliest.
            Log odds count from there.
    """

    id: str
    weights: int
    cell: str
    classes: tuple[str, ...]
    decision: str
    scores: Floats
    time: Floats
    time_unit: str
    influence: Influence
    synapses: Influence | None
    without: Mapping[str, tuple[float, bool]]
    wiring: Wiring | None
    neurons: tuple[str, ...]
    inputs: tuple[str, ...]
    activity: Floats
    tau: Floats | None
    drives: Drives
    counterfactual: Counterfactual | None
    certificate: Certificate | None
    radius: float
    dead: Dead | None
    equations: Equations | None
    rounding: float
    outside: tuple[tuple[str, int, float], ...]
    missing: Mapping[str, str]
    reference: int
    outcome: str
    features: tuple[Feature, ...]
    values: Floats
    gaps: Floats
    bounds: Bounds
    proven: float = 0.0
    threshold: float | None = None

    @property
    def code(self) -> int:
        """Position of the decision among the classes; 0 for a regression."""
        return self.classes.index(self.decision) if self.classes else 0

    @property
    def since(self) -> int:
        """Step, from 0, since which the decision has been what it is."""
        if not self.classes:
            return 0
        other = np.flatnonzero(decided(self.scores, self.threshold) != self.code)
        return int(other[-1]) + 1 if len(other) else 0
