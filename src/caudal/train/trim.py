"""Trimming: a trained circuit loses its least important synapses in rounds and is trained again after each.

Every synapse has a strength that is 1 (`Layer.through`). The derivative of the loss by it is what the loss would
change, to first order, if the synapse were cut; its square, summed over the batches, is the importance. It is in one
unit for all cells and for sensory and recurrent synapses, so all of them compete in one order.

Source: Molchanov et al., CVPR 2019 (arXiv 1906.10771), eq. 8, for the importance; Zhu and Gupta, 2017 (arXiv
1710.01878), for cutting in rounds with training between them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.nn import Readout
from caudal.nn.prune import check_one_circuit, without
from caudal.train.batches import Examples, deal
from caudal.train.fit import Fitted, fit
from caudal.train.losses import answer, loss
from caudal.train.recipe import TrainRecipe


@dataclass(frozen=True, eq=False)
class Cut:
    """One round of trimming: synapses left and the score after training again.

    Attributes:
        model: what was left, trained again.
        synapses: of it.
        units: its neurons.
        fitted: how that training went.
    """

    model: Readout
    synapses: int
    units: int
    fitted: Fitted


@dataclass(frozen=True, eq=False)
class Trimmed:
    """A trimmed circuit, with the rounds that led to it.

    Attributes:
        model: the smallest circuit, trained.
        before: synapses of the whole circuit.
        rounds: every round; any of their models may be taken instead.
    """

    model: Readout
    before: int
    rounds: tuple[Cut, ...]


def importance(model: Readout, data: Examples, *, batch_size: int = 32) -> Tensor:
    """How much the loss would change without each synapse, to first order, squared and summed over batches.

    Arguments:
        model: a readout of an LTC, WiredCfC, LRC or CTRNN.
        data: with a target.
        batch_size: series of one derivative.

    Returns:
        `(synapses,)`, in the order of `wiring.synapse_names`.

    Raises:
        InputError: the model has no such layer, or the target is unknown.

    Example:
        >>> from caudal.nn import LTC
        >>> x, n = torch.randn(8, 5, 2), torch.full((8,), 5)
        >>> y, known = torch.arange(8) % 2, torch.ones(8) > 0
        >>> data = Examples(x, torch.ones(8, 5), n, "classify", torch.ones(8), y, known)
        >>> importance(Readout(LTC(2, 3), 2), data).shape
        torch.Size([15])
    """
    check_one_circuit("importance", model)
    if data.target is None:
        raise InputError("importance", "data", "has no target", "Pass series whose target is known.")
    was_training, like = model.training, model.map.weight
    model.eval()
    change = like.new_zeros(model.synapse_count())
    for index in deal(data.lengths, batch_size, True, 0):
        batch = data.rows(index, like.device)
        strength = torch.ones_like(change).requires_grad_()
        total, weight = loss(answer(model, batch, strength), batch)
        (slope,) = torch.autograd.grad(total / weight.clamp_min(1e-12), strength)
        change += slope.square()
    model.train(was_training)
    return change


def trim(
    model: Readout,
    train: Examples,
    val: Examples | None = None,
    recipe: TrainRecipe | None = None,
    *,
    keep: float = 0.25,
    rounds: int = 3,
    progress: bool = True,
    watch: Callable[[Cut], None] | None = None,
) -> Trimmed:
    """Cut a trained circuit down to a share of its synapses, and train what is left.

    Each round keeps the same share of what the one before left, trains with `recipe` and hands the circuit on. A
    neuron that no synapse reaches, or that no longer reaches a motor neuron, goes as well, so fewer synapses than asked
    for may stay. Counts, files, drawings and exports see the smaller circuit; nothing is masked.

    Arguments:
        model: a trained readout of an LTC, WiredCfC, LRC or CTRNN; it is left as it is.
        train, val: as in `fit`; `val` to stop by.
        recipe: of the training after each round; None for the usual one.
        keep: share of the synapses left after the last round, above 0 and below 1.
        rounds: how often synapses leave.
        progress: whether to draw bars on standard error.
        watch: called after each round.

    Returns:
        the trained circuits of all rounds.

    Raises:
        InputError: the model has no such layer, the target is unknown, or `keep` or `rounds` is out of range.
        WiringError: no motor neuron would be left with a synapse onto it.
        NonFiniteError: training diverged.

    Example:
        >>> from caudal.nn import LTC
        >>> x, n = torch.randn(8, 5, 2), torch.full((8,), 5)
        >>> y, known = torch.arange(8) % 2, torch.ones(8) > 0
        >>> data = Examples(x, torch.ones(8, 5), n, "classify", torch.ones(8), y, known)
        >>> done = trim(Readout(LTC(2, 8), 2), data, recipe=TrainRecipe(epochs=2), keep=0.5, rounds=2)
        >>> done.before, done.model.synapse_count() <= 40, len(done.rounds)
        (80, True, 2)
    """
    check_one_circuit("trim", model)
    if not 0 < keep < 1:
        fault = f"is {keep}; expected a share above 0 and below 1"
        raise InputError("trim", "keep", fault, "Pass for example `keep=0.25`.")
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise InputError("trim", "rounds", f"is {rounds!r}; expected at least 1", "Pass for example `rounds=3`.")
    recipe, before, done = recipe or TrainRecipe(), model.synapse_count(), list[Cut]()
    for number in range(1, rounds + 1):
        most = max(1, math.ceil(before * keep ** (number / rounds)))
        order = importance(model, train, batch_size=recipe.batch_size).argsort(descending=True, stable=True)
        live = torch.zeros(model.synapse_count(), dtype=torch.bool)
        live[order[:most].cpu()] = True
        model = without(model, live.numpy())
        # Another order of the series in every round, told by the seed.
        fitted = fit(model, train, val, replace(recipe, seed=recipe.seed + number), progress=progress)
        done.append(Cut(model, model.synapse_count(), check_one_circuit("trim", model).units, fitted))
        if watch is not None:
            watch(done[-1])
    return Trimmed(model, before, tuple(done))
