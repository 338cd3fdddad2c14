"""Compiled loops of the monitors: the numbers that are watched, and cumulative sums of their normal scores."""

import math

import numpy as np
from numpy.typing import NDArray

from caudal.kernels.backends import loop
from caudal.typing import Floats

Ints = NDArray[np.int64]


@loop
def channel_means(
    values: NDArray[np.floating], observed: NDArray[np.bool_], lengths: Ints, rows: Ints, means: Floats
) -> None:
    """Write the mean of what each channel observed in some series into `means` `(rows, at least inputs)`; NaN for none.

    Arguments:
        values, observed: `(series, time, inputs)`.
        lengths: `(series,)`, steps that are no padding.
        rows: which of the series.
        means: where they go.
    """
    inputs = values.shape[2]
    counts = np.empty(inputs, np.int64)
    for k in range(len(rows)):
        row = rows[k]
        means[k, :inputs] = 0.0
        counts[:] = 0
        for t in range(lengths[row]):
            for i in range(inputs):
                if observed[row, t, i]:
                    means[k, i] += values[row, t, i]
                    counts[i] += 1
        for i in range(inputs):
            means[k, i] = means[k, i] / counts[i] if counts[i] else math.nan


@loop
def uncertainty(
    outputs: Floats, is_scores: bool, codes: Ints, limits: Floats, widest: float, spread: Floats, abstained: Ints
) -> None:
    """Write how uncertain each answer is, and whether it is none, as `Conformal.answer` says.

    Arguments:
        outputs: `(rows, classes)` scores before the softmax, or `(rows, 1)` numbers.
        is_scores: whether they are scores of classes.
        codes: `(rows,)`, group of each; -1 for one that is not known.
        limits: `Conformal.limits`.
        widest: interval that is still an answer.
        spread: `(rows,)`: 1 less the largest probability, or the number itself; NaN where a probability is.
        abstained: `(rows,)`: 1 where nothing definite can be said.
    """
    for k in range(len(outputs)):
        group = codes[k] if codes[k] >= 0 else len(limits) - 1
        if not is_scores:
            number, limit = outputs[k, 0], limits[group, 0]
            spread[k] = number
            is_wide = (number + limit) - (number - limit) > widest
            abstained[k] = is_wide or math.isinf(limit) or not math.isfinite(number)
            continue
        most, total, size = -math.inf, 0.0, 0
        for c in range(outputs.shape[1]):
            most = max(most, outputs[k, c])
        for c in range(outputs.shape[1]):
            total += math.exp(outputs[k, c] - most)
        for c in range(outputs.shape[1]):
            size += 1 - math.exp(outputs[k, c] - most) / total <= limits[group, c]
        spread[k] = 1 - 1 / total
        abstained[k] = size != 1 or not math.isfinite(total)


@loop
def distances(states: Floats, mean: Floats, across: Floats, distance: Floats) -> None:
    """Write how far out states lie, `(rows,)`; not finite where a state is not.

    Arguments:
        states: `(rows, neurons)`.
        mean: `(neurons,)`.
        across: `(neurons, neurons)`, transpose of `Space.whiten`.
        distance: where they go.
    """
    white = np.empty(len(mean))
    for k in range(len(states)):
        white[:] = 0.0
        for j in range(len(mean)):
            centred = states[k, j] - mean[j]
            for i in range(len(mean)):
                white[i] += across[j, i] * centred
        total = 0.0
        for i in range(len(mean)):
            total += white[i] * white[i]
        distance[k] = math.sqrt(total)


@loop
def measure(
    values: NDArray[np.floating],
    observed: NDArray[np.bool_],
    lengths: Ints,
    rows: Ints,
    outputs: Floats,
    is_scores: bool,
    codes: Ints,
    limits: Floats,
    widest: float,
    states: Floats,
    mean: Floats,
    across: Floats,
    furthest: float,
    table: Floats,
    abstained: Ints,
    is_far: Ints,
) -> None:
    """Write what is watched in some series: `table` `(rows, inputs + 2)` of means, uncertainty and distance; and flags.

    Arguments:
        values, observed, lengths, rows: as in `channel_means`.
        outputs, is_scores, codes, limits, widest: as in `uncertainty`.
        states, mean, across: as in `distances`.
        furthest: distance beyond which a state is out of distribution; infinity for none.
        table, abstained, is_far: where they go; flags are 0 or 1.
    """
    channel_means(values, observed, lengths, rows, table)
    uncertainty(outputs, is_scores, codes, limits, widest, table[:, -2], abstained)
    distances(states, mean, across, table[:, -1])
    for k in range(len(rows)):
        # A distance that is not a number lies further out than any other.
        is_far[k] = furthest < math.inf and not table[k, -1] <= furthest


@loop
def advance(
    table: Floats,
    stream: int,
    row: int,
    block: int,
    values: Floats,
    begins: Ints,
    scores: Floats,
    bounds: Floats,
    sums: Floats,
    counts: Ints,
    ranks: Floats,
) -> int:
    """Take values from a row of a stream on, stream by stream, until one of them needs a decision.

    Arguments:
        table: `(rows, streams)`; values that are not finite are passed over.
        stream, row: where to begin; later streams begin at row 0.
        block: ranks that are gathered, at least, before it stops at the end of a stream.
        values: sorted references, one after the other.
        begins: `(streams + 1,)`, where each begins.
        scores: normal scores of the `2 n + 1` ranks of each reference, one after the other.
        bounds: `(streams, 2)`: slack and limit of the cumulative sums.
        sums: `(streams, 2)`: the sums, up and down; they go on.
        counts: `(streams, 4)`: values since each sum was 0, values seen, and ranks gathered; they go on.
        ranks: `(streams, at least rows + block)`; they are gathered here.

    Returns:
        `row * streams + stream` of the last value that was taken where a sum exceeds its limit or enough ranks are
        gathered at the end; -1 after the last stream.
    """
    while stream < table.shape[1]:
        first, size = begins[stream], begins[stream + 1] - begins[stream]
        slack, limit = bounds[stream, 0], bounds[stream, 1]
        while row < len(table):
            value = table[row, stream]
            row += 1
            if not math.isfinite(value):
                continue
            low, high = 0, size
            while low < high:
                middle = (low + high) // 2
                if values[first + middle] < value:
                    low = middle + 1
                else:
                    high = middle
            # Ties, where there are any, end after the place where the value would go in.
            stop = size if low < size and values[first + low] == value else low
            while high < stop:
                middle = (high + stop) // 2
                if values[first + middle] > value:
                    stop = middle
                else:
                    high = middle + 1
            place = low + high
            score = scores[2 * first + stream + place]
            for side in range(2):
                total = sums[stream, side] + (score if side == 0 else -score) - slack
                sums[stream, side] = max(0.0, total)
                counts[stream, side] = counts[stream, side] + 1 if total > 0 else 0
            counts[stream, 2] += 1
            ranks[stream, counts[stream, 3]] = (place + 1) / 2 / (size + 1)
            counts[stream, 3] += 1
            if max(sums[stream, 0], sums[stream, 1]) > limit:
                return int((row - 1) * table.shape[1] + stream)
        if counts[stream, 3] >= block:
            return int((row - 1) * table.shape[1] + stream)
        stream, row = stream + 1, 0
    return -1
