"""Joules of a decision and of a training: by a counter, or from stated watts, one contender after the other."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import mean, median
from time import perf_counter

from caudal import energy
from caudal.compare.contenders.base import network_in, one_thread, unpacked
from caudal.compare.contenders.registry import entry_of
from caudal.compare.job import Parts, RunOutcome
from caudal.compare.run import train
from caudal.data import Sequences
from caudal.energy import Spent
from caudal.errors import InputError
from caudal.intervals import Reading
from caudal.nn.operations import operations

# A window is long enough for the slowest counter of a processor; as many windows as an interval needs.
_WINDOW, _WINDOWS = 0.25, 5
_MOST_SERIES = 256
_PROCESSORS = ("cpu", "board")


def check(watts: energy.Span | None) -> None:
    """Refuse watts that make no sense before anything is trained.

    Raises:
        InputError: they are not two numbers from low to high, or one is negative.
    """
    if watts is not None and (len(watts) != 2 or not 0 < watts[0] <= watts[1] < float("inf")):
        fault = f"is {watts!r}; expected watts of a busy core, from low to high and above 0"
        raise InputError("compare", "watts", fault, "Pass for example (5, 15).")


def why_not(watts: energy.Span | None) -> str:
    """Why nothing would be read here, or nothing where something would: no counter, and no watts stated."""
    if watts is not None:
        return ""
    counters, missing = energy.counters()
    return "" if any(device in counters for device in _PROCESSORS) else missing["cpu"]


def measure(
    outcomes: Sequence[RunOutcome],
    parts: Parts,
    watts: energy.Span | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Spent]:
    """Train each contender once more and let it decide, alone on the machine and at one thread.

    A counter reads the whole processor, what it draws at rest included. The training is that of the first seed, whole;
    the decision is the 95 % interval of the mean of five windows of a quarter of a second and more, per series.

    Arguments:
        outcomes: of seed 0, one for each contender; those that failed are left out.
        parts: the series, divided.
        watts: of a busy core, from low to high, which stand in where no counter is; see `check`.
        say: is told which contender has its turn.

    Returns:
        joules by name of the contender; all unknown, and nothing trained, where `why_not` has a reason.
    """
    good = [outcome for outcome in outcomes if not outcome.run.failed]
    reason = why_not(watts)
    if reason:
        nothing = Reading("unknown", reason)
        return {outcome.job.model: Spent(nothing, nothing) for outcome in good}
    spent = {}
    with one_thread():
        for outcome in good:
            say(f"Measuring the energy of {outcome.contender.label}.")
            spent[outcome.job.model] = _joules(outcome, parts, watts)
    return spent


def _joules(outcome: RunOutcome, parts: Parts, watts: energy.Span | None) -> Spent:
    job = replace(outcome.job, disturb=False, retrain_timing=False)
    with energy.measure(watts_per_core=watts) as training:
        trained = train(job, parts)
    few = parts.test.select(slice(0, _MOST_SERIES))
    times = _repeats(trained.answer, few)

    def decide() -> None:
        for _ in range(times):
            trained.answer(few)

    decided = energy.measure_repeated(decide, _WINDOWS, watts_per_core=watts)
    whole = _processor(training)
    # The seconds behind stated watts differ by contender, and the watts are what people should know.
    return Spent(_processor(decided).times(1 / (times * len(few))), replace(whole, note="") if watts else whole)


def _repeats(answer: Callable[[Sequences], object], few: Sequences) -> int:
    """How often the series are answered in one window; the first answer, which sets things up, is not timed."""
    answer(few)
    start = perf_counter()
    answer(few)
    return max(1, round(_WINDOW / max(perf_counter() - start, 1e-9)))


def _processor(measurement: energy.Measurement) -> Reading:
    """What trains and decides: the processor with its memory, or the board that holds both."""
    processor = measurement.devices["cpu"] if "cpu" in measurement.devices else measurement.devices["board"]
    memory, board = measurement.devices.get("dram"), measurement.devices.get("board")
    if processor.label != "measured" and board is not None and board.label == "measured":
        return board
    if processor.label != "measured" or memory is None or processor.low is None or memory.low is None:
        return processor
    high = (processor.high or 0.0) + (memory.high or 0.0)
    return Reading("measured", f"{processor.source}, processor and memory", processor.low + memory.low, high)


def energy_of(outcomes: Sequence[RunOutcome], parts: Parts, spent: Spent | None = None) -> dict[str, Reading]:
    """Energy per decision, per correct decision and of training, each with its label and source.

    Arguments:
        outcomes: final outcomes of one contender, in the order of seeds.
        parts: the series, divided.
        spent: joules that were read.
    """
    good = [outcome for outcome in outcomes if not outcome.run.failed]
    if not good:
        return energy.columns(None, 1.0, why="no run came to an end")
    first, steps = good[0], median(map(float, parts.train.lengths))
    label = entry_of(first.job.model).label
    shares = [outcome.run.metrics["accuracy"] for outcome in good if "accuracy" in outcome.run.metrics]
    correct = mean(shares) if shares else None
    network = None if first.model is None else network_in(unpacked(first.model))
    if network is None:
        return energy.columns(None, steps, correct=correct, spent=spent, why=f"operations of {label} are not counted")
    seen = median(outcome.run.epochs for outcome in good) * float(parts.train.lengths.sum())
    work = operations(network.net_, steps)
    return energy.columns(work, steps, correct=correct, seen=seen, spent=spent)
