"""Spoken digits on a microcontroller, from training to the chip: liquid networks, LSTM and GRU at matched accuracy.

    python -m benchmarks.edge.case            trains what is missing, writes benchmarks/results/edge_case.json
    python -m benchmarks.edge.case --seeds 3

Each family is trained in several widths on 1,800 of the 2,100 training series, with 300 held out. The accuracy to match
is the best held-out accuracy that every family reaches; of each family the cheapest network within one point of it, by
counted instructions on a Cortex-M4F, is exported and run on every simulated chip. Test accuracy is that of the int16
export itself, over the 600 test series: its NumPy twin, whose bits the chips answered. Widths where no network of a
family comes within a point are shown too: that is a result. Ends with 1 where a chip answers otherwise than the twin,
as the 2 KB of an ATmega328P do with a network whose state and stack overrun them.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from benchmarks.edge import chips as edge
from caudal import export, wiring
from caudal.data import Encoder, datasets
from caudal.nn import GRU, LSTM, LTC, LiquidSSM, Readout
from caudal.nn.cfc_wired import WiredCfC
from caudal.train import TrainRecipe, examples, fit

RESULTS = Path(__file__).parents[1] / "results" / "edge_case.json"
TASK, HELD_OUT, EPOCHS, WITHIN = "spoken-digits", 300, 40, 0.01
CIRCUITS = {"small": (10, 6, 6), "medium": (20, 12, 10), "large": (36, 24, 16)}
UNITS = {"small": 6, "medium": 12, "large": 24}
CHIP = "Cortex-M4F"
# Time constants that a LiquidSSM starts from, in frames.
TAU = (1.0, 30.0)
# The frames of the recordings come at regular times, so no shorter one has to be resolved.
GAP = 1.0


def layer(family: str, width: str, inputs: int, seed: int) -> torch.nn.Module:
    """One untrained layer."""
    if family == "LiquidSSM":
        return LiquidSSM(inputs, UNITS[width], decay="softplus", tau=TAU)
    if family in ("LSTM", "GRU"):
        return {"LSTM": LSTM, "GRU": GRU}[family](inputs, UNITS[width])
    circuit = wiring.ncp(inputs, *CIRCUITS[width], seed=seed)
    return LTC(circuit, substeps=1) if family == "LTC-NCP" else WiredCfC(circuit)


FAMILIES = ("LTC-NCP", "CfC-NCP", "LiquidSSM", "LSTM", "GRU")


def trained(family: str, width: str, seed: int):
    """A network trained on the part that is not held out, its encoder, held-out and test series."""
    data = datasets.load(TASK)
    order = np.random.default_rng(0).permutation(len(data.train))
    rest, held = (data.train.select(np.sort(part)) for part in (order[HELD_OUT:], order[:HELD_OUT]))
    encoder = Encoder.fit(rest)
    seen = examples(encoder, rest)
    torch.manual_seed(seed)
    net = Readout(layer(family, width, seen.x.shape[2], seed), len(data.train.classes), pool="mean")
    recipe = TrainRecipe(epochs=EPOCHS, lr=0.02, seed=seed, patience=0, by_length=True)
    fit(net, seen, recipe=recipe, progress=False)
    return net.eval(), encoder, held, data.test


def one(family: str, width: str, seed: int, place: Path) -> dict[str, object]:
    """Train, export and measure on one chip."""
    net, encoder, held, test = trained(family, width, seed)
    made = export.c(net, place, "int16", encoder=encoder, shortest_dt=GAP)
    on_test = export.lost(net, made.program, test, encoder)
    return {
        "family": family,
        "width": width,
        "seed": seed,
        "parameters": sum(part.numel() for part in net.parameters()),
        "held_out": export.lost(net, made.program, held, encoder).export,
        "test_network": on_test.network,
        "test_export": on_test.export,
        "widest": on_test.widest,
        CHIP: asdict(export.measure(place, CHIP)),
    }


def means(rows: list[dict]) -> list[dict]:
    """One line for each family and width."""
    found = []
    for family, width in dict.fromkeys((row["family"], row["width"]) for row in rows):
        own = [row for row in rows if (row["family"], row["width"]) == (family, width)]
        line = {"family": family, "width": width, "seeds": len(own), "parameters": own[0]["parameters"]}
        line |= {key: float(np.mean([row[key] for row in own])) for key in ("held_out", "test_network", "test_export")}
        line |= {"instructions": float(np.mean([row[CHIP]["counted"] for row in own]))}
        found.append(line)
    return found


def matched(lines: list[dict]) -> tuple[float, list[dict]]:
    """The accuracy that every family reaches, and the cheapest network of each within a point of it."""
    best = {family: max(line["held_out"] for line in lines if line["family"] == family) for family in FAMILIES}
    level = min(best.values())
    near = [line for line in lines if line["held_out"] >= level - WITHIN]
    cheapest = {
        family: min((line for line in near if line["family"] == family), key=lambda line: line["instructions"])
        for family in FAMILIES
    }
    return level, list(cheapest.values())


def on_chips(family: str, width: str) -> list[dict]:
    """The network of seed 0 on every chip at hand."""
    net, encoder, *_ = trained(family, width, 0)
    with tempfile.TemporaryDirectory() as scratch:
        made = export.c(net, f"{scratch}/policy", "int16", encoder=encoder, shortest_dt=GAP)
        found = [asdict(export.measure(made.folder, target)) for target in edge.here()]
        return [
            {"family": family, "width": width, **row, "same_answers": row["digest"] == made.digest} for row in found
        ]


def main() -> int:
    """Run what is missing, match, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"rows": [], "chips": []}
    rows, chips = kept["rows"], kept["chips"]
    done = {(row["family"], row["width"], row["seed"]) for row in rows}
    for seed in range(args.seeds):
        for width in CIRCUITS:
            for family in FAMILIES:
                if (family, width, seed) not in done:
                    with tempfile.TemporaryDirectory() as scratch:
                        rows.append(one(family, width, seed, Path(scratch) / "policy"))
                    print(json.dumps(rows[-1]), flush=True)
                    write(rows, chips)
    _, chosen = matched(means(rows))
    for line in chosen:
        key = (line["family"], line["width"])
        if key not in {(row["family"], row["width"]) for row in chips}:
            chips += on_chips(*key)
            write(rows, chips)
    write(rows, chips)
    for line in chosen:
        print(json.dumps(line))
    return 0 if all(row["same_answers"] for row in chips) else 1


def write(rows: list[dict], chips: list[dict]) -> None:
    """Results, whole or not at all."""
    lines = means(rows)
    complete = {line["family"] for line in lines} == set(FAMILIES)
    level, chosen = matched(lines) if complete else (None, [])
    keys = {(line["family"], line["width"]) for line in chosen}
    facts = {"task": TASK, "epochs": EPOCHS, "level": level, "matched": chosen, "means": lines}
    facts |= {"chips": [row for row in chips if (row["family"], row["width"]) in keys], "rows": rows}
    beside = RESULTS.with_suffix(".tmp")
    beside.write_text(json.dumps(facts, indent=1) + "\n")
    beside.replace(RESULTS)


if __name__ == "__main__":
    sys.exit(main())
