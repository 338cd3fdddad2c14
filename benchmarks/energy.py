"""Operations and parameters at matched accuracy: liquid cells beside LSTM and GRU, several sizes of each, five tasks.

    python benchmarks/energy.py run  --out benchmarks/results/energy.json [--minutes 20] [--seeds 1]
    python benchmarks/energy.py show --out benchmarks/results/energy.json

Every run is kept as one row at once, and a second call goes on where the first ended. `show` prints what the rows say.
"""

import argparse
import json
from itertools import product
from pathlib import Path
from time import perf_counter

import numpy as np

from caudal.compare import metrics, networks
from caudal.compare.answers import gather
from caudal.compare.job import Job, Parts
from caudal.compare.size import build
from caudal.compare.source import open_source
from caudal.compare.threads import one_thread
from caudal.nn.counts import live_parameters, operations

TASKS = ("japanese-vowels", "spoken-digits", "smartwatch", "nafld", "plaid")
SIZES = (300, 800, 2500)
POOLS = ("last", "mean")
# Name of a model in this study -> contender of `caudal.compare` and the settings that make it.
MODELS = {
    "lstm": ("lstm", {}),
    "ltc-ncp, 1 sub-step": ("ltc-ncp", {"substeps": 1}),
    "cfc-ncp": ("cfc-ncp", {}),
    "gru": ("gru", {}),
    "ltc-ncp, 2 sub-steps": ("ltc-ncp", {"substeps": 2}),
    "ltc-ncp, 6 sub-steps": ("ltc-ncp", {"substeps": 6}),
}
# Series of each part at most; a part of few long series takes fewer, so that no task takes all the time.
MOST = {"train": 600, "val": 200, "test": 400}
STEPS = 40_000
POINT = 0.01


def parts_of(task):
    """The parts of a task, thinned by a draw of seed 0."""
    whole = open_source(task).parts
    typical = float(whole.train.lengths.mean())

    def some(data, most):
        count = min(len(data), most, max(120, int(STEPS / typical)))
        return data.select(np.sort(np.random.default_rng(0).permutation(len(data))[:count]))

    return Parts(*(some(getattr(whole, name), most) for name, most in MOST.items()))


def train(task, parts, model, size, pool, seed, epochs):
    """One row."""
    contender, settings = MODELS[model]
    job = Job(contender, "final", seed, seed, {**settings, "pool": pool}, epochs, size, disturb=False)
    start = perf_counter()
    with one_thread():
        trained = networks.train(job, parts)
        primary = metrics.plan_of(parts.train).primary
        val, test = (gather(part, trained.answer(part)) for part in (parts.val, parts.test))
    kind = parts.train.task
    return {
        "task": task, "model": model, "size": size, "pool": pool, "seed": seed, "epochs": epochs,
        "units": trained.contender.units, "inputs": trained.net.inputs, "outputs": trained.net.outputs,
        "steps": float(np.median(parts.train.lengths)), "series": [len(parts.train), len(parts.val), len(parts.test)],
        "metric": primary, "val": metrics.measure(kind, val.scores, val.truth)[0],
        "test": metrics.measure(kind, test.scores, test.truth)[0], "seconds": round(perf_counter() - start, 2),
    }  # fmt: skip


def run(out, minutes, seeds, epochs, tasks):
    """Train what is not there yet, the cheapest questions first, until the time is over."""
    rows = json.loads(out.read_text())["rows"] if out.exists() else []
    known = {(r["task"], r["model"], r["size"], r["pool"], r["seed"]) for r in rows}
    kept = {task: parts_of(task) for task in tasks}
    end = perf_counter() + 60 * minutes
    for seed in range(seeds):
        for pool, (model, size), task in product(POOLS, order(), tasks):
            if (task, model, size, pool, seed) in known:
                continue
            if perf_counter() > end:
                return
            rows.append(train(task, kept[task], model, size, pool, seed, epochs))
            keep(out, rows)
            print(task, model, size, pool, seed, rows[-1]["test"], rows[-1]["seconds"], flush=True)


def order():
    """Models and sizes: the smallest, the traditional at their largest (they set the bar), then the rest."""
    everyone = list(product(MODELS, SIZES))
    bar = [one for one in everyone if one[1] == max(SIZES) and one[0] in ("lstm", "gru")]
    first = [one for one in everyone if one[1] == min(SIZES)] + bar
    return [*first, *sorted((one for one in everyone if one not in first), key=lambda one: one[1])]


def keep(out, rows):
    """Write the file whole or not at all."""
    beside = out.with_name(f".{out.name}.tmp")
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    beside.write_text(f'{{"most": {json.dumps(MOST)}, "rows": [\n  {lines}\n]}}\n')
    beside.replace(out)


def points(rows, task):
    """Of each model and size: settings that validation prefers, accuracy on test over seeds, operations, parameters."""
    found = []
    for model, (contender, settings) in MODELS.items():
        for size in SIZES:
            mine = [r for r in rows if (r["task"], r["model"], r["size"]) == (task, model, size)]
            if not mine:
                continue
            by_pool = {p: [r for r in mine if r["pool"] == p] for p in POOLS}
            pool = max(
                (p for p in POOLS if by_pool[p]), key=lambda p: np.mean([r["val"][r["metric"]] for r in by_pool[p]])
            )
            one = by_pool[pool][0]
            net = build(contender, one["inputs"], one["outputs"], one["units"], {**settings, "pool": pool})
            work = operations(net, one["steps"])
            found.append({
                "model": model, "size": size, "pool": pool, "seeds": len(by_pool[pool]),
                "metric": one["metric"], "accuracy": float(np.mean([r["test"][r["metric"]] for r in by_pool[pool]])),
                "operations": work.total, "parameters": live_parameters(net),
            })  # fmt: skip
    return found


def cheapest(found, models, least, cost):
    """The cheapest point of some models that reaches an accuracy, or None."""
    fit = [one for one in found if one["model"] in models and one["accuracy"] >= least]
    return min(fit, key=lambda one: one[cost]) if fit else None


def verdict(rows, task):
    """The best LSTM, and for each model its cheapest point within one point of accuracy of it."""
    found = points(rows, task)
    lstm = [one for one in found if one["model"] == "lstm"]
    if not lstm:
        return None
    best = max(lstm, key=lambda one: one["accuracy"])
    least = best["accuracy"] - POINT
    return {
        "task": task, "best": best, "points": found,
        "cheapest": {model: cheapest(found, [model], least, "operations") for model in MODELS},
        "smallest": {model: cheapest(found, [model], least, "parameters") for model in MODELS},
        "reached": {
            model: max((o["accuracy"] for o in found if o["model"] == model), default=None) for model in MODELS
        },
    }  # fmt: skip


def show(out):
    """Print a table in Markdown: ratios to the cheapest LSTM within a point of the best LSTM."""
    rows = json.loads(out.read_text())["rows"]
    print("| task | model | best accuracy | operations per step | times the LSTM's | parameters | times the LSTM's |")
    print("|---|---|---|---|---|---|---|")
    for task in TASKS:
        said = verdict(rows, task)
        if said is None:
            continue
        base, small = said["cheapest"]["lstm"], said["smallest"]["lstm"]
        for model in MODELS:
            top, one, least = said["reached"][model], said["cheapest"][model], said["smallest"][model]
            if top is None:
                continue
            if one is None or least is None:
                print(f"| {task} | {model} | {top:.3f} | not within a point | | | |")
                continue
            print(
                f"| {task} | {model} | {top:.3f} | {one['operations']:,.0f} | "
                f"{one['operations'] / base['operations']:.2f} | {least['parameters']:,} | "
                f"{least['parameters'] / small['parameters']:.2f} |"
            )


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("run", "show"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/energy.json"))
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=TASKS)
    args = parser.parse_args()
    if args.what == "run":
        args.out.parent.mkdir(parents=True, exist_ok=True)
        run(args.out, args.minutes, args.seeds, args.epochs, args.tasks)
    show(args.out)


if __name__ == "__main__":
    main()
