"""A bidirectional layer for the sequence graph: the plans of both directions, and what maps their answers."""

from dataclasses import dataclass, replace
from typing import Any

from caudal.data import Encoder
from caudal.errors import InputError
from caudal.export.plan.plan import Plan, Scaling, Vector
from caudal.export.plan.read import answer_map, describe
from caudal.nn import Bidirectional, Readout
from caudal.typing import Floats


@dataclass(frozen=True, eq=False)
class Both:
    """Two plans over one series.

    Attributes:
        ahead, behind: of the forward and of the backward layer.
        weight, bias: of the map onto the outputs, from the answers of both side by side.
        layer: what was exported, in words.
    """

    ahead: Plan
    behind: Plan
    weight: Floats
    bias: Floats
    layer: str

    @property
    def inputs(self) -> int:
        """Size of `x`."""
        return self.ahead.inputs

    @property
    def outputs(self) -> int:
        """Size of `y`."""
        return len(self.bias)

    @property
    def scaling(self) -> Scaling:
        """Of inputs and time."""
        return self.ahead.scaling

    def states(self) -> list[Vector]:
        """Of both layers, in this order, with `ahead_` and `behind_` before their names."""
        parts = (("ahead", self.ahead), ("behind", self.behind))
        return [replace(state, name=f"{stem}_{state.name}") for stem, plan in parts for state in plan.states()]


def both_of(model: Any, encoder: Encoder | None) -> Both | None:
    """The plans of a bidirectional layer, alone, under a readout or in an estimator; None for any other model.

    Raises:
        InputError: a layer within has no graph, or the readout takes a mean.

    Example:
        >>> from caudal.nn import GRU
        >>> found = both_of(Bidirectional(GRU(3, 4), GRU(3, 5)), None)
        >>> [(state.name, state.size) for state in found.states()] if found else None
        [('ahead_h', 4), ('behind_h', 5)]
    """
    if hasattr(model, "net_"):
        model, encoder = model.net_, encoder or model.encoder_
    inner = model.layer if isinstance(model, Readout) else model
    if not isinstance(inner, Bidirectional):
        return None
    if isinstance(model, Readout) and model.pool != "last":
        fault = "takes the mean over a bidirectional layer, which has no graph"
        raise InputError("export", "model", fault, 'Build the readout with `pool="last"`.')
    if encoder is not None:  # the target's scale belongs to the last map
        inside = replace(encoder, scaler=replace(encoder.scaler, target_mean=(), target_std=()))
    else:
        inside = None
    ahead, behind = (describe(part, inside, graphs=True) for part in (inner.forward_layer, inner.backward_layer))
    weight, bias = answer_map(model, inner.outputs, encoder)
    return Both(ahead, behind, weight, bias, f"{type(model).__name__}({ahead.layer}, {behind.layer})")
