"""What integers cost on real tasks: float32, int16 and int8 exports of networks trained on five seeds of three tasks,
at most 300 training and 300 test series each.

    python -m benchmarks.edge.accuracy              writes benchmarks/results/edge_accuracy.json
    python -m benchmarks.edge.accuracy --check      says whether the kept results meet the goals

Every network is trained once and exported three times; its test accuracy is that of PyTorch in float32, those of the
exports are of their NumPy twins, which equal the C to the bit. The goals: int16 within 0.5 % of the network's accuracy,
int8 weights within 5 %, as means over the seeds of each task and cell.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from caudal import export, wiring
from caudal.data import Encoder, Sequences, datasets
from caudal.nn import GRU, LTC, Readout
from caudal.nn.cfc_wired import WiredCfC
from caudal.train import TrainRecipe, examples, fit

RESULTS = Path(__file__).parents[1] / "results" / "edge_accuracy.json"
TASKS = ("japanese-vowels", "smartwatch", "spoken-digits")
SEEDS = range(5)
DTYPES = ("float32", "int16", "int8")
GOALS = {"float32": 1e-9, "int16": 0.005, "int8": 0.05}
EPOCHS, MOST = 15, 300


def circuit(inputs: int, seed: int) -> wiring.Wiring:
    """A sparse circuit of 24 neurons, 8 of them motor."""
    return wiring.ncp(inputs, 10, 6, 8, seed=seed)


CELLS = {
    "CfC": lambda inputs, seed: WiredCfC(circuit(inputs, seed)),
    "LTC": lambda inputs, seed: LTC(circuit(inputs, seed), substeps=2),
    "GRU": lambda inputs, seed: GRU(inputs, 16),
}


def some(data: Sequences, seed: int) -> Sequences:
    """A draw of the series, so that the study ends within the hour."""
    order = np.random.default_rng(seed).permutation(len(data))
    return data.select(np.sort(order[:MOST]))


def one(task: str, cell: str, seed: int) -> dict[str, object]:
    """Train and export one network; how much each format loses."""
    data = datasets.load(task, **({"seed": seed} if task == "smartwatch" else {}))
    train, test = some(data.train, seed), some(data.test, seed)
    encoder = Encoder.fit(train)
    seen = examples(encoder, train)
    torch.manual_seed(seed)
    net = Readout(CELLS[cell](seen.x.shape[2], seed), len(train.classes), pool="mean")
    recipe = TrainRecipe(epochs=EPOCHS, lr=0.02, seed=seed)
    fit(net, seen, recipe=recipe, progress=False)
    found: dict[str, object] = {"task": task, "cell": cell, "seed": seed, "test_series": len(test)}
    with tempfile.TemporaryDirectory() as scratch:
        for dtype in DTYPES:
            made = export.c(net, f"{scratch}/{dtype}", dtype, encoder=encoder)
            found[dtype] = asdict(export.lost(net, made.program, test, encoder))
    return found


def summary(rows: list[dict]) -> list[dict[str, object]]:
    """Means over the seeds, and whether the goals are met."""
    found = []
    for task, cell in dict.fromkeys((row["task"], row["cell"]) for row in rows):
        own = [row for row in rows if (row["task"], row["cell"]) == (task, cell)]
        line: dict[str, object] = {"task": task, "cell": cell, "seeds": len(own)}
        line["network"] = float(np.mean([row["float32"]["network"] for row in own]))
        for dtype in DTYPES:
            mean = float(np.mean([row[dtype]["export"] for row in own]))
            line[dtype] = mean
            line[f"{dtype}_ok"] = (line["network"] - mean) / line["network"] <= GOALS[dtype]
        found.append(line)
    return found


def main() -> int:
    """Run what is missing, or check what is kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": []}
    rows = kept["rows"]
    if not args.check:
        done = {(row["task"], row["cell"], row["seed"]) for row in rows}
        for seed in SEEDS:
            for task in TASKS:
                for cell in CELLS:
                    if (task, cell, seed) not in done:
                        rows.append(one(task, cell, seed))
                        text = json.dumps({"epochs": EPOCHS, "rows": rows, "summary": summary(rows)}, indent=1)
                        beside = RESULTS.with_suffix(".tmp")
                        beside.write_text(text + "\n")
                        beside.replace(RESULTS)
                        print(json.dumps(rows[-1]), flush=True)
    for line in summary(rows):
        print(json.dumps(line))
    return 0 if all(line[f"{dtype}_ok"] for line in summary(rows) for dtype in DTYPES) else 1


if __name__ == "__main__":
    sys.exit(main())
