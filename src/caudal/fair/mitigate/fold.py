"""A readout trained anew on what a projection leaves, the projection folded into its weights."""

import copy

import torch
from torch import Tensor

from caudal.fair.mitigate.erase import erasure
from caudal.fair.mitigate.inside import check_one_layer, readings
from caudal.fair.mitigate.probe import logistic
from caudal.nn import Readout
from caudal.train import Examples

RIDGE = 1e-4


def fold(
    model: Readout, seen: Tensor, target: Tensor, weight: Tensor, plane: Tensor, mean: Tensor, ridge: float
) -> None:
    """Train the readout in place on what is left; it projects by its own weights.

    Arguments:
        model: whose readout it is.
        seen: `(batch, outputs of the layer)` float64, projected.
        target: `(batch,)` codes of the classes.
        weight: `(batch,)`.
        plane, mean: of the projection.
        ridge: price of the squared weights.
    """
    spread = seen.std(0, correction=0)
    live = spread > 1e-6
    scale = torch.where(live, 1 / spread.clamp_min(1e-6), 0)
    slope, shift = logistic((seen - mean) * scale, target, weight, classes=model.outputs, ridge=ridge)
    slope = slope * scale @ plane
    with torch.no_grad():
        model.map.weight.copy_(slope)
        model.map.bias.copy_(shift - slope @ mean)


def refitted(model: Readout, data: Examples, level: Tensor, ridge: float = RIDGE) -> tuple[Readout, float]:
    """A copy that decides by what the projection leaves, and the weighted share of series that it tells right.

    Arguments:
        model: of one layer.
        data: series with target and groups; the projection takes the group out of them as they are.
        level: `(batch,)` weights of the series for the readout and the share.
        ridge: price of the squared weights.

    Raises:
        InputError: target or groups are unknown.
    """
    _, target, groups = check_one_layer("cut_attribute", model, data)
    read, new = readings(model, data)[0], copy.deepcopy(model)
    plane, mean = erasure(read, groups, data.weight)
    fold(new, (read.double() - mean) @ plane.T + mean, target, level, plane, mean, ridge)
    with torch.no_grad():
        right = new.map(read).argmax(1) == target
    return new, float((right * level).sum() / level.sum())
