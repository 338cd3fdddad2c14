"""`python -m benchmarks peers`: the GRU of a study beside a GRU written in plain torch, on the same series.

The one by hand reads the scaled channels and the elapsed time, answers from the last state and the mean of all, and
stops by the validation series. Its settings are the same for all sets, so that nothing is tuned on a test part.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from caudal.compare import compare
from caudal.compare.data import open_source
from caudal.compare.job import Parts
from caudal.compare.metrics.metrics import METRICS, kind_of, score
from caudal.compare.progress import Silent
from caudal.data import Encoder, Sequences, datasets
from caudal.errors import CaudalError, MissingExtraError
from caudal.train import examples

SETS = ("japanese-vowels", "spoken-digits", "nafld", "smartwatch")
_WITHIN = 0.02
_UNITS, _DROPOUT, _BATCH, _RATE, _CLIP = 32, 0.2, 64, 0.005, 1.0
_PASSES, _PATIENCE = 60, 12


class GRU(nn.Module):
    """One recurrent layer; the last state and the mean of all are read."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.layer = nn.GRU(inputs, _UNITS, batch_first=True)
        self.drop, self.map = nn.Dropout(_DROPOUT), nn.Linear(2 * _UNITS, classes)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Scores `(batch, classes)` of series `(batch, time, inputs)`."""
        states = self.layer(x)[0]
        last = states[torch.arange(len(x)), lengths - 1]
        inside = (torch.arange(x.shape[1]) < lengths[:, None])[..., None]
        mean = (states * inside).sum(1) / lengths[:, None]
        scores: torch.Tensor = self.map(self.drop(torch.cat([last, mean], 1)))
        return scores


def by_hand(parts: Parts, seed: int) -> dict[str, float]:
    """Metrics of the test series."""
    torch.manual_seed(seed)
    encoder = Encoder.fit(parts.train)
    (x, y, n), val, test = (_tensors(encoder, part) for part in (parts.train, parts.val, parts.test))
    net = GRU(x.shape[2], len(parts.train.classes))
    optimiser = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=1e-4)
    loss, best, kept_for, state = nn.CrossEntropyLoss(), np.inf, 0, net.state_dict()
    for _ in range(_PASSES):
        net.train()
        for rows in torch.split(torch.randperm(len(x)), _BATCH):
            optimiser.zero_grad()
            loss(net(x[rows], n[rows]), y[rows]).backward()
            nn.utils.clip_grad_norm_(net.parameters(), _CLIP)
            optimiser.step()
        net.eval()
        with torch.no_grad():
            now = float(loss(net(val[0], val[2]), val[1]))
        if now < best:
            best, kept_for, state = now, 0, {name: value.clone() for name, value in net.state_dict().items()}
        elif (kept_for := kept_for + 1) >= _PATIENCE:
            break
    net.load_state_dict(state)
    with torch.no_grad():
        shares = torch.softmax(net(test[0], test[2]).double(), 1).numpy()
    return score("classify", shares, test[1].numpy())


def _tensors(encoder: Encoder, data: Sequences) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    seen = examples(encoder, data.without_target())
    x = torch.cat([seen.x, torch.log1p(seen.dt)[..., None]], 2)
    return x, torch.tensor(np.asarray(data.target), dtype=torch.int64), seen.lengths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the benchmark."""
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS, metavar="NAME", help=", ".join(SETS))
    parser.add_argument("--budgets", nargs="+", default=("demo", "small"), choices=("demo", "small", "full"))
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="trainings of either (default: 3)")
    parser.add_argument("--folder", default="", help="keeps finished runs here, and goes on from them")


def run(args: argparse.Namespace) -> int:
    """Print a line for each set and budget; 1 where the study's GRU falls behind, 2 where a set is not there."""
    worst = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.sets:
            try:
                datasets.load(name)
            except (MissingExtraError, CaudalError) as error:
                print(f"{name}: SKIPPED, its data are not there ({error})", file=sys.stderr)
                worst = max(worst, 2)
                continue
            for budget in args.budgets:
                figures = _beside(name, budget, args.seeds, Path(args.folder or scratch) / f"{name}-{budget}")
                print(json.dumps({"set": name, "budget": budget, **figures}), flush=True)
                worst = max(worst, int(figures["by_hand"] - figures["gru"] > _WITHIN))
    return worst


def _beside(name: str, budget: str, seeds: int, out: Path) -> dict[str, float]:
    """Means over the seeds of the metric of the study, of either network."""
    study = compare(
        name,
        out,
        budget=budget,
        models=["cfc", "gru"],
        changes={"seeds": seeds},
        watcher=Silent(),
        chips=False,
        workers=1,
    )
    parts = open_source(name).parts
    metric = METRICS[kind_of(parts.train.task, len(parts.train.classes))].primary
    hand = [by_hand(parts, seed)[metric] for seed in range(seeds)]
    ours = [run.metrics[metric] for run in study.runs if run.model == "gru"]
    return {"by_hand": float(np.mean(hand)), "gru": float(np.mean(ours))}
