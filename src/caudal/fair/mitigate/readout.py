"""After training: the readout alone, trained on with a price on the gap, over all series at once."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from caudal.errors import InputError
from caudal.fair.mitigate.circuit.erase import erasure
from caudal.fair.mitigate.circuit.hidden_states import check_one_layer, readings
from caudal.fair.mitigate.circuit.probe import logistic
from caudal.nn import Readout
from caudal.train import Examples, Judged, Term


def fair_readout(
    model: Readout,
    data: Examples,
    term: Term,
    *,
    updates: int = 400,
    lr: float = 0.03,
    class_weights: tuple[float, ...] | None = None,
) -> Readout:
    """A copy of a trained net whose readout is trained on with a price on the gap; the recurrent layer stays.

    All series are read once, so each further update costs no recurrence, the gap is that of all of them and no noise
    of a batch, and the price meets a net that has learnt: seconds instead of a fit, and a curve of many prices is
    cheap. Where states tell the group, a linear readout can do what thresholds by group do, and no decision reads the
    attribute. It can do no more than a linear readout of these states can.

    Arguments:
        model: trained, of one recurrent layer.
        data: classified series with `groups`.
        term: its `held` is the price, such as `Penalty("equalised_odds", weight=20.0, sharpness=4.0)`; rates of
            decisions rather than of probabilities ask for a sharpness above 1. Its warm-up does not count.
        updates: of the readout, each over all series.
        lr: step size of Adam.
        class_weights: as in the training of the net.

    Raises:
        InputError: the net is of another form, the data lack groups or do not classify series, or `updates` is below 1.

    Example:
        >>> from caudal.fair.mitigate.penalties import Penalty
        >>> from caudal.nn import CfC
        >>> x, y, who = torch.randn(40, 5, 2), torch.arange(40) % 2, torch.arange(40) // 20
        >>> x[..., 0] += 2 * y[:, None] * who[:, None]
        >>> n, known = torch.full((40,), 5), torch.ones(40) > 0
        >>> data = Examples(x, torch.ones(40, 5), n, "classify", torch.ones(40), y, known, who)
        >>> net = Readout(CfC(2, 4, backbone_units=8), 2)
        >>> fair = fair_readout(net, data, Penalty(weight=5.0), updates=20)
        >>> fair is net, torch.equal(fair.map.weight, net.map.weight)
        (False, False)
    """
    net, target, groups = check_one_layer("fair_readout", model, data)
    if isinstance(updates, bool) or not isinstance(updates, int) or updates < 1:
        raise InputError("fair_readout", "updates", f"is {updates!r}", "Pass a whole number of at least 1.")
    weight = data.weight if class_weights is None else data.weight * data.weight.new_tensor(class_weights)[target]
    new = copy.deepcopy(net)
    read = readings(net, data)[0]
    new.map = trained_on(net.map, read, target, groups, weight, term, updates=updates, lr=lr)
    return new


def trained_on(
    old: nn.Linear,
    read: Tensor,
    target: Tensor,
    groups: Tensor,
    weight: Tensor,
    term: Term | None,
    *,
    updates: int,
    lr: float,
) -> nn.Linear:
    """A copy of a linear readout after further updates.

    Arguments:
        old: the readout.
        read: `(rows, inputs)` what it reads.
        target, groups: `(rows,)` codes; a group of -1 counts in none.
        weight: `(rows,)` of the loss; the price weighs all rows alike.
        term: the price; None for none.
        updates: how many.
        lr: step size of Adam.
    """
    readout = copy.deepcopy(old)
    optimizer = torch.optim.Adam(readout.parameters(), lr=lr)
    with torch.enable_grad():
        for _ in range(updates):
            scores = readout(read)
            loss = (weight * cross_entropy(scores, target, reduction="none")).sum() / weight.sum()
            if term is not None:
                loss = loss + term.held(Judged(scores, target, groups, torch.ones_like(weight)))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return readout


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
