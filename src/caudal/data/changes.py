"""Send on change: a step is computed only when something happened. One rule, for tables, for steps and for chips.

1. A channel has *moved* when it is observed and differs from its value at the last sent step at which it was observed
   by more than its threshold; a channel that was not observed at any sent step yet has moved when it is observed. What
   is not observed does not move.
2. A step is *sent* when it is the first of its series or any of its channels moved. All its channels are sent at once,
   also those that moved less, and those observed become the values to compare with.
3. At a sent step the model is given the time since the last sent step: the gaps of the steps between are added up.
4. A step that is not sent costs nothing, changes no state, and its answer is that of the last sent step.
5. A forecast is asked from the last step of a series, which is therefore always sent.

Thresholds are in standard deviations of the training series where a model scales its inputs, and so the same rule holds
for what a network reads. With threshold 0 a step is left out only when nothing moved at all. Under
`pairing="previous"` a network flows over the gap under the old inputs and then takes the new ones, which is what a
sensor that keeps its value does.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from caudal.errors import InputError
from caudal.typing import Array


def sent_steps(
    values: Array, observed: NDArray[np.bool_], lengths: NDArray[np.int64], thresholds: Array, *, last: bool = False
) -> NDArray[np.bool_]:
    """`(batch, time)` bool, the steps that are sent; none of the padding.

    Arguments:
        values: `(batch, time, channels)`.
        observed: the same shape, which of them were measured.
        lengths: `(batch,)` steps of each series.
        thresholds: `(channels,)` in the unit of the values.
        last: whether the last step of each series is sent as well.

    Example:
        >>> values = np.array([[[0.0], [0.1], [0.4], [0.5]]])
        >>> sent_steps(values, np.ones(values.shape, bool), np.array([4]), np.array([0.3]))[0].tolist()
        [True, False, True, False]
    """
    batch, time, channels = values.shape
    compared = np.full((batch, channels), np.nan)
    sent = np.zeros((batch, time), np.bool_)
    for step in range(time):
        # Nothing compares with what was never sent: it is not within a threshold of anything.
        near = np.abs(values[:, step] - compared) <= thresholds
        sent[:, step] = (observed[:, step] & ~near).any(axis=1) if step else True
        sent[:, step] &= step < lengths
        compared = np.where(sent[:, step, None] & observed[:, step], values[:, step], compared)
    if last:
        sent[np.arange(batch), lengths - 1] = True
    return sent


def held_answers(sent: NDArray[np.bool_], answers: Array) -> Array:
    """Answers `(batch, time, ...)` at every step from those at sent steps: each holds until the next one is sent.

    Arguments:
        sent: `(batch, time)`, the first step of each series among them.
        answers: `(batch, sent steps, ...)`, closed up.

    Example:
        >>> held_answers(np.array([[True, False, True]]), np.array([[5.0, 7.0]])).tolist()
        [[5.0, 5.0, 7.0]]
    """
    latest = np.maximum(np.cumsum(sent, axis=1) - 1, 0)
    at_every_step: Array = answers[np.arange(len(sent))[:, None], latest]
    return at_every_step


def thresholds_of(
    asked: float | Mapping[str, float] | None, names: Sequence[str], deviations: Sequence[float]
) -> tuple[float, ...]:
    """Thresholds in standard deviations, one for each channel; empty for None.

    Arguments:
        asked: one number for all channels, in standard deviations; or by name in the unit of the channel, 0 for others.
        names: of the channels.
        deviations: of the channels.

    Raises:
        InputError: a threshold is no number of at least 0, or a name is unknown.

    Example:
        >>> thresholds_of({"b": 1.0}, ("a", "b"), (1.0, 2.0)), thresholds_of(0.1, ("a", "b"), (1.0, 2.0))
        ((0.0, 0.5), (0.1, 0.1))
    """
    if asked is None:
        return ()
    by_name = dict(asked) if isinstance(asked, Mapping) else dict.fromkeys(names, asked)
    for name, value in by_name.items():
        if name not in names:
            fault = f"names {name!r}; there are {', '.join(names)}"
            raise InputError("send_on_change", "name", fault, "Name inputs of the model.")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            fault = f"is {value!r}; expected a number of at least 0"
            raise InputError("send_on_change", "threshold", fault, "Pass for example 0.1, or leave it out.")
    if not isinstance(asked, Mapping):
        return tuple(float(asked) for _ in names)
    return tuple(float(by_name.get(name, 0.0)) / deviation for name, deviation in zip(names, deviations, strict=True))
