"""During training: the norm of violations by the package fairret."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from torch import Tensor

from caudal.extras import require
from caudal.fair.mitigate.penalties import check_numbers, code_of, passes_of, share_of
from caudal.fair.mitigate.soft_rates import Constraint, check_constraint, events_of
from caudal.train import Judged
from caudal.train.penalty import Memory


@final
@dataclass(frozen=True)
class Fairret:
    """A norm of violations by the package fairret, as a term of our loss, batch by batch.

    Arguments:
        constraint, weight, warm_up, positive, attribute: as in `Penalty`; the norm is of first order, scaled by
            2 / groups.

    Raises:
        InputError: a number is out of range or the constraint is unknown.
        MissingExtraError: fairret is not installed.

    Source: Buyl, Defrance & De Bie 2024, fairret: a framework for differentiable fairness regularization terms.

    Example:
        >>> Fairret("equalised_odds", weight=0.5).start(2)
        ()
    """

    constraint: Constraint = "equal_opportunity"
    weight: float = 0.5
    warm_up: int = 3
    positive: Any = None
    attribute: str | None = None
    kind: ClassVar[str] = "fairret"

    def __post_init__(self) -> None:
        check_constraint("Fairret", self.constraint)
        check_numbers("Fairret", self.weight, self.warm_up, 1.0)
        require("Fairret", "fairret")

    def start(self, groups: int, outputs: int = 1) -> Memory:
        """See `Term`; fairret remembers nothing, and meets the groups batch by batch."""
        return ()

    def cost(self, seen: Judged, memory: Memory, epoch: int) -> tuple[Tensor, Memory]:
        """See `Term`."""
        return share_of(self.warm_up, epoch) * self.held(seen), memory

    def held(self, seen: Judged) -> Tensor:
        """See `Term`."""
        from fairret.loss import NormLoss
        from fairret.statistic import FalsePositiveRate, PositiveRate, TruePositiveRate

        positive, total = code_of(self.positive), seen.scores.new_zeros(())
        kinds = {"equal_opportunity": [TruePositiveRate], "demographic_parity": [PositiveRate]}
        events = events_of(self.constraint, seen.target, positive)
        positive_score = seen.scores[:, positive]
        others = seen.scores.masked_fill(
            torch.arange(seen.scores.shape[1]).to(positive_score.device) == positive, -torch.inf
        )
        logit, label = (
            (positive_score - others.logsumexp(1))[:, None],
            (seen.target == positive).to(positive_score)[:, None],
        )
        for statistic, rows in zip(
            kinds.get(self.constraint, [TruePositiveRate, FalsePositiveRate]), events, strict=True
        ):
            # fairret divides by the rows of each group: one without rows of the event is left out.
            here = [g for g in sorted(set(seen.groups.tolist()) - {-1}) if bool((rows & (seen.groups == g)).any())]
            if len(here) < 2:
                continue
            member = torch.stack([(seen.groups == g).to(positive_score) for g in here], 1)
            given = () if statistic is PositiveRate else (label,)
            total = total + 2 / len(here) * NormLoss(statistic())(logit, member, *given)
        return self.weight * total

    def sets_in(self) -> tuple[int, int]:
        """See `Term`."""
        return passes_of(self.warm_up)
