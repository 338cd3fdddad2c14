"""The smallest sub-circuit that keeps the decisions: of all series together, or of each series on its own."""

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.explain.influence.masks import check_wired
from caudal.explain.influence.record import SubCircuit
from caudal.explain.influence.target import Question, synapses_of
from caudal.explain.interventions.ablate import bootstrap


def fidelity(question: Question, synapses: Tensor, tolerance: float = 0.1) -> Tensor:
    """`(batch,)` bool: whether each series keeps its decision; or its value, within the tolerance.

    Arguments:
        question: see `ask`.
        synapses: strengths.
        tolerance: of values, in standard deviations of the output over the series.
    """
    scores = question.answers(synapses=synapses)
    if question.decides:
        return question.kept(scores)
    old = question.values()
    spread = old.std(correction=0).clamp_min(1e-12) if len(old) > 1 else old.abs().clamp_min(1e-12)
    return (question.of(scores) - old).abs() <= tolerance * spread


def prune(question: Question, keep: float = 0.95, *, rate: float = 0.1, tolerance: float = 0.1) -> SubCircuit:
    """One sub-circuit for all series: synapses leave while the decisions stay.

    Each round cuts every remaining synapse on its own, really, and lets those go whose loss changes the outputs
    least; a round that would lose too many decisions is tried again with fewer, down to one. The result cannot lose
    any further synapse without falling below `keep`.

    Arguments:
        question: see `ask`; many series, since a circuit for one series is no circuit of the net.
        keep: share of the decisions to keep, above 0 and at most 1.
        rate: largest share of the remaining synapses that leaves in one round.
        tolerance: where nothing is decided: see `fidelity`.

    Raises:
        InputError: the net has no wiring, or `keep` or `rate` is out of range.

    Example:
        >>> from caudal.explain import ask
        >>> from caudal.nn import LTC, Readout
        >>> circuit = prune(ask(Readout(LTC(2, 3), 2), torch.randn(9, 5, 2)))
        >>> len(circuit.kept) < circuit.synapses, circuit.fidelity.value >= 0.95
        (True, True)
    """
    check_wired("prune", question.model)
    for name, value in (("keep", keep), ("rate", rate)):
        if not 0 < value <= 1:
            raise InputError("prune", name, f"is {value}; expected above 0 and at most 1", f"Pass `{name}=0.5`.")
    strength = question.x.new_ones(question.model.synapse_count())
    path, last = [(len(strength), 1.0)], list[int]()
    stuck = False
    while not stuck and bool(strength.any()):
        order = _cheapest(question, strength)
        count = max(1, math.floor(rate * int(strength.sum())))
        while True:
            trial = strength.index_fill(0, order[:count], 0)
            agreement = float(fidelity(question, trial, tolerance).double().mean())
            if agreement >= keep:
                strength, last = trial, order[:count].tolist()
                path.append((int(strength.sum()), agreement))
                break
            if count == 1:
                strength, last, stuck = _singly(question, strength, order, keep, tolerance, last, path)
                break
            count = count // 2
    names = synapses_of(question.model, question.inputs)
    agreements = fidelity(question, strength, tolerance).double().cpu().numpy()
    kept_names = tuple(name for name, factor in zip(names, strength.tolist(), strict=True) if factor)
    removed = tuple(names[k] for k in last)
    return SubCircuit(kept_names, len(names), tuple(strength.tolist()), bootstrap(agreements), tuple(path), removed)


def _cheapest(question: Question, strength: Tensor) -> Tensor:
    """Remaining synapses, first the one whose loss moves the outputs least on average."""
    now = question.values(synapses=strength)
    live = strength.nonzero()[:, 0]
    moved = [(question.values(synapses=strength.index_fill(0, k, 0)) - now).abs().mean() for k in live]
    return live[torch.stack(moved).argsort(dim=0, stable=True)]


def _singly(
    question: Question,
    strength: Tensor,
    order: Tensor,
    keep: float,
    tolerance: float,
    last: list[int],
    path: list[tuple[int, float]],
) -> tuple[Tensor, list[int], bool]:
    """Any single synapse that may still leave, in order; True where none may."""
    for k in order[1:]:
        trial = strength.index_fill(0, k, 0)
        agreement = float(fidelity(question, trial, tolerance).double().mean())
        if agreement >= keep:
            path.append((int(trial.sum()), agreement))
            return trial, [int(k)], False
    return strength, last, True


def decision_circuits(
    question: Question, share: float = 1 / 3, *, rounds: int = 6, by: Literal["value", "decision"] = "decision"
) -> Tensor:
    """For each series a circuit of its own: the given share of the synapses that best carries its output.

    Synapses leave in rounds; in each, every remaining one is really cut on its own, series by series. Attributions
    measured once, on the whole circuit, miss what several synapses do together; measured anew, they do not.

    Arguments:
        question: see `ask`.
        share: of the synapses to keep.
        rounds: how often the synapses are measured.
        by: `"value"` lets those leave whose loss leaves the number asked for nearest to what the whole circuit says, so
            that the rest stands for the whole; `"decision"` those whose loss leaves most of the lead over the next
            output, so that what speaks against the decision leaves as well.

    Returns:
        strengths `(batch, synapses)` of 0 and 1.

    Raises:
        InputError: the net has no wiring, or an argument is out of range.

    Example:
        >>> from caudal.explain import ask
        >>> from caudal.nn import LTC, Readout
        >>> decision_circuits(ask(Readout(LTC(2, 3), 2), torch.randn(4, 5, 2))).sum(1)
        tensor([5., 5., 5., 5.])
    """
    check_wired("decision_circuits", question.model)
    if not 0 < share <= 1 or rounds < 1:
        fault = f"is {share}" if not 0 < share <= 1 else f"is given with {rounds} rounds"
        raise InputError("decision_circuits", "share", fault, "Pass `share=1/3, rounds=12`.")
    batch, count = len(question), question.model.synapse_count()
    whole = question.values()
    strength = question.x.new_ones(batch, count)
    sizes = np.unique(np.linspace(count, math.ceil(count * share), rounds + 1).round().astype(int))[::-1][1:]
    for size in sizes.tolist():
        live = strength.nonzero()
        row, cut = live.unbind(1)
        lacking = strength[row].scatter(1, cut[:, None], 0)
        # What the rest is worth without the synapse: the lower, the more it carries.
        rest = _worth(question.rows(row), lacking, whole[row], by)
        left = torch.full_like(strength, torch.inf).index_put((row, cut), rest)
        stays = left.argsort(dim=1, stable=True)[:, :size]
        strength = torch.zeros_like(strength).scatter(1, stays, 1)
    return strength


def _worth(question: Question, strength: Tensor, whole: Tensor, by: str) -> Tensor:
    scores = question.answers(synapses=strength)
    if by == "value" or not question.decides:
        return -(question.of(scores) - whole).abs()
    score = scores.gather(1, question.target[:, None])
    return score[:, 0] - scores.scatter(1, question.target[:, None], -torch.inf).amax(1)
