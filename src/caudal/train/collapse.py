"""A net that a price drove to one answer for all, which closes every gap and helps nobody."""

from dataclasses import dataclass

import torch

from caudal.nn import Readout
from caudal.train.batches import Examples
from caudal.train.losses import answer
from caudal.train.stream import Stream

_ROWS = 512
_CHANCE = 0.05  # of skill: below it a net had nothing to lose
_KEPT = 0.25
_ONE = 0.98
_FEW, _RARE = 100, 0.1


@dataclass(frozen=True)
class AnswerSpread:
    """How a net spreads its answers over the classes.

    Attributes:
        top: largest share of one class among the answers.
        code: of that class.
        balanced: mean over the true classes of the share told right.
        rarest: smallest share of a true class, weighted as in the loss.
        rows: answers counted.
    """

    top: float
    code: int
    balanced: float
    rarest: float
    rows: int

    def skill(self, classes: int) -> float:
        """Balanced accuracy above that of one answer for all, as a share of what can be had."""
        return (self.balanced - 1 / classes) / (1 - 1 / classes)


def spread(model: Readout, part: Examples | Stream, class_weights: torch.Tensor | None = None) -> AnswerSpread | None:
    """How a net answers series of known class; None of other tasks, or where fewer than two classes are known.

    Arguments:
        model: in any mode; its mode is kept.
        part: with a target.
        class_weights: `(classes,)`, as in the loss.

    Example:
        >>> from caudal.nn import CfC
        >>> x, n, y = torch.zeros(4, 2, 1), torch.full((4,), 2), torch.tensor([0, 1, 0, 1])
        >>> data = Examples(x, x[:, :, 0] + 1, n, "classify", torch.ones(4), y, torch.ones(4) > 0)
        >>> answers = spread(Readout(CfC(1, 2, backbone_units=4), 2), data)
        >>> answers.top, answers.balanced, answers.skill(2)
        (1.0, 0.5, 0.0)
    """
    if not part.task.is_classification:
        return None
    was, device = model.training, next(model.parameters()).device
    counts = torch.zeros(model.outputs, model.outputs, dtype=torch.float64)  # true class, answer
    rows = 0
    model.eval()
    with torch.no_grad():
        for chunk in part.chunks():
            for index in torch.split(torch.arange(len(chunk)), _ROWS):
                batch = chunk.rows(index, device)
                target, known = batch.target, batch.target_mask
                if target is None or known is None:
                    return None
                weight = batch.weight.view(-1, *[1] * (known.dim() - 1)).expand(known.shape)
                codes = answer(model, batch).argmax(-1)
                cells = (target * model.outputs + codes)[known].cpu()
                counts += torch.bincount(cells, weight[known].double().cpu(), model.outputs**2).view_as(counts)
                rows += len(cells)
    model.train(was)
    return _spread(counts, rows, class_weights)


def _spread(counts: torch.Tensor, rows: int, class_weights: torch.Tensor | None) -> AnswerSpread | None:
    known = counts.sum(1) > 0
    if int(known.sum()) < 2:
        return None
    answers = counts.sum(0)
    top = answers.max() / answers.sum()
    balanced = (counts.diagonal()[known] / counts.sum(1)[known]).mean()
    cost = counts.sum(1) * (1.0 if class_weights is None else class_weights.double().cpu())
    rarest = cost[known].min() / cost.sum()
    return AnswerSpread(top.item(), int(answers.argmax()), balanced.item(), rarest.item(), rows)


def collapse(before: AnswerSpread | None, after: AnswerSpread | None, classes: int) -> str:
    """What became of a net under a price, as a clause; `""` where it kept at least a quarter of its skill.

    Arguments:
        before: at the end of the passes without a price; None where there were none.
        after: of the net that was kept.
        classes: how many there are.

    Example:
        >>> before = AnswerSpread(0.6, 0, 0.64, 0.5, 900)
        >>> collapse(before, AnswerSpread(1.0, 0, 0.5, 0.5, 900), 2).split(",")[0]
        'answers one class (code 0) for 100.0 % of the training rows: balanced accuracy 0.500'
        >>> collapse(before, AnswerSpread(0.7, 0, 0.62, 0.5, 900), 2)
        ''
    """
    if after is None:
        return ""
    clause = f"answers one class (code {after.code}) for {100 * after.top:.1f} % of the training rows"
    now = f"balanced accuracy {after.balanced:.3f}"
    if before is not None and before.skill(classes) >= _CHANCE:
        if after.skill(classes) >= _KEPT * before.skill(classes):
            return ""
        return f"{clause}: {now}, and {before.balanced:.3f} before the price set in"
    # A net that had learnt nothing when the price set in: the classes themselves ask for more than one answer.
    if after.rows < _FEW or after.rarest < _RARE or after.top < _ONE:
        return ""
    return f"{clause}: {now}, and it had learnt nothing before the price set in"
