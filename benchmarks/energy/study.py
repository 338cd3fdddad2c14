"""Instructions and parameters at matched accuracy: liquid circuits, plain and trimmed, beside tuned LSTM and GRU.

    python -m benchmarks.energy.study run  [--minutes 60] [--seeds 2] [--occupancy FOLDER]
    python -m benchmarks.energy.study show [--language es]

Every family has as many trainings to find its settings (three, at its middle size, judged by the loss on validation)
and about as many networks in all. Each network is exported as C of 16-bit integers and one step of it is counted on a
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
from caudal.estimators.outputs import answers
from caudal.estimators.training import facts_of
from caudal.nn import CTRNN, GRU, LRC, LSTM, LTC, Readout, WiredCfC
from caudal.nn.operations import live_parameters, operations
from caudal.train import TrainRecipe, examples, fit, trim

RESULTS = Path(__file__).parents[1] / "results" / "energy.json"
CHIP = "Cortex-M4F"
# Series of each part at most, drawn with seed 0.
MOST = {"train": 1000, "val": 500, "test": 1000}
GATED, LIQUID = (4, 6, 8, 12, 20), (5, 8, 12)
SIZES = {"lstm": GATED, "cfc": LIQUID, "lrc": LIQUID, "ltc": (6, 10, 16), "gru": GATED, "ctrnn": (8, 12, 20)}
MIDDLE = {"lstm": 8, "gru": 8, "ctrnn": 12, "lrc": 8, "cfc": 8, "ltc": 10}
# (learning rate, pace): the pace is a factor of the elapsed time, which only cells with a time constant feel.
TRIALS = {
    **dict.fromkeys(("lstm", "gru", "cfc"), ((0.03, 1.0), (0.01, 1.0), (0.003, 1.0))),
    **dict.fromkeys(("ctrnn", "lrc", "ltc"), ((0.03, 0.3), (0.01, 0.3), (0.03, 1.0))),
}
TRIMMED = ("ctrnn", "lrc", "cfc", "ltc")
ROUNDS, KEEP = 3, 0.125
RECIPE = TrainRecipe(epochs=30, batch_size=32, patience=10, by_length=True)


def parts_of(task, folder):
    """The parts of a task, thinned by a draw of seed 0."""
    whole = open_source(task, folder=folder if task == "occupancy" else None).parts

    def some(data, most):
        return data.select(np.sort(np.random.default_rng(0).permutation(len(data))[:most]))

    return Parts(*(some(getattr(whole, name), most) for name, most in MOST.items()))


def layer_of(family, units, inputs):
    """An untrained layer; a circuit joins everything with everything, and two thirds of its neurons are read."""
    if family in ("lstm", "gru"):
        return (LSTM if family == "lstm" else GRU)(inputs, units)
    circuit = wiring.fully_connected(inputs, units, motor=-(-2 * units // 3))
    made = {"ltc": lambda w: LTC(w, substeps=1), "cfc": WiredCfC, "lrc": LRC, "ctrnn": lambda w: CTRNN(w, substeps=1)}
    return made[family](circuit)


class Task:
    """A task as the networks see it at each pace, and what a network reaches and costs there."""

    def __init__(self, name, folder):
        self.name, self.parts = name, parts_of(name, folder)
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
        """Accuracy and cost of one network."""
        encoder = self.at(pace)[0]
        val, test = (gather(part, answers(net, encoder, part)) for part in (self.parts.val, self.parts.test))
        kind, primary = self.parts.train.task, self.plan.primary
        found = {
            "task": self.name, "family": family, "metric": primary,
            "val": metrics.measure(kind, val.scores, val.truth)[0][primary],
            "val_loss": fitted.history[fitted.best_epoch - 1].val,
            "test": metrics.measure(kind, test.scores, test.truth)[0][primary],
            "units": net.layer.units, "synapses": net.synapse_count(), "parameters": parameters_of(family, net),
            "operations": operations(net).total, "epochs": len(fitted.history),
        }  # fmt: skip
        return {**found, **self.exported(net, encoder)}

    def exported(self, net, encoder):
        """What the C of the network reaches on test, and costs on the chip."""
        with tempfile.TemporaryDirectory() as scratch:
            try:
                made = export.c(net, f"{scratch}/policy", "int16", encoder=encoder, shortest_dt=self.shortest)
            except InputError as error:
                return {"refused": str(error)}
            lost = export.lost(net, made.program, self.parts.test, encoder)
            cost = export.measure(made.folder, CHIP)
        return {
            "accuracy_network": lost.network, "accuracy_export": lost.export, "widest": lost.widest,
            "instructions": cost.counted, "flash": cost.flash, "ram": cost.state + cost.stack,
        }  # fmt: skip


def parameters_of(family, net):
    """Live numbers; of two biases that are only ever added up, one."""
    return live_parameters(net) - {"lstm": 4, "gru": 2}.get(family, 0) * net.layer.units


def chosen(rows, task, family):
    """Learning rate and pace of the lowest validation loss among the trials of seed 0; None before they ran."""
    mine = [r for r in rows if (r["task"], r["family"], r["seed"], r["kind"]) == (task, family, 0, "trial")]
    if len(mine) < len(TRIALS[family]):
        return None
    best = min(mine, key=lambda r: r["val_loss"])
    return best["lr"], best["pace"]


def work(rows, task, family, seed):
    """What is still to be trained for a task, family and seed: a generator of rows."""
    done = {
        (r["kind"], r["size"], r["lr"], r["pace"])
        for r in rows
        if (r["task"], r["family"], r["seed"]) == (task.name, family, seed)
    }

    def one(kind, size, lr, pace):
        start = process_time()
        net, _, fitted = task.train(family, size, lr, pace, seed)
        facts = {"kind": kind, "size": size, "lr": lr, "pace": pace, "seed": seed}
        return {**facts, **task.row(family, net, fitted, pace), "cpu_seconds": round(process_time() - start, 1)}

    if seed == 0:
        for lr, pace in TRIALS[family]:
            if ("trial", MIDDLE[family], lr, pace) not in done:
                yield one("trial", MIDDLE[family], lr, pace)
    settings = chosen(rows, task.name, family)
    if settings is None:
        return
    for size in SIZES[family]:
        is_trial = seed == 0 and size == MIDDLE[family]
        if not is_trial and ("size", size, *settings) not in done:
            yield one("size", size, *settings)
    if family in TRIMMED and ("trim", KEEP, *settings) not in done:
        yield from trimmed(task, family, settings, seed)


def trimmed(task, family, settings, seed):
    """Rows of the largest circuit after each round of trimming."""
    start = process_time()
    net, recipe, _ = task.train(family, max(SIZES[family]), *settings, seed)
    _, own, held = task.at(settings[1])
    found = trim(net, own, held, recipe, keep=KEEP, rounds=ROUNDS, progress=False)
    for number, cut in enumerate(found.rounds, 1):
        facts = {"kind": "trim", "size": KEEP ** (number / ROUNDS), "lr": settings[0], "pace": settings[1]}
        row = task.row(family, cut.model, cut.fitted, settings[1])
        yield {**facts, "seed": seed, **row, "cpu_seconds": round(process_time() - start, 1)}


def run(out, minutes, seeds, families, tasks, folder):
    """Train what is not there yet until the time is over."""
    rows = json.loads(out.read_text())["rows"] if out.exists() else []
    end, kept = perf_counter() + 60 * minutes, {}
    for seed, family, name in product(range(seeds), families, tasks):
        if name not in kept:
            kept[name] = Task(name, folder)
        for row in work(rows, kept[name], family, seed):
            rows.append(row)
            keep(out, rows)
            print(*(row[key] for key in ("task", "family", "kind", "size", "lr", "pace", "seed", "test")),
                  row.get("instructions"), row["parameters"], row["cpu_seconds"], flush=True)  # fmt: skip
        if perf_counter() > end:
            return


def keep(out, rows):
    """Write the file whole or not at all."""
    beside = out.with_name(f".{out.name}.tmp")
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    beside.write_text(f'{{"most": {json.dumps(MOST)}, "epochs": {RECIPE.epochs}, "rows": [\n  {lines}\n]}}\n')
    beside.replace(out)


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "show"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--families", nargs="*", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS)
    parser.add_argument("--occupancy", type=Path, help="folder of the unpacked UCI data set 357")
    parser.add_argument("--language", choices=("en", "es"), default="en")
    args = parser.parse_args()
    if args.what == "run":
        tasks = [task for task in args.tasks if task != "occupancy" or args.occupancy]
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with one_thread():
            run(args.out, args.minutes, args.seeds, args.families, tasks, args.occupancy)
    show(json.loads(args.out.read_text())["rows"], args.language)


if __name__ == "__main__":
    main()
