"""Instructions and parameters at matched accuracy: liquid networks beside tuned LSTM, GRU, minGRU and a summary model.

    python -m benchmarks.energy.study run  [--minutes 60] [--seeds 5] [--occupancy FOLDER] [--trim]
    python -m benchmarks.energy.study cost [--occupancy FOLDER]
    python -m benchmarks.energy.study show [--language es]

Every family has as many trainings to find its settings (three, at its middle size, judged by the loss on validation)
and about as many networks in all; the seed draws the weights, the order and the parts. `run` trains and keeps each
network; `cost` exports those that have no figures yet as C of 16-bit integers and counts one step of each on a
simulated Cortex-M4F. A row is kept at once, and a second call goes on where the first ended. `show` prints what the
rows say.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch

from benchmarks.energy.verdict import TASKS, show
from caudal import export, wiring
from caudal.compare.contenders.base import gather, one_thread
from caudal.compare.data import open_source
from caudal.compare.job import Parts
from caudal.compare.metrics import metrics
from caudal.data import Encoder
from caudal.errors import InputError
from caudal.estimators import SummaryModel
from caudal.estimators.outputs import answers
from caudal.estimators.training import facts_of
from caudal.nn import CTRNN, GRU, LRC, LSTM, LTC, LiquidSSM, MinGRU, Readout, WiredCfC, load, save
from caudal.nn.operations import live_parameters, operations
from caudal.train import TrainRecipe, examples, fit, trim

RESULTS = Path(__file__).parents[1] / "results" / "energy.json"
CHIP = "Cortex-M4F"
NETS = Path("results/energy")
# Series of each part at most, drawn with the seed.
MOST = {"train": 1000, "val": 500, "test": 1000}
GATED, FILTERS, LIQUID = (4, 6, 8, 12, 20), (6, 10, 16, 24, 32), (5, 8, 12)
SIZES = {
    "lstm": GATED, "ssm": FILTERS, "gru": GATED, "mingru": FILTERS, "cfc": LIQUID, "ltc": (6, 10, 16), "lrc": LIQUID,
    "ctrnn": (8, 12, 20),
}  # fmt: skip
MIDDLE = {"lstm": 8, "gru": 8, "mingru": 16, "ssm": 16, "ctrnn": 12, "lrc": 8, "cfc": 8, "ltc": 10}
# (learning rate, pace): the pace is a factor of the elapsed time, which only cells with a fixed time constant feel.
TRIALS = {
    **dict.fromkeys(("lstm", "gru", "mingru", "ssm", "cfc"), ((0.03, 1.0), (0.01, 1.0), (0.003, 1.0))),
    **dict.fromkeys(("ctrnn", "lrc", "ltc"), ((0.03, 0.3), (0.01, 0.3), (0.03, 1.0))),
}
TRIMMED = ("ctrnn", "lrc", "cfc", "ltc")
ROUNDS, KEEP = 3, 0.125
RECIPE = TrainRecipe(epochs=30, batch_size=32, patience=10, by_length=True)


def parts_of(task, folder, seed):
    """The parts of a task, divided and thinned by a seed."""
    whole = open_source(task, folder=folder if task == "occupancy" else None, seed=seed).parts

    def some(data, most):
        return data.select(np.sort(np.random.default_rng(seed).permutation(len(data))[:most]))

    return Parts(*(some(getattr(whole, name), most) for name, most in MOST.items()))


def layer_of(family, units, inputs):
    """An untrained layer; a circuit joins everything with everything, and two thirds of its neurons are read."""
    diagonal = {"lstm": LSTM, "gru": GRU, "mingru": MinGRU, "ssm": LiquidSSM}
    if family in diagonal:
        return diagonal[family](inputs, units)
    circuit = wiring.fully_connected(inputs, units, motor=-(-2 * units // 3))
    made = {"ltc": lambda w: LTC(w, substeps=1), "cfc": WiredCfC, "lrc": LRC, "ctrnn": lambda w: CTRNN(w, substeps=1)}
    return made[family](circuit)


class Task:
    """A task as the networks see it at each pace, and what a network reaches and costs there."""

    def __init__(self, name, folder, seed):
        self.name, self.parts = name, parts_of(name, folder, seed)
        self.plan = metrics.plan_of(self.parts.train)
        gaps = self.parts.train.dt[self.parts.train.mask]
        self.shortest = float(gaps[gaps > 0].min())
        self.seen = {}

    def at(self, pace):
        """Encoder, training and validation series at a pace."""
        if pace not in self.seen:
            plain = Encoder.fit(self.parts.train)
            encoder = replace(plain, scaler=replace(plain.scaler, gap=plain.scaler.gap / pace))
            self.seen[pace] = (encoder, *(examples(encoder, part) for part in (self.parts.train, self.parts.val)))
        return self.seen[pace]

    def train(self, family, units, lr, pace, seed):
        """A trained network, and the recipe it was trained with."""
        _, own, held = self.at(pace)
        recipe = replace(RECIPE, lr=lr, seed=seed, batch_size=min(RECIPE.batch_size, max(8, len(own) // 32)))
        torch.manual_seed(seed)
        layer = layer_of(family, units, own.x.shape[2])
        net = Readout(layer, facts_of(self.parts.train).outputs, pool="last" if self.is_per_step else "mean")
        fitted = fit(net, own, held, recipe, progress=False)
        return net, recipe, fitted

    @property
    def is_per_step(self):
        """Whether each step is decided upon."""
        return self.parts.train.task == "classify_steps"

    def row(self, family, net, fitted, pace):
        """Accuracy and size of one network."""
        encoder = self.at(pace)[0]
        val, test = (self.score(answers(net, encoder, part), part) for part in (self.parts.val, self.parts.test))
        return {
            "task": self.name, "family": family, "metric": self.plan.primary, "val": val,
            "val_loss": fitted.history[fitted.best_epoch - 1].val, "test": test,
            "units": net.layer.units, "synapses": net.synapse_count(), "parameters": parameters_of(family, net),
            "operations": operations(net).total, "epochs": len(fitted.history),
        }  # fmt: skip

    def score(self, given, part):
        """The metric of the task."""
        outcome = gather(part, given)
        return metrics.measure(self.parts.train.task, outcome.scores, outcome.truth)[0][self.plan.primary]

    def summary(self, seed):
        """What the summary model reaches."""
        start = process_time()
        model = SummaryModel(seed=seed).fit(self.parts.train, val=self.parts.val)
        val, test = (self.score(model.answer(part), part) for part in (self.parts.val, self.parts.test))
        return {
            "kind": "simple", "size": 0, "lr": 0.0, "pace": 1.0, "seed": seed, "task": self.name, "family": "summary",
            "metric": self.plan.primary, "val": val, "test": test, "cpu_seconds": round(process_time() - start, 1),
        }  # fmt: skip

    def exported(self, net, pace):
        """What the C of a network reaches on test, and costs on the chip."""
        encoder = self.at(pace)[0]
        with tempfile.TemporaryDirectory() as scratch:
            try:
                package = export.c(net, f"{scratch}/policy", "int16", encoder=encoder, shortest_dt=self.shortest)
            except InputError as error:
                return {"refused": str(error)}
            lost = export.lost(net, package.program, self.parts.test, encoder)
            cost = export.measure(package.folder, CHIP)
        return {
            "accuracy_network": lost.network, "accuracy_export": lost.export, "widest": lost.widest,
            "instructions": cost.counted, "flash": cost.flash, "ram": cost.state + cost.stack,
        }  # fmt: skip


def parameters_of(family, net):
    """Live numbers; of two biases that are only ever added up, one."""
    return live_parameters(net) - {"lstm": 4, "gru": 2}.get(family, 0) * net.layer.units


def chosen(rows, task, family):
    """Learning rate and pace of the lowest validation loss among the trials of seed 0; None before they ran."""
    trials = [r for r in rows if (r["task"], r["family"], r["seed"], r["kind"]) == (task, family, 0, "trial")]
    if len(trials) < len(TRIALS[family]):
        return None
    best = min(trials, key=lambda r: r["val_loss"])
    return best["lr"], best["pace"]


def place_of(row, nets):
    """Where the network of a row is kept."""
    words = (row["task"], row["family"], row["kind"], f"{row['size']:.3g}", row["lr"], row["pace"], row["seed"])
    return nets / f"{'-'.join(map(str, words))}.caudal"


def work(rows, task, family, seed, trims, nets):
    """What is still to be trained for a task, family and seed: a generator of rows."""
    done = {
        (r["kind"], r["size"], r["lr"], r["pace"])
        for r in rows
        if (r["task"], r["family"], r["seed"]) == (task.name, family, seed)
    }

    def trained(kind, size, lr, pace):
        start = process_time()
        net, _, fitted = task.train(family, size, lr, pace, seed)
        facts = {"kind": kind, "size": size, "lr": lr, "pace": pace, "seed": seed}
        row = {**facts, **task.row(family, net, fitted, pace), "cpu_seconds": round(process_time() - start, 1)}
        save(net, place_of(row, nets))
        return row

    if seed == 0:
        for lr, pace in TRIALS[family]:
            if ("trial", MIDDLE[family], lr, pace) not in done:
                yield trained("trial", MIDDLE[family], lr, pace)
    settings = chosen(rows, task.name, family)
    if settings is None:
        return
    for size in SIZES[family]:
        is_trial = seed == 0 and size == MIDDLE[family]
        if not is_trial and ("size", size, *settings) not in done:
            yield trained("size", size, *settings)
    if trims and family in TRIMMED and ("trim", KEEP, *settings) not in done:
        yield from trimmed(task, family, settings, seed, nets)


def trimmed(task, family, settings, seed, nets):
    """Rows of the largest circuit after each round of trimming."""
    start = process_time()
    net, recipe, _ = task.train(family, max(SIZES[family]), *settings, seed)
    _, own, held = task.at(settings[1])
    outcome = trim(net, own, held, recipe, keep=KEEP, rounds=ROUNDS, progress=False)
    for number, cut in enumerate(outcome.rounds, 1):
        facts = {"kind": "trim", "size": KEEP ** (number / ROUNDS), "lr": settings[0], "pace": settings[1]}
        row = {**facts, "seed": seed, **task.row(family, cut.model, cut.fitted, settings[1])}
        save(cut.model, place_of(row, nets))
        yield {**row, "cpu_seconds": round(process_time() - start, 1)}


def rows_of(out: Path) -> list[dict[str, Any]]:
    """The rows that are kept."""
    rows: list[dict[str, Any]] = json.loads(out.read_text())["rows"] if out.exists() else []
    return rows


def run(args, tasks):
    """Train what is not there yet until the time is over."""
    rows, end = rows_of(args.out), perf_counter() + 60 * args.minutes
    args.nets.mkdir(parents=True, exist_ok=True)
    for seed, name in product(range(args.seeds), tasks):
        task = Task(name, args.occupancy, seed)
        if not any((r["task"], r["family"], r["seed"]) == (name, "summary", seed) for r in rows):
            rows.append(task.summary(seed))
            keep(args.out, rows)
        for family in args.families:
            for row in work(rows, task, family, seed, args.trim, args.nets):
                rows.append(row)
                keep(args.out, rows)
                print(*(row[key] for key in ("task", "family", "kind", "size", "lr", "pace", "seed", "test")),
                      row["parameters"], row["cpu_seconds"], flush=True)  # fmt: skip
                if perf_counter() > end:
                    return


def price(args, tasks):
    """Count the cost of the kept networks that have none yet."""
    rows = rows_of(args.out)
    for seed, name in product(range(args.seeds), tasks):
        left = [
            r
            for r in rows
            if (r["task"], r["seed"]) == (name, seed) and r["kind"] != "simple" and "instructions" not in r
            and place_of(r, args.nets).exists()
        ]  # fmt: skip
        task = Task(name, args.occupancy, seed) if left else None
        for row in left:
            row.pop("refused", None)
            row |= task.exported(load(place_of(row, args.nets)), row["pace"])
            keep(args.out, rows)
            print(*(row[key] for key in ("task", "family", "size", "seed")), row.get("instructions"), flush=True)


def keep_rows(out: Path, rows: list[dict[str, Any]], **facts: object) -> None:
    """Write the file whole or not at all."""
    beside = out.with_name(f".{out.name}.tmp")
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    beside.write_text(f'{json.dumps(facts)[:-1]}{", " if facts else ""}"rows": [\n  {lines}\n]}}\n')
    beside.replace(out)


def keep(out, rows):
    """The rows of this study."""
    keep_rows(out, rows, most=MOST, epochs=RECIPE.epochs)


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "cost", "show"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--nets", type=Path, default=NETS, help="where the trained networks are kept")
    parser.add_argument("--trim", action="store_true", help="trim the largest circuits as well")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--families", nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS)
    parser.add_argument("--occupancy", type=Path, help="folder of the unpacked UCI data set 357")
    parser.add_argument("--language", choices=("en", "es"), default="en")
    args = parser.parse_args()
    if args.what != "show":
        tasks = [task for task in args.tasks if task != "occupancy" or args.occupancy]
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with one_thread():
            (run if args.what == "run" else price)(args, tasks)
        return
    show(json.loads(args.out.read_text())["rows"], args.language)


if __name__ == "__main__":
    main()
