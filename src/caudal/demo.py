"""A first look: train a small CfC on real irregular visits, and say plainly what it learnt.

    python -m caudal.demo

The data are laboratory visits of a population cohort; the question is who dies within five years. A GRU of the same
width and the age of each person alone are judged on the same people, since a result means nothing by itself.
"""

import sys
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor, nn

from caudal.data import Encoder, Sequences
from caudal.data.datasets import load
from caudal.errors import MissingExtraError
from caudal.nn import GRU, CfC, Layer, Readout

UNITS, BATCH, EPOCHS, PATIENCE = 24, 64, 6, 2


class Block(NamedTuple):
    """Encoded series: x `(batch, time, input)`, dt `(batch, time)`, lengths and label `(batch,)`."""

    x: Tensor
    dt: Tensor
    lengths: Tensor
    label: Tensor

    def rows(self, index: Tensor) -> "Block":
        """Some of the series, cut to the longest of them."""
        longest = int(self.lengths[index].max())
        return Block(self.x[index, :longest], self.dt[index, :longest], self.lengths[index], self.label[index])


class Learnt(NamedTuple):
    """What a trained model is worth on people it never saw.

    Attributes:
        auroc: chance that one who died is ranked above one who lived.
        parameters: how many numbers were trained.
        seconds: wall time of the training.
    """

    auroc: float
    parameters: int
    seconds: float


def score(model: Readout, block: Block) -> Tensor:
    """Score of each series `(batch,)` after its last visit: the higher, the likelier is death."""
    return model.series(block.x, dt=block.dt, lengths=block.lengths)[0][:, 0]


def auroc(scores: Tensor, label: Tensor) -> float:
    """Area under the receiver operating curve, ties counted half.

    Arguments:
        scores: `(batch,)`.
        label: `(batch,)`, 0 or 1, both present.

    Example:
        >>> auroc(torch.tensor([0.1, 0.4, 0.4, 0.8]), torch.tensor([0, 0, 1, 1]))
        0.875
    """
    above = scores[label == 1][:, None] - scores[label == 0][None, :]
    return ((above > 0).double() + 0.5 * (above == 0)).mean().item()


def encode(encoder: Encoder, data: Sequences) -> Block:
    """Series as tensors."""
    encoded = encoder(data)
    arrays = (encoded.x, encoded.dt, encoded.lengths, encoded.target)
    return Block(*(torch.tensor(array) for array in arrays))


def train(
    layer: Layer, parts: tuple[Block, Block, Block], say: Callable[[str], None], seed: int = 0, epochs: int = EPOCHS
) -> Learnt:
    """Train on the first part, keep the epoch that is best on the second, and judge on the third."""
    torch.manual_seed(seed)
    fit, val, test = parts
    model = Readout(layer, 1)
    model.reset_parameters()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    best, best_state, since, start = 0.0, model.state_dict(), 0, perf_counter()
    for epoch in range(1, epochs + 1):
        for index in torch.split(torch.randperm(len(fit.x)), BATCH):
            block = fit.rows(index)
            loss = nn.functional.binary_cross_entropy_with_logits(score(model, block), block.label.to(block.x.dtype))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            seen = auroc(score(model, val), val.label)
        since += 1
        if seen > best:
            best, since = seen, 0
            best_state = {name: value.clone() for name, value in model.state_dict().items()}
        bar = "#" * epoch + "." * (epochs - epoch)
        say(f"  {type(layer).__name__:4} [{bar}] epoch {epoch}  validation AUROC {seen:.3f}")
        if since >= PATIENCE:
            break
    seconds = perf_counter() - start
    model.load_state_dict(best_state)
    with torch.no_grad():
        found = auroc(score(model, test), test.label)
    return Learnt(found, sum(p.numel() for p in model.parameters()), seconds)


def report(rate: float, age: float, models: dict[str, Learnt], people: int, died: int) -> str:
    """What came out, wins and losses alike."""
    lines = [
        f"On {people:,} people held out, of whom {died} died ({rate:.1%}):",
        "",
        "  who decides           AUROC   parameters   seconds",
        "  a coin                0.500            -         -",
        f"  age alone             {age:.3f}            -         -",
    ]
    lines += [f"  {name:20}  {m.auroc:.3f} {m.parameters:12,} {m.seconds:9.1f}" for name, m in models.items()]
    liquid, gated = models["CfC"].auroc, models["GRU with dt"].auroc
    # Hanley and McNeil 1982, with the larger of the two areas.
    top = max(liquid, gated)
    first, second = top / (2 - top), 2 * top**2 / (1 + top)
    alive = people - died
    variance = top * (1 - top) + (died - 1) * (first - top**2) + (alive - 1) * (second - top**2)
    error = (variance / (died * alive)) ** 0.5
    verdict = "wins" if liquid > gated else "loses"
    near = abs(liquid - gated) < 2 * error
    lines += [
        "",
        f"One standard error of these AUROCs is about {error:.3f}.",
        f"The CfC {'beats' if liquid > age else 'does not beat'} age alone by {abs(liquid - age):.3f}, and {verdict} "
        f"against the GRU by {abs(liquid - gated):.3f}{', which may be chance' if near else ''}.",
        f"Age alone goes {(age - 0.5) / (liquid - 0.5):.0%} of the way from the coin to the CfC.",
        "Seconds include compiling kernels, which happens once. One seed, one split: a first look, not a study.",
    ]
    return "\n".join(lines)


def main(epochs: int = EPOCHS) -> int:
    """Load, train, report; 1 when the data are not installed."""
    try:
        data = load("nafld")
    except MissingExtraError as error:
        print(error, file=sys.stderr)
        return 1
    encoder = Encoder.fit(data.train)
    parts = (encode(encoder, data.train), encode(encoder, data.val), encode(encoder, data.test))
    print(f"{data.card.title}\n{data.sequences}\nSource: {data.card.source}\n")

    def say(line: str) -> None:
        end = "\r" if sys.stdout.isatty() else "\n"
        print(line, end=end, flush=True)

    inputs, test = len(encoder.channels), parts[2]
    models = {"CfC": train(CfC(inputs, UNITS, backbone_units=32), parts, say, epochs=epochs)}
    models["GRU with dt"] = train(GRU(inputs, UNITS), parts, say, epochs=epochs)
    age = auroc(test.x[:, 0, encoder.channels.index("age")], test.label)
    died = int(test.label.sum())
    print("\n\n" + report(died / len(test.label), age, models, len(test.label), died))
    return 0


if __name__ == "__main__":
    torch.set_num_threads(1)  # matrices this small are slower on two threads
    sys.exit(main())
