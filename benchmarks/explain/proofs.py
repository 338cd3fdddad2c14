"""What can be proven of decisions on real data, and how much wider the proof is than what a search finds."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmarks.explain.circuits import trained
from caudal.explain import reach_outputs, verify
from caudal.nn import Readout
from caudal.train import TrainRecipe

DATA, EPOCHS = "japanese-vowels", 100
# Cell and weight decay by name; a net is easier to prove where training kept its weights small.
NETS = {
    "ltc-ncp": ("ltc-ncp", 0.0),
    "cfc": ("cfc", 0.0),
    "cfc, weight decay 0.5": ("cfc", 0.5),
    "cfc-ncp": ("cfc-ncp", 0.0),
    "lstm": ("lstm", 0.0),
}
RADII = (0.01, 0.03, 0.1)
_ROUNDING = 1e-5


@dataclass(frozen=True)
class ProofRow:
    """One net, its decisions on test series, and tolerances in standard deviations of the inputs.

    Attributes:
        data, cell, seed: which.
        accuracy: on all test series; balanced over the classes.
        series: how many decisions were looked at, right or wrong.
        looseness: by radius, proven width over searched width, median over series of the mean over outputs; 1 is exact.
        verified: by radius, share of the decisions proven to hold.
        refuted: by radius, share for which the search found a series within the radius that changes them.
        sampled: series drawn within the radii and run through the net.
        outside: of these, how many left the proven range; more than 0 is a fault of the proof.
    """

    data: str
    cell: str
    seed: int
    accuracy: float
    series: int
    looseness: dict[str, float]
    verified: dict[str, float]
    refuted: dict[str, float]
    sampled: int
    outside: int


def outside(net: Readout, x: Tensor, dt: Tensor, radius: float, samples: int, seed: int) -> int:
    """How many random series within the radius leave the proven range of the outputs, beyond float32 rounding.

    Arguments:
        net: what `verify` takes.
        x, dt: one series, `(time, input)` and `(time,)`.
        samples: half of them corners, half anywhere.

    Example:
        >>> from caudal.nn import LTC
        >>> outside(Readout(LTC(2, 4), 2), torch.zeros(5, 2), torch.ones(5), 0.1, 20, 0)
        0
    """
    low, high = (torch.from_numpy(end) for end in reach_outputs(net, x, dt, radius=radius))
    draw = torch.Generator().manual_seed(seed)
    moves = 2 * torch.rand(samples, *x.shape, generator=draw).to(x) - 1
    moves[: samples // 2] = moves[: samples // 2].sign()
    with torch.no_grad():
        seen = net.series(x + radius * moves, dt=dt.expand(samples, -1))[0].double()
    spare = _ROUNDING * (1 + seen.abs())
    return int(((seen < low - spare) | (seen > high + spare)).any(1).sum())


def proofs(
    cell: str, seed: int = 0, *, epochs: int = EPOCHS, series: int = 20, boxes: int = 8, samples: int = 200
) -> ProofRow:
    """Train one net of `NETS` on Japanese vowels and try to prove its decisions on test series drawn evenly."""
    kind, decay = NETS[cell]
    recipe = TrainRecipe(epochs=epochs, lr=0.02, patience=40, seed=seed, weight_decay=decay)
    net, _, test, accuracy = trained(DATA, kind, seed, recipe, pool="last")
    rows = torch.linspace(0, len(test) - 1, min(series, len(test))).round().long()
    looseness: dict[str, list[float]] = {f"{radius:g}": [] for radius in RADII}
    status: dict[str, list[str]] = {name: [] for name in looseness}
    drawn = left = 0
    for row in rows.tolist():
        length = int(test.lengths[row])
        x, dt = test.x[row, :length], test.dt[row, :length]
        for radius in RADII:
            proof = verify(net, x, dt, radius=radius, boxes=boxes, samples=64, seed=seed)
            looseness[f"{radius:g}"].append(proof.looseness)
            status[f"{radius:g}"].append(proof.status)
            left += outside(net, x, dt, radius, samples, seed)
            drawn += samples
    return ProofRow(
        DATA,
        cell,
        seed,
        accuracy,
        len(rows),
        {name: float(np.median(ratios)) for name, ratios in looseness.items()},
        {name: each.count("holds") / len(each) for name, each in status.items()},
        {name: each.count("fails") / len(each) for name, each in status.items()},
        drawn,
        left,
    )
