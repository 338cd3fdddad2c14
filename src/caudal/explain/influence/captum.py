"""Captum's methods on our nets: those that hold there run, the others are refused with the reason."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from caudal.errors import InputError
from caudal.explain.influence.influence import Baseline
from caudal.explain.influence.target import Question
from caudal.extras import need

SOUND = ("IntegratedGradients", "Saliency", "GradientShap", "Occlusion", "FeatureAblation", "KernelShap")
_HOOKS = (
    "changes gradients through hooks on modules, and a recurrence is one operator that is applied at every step: there "
    "is no module to hook, and on the gates of an LSTM such rules are silently wrong"
)
_RULES = "needs a rule for every operator, and there is none for a product of a gate and a state"
REFUSED: Mapping[str, str] = {
    "DeepLift": _HOOKS,
    "DeepLiftShap": _HOOKS,
    "GuidedBackprop": _HOOKS,
    "Deconvolution": _HOOKS,
    "LRP": _RULES,
    "GuidedGradCam": "needs a convolution whose channels it weighs",
}


class Attributed(NamedTuple):
    """What a method of Captum found.

    Attributes:
        x: `(batch, time, input)`.
        dt: `(batch, time)`.
    """

    x: Tensor
    dt: Tensor


class Answering(nn.Module):
    """A question as a module of tensors in and tensor out, as libraries of attribution want it.

    `forward(x, dt)` is the number asked for, `(batch, 1)`; `dt` may be left out and is then that of the question. A
    library may call it with other numbers of series than were asked about: they are taken to repeat in order, or to be
    any where all are alike. The net inside is the user's own, not a copy.

    Arguments:
        question: see `ask`.
        channels_first: whether x comes as `(batch, input, time)`.
        scores: answer all outputs `(batch, outputs)` instead of the number asked for.

    Example:
        >>> from caudal.explain import ask
        >>> from caudal.nn import LTC, Readout
        >>> asked = ask(Readout(LTC(2, 3), 2), torch.randn(4, 5, 2))
        >>> Answering(asked)(asked.x, asked.dt).shape, Answering(asked, scores=True)(asked.x).shape
        (torch.Size([4, 1]), torch.Size([4, 2]))
    """

    def __init__(self, question: Question, *, channels_first: bool = False, scores: bool = False) -> None:
        super().__init__()
        self.net, self.question = question.model, question
        self.channels_first, self.scores = channels_first, scores

    def forward(self, x: Tensor, dt: Tensor | None = None) -> Tensor:
        """See the class."""
        x = x.transpose(1, 2) if self.channels_first else x
        asked = self.question.rows(self._rows(len(x)))
        scores = asked.scores(x, asked.dt if dt is None else dt)
        return scores if self.scores else asked.of(scores)[:, None]

    def _rows(self, count: int) -> Tensor:
        """Which series each of `count` is taken for: all alike where it makes no difference, else in order."""
        asked = self.question
        index = torch.arange(count, device=asked.x.device)
        if count % len(asked) == 0:
            return index % len(asked)
        alike = bool((asked.mask == asked.mask[0]).all()) and bool((asked.dt == asked.dt[0]).all())
        alike = alike and bool((asked.at == asked.at[0]).all())
        if not alike or not (self.scores or bool((asked.target == asked.target[0]).all())):
            fault = f"holds {count} series; the question is about {len(asked)}, which differ in length, dt or target"
            raise InputError("Answering", "x", fault, "Ask about as many series as you pass, or about one.")
        return torch.zeros_like(index)


def captum(
    question: Question, method: str = "IntegratedGradients", *, baseline: Baseline | None = None, **options: object
) -> Attributed:
    """Run a method of Captum over inputs and elapsed times.

    Arguments:
        question: see `ask`; Captum cuts along the first axis, so it is asked series by series where a method repeats
            series in another order.
        method: class in `captum.attr`, one of `SOUND`.
        baseline: as in `influence`.
        options: further arguments of the method's `attribute`.

    Raises:
        InputError: the method is not sound on recurrent nets, with the reason, or is none of Captum's.
        MissingExtraError: captum is not installed.

    Source: Kokhlikyan et al. 2020 (arXiv 2009.07896), Captum.
    """
    if method in REFUSED:
        remedy = f"Take one of {', '.join(SOUND)}, or `influence(question)`, which says how far it adds up."
        raise InputError("captum", "method", f"is {method!r}, which {REFUSED[method]}", remedy)
    if method not in SOUND:
        raise InputError("captum", "method", f"is {method!r}", f"Take one of {', '.join(SOUND)}.")
    kind = getattr(need("captum", "captum.attr"), method)
    baseline = baseline or Baseline()
    parts = [
        _attribute(kind, method, question.rows(torch.tensor([row])), baseline, options) for row in range(len(question))
    ]
    x, dt = (torch.cat([part[k] for part in parts]) for k in range(2))
    return Attributed(x * question.mask[..., None], dt * question.mask)


def _attribute(
    kind: Any, method: str, question: Question, baseline: Baseline, options: dict[str, Any]
) -> tuple[Tensor, ...]:
    answer = Answering(question)
    inputs = tuple(value.clone().requires_grad_(method == "Saliency") for value in (question.x, question.dt))
    starts = tuple(
        torch.as_tensor(value).to(like).expand_as(like).clone() for value, like in zip(baseline, inputs, strict=True)
    )
    given = {**_defaults(method, question), **options}
    if method != "Saliency":
        given.setdefault("baselines", starts)
    attributions: tuple[Tensor, ...] = kind(answer).attribute(inputs, target=0, **given)
    return tuple(value.detach() for value in attributions)


def _defaults(method: str, question: Question) -> dict[str, object]:
    if method == "Occlusion":
        return {"sliding_window_shapes": ((1, 1), (1,))}
    if method == "KernelShap":
        # One feature per step keeps the regression solvable; it has as many unknowns as there are features.
        steps = torch.arange(question.x.shape[1], device=question.x.device)
        return {
            "feature_mask": (steps[None, :, None].expand_as(question.x), steps[None].expand_as(question.dt)),
            "n_samples": 20 * len(steps),
        }
    if method == "IntegratedGradients":
        return {"method": "gausslegendre", "n_steps": 64}
    return {}
