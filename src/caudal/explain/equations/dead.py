"""Dead synapses: those without which, all at once, no output over given data moves by more than a tolerance."""

from dataclasses import dataclass

import torch
from torch import Tensor

from caudal import shapes
from caudal.errors import InputError
from caudal.nn import Layer
from caudal.wiring import Wiring


@dataclass(frozen=True)
class Dead:
    """Synapses that can be left out.

    Attributes:
        names: of the synapses.
        strengths: 1 for every synapse that stays and 0 for one that is left out, as `Layer.forward` takes them.
        error: the largest change of any output at any step over the data, measured without all of them at once.
        within: the tolerance that was asked for.
        series: how many series it was measured on.
    """

    names: tuple[str, ...]
    strengths: tuple[float, ...]
    error: float
    within: float
    series: int

    def __str__(self) -> str:
        return (
            f"{len(self.names)} of {len(self.strengths)} synapses left out: "
            f"outputs change by at most {self.error:.3g} over {self.series} series"
        )


def dead_synapses(
    model: Layer,
    x: Tensor,
    dt: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    lengths: Tensor | None = None,
    within: float = 1e-3,
) -> Dead:
    """The synapses that may be left out together, least influential first, for a stated error.

    Each synapse is first removed by itself. Then as many as possible are removed together in that order, by bisection;
    the error is what the whole set really changes, not a sum of estimates.

    Arguments:
        model: a layer over a wiring, or a composition of such.
        x, dt, mask, lengths: data, as in `Layer.forward`.
        within: largest change of an output that is accepted.

    Raises:
        InputError: the model has no wiring, or the tolerance is negative.
        ShapeError, DtypeError, NonFiniteError, TimeError: as in `Layer.forward`.

    Example:
        >>> from caudal.nn import LTC
        >>> net = LTC(2, 3)
        >>> dead = dead_synapses(net, torch.zeros(1, 4, 2), within=0.0)
        >>> dead.error
        0.0
    """
    count = model.synapse_count()
    if count == 0:
        fault = f"is a {type(model).__name__} without a wiring, so it has no synapses"
        raise InputError("dead_synapses", "model", fault, "Pass a net over a wiring: LTC, WiredCfC, LRC or CTRNN.")
    if not within >= 0:
        raise InputError("dead_synapses", "within", f"is {within}; expected at least 0", "Pass `within=1e-3`.")
    parameter = next(model.parameters())

    def without(removed: Tensor) -> float:
        strength = torch.ones(count, dtype=parameter.dtype, device=parameter.device)
        strength[removed] = 0
        y, _ = model(x, dt=dt, mask=mask, lengths=lengths, synapses=strength)
        gap = (y - whole).abs()
        return float(gap.max())

    was = model.training
    model.eval()
    try:
        with torch.no_grad():
            whole, _ = model(x, dt=dt, mask=mask, lengths=lengths)
            steps = shapes.steps_mask(x, mask, lengths)
            alone = torch.tensor([without(torch.tensor([k])) for k in range(count)])
            order = alone.argsort(stable=True)
            low, high, error = 0, int((alone <= within).sum()), 0.0
            while low < high:
                middle = (low + high + 1) // 2
                change = without(order[:middle])
                low, high, error = (middle, high, change) if change <= within else (low, middle - 1, error)
    finally:
        model.train(was)
    gone = sorted(order[:low].tolist())
    strengths = [0.0 if k in set(gone) else 1.0 for k in range(count)]
    names = synapse_names(model)
    series = int(x.shape[0] if steps is None else steps.any(1).sum())
    return Dead(tuple(names[k] for k in gone), tuple(strengths), error, within, series)


def synapse_names(model: Layer) -> list[str]:
    """Names of the synapses of every wiring inside, in the order that `synapses` has."""
    names: list[str] = []
    for module in model.modules():
        wiring = getattr(module, "wiring", None)
        if isinstance(wiring, Wiring):
            names += wiring.synapse_names
    return names
