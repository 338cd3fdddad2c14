"""Which neurons and synapses tell the group, and which of them the decision needs."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from caudal.fair.mitigate.circuit.hidden_states import check_one_layer, names_of, neuron_names, readings
from caudal.fair.mitigate.circuit.probe import logistic
from caudal.nn import Readout
from caudal.train import Examples


@dataclass(frozen=True)
class Carrier:
    """A neuron or a synapse, and what goes through it.

    Attributes:
        name: `"command/3"`, `"unit/3"`, or `"input/0 -> command/3"`.
        attribute: of a neuron, how well its last state alone tells one group from the rest: 0 not at all, 1 without a
            mistake; of a synapse, how much a probe of the group gains by it, in nats, to first order.
        decision: the same of the classes.
    """

    name: str
    attribute: float
    decision: float


def neuron_carriers(model: Readout, data: Examples) -> tuple[Carrier, ...]:
    """Every neuron by what its state at the last step tells, those that tell the group best first.

    Arguments:
        model: of one recurrent layer.
        data: classified series with groups.

    Raises:
        InputError: the net has several layers, or target or groups are unknown.

    Example:
        >>> from caudal.nn import CfC
        >>> x, n, weight = torch.randn(20, 3, 2), torch.full((20,), 3), torch.ones(20)
        >>> y, who = torch.arange(20) % 2, torch.arange(20) // 10
        >>> data = Examples(x, x[:, :, 0].abs(), n, "classify", weight, y, weight > 0, who)
        >>> len(neuron_carriers(Readout(CfC(2, 4, backbone_units=4), 2), data))
        4
    """
    net, target, groups = check_one_layer("neuron_carriers", model, data)
    _, states = readings(net, data)
    attribute, needed = separation(states, groups), separation(states, target)
    carriers = [
        Carrier(*values) for values in zip(neuron_names(net.layer), attribute.tolist(), needed.tolist(), strict=True)
    ]
    return tuple(sorted(carriers, key=lambda carrier: -carrier.attribute))


def separation(states: Tensor, codes: Tensor) -> Tensor:
    """How well each column alone tells one code from the rest `(columns,)`: 2 |AUC - 1/2| of the code it tells best.

    Example:
        >>> separation(torch.tensor([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [3.0, 1.0]]), torch.tensor([0, 0, 1, 1]))
        tensor([1., 0.])
    """
    known_states = states[codes >= 0]
    known = codes[codes >= 0]
    ranks = torch.stack([_ranks(column) for column in known_states.double().T], 1)
    best = torch.zeros(states.shape[1], dtype=torch.float64)
    for code in sorted(set(known.tolist())):
        inside = known == code
        n, rest = int(inside.sum()), int((~inside).sum())
        auc = (ranks[inside].sum(0) - n * (n + 1) / 2) / max(n * rest, 1)
        best = torch.maximum(best, (2 * auc - 1).abs())
    return best.to(states.dtype)


def synapse_carriers(model: Readout, data: Examples) -> tuple[Carrier, ...]:
    """Every synapse of a wired net by what probe and decision gain by it; in the order of the strengths.

    The gain is the slope, at full strength, of the mean log probability that a linear probe of all neurons gives to the
    true group, and the readout to the class. Below 0 the probe, or the decision, would do better without.

    Arguments, errors: as in `neuron_carriers`; a dense net has no synapses.
    """
    net, target, groups = check_one_layer("synapse_carriers", model, data)
    names = names_of(net.layer)
    if not names:
        return ()
    known, share = groups >= 0, data.weight / data.weight.sum()
    strength = torch.ones(len(names), dtype=data.x.dtype, requires_grad=True)
    read, states = readings(net, data, strength)
    plain = states.detach().double()
    mean, std = plain.mean(0), plain.std(0, correction=0).clamp_min(1e-9)
    weight, bias = logistic((plain[known] - mean) / std, groups[known])
    guess = ((states.double() - mean) / std) @ weight.T + bias
    log_likelihood = log_softmax(guess[known], 1).gather(1, groups[known][:, None]).mean()
    right = (share * log_softmax(net.map(read), 1).gather(1, target[:, None])[:, 0]).sum()
    gains = [torch.autograd.grad(value, strength, retain_graph=True)[0].tolist() for value in (log_likelihood, right)]
    return tuple(Carrier(*values) for values in zip(names, *gains, strict=True))


def _ranks(column: Tensor) -> Tensor:
    """Ranks from 1; equal values share their mean rank."""
    _, place, counts = column.unique(return_inverse=True, return_counts=True)  # type: ignore[no-untyped-call]
    ends = counts.cumsum(0).double()
    ranks: Tensor = ends - (counts.double() - 1) / 2
    return ranks[place]
