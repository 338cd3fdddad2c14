"""Conformal sets and drift monitors on real data: coverage by group, delay of alarms, false alarms."""

from collections.abc import Mapping
from time import process_time

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.audit.figures import Figure, Say, at_least, at_most, within
from benchmarks.audit.subject import Subject, subject
from caudal.data import Sequences
from caudal.kernels import exact
from caudal.monitor.conformal import calibrate, coverage
from caudal.monitor.drift import SHIFT, Space, Watch
from caudal.monitor.guard import Guard, flat, states_of, streams
from caudal.train import answer_and_state, examples

_DRAWS = 100
_STREAMS = 10_000
_REPEATS = 5
_PASSES = 21
_TRIALS = 40
_LATE = 200


def conformal(folder: str | None, say: Say) -> tuple[Figure, ...]:
    """Coverage at 90 %, over many halvings of what the network has not seen: one half calibrates, the other judges.

    Arguments:
        folder: of PhysioNet 2012; None for nafld.
        say: told what goes on.
    """
    model, unseen, by = subject(folder)
    probabilities, truth, owner = (
        model.predict_proba(unseen),
        np.asarray(unseen.target),
        unseen.sensitive[by].astype(str),
    )
    say(f"{len(unseen):,} series held out, groups by {by}: {', '.join(sorted(set(owner)))}")
    dice = np.random.default_rng(0)
    marginal, least, unsure, shares = [], [], [], dict[str, list[float]]()
    for _ in range(_DRAWS):
        order = dice.permutation(len(unseen))
        a, b = order[: len(unseen) // 2], order[len(unseen) // 2 :]
        answer = calibrate(probabilities[a], truth[a], owner[a]).answer(probabilities[b], owner[b])
        covered = coverage(answer, truth[b], owner[b])
        marginal.append(covered.marginal)
        unsure.append(covered.abstained)
        sure = {name: share for name, share in covered.by_group.items() if covered.counts[name] >= 30}
        least.append(min(sure.values()))
        for name, share in sure.items():
            shares.setdefault(name, []).append(share)
    worst = min(shares, key=lambda name: float(np.mean(shares[name])))
    return (
        Figure("series held out", len(unseen)),
        Figure("groups of at least 30 series", len(shares)),
        within("marginal coverage, mean of 100 halvings", 100 * float(np.mean(marginal)), 89, 92, "%"),
        at_least(f"worst group ({worst}), mean of 100 halvings", 100 * float(np.mean(shares[worst])), 86, "%"),
        Figure("worst group of each halving, 5th percentile", 100 * float(np.percentile(least, 5)), "%"),
        Figure("accuracy of the network", 100 * float((probabilities.argmax(1) == truth).mean()), "%"),
        Figure("series on which it abstains", 100 * float(np.mean(unsure)), "%"),
    )


def drift(folder: str | None, say: Say) -> tuple[Figure, ...]:
    """False alarms in quiet streams of 10,000 real series, and the delay when one channel moves by half a deviation.

    Half of what the network has not seen is the reference; streams are drawn from the other half. Only the channel that
    moves is counted, one at a time, among those observed in at least half of the series.

    Arguments:
        folder: of PhysioNet 2012; None for nafld.
        say: told what goes on.
    """
    model, unseen, _ = subject(folder)
    half = np.random.default_rng(0).permutation(len(unseen)) < len(unseen) // 2
    space = Space.of(states_of(model, unseen, np.flatnonzero(half)))
    reference = _values(model, unseen.select(half), space)
    fresh = _values(model, unseen.select(~half), space)
    watched = [name for name, values in reference.items() if np.isfinite(values).sum() >= max(100, 0.5 * len(values))]
    reference = {name: reference[name] for name in watched}
    say(f"{len(watched)} streams: {', '.join(watched)}")
    dice = np.random.default_rng(1)
    alarms = 0
    for number in range(_REPEATS):
        watch = Watch(reference)
        rows = dice.integers(0, int((~half).sum()), _STREAMS)
        alarms += sum(len(watch.see({name: fresh[name][row] for name in watched})) for row in rows)
        say(f"{(number + 1) * _STREAMS:,} quiet series: {alarms} alarms")
    moving = [name for name in watched if np.nanstd(reference[name]) > 0]  # a constant has no deviation to move by
    delays = {name: _delays(reference, fresh, name, dice) for name in moving}
    all_delays = np.concatenate(list(delays.values()))
    slowest = max(delays, key=lambda name: float(np.median(delays[name])))
    say(f"slowest stream: {slowest}, {np.median(delays[slowest]):.0f} series")
    return (
        Figure("streams watched", len(watched)),
        Figure("quiet series looked at", _STREAMS * _REPEATS),
        at_most("false alarms in 10,000 series, all streams together", alarms / _REPEATS, 1),
        at_most(
            "delay of a drift of half a deviation in one stream, median", float(np.median(all_delays)), _LATE, "series"
        ),
        at_most("the same in the slowest stream, median", float(np.median(delays[slowest])), _LATE, "series"),
        Figure("delay, 95th percentile", float(np.percentile(all_delays, 95)), "series"),
        Figure("drifts flagged within 200 series", 100 * float((all_delays <= _LATE).mean()), "%"),
    )


def cost(folder: str | None, say: Say) -> tuple[Figure, ...]:
    """CPU time of the monitors beside that of the predictions they watch, in batches of 256 and one by one.

    A prediction is one pass of the network over whole series, from encoded series to scores; its monitors are all that
    a guard adds to it, the copy of the states included. They alternate, batch by batch, in one process. A pass over all
    batches is not counted, since it compiles and loads; the share is the median of those of the passes that follow.

    Arguments:
        folder: of PhysioNet 2012; None for nafld.
        say: told what goes on.
    """
    model, unseen, _ = subject(folder)
    half = np.random.default_rng(0).permutation(len(unseen)) < len(unseen) // 2
    guard, data = Guard(model, unseen.select(half)), unseen.select(~half)
    steps = f"{np.mean(data.lengths):.1f} steps in the mean, padded to {data.steps}"
    say(f"{len(data)} series of {data.inputs} channels, {steps}")
    figures = []
    for size, most in ((256, len(data)), (1, 256)):
        parts = np.array_split(np.arange(most), max(most // size, 1))
        passes = [_timed(model, guard, data, parts) for _ in range(1 + _PASSES)][1:]
        deciding, watching = (float(np.median(seconds)) / most * 1e6 for seconds in zip(*passes, strict=True))
        shares = [100 * watched / decided for decided, watched in passes]
        low, middle, high = np.percentile(shares, [10, 50, 90])
        say(f"batches of {size}: a prediction {deciding:.1f} us, its monitors {watching:.1f} us a series")
        say(f"batches of {size}: {middle:.2f} %, from {low:.2f} to {high:.2f} in 8 of 10 passes")
        name = f"monitors of {len(guard.watch.streams)} streams beside a prediction, batches of {size}"
        figures.append(at_most(name, float(middle), 5, "%", is_time=True))
    return tuple(figures)


def _timed(model: Subject, guard: Guard, data: Sequences, parts: list[NDArray[np.int64]]) -> tuple[float, float]:
    """Seconds of CPU time of the predictions about some series, and of their monitors."""
    encoded = examples(model.encoder_, data.without_target())
    deciding = watching = 0.0
    for part in parts:
        rows, begun = part.tolist(), process_time()
        with torch.no_grad(), exact():
            out, state = answer_and_state(model.net_, encoded.rows(torch.tensor(rows)))
        middle = process_time()
        guard.look(data, rows, out.numpy(), flat(state))
        deciding, watching = deciding + middle - begun, watching + process_time() - middle
    return deciding, watching


def _values(model: Subject, data: Sequences, space: Space) -> Mapping[str, NDArray[np.float64]]:
    states = states_of(model, data, range(len(data)))
    return streams(data, model.predict_proba(data), space.distance(states))


def _delays(
    reference: Mapping[str, NDArray[np.float64]],
    fresh: Mapping[str, NDArray[np.float64]],
    name: str,
    dice: np.random.Generator,
) -> NDArray[np.float64]:
    """Observed values of one stream until its drift is told, with the thresholds of a watch over all of them."""
    seen = fresh[name][np.isfinite(fresh[name])]
    shift = SHIFT * float(np.nanstd(reference[name]))
    delays = []
    for trial in range(_TRIALS):
        watch = Watch(reference)
        for value in dice.choice(seen, 300):
            watch.see({name: value})
        moved = dice.choice(seen, 5 * _LATE) + (shift if trial % 2 else -shift)
        delays.append(next((k + 1 for k, value in enumerate(moved) if watch.see({name: value})), 5 * _LATE))
    return np.array(delays, np.float64)
