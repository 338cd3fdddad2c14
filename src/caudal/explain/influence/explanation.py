"""An explanation: an influence with its checks, and interventions on the same question."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from caudal.explain.influence.influence import Baseline, Method, influence
from caudal.explain.influence.record import TOLERANCE, Change, Influence, On, Ranked, Scorecard, SubCircuit
from caudal.explain.influence.references import References, references
from caudal.explain.influence.target import Question
from caudal.explain.interventions.ablate import ablate, hold, swap_parts
from caudal.explain.interventions.patch import patch
from caudal.explain.interventions.prune import prune
from caudal.explain.scorecard.scorecard import Checks, scored
from caudal.explain.trace.record import Trace
from caudal.explain.trace.run import trace

_MOST_FLAGGED = 0.1


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a net answered as it did.

    Attributes:
        question: what was asked; it holds the net and the series.
        influence: what moved the output, a plain record with its scorecard.
        baseline: what the series were compared with: other series, or one point.
    """

    question: Question
    influence: Influence
    baseline: Baseline | References

    @property
    def delta(self) -> float:
        """How far the values fail to add up, in the worst series; see `Influence`."""
        return self.influence.delta

    @property
    def scorecard(self) -> Scorecard | None:
        """Checks of this explanation."""
        return self.influence.scorecard

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return self.influence.failed

    def top(self, k: int = 5, by: str | None = None) -> tuple[Ranked, ...]:
        """The strongest entries, see `Influence.top`."""
        return self.influence.top(k, by)

    def on(self, on: On, method: Method | None = None, *, checks: Checks | None = None) -> "Explanation":
        """The explanation of the same question by other parts, such as synapses in place of inputs.

        Raises:
            InputError: see `influence`.
        """
        return explain(self.question, on, method, baseline=self.baseline, checks=checks)

    def ablate(self, what: str | Iterable[str] | Mapping[str, float]) -> Change:
        """What happens without a synapse or neuron, taken away as this explanation took it.

        After a swap it carries what it carries in the other series; otherwise, and where factors are given, it is cut
        or scaled as in `caudal.explain.ablate`, which always cuts.
        """
        if self.influence.method == "swap" and not isinstance(what, Mapping) and isinstance(self.baseline, References):
            return swap_parts(self.question, self.baseline, (what,) if isinstance(what, str) else tuple(what))
        return ablate(self.question, what)

    def hold(self, neuron: str, value: float) -> Change:
        """What happens with a neuron held; see `caudal.explain.hold`."""
        return hold(self.question, neuron, value)

    def patch(
        self,
        steps: slice | Sequence[int] | None = None,
        inputs: Sequence[str] | None = None,
        *,
        value: float | Tensor | None = None,
        dt: float | Tensor | None = None,
        source: int | None = None,
    ) -> Change:
        """What happens with other inputs; see `caudal.explain.patch`."""
        return patch(self.question, steps, inputs, value=value, dt=dt, source=source)

    def prune(self, keep: float = 0.95) -> SubCircuit:
        """The smallest circuit found that keeps the decisions; see `caudal.explain.prune`."""
        return prune(self.question, keep)

    def trace(self, *, substeps: bool = False) -> Trace:
        """Everything that the net computed; see `caudal.explain.trace`."""
        asked = self.question
        return trace(asked.model, asked.x, asked.dt, mask=asked.mask, substeps=substeps, names=asked.inputs)

    def to_dict(self) -> dict[str, object]:
        """The influence as plain lists and numbers, failed checks named."""
        return self.influence.to_dict()

    def to_json(self) -> str:
        """`to_dict` as JSON text."""
        return self.influence.to_json()

    def __repr__(self) -> str:
        return repr(self.influence)


def explain(
    question: Question,
    on: On = "inputs",
    method: Method | None = None,
    *,
    baseline: Baseline | References | None = None,
    others: Question | None = None,
    checks: Checks | None = None,
) -> Explanation:
    """Explain the outputs of a network: the influence of its parts, with a scorecard of checks.

    Each series is compared with real ones, those decided otherwise where there are any; see `references`. Only where
    there is no other series is it compared with the training mean.

    Arguments:
        question: see `ask`.
        on, method: see `influence`; without a method, see `usual`.
        baseline: what to compare with; `Baseline()` is the training mean.
        others: a question about series to choose the references from; those of `question` itself if left out.
        checks: how much work the scorecard may be; `Checks(series=0)` leaves it out, and the answer says so.

    Raises:
        InputError: see `influence`.

    Example:
        >>> import torch
        >>> from caudal.explain import ask
        >>> from caudal.nn import LTC, Readout
        >>> why = explain(ask(Readout(LTC(2, 3), 2), torch.randn(4, 5, 2)), "synapses", checks=Checks(draws=2))
        >>> len(why.top(3)), why.ablate("input/0 -> motor/1").changes.shape
        (3, (4,))
    """
    if baseline is None:
        baseline = references(question, others) or Baseline()
    attribution = (
        usual(question, on, baseline) if method is None else influence(question, on, method, baseline=baseline)
    )
    if checks is None or checks.series:
        attribution = scored(question, attribution, checks, baseline)
    return Explanation(question, attribution, baseline)


def usual(question: Question, on: On, baseline: Baseline | References) -> Influence:
    """The influence by the usual method: a path integral where it adds up, and a swap where it does not.

    The output of some nets jumps so often on the way from one series to another that no affordable number of points
    follows it. Where more than a tenth of the series fail to add up within 1 % and there are references, all are
    swapped instead. Neurons and synapses are swapped, or removed, from the start.

    Arguments:
        question, on, baseline: as in `influence`.

    Raises:
        InputError: see `influence`.
    """
    attribution = influence(question, on, baseline=baseline)
    misses = attribution.adds_up and float((attribution.deltas > TOLERANCE).mean()) > _MOST_FLAGGED
    return (
        influence(question, on, "swap", baseline=baseline)
        if misses and isinstance(baseline, References)
        else attribution
    )
