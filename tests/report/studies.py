"""Studies made up by code, for tests of the report only: plausible shapes, no figure in them was measured."""

import math
import random

from caudal.compare.metrics.record import Calibration, Curve, GroupScore, Paired, Verdict, World
from caudal.compare.record import Budget, Chip, Chips, Circuit, Contender, DataFacts, OnChip, Provenance, Run, Study
from caudal.fair.curve import Moment
from caudal.fair.intervals import Gap, GroupRate
from caudal.fair.record import FairAttribute, FairReport
from caudal.intervals import Interval
from caudal.wiring import ncp

# name, label, family, units, parameters, live, synapses, uses dt, operations, seconds, skill (0 to 1)
MODELS = (
    ("ltc-ncp", "LTC-NCP", "liquid", 19, 2100, 660, 151, True, 2100.0, 41.0, 0.90),
    ("gru", "GRU", "traditional", 24, 2520, 2520, None, False, 2500.0, 9.0, 0.92),
    ("cfc", "CfC", "liquid", 24, 2480, 2480, None, True, 2600.0, 12.0, 0.88),
    ("boosting", "Gradient boosting", "traditional", 0, 5400, 5400, None, False, 60.0, 1.4, 0.87),
    ("lstm", "LSTM", "traditional", 20, 2500, 2500, None, False, 2550.0, 8.0, 0.85),
    ("cfc-ncp", "CfC-NCP", "liquid", 19, 2600, 900, 151, True, 1500.0, 15.0, 0.84),
    ("mixed", "Mixed memory", "liquid", 14, 2530, 2530, None, True, 2900.0, 21.0, 0.83),
    ("gru-d", "GRU-D", "traditional", 22, 2490, 2490, None, True, 2700.0, 14.0, 0.82),
    ("transformer", "Transformer", "traditional", 16, 2700, 2700, None, False, 9000.0, 18.0, 0.78),
    ("ssm", "Diagonal SSM", "traditional", 26, 2510, 2510, None, True, 1800.0, 11.0, 0.77),
    ("ctrnn", "CT-RNN", "liquid", 30, 2400, 2400, None, True, 5200.0, 33.0, 0.70),
    ("trivial", "Most frequent", "trivial", 0, 2, 2, None, False, 0.0, 0.0004, 0.0),
)
SEEDS = 5
DISTURBANCES = {
    "noise": "standard deviations",
    "missing": "share",
    "dropped": "share",
    "jitter": "share of a gap",
    "subsampled": "share",
}


def interval(value, half):
    return Interval(value, value - half, value + half, 0.95, "bootstrap over seeds and series")


class Maker:
    """A study of one kind of task."""

    def __init__(self, task, seed=0):
        self.draw = random.Random(seed)
        self.task = task
        self.numbers = task == "numbers"
        self.metric, self.rises = {"two": ("auroc", True), "many": ("accuracy", True), "numbers": ("rmse", False)}[task]
        names = {
            "two": ("auroc", "auprc", "balanced_accuracy", "log_loss", "brier"),
            "many": ("accuracy", "macro_f1", "log_loss"),
            "numbers": ("rmse", "mae", "r2"),
        }
        self.names = names[task]

    def score(self, skill, metric):
        """A score of a skill between 0 (trivial) and 1."""
        low, high = {
            "auroc": (0.5, 0.89),
            "auprc": (0.09, 0.55),
            "balanced_accuracy": (0.5, 0.81),
            "log_loss": (0.7, 0.2),
            "brier": (0.25, 0.06),
            "accuracy": (0.12, 0.99),
            "macro_f1": (0.02, 0.98),
            "rmse": (2.9, 1.42),
            "mae": (2.2, 1.05),
            "r2": (-0.002, 0.72),
        }[metric]
        return low + (high - low) * skill

    def study(self):
        contenders = tuple(
            Contender(
                name,
                label,
                family,
                f"{label}: one sentence that says what it is.",
                {}
                if family == "trivial"
                else {
                    "lr": round(10 ** self.draw.uniform(-3, -1.5), 5),
                    "weight_decay": 0.001,
                    **({} if name == "trees" else {"pool": "last", "dt": "raw"}),
                },
                units,
                parameters,
                live,
                synapses,
                dt,
                operations * 0.93,
                operations * 0.07,
                seconds,
                None if family == "trivial" else 20 + operations / 50,
                None if name == "boosting" else 5 + operations / 20,
            )
            for name, label, family, units, parameters, live, synapses, dt, operations, seconds, _ in MODELS
        )
        skills = {model[0]: model[-1] for model in MODELS}
        half = {name: 0.016 * abs(self.score(1, name) - self.score(0, name)) + 1e-4 for name in self.names}
        order = sorted(contenders, key=lambda one: -skills[one.name])
        summary = {
            one.name: {
                m: interval(self.score(skills[one.name], m), half[m] * (1 + 0.4 * self.draw.random()))
                for m in self.names
            }
            for one in order
        }
        runs = tuple(self.run(one, seed, skills[one.name]) for one in order for seed in range(SEEDS))
        return Study(
            data=self.data(),
            budget=Budget("small", SEEDS, 8, 30, 15, 2500),
            metric=self.metric,
            higher_is_better=self.rises,
            metric_names=self.names,
            contenders=tuple(order),
            runs=runs,
            summary=summary,
            comparisons=self.comparisons(order, skills),
            curves=self.curves(order, skills),
            timing={one.name: self.timing(one, skills) for one in order if one.family != "trivial"},
            retrained={one.name: self.timing(one, skills, 0.4) for one in order[:3]},
            calibration=() if self.numbers else tuple(self.calibration(one, skills) for one in order),
            groups=self.groups(order, skills) if self.task != "many" else (),
            circuits=(self.circuit("ltc-ncp", 3), self.circuit("cfc-ncp", 4)),
            verdict=self.verdict(skills),
            provenance=Provenance(
                "caudal compare nafld --budget small --seeds 5",
                {"torch": "2.13.0+cpu", "numpy": "2.4.6", "scikit-learn": "1.7"},
                "2 cores, x86-64, 1 thread per run",
                "2026-11-22T23:59:10+00:00",
                4312.0,
                "0.1.0",
                "nafld",
                "results/nafld",
            ),
            not_measured=("one split", "one data set", "few seeds", "no energy", "no audit", "a code without words"),
            chips=self.chips(order, skills),
            fairness=self.fairness(order) if self.task == "two" else (),
        )

    def data(self):
        classes = {"two": ("alive", "dead"), "many": tuple(f"speaker {k}" for k in range(1, 10)), "numbers": ()}[
            self.task
        ]
        shares = {"two": (0.914, 0.086), "many": (1 / 9,) * 9, "numbers": ()}[self.task]
        return DataFacts(
            name="nafld",
            title="Fatty liver cohort: death within 5 years from irregular laboratory visits",
            source="Population study, Olmsted County, Minnesota",
            licence="LGPL-2 or later",
            task="regress" if self.numbers else "classify",
            target="dead within 5 years of the index date",
            positive="dead" if self.task == "two" else "",
            series=6246,
            steps=61_822,
            typical_steps=7.0,
            inputs=("age", "smoke", "hdl", "ldl", "sbp", "glucose"),
            classes=classes,
            class_shares=shares,
            missing_share=0.634,
            time_unit="y",
            gap_low=0.02,
            gap_median=0.74,
            gap_high=3.1,
            train=4372,
            val=625,
            test=1249,
            split="Stratified by outcome; one person is one series.",
            digest="9f2c" * 16,
            protocol="clean",
            known_bias=(
                "Death within 5 years is more common among men (10.6 %) than women (7.2 %).",
                "One county only.",
            ),
            known_leaks=("`chol` repeats `hdl` in every row and is left out.",),
            notes=("Column `smoke` is empty in 41 % of rows.",),
            sensitive=("sex", "age"),
        )

    def run(self, one, seed, skill):
        wobble = 0.01 * self.draw.gauss(0, 1)
        metrics = {m: self.score(skill + wobble, m) for m in self.names}
        loss = 0.05 if one.uses_dt else 0.004
        timing = {"true": metrics[self.metric]} | {
            kind: self.score(skill + wobble - loss * size + 0.01 * self.draw.gauss(0, 1), self.metric)
            for kind, size in (("one", 1), ("shuffled", 1.4))
        }
        return Run(
            one.name, seed, metrics, metrics, 17 + seed, one.fit_seconds, timing if one.family != "trivial" else {}
        )

    def comparisons(self, order, skills):
        best = order[0]
        pairs = [(one.name, best.name) for one in order[1:]]
        pairs += [(a.name, b.name) for a in order if a.family == "liquid" for b in order if b.family == "traditional"]
        return tuple(self.pair(a, b, skills) for a, b in dict.fromkeys(pairs))

    def pair(self, first, second, skills):
        scale = abs(self.score(1, self.metric) - self.score(0, self.metric))
        gap, half, margin = (skills[first] - skills[second]) * scale, 0.018 * scale, 0.025 * scale
        low, high = gap - half, gap + half
        verdict = (
            "alike"
            if -margin < low and high < margin
            else "better"
            if low > 0
            else "worse"
            if high < 0
            else "undecided"
        )
        return Paired(
            first,
            second,
            self.metric,
            Interval(gap, low, high),
            min(1.0, math.exp(-abs(gap) / half * 3)),
            "paired permutation test",
            verdict,
            margin,
        )

    def verdict(self, skills):
        live = {model[0]: model[5] for model in MODELS}
        return Verdict(
            "ltc-ncp",
            "smallest of the alike",
            "gru",
            "ltc-ncp",
            "gru",
            self.pair("ltc-ncp", "gru", skills),
            self.pair("ltc-ncp", "trivial", skills),
            live["ltc-ncp"] / live["gru"],
            0.84,
            ("more seeds", "margin", "unforeseen"),
            standing={"gru": "best", "ltc-ncp": "within", "cfc": "unknown", "lstm": "worse", "trivial": "worse"},
            worth=self.pair("ltc-ncp", "trivial", skills),
            need=self.pair("gru", "boosting", skills),
            best_network="gru",
            best_simple="boosting",
            worlds=self.worlds(),
        )

    def worlds(self):
        before, after = (self.score(skill, self.metric) for skill in (0.9, 0.8))
        told = interval(before, 0.01), interval(after, 0.02)
        return (
            World("noise", 0.5, *told, "gru", Interval(0.05, 0.02, 0.08), True),
            World("dropped", 0.3, *told, "ltc-ncp", Interval(0.0, 0.0, 0.0, 0.0), False),
        )

    def curves(self, order, skills):
        made = []
        for kind, unit in DISTURBANCES.items():
            levels = (0.0, 0.25, 0.5, 1.0) if kind == "noise" else (0.0, 0.1, 0.3, 0.5)
            for one in order:
                fall = {"liquid": 0.22, "traditional": 0.33, "trivial": 0.0}[one.family] * (
                    0.7 + 0.6 * self.draw.random()
                )
                values = [
                    self.score(skills[one.name] * (1 - fall * level / levels[-1]), self.metric) for level in levels
                ]
                half = 0.02 * abs(self.score(1, self.metric) - self.score(0, self.metric))
                area = sum(values) / len(values)
                kept = area / values[0] if self.rises else values[0] / area
                made.append(Curve(one.name, kind, levels, unit, tuple(interval(v, half) for v in values), area, kept))
        return tuple(made)

    def timing(self, one, skills, part=1.0):
        loss = part * (0.05 if one.uses_dt else 0.004)
        half = 0.015 * abs(self.score(1, self.metric) - self.score(0, self.metric))
        sizes = {"true": 0.0, "one": 1.0, "shuffled": 1.5}
        return {
            kind: interval(self.score(skills[one.name] - loss * size, self.metric), half)
            for kind, size in sizes.items()
        }

    def calibration(self, one, skills):
        error = 0.015 + 0.05 * self.draw.random()
        bend = 1 + 0.5 * self.draw.uniform(-1, 1)
        bins = tuple(
            (p, min(max(p**bend, 0), 1), round(500 * math.exp(-3 * p) + 4))
            for p in (0.04, 0.15, 0.26, 0.35, 0.44, 0.57, 0.64, 0.76, 0.83, 0.95)
        )
        return Calibration(one.name, interval(error, 0.008), bins)

    def groups(self, order, skills):
        sizes = {
            ("sex", "f"): (703, 51),
            ("sex", "m"): (546, 58),
            ("age", "under 40"): (232, 3),
            ("age", "40 to 60"): (671, 31),
            ("age", "over 60"): (346, 75),
            ("age", "unknown"): (7, 0),
        }
        made = []
        for (attribute, group), (count, positives) in sizes.items():
            for one in order:
                value = self.score(skills[one.name] * (0.97 if group in ("m", "over 60") else 1.0), self.metric)
                score = (
                    None
                    if count < 10
                    else interval(
                        value,
                        0.5 * abs(self.score(1, self.metric) - self.score(0, self.metric)) / math.sqrt(positives + 1),
                    )
                )
                made.append(GroupScore(one.name, attribute, group, count, None if self.numbers else positives, score))
        return tuple(made)

    def fairness(self, order):
        made = []
        groups = {"sex": {"f": 703, "m": 546}, "age": {"below 40": 232, "40 to below 60": 1010, "unknown": 7}}
        for one in order:
            if one.family == "trivial":
                continue
            found = []
            for attribute, counts in groups.items():
                high, low = list(counts)[:2]
                rates = tuple(
                    GroupRate(group, metric, count, None if count < 10 else interval(0.3 + 0.1 * k, 0.05), count < 30)
                    for metric in ("base_rate", "selection_rate", "tpr", "fpr", "accuracy")
                    for k, (group, count) in enumerate(counts.items())
                )
                wide = 0.02 * self.draw.random()
                gaps = tuple(
                    Gap(
                        name=name,
                        metric=metric,
                        high=high,
                        low=low,
                        value=Interval(0.1 + wide, max(0.0, least), 0.25, 0.95),
                        chance=0.04,
                        left_out=("unknown",) if attribute == "age" else (),
                        seeds=(0.1 + wide, 0.14),
                    )
                    for name, metric, least in (
                        ("demographic_parity", "selection_rate", 0.02),
                        ("equal_opportunity", "tpr", -0.1),
                        ("equalised_odds", "fpr", 0.03),
                    )
                    if (attribute, name) != ("age", "equal_opportunity")
                )
                is_main = attribute == "sex" and one.name in ("ltc-ncp", "gru")
                curve = tuple(Moment(step, 0.1 * step, gaps[1]) for step in (1, 4, 9)) if is_main else ()
                small = ("unknown",) if attribute == "age" else ()
                of = "equal_opportunity" if curve else ""
                found.append(FairAttribute(attribute, counts, small, small, rates, gaps, of, curve))
            made.append(
                FairReport(
                    data="nafld",
                    model=one.name,
                    caudal="0.1.0",
                    kind="decision",
                    positive="dead",
                    threshold=0.0865,
                    series=1249,
                    answers=1249,
                    digest="9f2c" * 16,
                    attributes=tuple(found),
                    not_measured=("no curve", "one test set", "no trusted labels", "no mitigation"),
                    left_out={"ward": "is constant"},
                )
            )
        return tuple(made)

    def chips(self, order, skills):
        made = []
        for one in order:
            if one.family == "trivial":
                continue
            if not one.settings.get("pool") or one.name in ("gru-d", "ssm", "boosting"):
                made.append(Chip(one.name, "layer", "has no form"))
                continue
            value = self.score(skills[one.name], self.metric)
            ran = OnChip(
                "Cortex-M4F", 3000 + one.units, 38, 200, 2.5 * one.macs_per_step, "instructions", one.units != 14
            )
            machines = (ran, OnChip("AVR", 5000, 38, 180 * one.units))
            made.append(
                Chip(one.name, "", "", self.metric, value, value - 0.001, 0.004, 38, 0.5 * one.uses_dt,
                     one.name in ("gru", "lstm"), machines, "the build fails" if one.name == "cfc" else "")
            )  # fmt: skip
        return Chips("int16", 1249, None, {}, tuple(made))

    def circuit(self, model, seed, steps=40):
        wiring = ncp(6, 10, 7, 2, seed=seed)
        time = tuple(round(0.7 * k + 0.2 * math.sin(k), 3) for k in range(steps))
        activity = tuple(
            tuple(math.sin(0.3 * t + unit) * math.exp(-0.02 * unit) for unit in range(wiring.units)) for t in time
        )
        tau = tuple(tuple(0.5 + 0.4 * math.cos(0.2 * t + unit) for unit in range(wiring.units)) for t in time)
        draw = random.Random(seed)
        strengths = {name: draw.gauss(0, 1) for name in wiring.synapse_names}
        return Circuit(
            model,
            wiring.to_json(),
            ("age", "smoke", "hdl", "ldl", "sbp", "glucose"),
            ("alive", "dead"),
            activity,
            time,
            strengths,
            tau if model.startswith("ltc") else (),
            "person 4711: predicted dead (0.81), was dead",
        )


def study(task="two", seed=0):
    """A whole study: `"two"` classes, `"many"` classes, or `"numbers"`."""
    return Maker(task, seed).study()
