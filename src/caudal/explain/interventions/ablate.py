"""Interventions on the circuit: cut, scale or hold a part of it, and see what changes, over the data."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.errors import InputError
from caudal.explain.influence.masks import held_scores, neurons_of, strengths
from caudal.explain.influence.record import Change
from caudal.explain.influence.references import References
from caudal.explain.influence.swap import affordable, can_swap, swapped
from caudal.explain.influence.target import Question
from caudal.intervals import Interval

_DRAWS, _LEVEL = 2000, 0.95


def bootstrap(values: NDArray[np.float64], seed: int = 0) -> Interval:
    """Mean over series with its percentile interval; the series are drawn anew 2,000 times.

    Example:
        >>> bootstrap(np.ones(5)).low
        1.0
    """
    if len(values) < 2:
        only = float(values.mean())
        return Interval(only, float("nan"), float("nan"), _LEVEL, "one series has no interval")
    draw = np.random.default_rng(seed).integers(0, len(values), (_DRAWS, len(values)))
    means = values[draw].mean(1)
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(float(values.mean()), float(low), float(high), _LEVEL, "bootstrap over series")


def change(question: Question, scores: Tensor, what: str) -> Change:
    """The effect of new outputs on the question, compared with the old ones."""
    old = question.values()
    moved = (question.of(scores) - old).double().cpu().numpy()
    turned = float((~question.kept(scores)).double().mean()) if question.decides else float("nan")
    return Change(what, bootstrap(moved), moved, turned, question.unit)


def ablate(question: Question, what: str | Iterable[str] | Mapping[str, float]) -> Change:
    """Cut synapses or neurons, or change their strength, on the net's own kernels.

    Arguments:
        question: see `ask`.
        what: a synapse (`"command/3 -> motor/0"`), a neuron (`"command/3"`: every synapse to and from it), several, or
            the factor of each: 0 cuts, 0.5 halves, 2 doubles.

    Raises:
        InputError: nothing is named, a name is unknown, or the net has no wiring.

    Example:
        >>> from caudal.explain import ask
        >>> from caudal.nn import LTC, Readout
        >>> question = ask(Readout(LTC(2, 3), 2), torch.randn(4, 5, 2))
        >>> ablate(question, "input/0 -> motor/1").changes.shape
        (4,)
    """
    chosen: Iterable[str] | Mapping[str, float] = (what,) if isinstance(what, str) else what
    if not isinstance(chosen, Mapping):
        chosen = tuple(chosen)
        words = "without " + ", ".join(map(str, chosen))
    else:
        words = ", ".join(f"{name} x {factor:g}" for name, factor in chosen.items())
    strength = strengths("ablate", question, chosen)
    return change(question, question.answers(synapses=strength), words)


def swap_parts(question: Question, background: References, names: tuple[str, ...]) -> Change:
    """Let synapses, or neurons, carry together what they carry in other series; the mean change over these.

    Arguments:
        question: see `ask`.
        background: the other series, see `references`.
        names: of synapses, or of neurons.

    Raises:
        InputError: nothing is named, a name is unknown, or the net cannot be swapped.
    """
    if not can_swap(question.model):
        fault = "holds no synapse that could carry something else"
        raise InputError("swap_parts", "question", fault, "Use `hold`, or `ablate`.")
    strength = strengths("swap_parts", question, names)
    neurons = neurons_of(question.model)
    if all(name in neurons for name in names):
        on, which = "neurons", torch.tensor([name in names for name in neurons])
    else:
        on, which = "synapses", strength == 0
    background = affordable(question, background)
    scores = swapped(question, background, on, which[None])[:, :, 0]
    each = question.rows(torch.arange(len(question)).repeat_interleave(background.count))
    flat = scores.flatten(0, 1)
    values = each.of(flat).view(len(question), -1).mean(1)
    moved = (values - question.values()).double().cpu().numpy()
    turned = float((~each.kept(flat)).double().mean()) if question.decides else float("nan")
    return Change(f"{', '.join(names)} as in other series", bootstrap(moved), moved, turned, question.unit)


def hold(question: Question, neuron: str, value: float) -> Change:
    """Hold a neuron at a value after every step, in a wired or a dense layer.

    Sub-steps within a step run free from there, so in an LTC, LRC or CT-RNN the neuron strays within a step.

    Arguments:
        question: see `ask`.
        neuron: its name, `"command/3"`, or `"unit/3"` in a layer without a wiring.
        value: what it is held at, in the unit of the state.

    Raises:
        InputError: the name is unknown, the value is not finite, or the net is made of several layers.
    """
    names = neurons_of(question.model)
    if neuron not in names:
        listed = ", ".join(names[:6])
        raise InputError("hold", "neuron", f"is {neuron!r}, which is not there", f"There are {listed}, ...")
    if not np.isfinite(value):
        raise InputError("hold", "value", f"is {value}", "Pass a finite number.")
    unit = torch.full((len(question),), names.index(neuron), device=question.x.device)
    scores = held_scores(question, unit, question.x.new_full((len(question),), value))
    return change(question, scores, f"{neuron} held at {value:g}")
