"""The record of a comparison: data, budget, contenders, runs, intervals, verdict, circuits and chips."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, ClassVar, Literal

from caudal import serial
from caudal.compare.metrics.record import Calibration, Curve, GroupScore, Paired, Verdict
from caudal.fair.record import FairReport
from caudal.intervals import Interval, Reading, read_energy
from caudal.serial import Schema

Family = Literal["liquid", "traditional", "trivial"]
Scalar = str | int | float | bool | None
# Bytes of flash and of memory of an ATmega328P, the chip of the Arduino Uno.
ATMEGA328P = (32_768, 2_048)


@dataclass(frozen=True)
class DataFacts:
    """The data of a study, as its card tells them.

    Attributes:
        name, title, source, licence: of the data set; for a table its file name stands for the first two.
        task: as in `caudal.data.Task`.
        target: what is predicted, in words of the data.
        positive: the class that metrics of two classes look for, or `""`.
        series, steps: number of series, and of valid steps in all.
        typical_steps: median steps of a series.
        inputs: names of the inputs.
        classes: names of the classes; empty unless the task classifies.
        class_shares: share of each class among the known targets of all parts.
        missing_share: share of cells that were not observed.
        time_unit: unit of the elapsed times.
        gap_low, gap_median, gap_high: 5th, 50th and 95th percentile of the elapsed time between steps.
        train, val, test: series of each part.
        split: how the parts were drawn, in words.
        digest: SHA-256 (hex) of the data.
        protocol: `"clean"`, `"paper"`, or `"table"`.
        known_bias, known_leaks, notes: sentences from the data card and the reading.
        sensitive: names of the protected columns.
        sensitive_inputs: whether they are among the inputs.
        owner: the column by which series belong together, such as the patient; `""` where each stands for itself.
        owners: how many of its values training, validation and test hold; empty in records that do not tell.
        test_owners: those of the test part, where they are few.
        folds: test parts that together hold every series once, one for each seed; 0 where all seeds share one.
    """

    name: str
    title: str
    source: str
    licence: str
    task: str
    target: str
    positive: str
    series: int
    steps: int
    typical_steps: float
    inputs: tuple[str, ...]
    classes: tuple[str, ...]
    class_shares: tuple[float, ...]
    missing_share: float
    time_unit: str
    gap_low: float
    gap_median: float
    gap_high: float
    train: int
    val: int
    test: int
    split: str
    digest: str
    protocol: str
    known_bias: tuple[str, ...] = ()
    known_leaks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    sensitive_inputs: bool = False
    owner: str = ""
    owners: tuple[int, ...] = ()
    test_owners: tuple[str, ...] = ()
    folds: int = 0


@dataclass(frozen=True)
class Budget:
    """What each contender may spend; the same for all.

    Attributes:
        name: `"demo"`, `"small"`, `"full"` or `"custom"`.
        seeds: final runs of each contender.
        trials: settings tried in tuning.
        epochs: at most, of a final run.
        trial_epochs: at most, of a trial.
        parameters: trained numbers that each network is matched to.
        resamples: bootstrap draws behind each interval.
    """

    name: str
    seeds: int
    trials: int
    epochs: int
    trial_epochs: int
    parameters: int
    resamples: int = 2000


@dataclass(frozen=True)
class Contender:
    """One model as it entered the study.

    Attributes:
        name: for example `"ltc-ncp"`; unique in the study.
        label: for people, for example `"LTC-NCP"`.
        family: liquid, traditional or trivial.
        summary: one sentence that says what it is.
        settings: what tuning chose, by name.
        units: neurons, trees, or 0.
        parameters: trained numbers; of trees the number of split thresholds and leaf values.
        live_parameters: those that can change an output: of a wired cell only real synapses count.
        synapses: of a wired cell, else None.
        uses_dt: whether elapsed time reaches the dynamics (and not only as a further input).
        macs_per_step: multiply-adds of one step of one series, readout included.
        transcendentals_per_step: sigmoids, tanh, exponentials of one step.
        fit_seconds: median wall time of a final run on this machine, at one thread.
        step_microseconds: median time of one step of one series through the public API, or None.
        series_microseconds: time per series when the test series are predicted in batches of 64, or None.
        energy: joules of a decision, a correct decision and the training, by name, as `energy.columns` gives them.
        kind: `"network"`, `"trees"`, `"summary"`, `"trivial"` or `"estimator"`; `""` in records that do not tell.
        code: what a file of its model asks to be trusted: `module:Class`, or packages; empty of caudal's own.
    """

    name: str
    label: str
    family: Family
    summary: str
    settings: Mapping[str, Scalar]
    units: int
    parameters: int
    live_parameters: int
    synapses: int | None
    uses_dt: bool
    macs_per_step: float
    transcendentals_per_step: float
    fit_seconds: float
    step_microseconds: float | None = None
    series_microseconds: float | None = None
    energy: Mapping[str, Reading] = field(default_factory=dict)
    kind: str = ""
    code: tuple[str, ...] = ()


# A training loss that stays above this share of that of the first pass has not fallen.
_FALLS = 0.99


@dataclass(frozen=True)
class Run:
    """One final training run, kept raw.

    Attributes:
        model: name of the contender.
        seed: of weights and order.
        metrics: on the test series, by name.
        val_metrics: on the validation series.
        epochs: passes made; 0 where there are none.
        seconds: wall time of the training.
        timing: metrics with the elapsed times of the test series changed and the weights kept: `"true"`, `"one"`
            (every gap equal to the typical one), `"shuffled"` (gaps permuted within a series); the primary metric.
        retrained: the same, trained anew on the changed times; empty where the budget does not hold it.
        robustness: disturbance -> level (as text) -> primary metric on the disturbed test series.
        history: loss on training and validation after each pass.
        failed: why there is no result, or `""`.
        left_out: metric -> why it is not defined on the test series.
        robustness_series: test series that robustness was measured on.
        best_epoch: the pass whose weights were kept, from 1; 0 where there are none, or in a record from before it.
        threshold: of two classes, the probability of the last from which on it is decided for, chosen by the validation
            series; None for the likeliest class. Accuracies are those of these decisions.
        cut: whether the clock of a study ended the training, or left out the disturbances.
    """

    model: str
    seed: int
    metrics: Mapping[str, float]
    val_metrics: Mapping[str, float]
    epochs: int
    seconds: float
    timing: Mapping[str, float] = field(default_factory=dict)
    retrained: Mapping[str, float] = field(default_factory=dict)
    robustness: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    history: tuple[tuple[float, float | None], ...] = ()
    failed: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    robustness_series: int = 0
    best_epoch: int = 0
    threshold: float | None = None
    cut: bool = False

    @property
    def is_hardly_trained(self) -> bool:
        """Whether the weights kept are those of the first of several passes, or the training loss never fell.

        Example:
            >>> run = Run("gru", 0, {}, {}, 2, 1.0, history=((1.0, 1.2), (0.5, 1.4)), best_epoch=1)
            >>> run.is_hardly_trained
            True
        """
        if len(self.history) < 2 or not self.best_epoch:
            return False
        return self.best_epoch == 1 or self.history[self.best_epoch - 1][0] > _FALLS * self.history[0][0]


@dataclass(frozen=True)
class Unfinished:
    """What a study left out that ended before all its runs were done.

    Attributes:
        reason: `"time"`, `"good enough"`, or `"asked"` for a report on the way.
        minutes: that the study was given; 0 without a limit.
        good_enough: score on validation that was enough, or None.
        seeds: final runs of each contender that the study stands on.
        of: that were planned.
        absent: contenders without a final run.
        cut: contenders of which the clock ended a training, or left out the disturbances.
        untuned: contenders whose settings were not all tried.
    """

    reason: str
    minutes: float
    good_enough: float | None
    seeds: int
    of: int
    absent: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    untuned: tuple[str, ...] = ()


@dataclass(frozen=True)
class Circuit:
    """A trained circuit to draw.

    Attributes:
        model: name of the contender, of its first seed.
        wiring: JSON of the wiring.
        inputs: name of each input channel, in order.
        outputs: name of each class or output, in order.
        activity: state of each neuron at each step of one test series, `(time, units)`.
        time: of each step, in the unit of the study, from 0.
        strengths: `"source -> target"` to the signed effective weight.
        tau: time constant of each neuron at each step, `(time, units)`, in the unit of the study, or empty.
        example: id of the series, and what was predicted of it against the truth, in words.
    """

    model: str
    wiring: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    activity: tuple[tuple[float, ...], ...]
    time: tuple[float, ...]
    strengths: Mapping[str, float]
    tau: tuple[tuple[float, ...], ...] = ()
    example: str = ""


@dataclass(frozen=True)
class OnChip:
    """An export built for one machine.

    Attributes:
        target: name of the machine, as the export room knows it.
        flash: bytes of code and constants of the export alone.
        state: bytes of the state.
        stack: bytes on the stack, at most.
        per_step: instructions or cycles of a step, mean over random inputs; None where it was built and not run.
        counts: `"instructions"`, `"cycles"` or `""`.
        same: whether the machine answered the bits of the reference; None where it was not run.
    """

    target: str
    flash: int
    state: int
    stack: int
    per_step: float | None = None
    counts: str = ""
    same: bool | None = None

    @property
    def ram(self) -> int:
        """Bytes of memory: state and stack."""
        return self.state + self.stack

    def fits(self, flash: int = ATMEGA328P[0], ram: int = ATMEGA328P[1]) -> bool:
        """Whether it fits a chip of so many bytes, with nothing else on it.

        Example:
            >>> OnChip("AVR", 5_380, 38, 272).fits(), OnChip("AVR", 5_380, 38, 2_040).fits()
            (True, False)
        """
        return self.flash <= flash and self.ram <= ram


@dataclass(frozen=True)
class Chip:
    """The network of one contender as C.

    Attributes:
        model: name of the contender.
        refused: why it has no C form, as a code that the report words: `"no network"`, `"failed"`, `"layer"`,
            `"range"`, `"time"` or `"other"`; `""` where it has one.
        why: the same as a sentence.
        metric: what it is judged by, the primary metric of the study.
        network: that metric of the network in float32, on the test series of `Chips`.
        export: of the exported step.
        widest: largest absolute difference of any answer: of a probability, or in the unit of the target.
        state_bytes: of the numbers in the state.
        dt_min: shortest elapsed time that the integers resolve, in the unit of the study; 0 where none is.
        is_bent: whether the step takes the logarithm of the elapsed time, which its caller computes.
        machines: what was built and run.
        fault: what went wrong on a machine, as a sentence.
    """

    model: str
    refused: str = ""
    why: str = ""
    metric: str = ""
    network: float | None = None
    export: float | None = None
    widest: float | None = None
    state_bytes: int = 0
    dt_min: float = 0.0
    is_bent: bool = False
    machines: tuple[OnChip, ...] = ()
    fault: str = ""

    def on(self, target: str) -> OnChip | None:
        """What was found on a machine, or None."""
        return next((machine for machine in self.machines if machine.target == target), None)


@dataclass(frozen=True)
class Chips:
    """Every contender of a study as C on a microcontroller.

    Attributes:
        dtype: of the exports.
        series: test series that the exports were judged on.
        shortest_dt: shortest elapsed time that was asked for, in the unit of the study; None leaves it to the export.
        missing: machine -> the program that was not installed.
        each: in the order of the study's runs.
    """

    dtype: str
    series: int
    shortest_dt: float | None
    missing: Mapping[str, str] = field(default_factory=dict)
    each: tuple[Chip, ...] = ()


@dataclass(frozen=True)
class Provenance:
    """Command, versions, machine and times of a comparison, to run it again.

    Attributes:
        command: what was typed.
        versions: package -> version.
        machine: processor and number of threads, in words.
        started: ISO 8601, UTC.
        seconds: wall time of all runs together.
        caudal: version of caudal.
        source: what a command would be given: path of the table, or name of the data set; "" where it was made from
            values in Python.
        folder: of the results.
        test: path of the table that was tested on, where it is another one; "" where the source holds the test series.
        recipes: contenders beside whose file lies a recipe that trains them anew.
    """

    command: str
    versions: Mapping[str, str]
    machine: str
    started: str
    seconds: float
    caudal: str
    source: str = ""
    folder: str = ""
    test: str = ""
    recipes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    """All that a comparison found.

    Attributes:
        data: what it was made on.
        budget: what each contender spent.
        metric: the primary metric, by name.
        higher_is_better: of the primary metric.
        metric_names: every metric, in order.
        contenders: in the order of the primary metric, the best first.
        runs: every final run, raw.
        summary: contender -> metric -> interval over seeds and test series.
        comparisons: paired comparisons on the primary metric: every contender against the best, and every liquid one
            against every traditional one.
        curves: robustness.
        timing: contender -> `"true"`, `"one"`, `"shuffled"` -> interval; weights kept, see `Run.timing`.
        retrained: the same for models trained anew.
        calibration: of classifiers.
        groups: by sensitive attribute, and by group of the data where there is one.
        circuits: trained circuits to draw.
        verdict: which to use.
        provenance: how to do it again.
        not_measured: codes of what this study leaves open, which the report words: `"one split"`, `"one data set"`,
            `"few owners"`, `"few seeds"`, `"no retraining on changed times"`, `"no energy"`, `"no fairness"`,
            `"no chips"`, `"no audit"`, ...
        fairness: gaps between the groups of the sensitive columns, one record a model, of its first seed.
        chips: the networks as C on a microcontroller; None where nobody asked, or there is no network.
        matters: what a summary model loses without elapsed times (question `"time"`) and without the order of steps
            (`"order"`).
        expect: disturbances that every model was trained for, with their levels; empty where none was expected.
        unfinished: what was left out; None where all runs were done.
    """

    data: DataFacts
    budget: Budget
    metric: str
    higher_is_better: bool
    metric_names: tuple[str, ...]
    contenders: tuple[Contender, ...]
    runs: tuple[Run, ...]
    summary: Mapping[str, Mapping[str, Interval]]
    comparisons: tuple[Paired, ...]
    curves: tuple[Curve, ...]
    timing: Mapping[str, Mapping[str, Interval]]
    retrained: Mapping[str, Mapping[str, Interval]]
    calibration: tuple[Calibration, ...]
    groups: tuple[GroupScore, ...]
    circuits: tuple[Circuit, ...]
    verdict: Verdict
    provenance: Provenance
    not_measured: tuple[str, ...] = ()
    chips: Chips | None = None
    fairness: tuple[FairReport, ...] = ()
    matters: tuple[Paired, ...] = ()
    expect: Mapping[str, float] = field(default_factory=dict)
    unfinished: Unfinished | None = None
    schema: ClassVar[Schema] = Schema("caudal.study")

    def to_json(self) -> str:
        """One JSON object, keys sorted.

        Raises:
            ValueError: a number is not finite.
        """
        return serial.to_json(self)

    def _repr_html_(self) -> str:
        """The ranking as a table, for notebooks."""
        rows = ""
        for contender in self.contenders:
            score = self.summary.get(contender.name, {}).get(self.metric)
            figure = "–" if score is None else f"{score.value:.4g} [{score.low:.4g}, {score.high:.4g}]"
            rows += f"<tr><td>{escape(contender.label)}</td><td>{contender.family}</td><td>{figure}</td></tr>"
        head = f"<tr><th>model</th><th>family</th><th>{escape(self.metric)}</th></tr>"
        return f"<table><caption>{escape(self.data.title or self.data.name)}</caption>{head}{rows}</table>"

    @staticmethod
    def from_json(text: str) -> "Study":
        """The study that `to_json` wrote.

        Raises:
            FileFormatError: the text is no study.
        """
        return serial.from_json(Study, text, upgrade=_with_readings)


def _with_readings(content: dict[str, Any]) -> None:
    """Turn energies that caudal 0.1 wrote as sentences into numbers."""
    for contender in content["contenders"]:
        for name, energy in contender.get("energy", {}).items():
            if isinstance(energy, str):
                contender["energy"][name] = asdict(read_energy(energy))
