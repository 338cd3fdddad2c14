"""Training that knows of its 8 bits, beside as much further training that does not.

    python -m benchmarks.edge.quantization_aware      writes benchmarks/results/edge_aware.json

Networks of edge_accuracy.py, three seeds. Of each: test accuracy of the float network and of its int8 export as
trained; of the int8 export after `export.tune` for three epochs; and, as the control, of that after three epochs of
plain training at the same step size.
"""

import copy
import json
import sys
from pathlib import Path

import numpy as np
import torch

from benchmarks.edge import accuracy as study
from caudal import export
from caudal.data import Encoder, datasets
from caudal.export.c.package import lower
from caudal.nn import Readout
from caudal.train import TrainRecipe, examples, fit

RESULTS = Path(__file__).parents[1] / "results" / "edge_aware.json"
TASKS, CELLS, SEEDS = ("smartwatch", "spoken-digits"), ("LTC", "CfC", "GRU"), range(3)
FURTHER = TrainRecipe(epochs=3, lr=0.002, schedule="constant", patience=0)


def int8(net: Readout, test, encoder: Encoder) -> export.Lost:
    """The int8 export beside its network."""
    program, _ = lower(export.describe(net, encoder), "int8")
    return export.lost(net, program, test, encoder)


def one(task: str, cell: str, seed: int) -> dict[str, object]:
    """Train, then train on in both ways."""
    data = datasets.load(task, **({"seed": seed} if task == "smartwatch" else {}))
    train, test = study.some(data.train, seed), study.some(data.test, seed)
    encoder = Encoder.fit(train)
    seen = examples(encoder, train)
    torch.manual_seed(seed)
    net = Readout(study.CELLS[cell](seen.x.shape[2], seed), len(train.classes), pool="mean")
    fit(net, seen, recipe=TrainRecipe(epochs=study.EPOCHS, lr=0.02, seed=seed), progress=False)
    before, control = int8(net, test, encoder), copy.deepcopy(net)
    fit(control, seen, recipe=FURTHER, progress=False)
    tuned = export.tune(net, train, encoder=encoder, recipe=FURTHER)
    return {
        "task": task,
        "cell": cell,
        "seed": seed,
        "network": before.network,
        "int8": before.export,
        "int8_tuned": int8(net, test, encoder).export,
        "int8_control": int8(control, test, encoder).export,
        "losses": tuned.losses,
        "kept": tuned.kept,
    }


def summary(rows: list[dict]) -> list[dict[str, object]]:
    """Means over the seeds."""
    found = []
    for task, cell in dict.fromkeys((row["task"], row["cell"]) for row in rows):
        own = [row for row in rows if (row["task"], row["cell"]) == (task, cell)]
        line: dict[str, object] = {"task": task, "cell": cell, "seeds": len(own)}
        for key in ("network", "int8", "int8_tuned", "int8_control"):
            line[key] = float(np.mean([row[key] for row in own]))
        found.append(line)
    return found


def main() -> int:
    """Run what is missing."""
    rows = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    done = {(row["task"], row["cell"], row["seed"]) for row in rows}
    for seed in SEEDS:
        for task in TASKS:
            for cell in CELLS:
                if (task, cell, seed) not in done:
                    rows.append(one(task, cell, seed))
                    beside = RESULTS.with_suffix(".tmp")
                    beside.write_text(json.dumps({"rows": rows, "summary": summary(rows)}, indent=1) + "\n")
                    beside.replace(RESULTS)
    for line in summary(rows):
        print(json.dumps(line))
    return 0


if __name__ == "__main__":
    sys.exit(main())
