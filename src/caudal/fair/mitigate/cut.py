"""The way through the circuit: find what tells the group, take it out, look again with a new probe."""

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.fair.mitigate.carriers import Carrier, neuron_carriers, synapse_carriers
from caudal.fair.mitigate.erase import erasure
from caudal.fair.mitigate.inside import check_one_layer, names_of, readings, without
from caudal.fair.mitigate.probe import Probe, logistic, probe
from caudal.fair.mitigate.weights import reweighing
from caudal.nn import Readout
from caudal.train import Examples

POINTS = 2.0
_ROUNDS, _SOME, _LITTLE = 20, 1024, 1e-3


@dataclass(frozen=True, eq=False)
class Cut:
    """A net without what told the group, and what that did.

    Attributes:
        model: the new net, an ordinary readout; the old one is as it was.
        synapses: names of those cut.
        neurons: carriers of the old net, the strongest first.
        before, after: a linear probe of what the decision reads, old and new; each trained anew.
        curved: a probe that is not linear, of what the new decision reads.
        inside_before, inside: a linear probe of the states of all neurons, old and new.
        accuracy_before, accuracy: on the other people, with the classes as they are written down.
    """

    model: Readout
    synapses: tuple[str, ...]
    neurons: tuple[Carrier, ...]
    before: Probe
    after: Probe
    curved: Probe
    inside_before: Probe
    inside: Probe
    accuracy_before: float
    accuracy: float

    @property
    def cost(self) -> float:
        """Percentage points of accuracy that were lost; below 0 where some were won."""
        return round(100 * (self.accuracy_before - self.accuracy), 2)

    @property
    def succeeded(self) -> bool:
        """Whether the new probe is within 2 points of chance, at no more than 2 points of accuracy."""
        return abs(self.after.points) <= POINTS and self.cost <= POINTS

    def words(self, language: str = "en") -> str:
        """What came of it, in sentences, in English or Spanish (`"es"`)."""
        from caudal.fair.mitigate.words import cut_words

        return cut_words(self, language)


def cut_attribute(
    model: Readout,
    train: Examples,
    other: Examples,
    *,
    synapses: bool = True,
    balance: bool = True,
    cost: float = POINTS,
    ridge: float = 1e-4,
) -> Cut:
    """Take the group out of what a net decides by.

    First, in a wired net, synapses that a probe of the group gains by are cut for good, in up to 20 rounds of a
    twentieth each, those first that the decision needs least for what they tell, as long as that costs no more than
    `cost` with a readout trained anew. Then the
    readout is trained anew on what it reads with the directions that tell the group projected out (`erasure`); the
    projection goes into its weights, so that the net stays of its kind. At last new probes are trained.

    No attribute is needed for a decision. Where the true rates differ between groups, taking out the group takes out
    what tells them, too: a demand of demographic parity, with its cost.

    Arguments:
        model: trained, of one recurrent layer, deciding once for each series.
        train: series with target and groups.
        other: the same of other people, for the probes and the accuracy. Probes of fewer than about 1,000 people are
            uncertain by more than two points; their intervals say so.
        synapses: whether to cut synapses, where there are any.
        balance: whether classes weigh as in `reweighing` when synapses are chosen and the readout is trained, so that
            what a biased label tells of the group is not taken for something that the decision needs.
        cost: points of accuracy on `train`, so weighed, that cutting synapses may lose.
        ridge: of the readout's weights.

    Raises:
        InputError: the net has several layers or is wired with other synapses than those of LTC and WiredCfC, target
            or groups are unknown, or there is one group only.

    Example:
        >>> from caudal.nn import CfC
        >>> x, n, one = torch.randn(200, 3, 2), torch.full((200,), 3), torch.ones(200)
        >>> who, y = torch.arange(200) % 2, torch.arange(200) // 2 % 2
        >>> x[:, :, 1] += who[:, None]
        >>> data = Examples(x, torch.ones(200, 3), n, "classify", one, y, one > 0, who)
        >>> found = cut_attribute(Readout(CfC(2, 4, backbone_units=4), 2), data, data)
        >>> found.before.points > 10 > abs(found.after.points)
        True
    """
    net, target, groups = check_one_layer("cut_attribute", model, train)
    _, asked, others = check_one_layer("cut_attribute", model, other)
    if cost < 0:
        raise InputError("cut_attribute", "cost", f"is {cost}; expected points of at least 0", "Pass 2.0, say.")
    cut, names = net, tuple[str, ...]()
    level = train if not balance else replace(train, weight=_balanced(train, target, groups))
    if synapses and names_of(net.layer):
        cut, names = _cut_synapses(net, level, cost)
    read, _ = readings(cut, train)
    plane, mean = erasure(read, groups, train.weight)
    new = copy.deepcopy(cut)
    _fold(new, (read.double() - mean) @ plane.T + mean, target, level.weight, plane, mean, ridge)
    old_read, old_states = readings(net, train)
    old_other, old_other_states = readings(net, other)
    new_other, new_states_other = readings(cut, other)
    _, new_states = readings(cut, train)
    seen, shown = ((one.double() - mean) @ plane.T + mean for one in (read, new_other))
    return Cut(
        model=new,
        synapses=names,
        neurons=neuron_carriers(net, train),
        before=probe(old_read, groups, old_other, others),
        after=probe(seen, groups, shown, others),
        curved=probe(seen, groups, shown, others, kind="curved"),
        inside_before=probe(old_states, groups, old_other_states, others),
        inside=probe(new_states, groups, new_states_other, others),
        accuracy_before=_right(net, old_other, asked),
        accuracy=_right(new, new_other, asked),
    )


def _fold(
    model: Readout, seen: Tensor, target: Tensor, weight: Tensor, plane: Tensor, mean: Tensor, ridge: float
) -> None:
    """A readout trained on what is left, which projects by its own weights."""
    spread = seen.std(0, correction=0)
    live = spread > 1e-6
    scale = torch.where(live, 1 / spread.clamp_min(1e-6), 0)
    slope, shift = logistic((seen - mean) * scale, target, weight, classes=model.outputs, ridge=ridge)
    slope = slope * scale @ plane
    with torch.no_grad():
        model.map.weight.copy_(slope)
        model.map.bias.copy_(shift - slope @ mean)


def _balanced(data: Examples, target: Tensor, groups: Tensor) -> Tensor:
    known = groups >= 0
    weight = data.weight.clone()
    weight[known] = torch.tensor(reweighing(groups[known], target[known], weight[known])).to(weight)
    return weight


def _right(model: Readout, read: Tensor, target: Tensor) -> float:
    with torch.no_grad():
        return float((model.map(read).argmax(1) == target).double().mean())


def _cut_synapses(model: Readout, data: Examples, cost: float) -> tuple[Readout, tuple[str, ...]]:
    """A copy with synapses cut that a probe gains by; its readout is not trained anew yet."""
    rng = torch.Generator().manual_seed(0)
    some = data.rows(torch.randperm(len(data), generator=rng)[:_SOME])
    names = names_of(model.layer)
    strength = torch.ones(len(names), dtype=some.x.dtype)
    start, best, now = _refit(model, some)[1], strength, model
    for _ in range(_ROUNDS):
        carriers = synapse_carriers(now, some)
        order = sorted(
            (k for k, one in enumerate(carriers) if one.attribute > 0 and strength[k] > 0),
            key=lambda k: -carriers[k].attribute / (max(carriers[k].decision, 0.0) + _LITTLE),
        )
        if not order:
            break
        strength = strength.index_fill(0, torch.tensor(order[: max(1, len(names) // 20)]), 0)
        now, right = _refit(without(model, strength), some)
        if 100 * (start - right) > cost:
            break
        best = strength
    return without(model, best), tuple(name for name, one in zip(names, best.tolist(), strict=True) if not one)


def _refit(model: Readout, data: Examples) -> tuple[Readout, float]:
    """The net with a readout trained anew in place, and the weighted share of series that it tells right."""
    _, target, _ = check_one_layer("cut_attribute", model, data)
    read, new = readings(model, data)[0], copy.deepcopy(model)
    width = torch.eye(read.shape[1], dtype=torch.float64)
    _fold(new, read.double(), target, data.weight, width, read.double().mean(0), 1e-4)
    with torch.no_grad():
        right = new.map(read).argmax(1) == target
    return new, float((right * data.weight).sum() / data.weight.sum())
