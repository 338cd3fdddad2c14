"""The way through the circuit: find what tells the group, take it out, look again with a new probe."""

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from caudal.errors import InputError
from caudal.fair.mitigate.circuit.carriers import Carrier, neuron_carriers, synapse_carriers
from caudal.fair.mitigate.circuit.erase import erasure
from caudal.fair.mitigate.circuit.hidden_states import bare, check_one_layer, names_of, readings, without
from caudal.fair.mitigate.circuit.probe import Kind as ProbeKind
from caudal.fair.mitigate.circuit.probe import Probe, probe
from caudal.fair.mitigate.readout import RIDGE, fold, refitted
from caudal.fair.mitigate.reweighing import reweighing
from caudal.nn import Readout
from caudal.train import Examples

POINTS = 2.0
_ROUNDS, _SOME, _LITTLE = 20, 1024, 1e-3
_BATCH = 128


@dataclass(frozen=True, eq=False)
class AttributeCut:
    """A net from which the group was removed, with probes and accuracy before and after.

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
    cost: float = POINTS / 2,
    relearn: int = 4,
    ridge: float = RIDGE,
) -> AttributeCut:
    """A copy of a net whose synapses and readout tell as little of the group as they can, with probes before and after.

    First, in a wired net, synapses that a probe of the group gains by are cut for good, in up to 20 rounds of a
    twentieth each or fewer, those first that the decision needs least for what they tell, where that costs no more
    than `cost` of what a readout of the projected outputs tells. Then the layer is trained lightly (`relearn`), and the
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
        cost: points of accuracy on `train`, so weighed and projected, that cutting synapses may lose.
        relearn: passes in which the layer is trained lightly, after the cut, to decide by what the projection leaves;
            0 trains the readout alone.
        ridge: of the readout's weights.

    Raises:
        InputError: the net has several layers or is wired with other synapses than those of LTC and WiredCfC, target
            or groups are unknown, or there is one group only.

    Example:
        >>> from caudal.nn import CfC
        >>> x, n, weight = torch.randn(200, 3, 2), torch.full((200,), 3), torch.ones(200)
        >>> who, y = torch.arange(200) % 2, torch.arange(200) // 2 % 2
        >>> x[:, :, 1] += who[:, None]
        >>> data = Examples(x, torch.ones(200, 3), n, "classify", weight, y, weight > 0, who)
        >>> cut = cut_attribute(Readout(CfC(2, 4, backbone_units=4), 2), data, data)
        >>> cut.before.points > 10 > abs(cut.after.points)
        True
    """
    net, target, groups = check_one_layer("cut_attribute", model, train)
    _, asked, others = check_one_layer("cut_attribute", model, other)
    if cost < 0:
        raise InputError("cut_attribute", "cost", f"is {cost}; expected points of at least 0", "Pass 2.0, say.")
    level = _balanced(train, target, groups) if balance else train.weight
    cut, names = _cut_layer(net, train, level, cost=cost if synapses else None, passes=relearn)
    read, new_states = readings(cut, train)
    plane, mean = erasure(read, groups, train.weight)
    new = copy.deepcopy(cut)
    fold(new, (read.double() - mean) @ plane.T + mean, target, level, plane, mean, ridge)
    old_read, old_states = readings(net, train)
    old_other, old_other_states = readings(net, other)
    new_other, new_states_other = readings(cut, other)
    seen, shown = ((block.double() - mean) @ plane.T + mean for block in (read, new_other))

    def ask(states: Tensor, other_states: Tensor, kind: ProbeKind = "linear") -> Probe:
        return probe(states, groups, other_states, others, kind=kind)

    return AttributeCut(
        model=new,
        synapses=names,
        neurons=neuron_carriers(net, train),
        before=ask(old_read, old_other),
        after=ask(seen, shown),
        curved=ask(seen, shown, "curved"),
        inside_before=ask(old_states, old_other_states),
        inside=ask(new_states, new_states_other),
        accuracy_before=_right(net, old_other, asked),
        accuracy=_right(new, new_other, asked),
    )


def _cut_layer(
    model: Readout, data: Examples, level: Tensor, *, cost: float | None, passes: int
) -> tuple[Readout, tuple[str, ...]]:
    """A copy whose synapses are cut, at no more than `cost` points, and taught lightly; and their names."""
    cut, names, strength = model, tuple[str, ...](), None
    if cost is not None and names_of(model.layer):
        cut, names, strength = _cut_synapses(model, data, level, cost)
    if passes:
        cut = _relearned(cut, data, level, passes)
        cut = cut if strength is None else without(cut, strength)
    return cut, names


def _relearned(model: Readout, data: Examples, level: Tensor, passes: int, lr: float = 0.002) -> Readout:
    """A copy whose layer was trained for some passes, a readout seeing projected outputs alone; the best pass stays.

    Before each pass the projection is found anew, so that what the layer learns lies where the projection leaves it. An
    erasure by itself takes what the class shares with the group; of the few outputs of a wired policy that may be much.
    A synapse that is cut must be cut again after this.
    """
    _, target, groups = check_one_layer("cut_attribute", model, data)
    best, most = model, refitted(model, data, level)[1]
    new = copy.deepcopy(model)
    rng, device = torch.Generator().manual_seed(0), next(new.parameters()).device
    search = torch.optim.Adam(new.parameters(), lr=lr)
    for _ in range(passes):
        plane, mean = (
            tensor.to(next(new.parameters())) for tensor in erasure(readings(new, data)[0], groups, data.weight)
        )
        inner = bare(new).train()
        new.train()
        for index in torch.split(torch.randperm(len(data), generator=rng), _BATCH):
            batch = data.rows(index, device)
            read = inner.series(batch.x, dt=batch.dt, lengths=batch.lengths)[0]
            scores = new.map((read - mean) @ plane.T + mean)
            each = cross_entropy(scores, target[index].to(device), reduction="none")
            search.zero_grad()
            share = level[index].to(each)
            ((each * share).sum() / share.sum()).backward()  # type: ignore[no-untyped-call]
            clip_grad_norm_(new.parameters(), 1.0)
            search.step()
        accuracy = refitted(new.eval(), data, level)[1]
        if accuracy > most:
            best, most = copy.deepcopy(new), accuracy
    return best


def _balanced(data: Examples, target: Tensor, groups: Tensor) -> Tensor:
    known = groups >= 0
    weight = data.weight.clone()
    weight[known] = torch.tensor(reweighing(groups[known], target[known], weight[known])).to(weight)
    return weight


def _right(model: Readout, read: Tensor, target: Tensor) -> float:
    with torch.no_grad():
        return float((model.map(read).argmax(1) == target).double().mean())


def _cut_synapses(
    model: Readout, data: Examples, level: Tensor, cost: float
) -> tuple[Readout, tuple[str, ...], Tensor]:
    """A copy with synapses cut that a probe gains by, their names, and the strength of all."""
    rng = torch.Generator().manual_seed(0)
    index = torch.randperm(len(data), generator=rng)[:_SOME]
    some, share = data.rows(index), level[index]
    names = names_of(model.layer)
    strength, spared, size = torch.ones(len(names), dtype=some.x.dtype), set[int](), max(1, len(names) // 20)
    # Judged by what the projection will leave, on everyone: a cut net may hold the group and little else, and the
    # choice among many cuts flatters itself on a sample.
    start = refitted(model, data, level)[1]
    carriers = synapse_carriers(model, replace(some, weight=share))
    for _ in range(_ROUNDS):
        order = sorted(
            (k for k, carrier in enumerate(carriers) if carrier.attribute > 0 and strength[k] > 0 and k not in spared),
            key=lambda k: -carriers[k].attribute / (max(carriers[k].decision, 0.0) + _LITTLE),
        )
        if not order:
            break
        tried = strength.index_fill(0, torch.tensor(order[:size]), 0)
        new = without(model, tried)
        if 100 * (start - refitted(new, data, level)[1]) <= cost:
            strength = tried
            carriers = synapse_carriers(new, replace(some, weight=share))
        elif size > 1:
            size //= 2
        else:
            spared.add(order[0])
    gone = tuple(name for name, factor in zip(names, strength.tolist(), strict=True) if not factor)
    return without(model, strength), gone, strength
