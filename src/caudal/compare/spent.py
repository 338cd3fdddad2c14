"""The energy columns of a contender, from the network that was trained."""

from collections.abc import Sequence
from statistics import mean, median

from caudal import energy
from caudal.compare.contenders import entry_of
from caudal.compare.job import Outcome, Parts
from caudal.compare.timings import saved_net
from caudal.energy import Spent
from caudal.nn.counts import operations


def energy_of(every: Sequence[Outcome], parts: Parts, spent: Spent | None = None) -> dict[str, str]:
    """Energy per decision, per correct decision and of training, each with its label and source.

    Arguments:
        every: final outcomes of one contender, in the order of seeds.
        parts: the series, divided.
        spent: joules that were read.
    """
    good = [one for one in every if not one.run.failed]
    if not good:
        return energy.columns(None, 1.0, why="no run came to an end")
    first, steps = good[0], median(map(float, parts.train.lengths))
    kind = entry_of(first.job.model).kind
    shares = [one.run.metrics["accuracy"] for one in good if "accuracy" in one.run.metrics]
    correct = mean(shares) if shares else None
    if kind != "network" or first.model is None:
        return energy.columns(None, steps, correct=correct, spent=spent, why=f"operations of {kind} are not counted")
    seen = median(one.run.epochs for one in good) * float(parts.train.lengths.sum())
    work = operations(saved_net(first.model), steps)
    return energy.columns(work, steps, correct=correct, seen=seen, spent=spent)
