"""What counts as turning a decision, as a margin that is above 0 once it has turned."""

from dataclasses import dataclass

import torch
from torch import Tensor

from caudal.errors import InputError
from caudal.explain.counterfactual.encoding import Encoding
from caudal.explain.trace.layers import evaluating
from caudal.nn import Readout
from caudal.nn.decide import check_threshold, decided_by_scores, lead

# A lead smaller than this, relative to the outputs, may be rounding.
SLACK = 1e-5
# What counts as turned: a probability of 0.55 against the nearest rival; of a number, so many deviations beyond.
LEAD, NUMBER_LEAD = 0.2007, 0.005
_BATCH = 512


@dataclass(eq=False)
class Goal:
    """The margin of changed series, and a count of how often the model was asked.

    Attributes:
        model: the readout.
        encoding: of the series.
        decision: class that the series gets, or -1 for a regression.
        target: class that is wanted; -1 for any other class.
        threshold: of a regression, on the scale of the net.
        sign: of a regression: 1 where the prediction must rise above the threshold, -1 where it must fall.
        lead: how far beyond the turn the outputs are to be, in the net's own scale.
        odds: log odds that the first of two classes is given, where another threshold than 0.5 decides.
        tried: series asked about so far.
    """

    model: Readout
    encoding: Encoding
    decision: int
    target: int
    threshold: float = 0.0
    sign: float = 1.0
    lead: float = 0.0
    odds: float = 0.0
    tried: int = 0

    def scores(self, values: Tensor, gaps: Tensor) -> Tensor:
        """Outputs of the net, `(batch, outputs)`."""
        x, dt = self.encoding(values, gaps)
        self.tried += len(x)
        with evaluating(self.model):
            outputs: Tensor = self.model.series(x, dt=dt)[0]
        return outputs

    def margin(self, values: Tensor, gaps: Tensor) -> Tensor:
        """`(batch,)`, differentiable; above 0 where the decision has turned by the lead and beyond rounding."""
        return self.of(self.scores(values, gaps), SLACK, self.lead)

    def of(self, scores: Tensor, share: float = SLACK, lead: float = 0.0) -> Tensor:
        """The margin of given outputs, less a share of their size and a lead."""
        slack = share * (1 + scores.detach().abs().amax(1)) + lead
        if self.odds:
            scores = scores + scores.new_tensor([self.odds, 0.0])
        if self.decision < 0:
            return self.sign * (scores[:, 0] - self.threshold) - slack
        if self.target >= 0:
            others = torch.ones(scores.shape[1], dtype=torch.bool)
            others[self.target] = False
            return scores[:, self.target] - scores[:, others].amax(1) - slack
        others = torch.ones(scores.shape[1], dtype=torch.bool)
        others[self.decision] = False
        return scores[:, others].amax(1) - scores[:, self.decision] - slack

    def margins(self, values: Tensor, gaps: Tensor) -> Tensor:
        """The same without gradients, in blocks."""
        with torch.no_grad():
            pairs = zip(torch.split(values, _BATCH), torch.split(gaps, _BATCH), strict=True)
            return torch.cat([self.margin(block, time) for block, time in pairs])


def goal(
    model: Readout, encoding: Encoding, target: int | None, threshold: float | None, classes: int
) -> tuple[Goal, Tensor]:
    """The goal of a counterfactual search, and the outputs of the unchanged series.

    Arguments:
        target: code of the class that is wanted, or None for any other.
        threshold: of a regression, in its own unit; of two classes the probability of the last that decides for it.
        classes: how many there are; 0 for a regression.

    Raises:
        InputError: the target is the decision that the series gets already, or a threshold is missing or not wanted.
    """
    threshold = threshold if classes == 0 else check_threshold("counterfactual", threshold, classes)
    wanted = Goal(model, encoding, 0 if classes else -1, -1)
    with torch.no_grad():
        scores = wanted.scores(encoding.values[None], encoding.gaps[None])
    if classes:
        wanted.odds = lead(threshold)
        decision = decided_by_scores(scores.numpy(), threshold)
        wanted.decision, wanted.lead = int(decision[0]), LEAD
        wanted.target = -1 if target is None else target
        if wanted.target == wanted.decision:
            raise InputError("counterfactual", "target", "is what the model decides already", "Name another class.")
        return wanted, scores[0]
    if threshold is None:
        fault = "is missing; a regression has no classes"
        raise InputError("counterfactual", "threshold", fault, "Pass the number that the prediction is to cross.")
    scaler = encoding.encoder.scaler
    mean, std = (scaler.target_mean[0], scaler.target_std[0]) if scaler.target_mean else (0.0, 1.0)
    wanted.threshold, wanted.lead = (threshold - mean) / std, NUMBER_LEAD
    wanted.sign = 1.0 if float(scores[0, 0]) <= wanted.threshold else -1.0
    return wanted, scores[0]
