"""Training that knows of its integers: the loss is taken of what the chip answers, the gradient of the network.

In every update the network is lowered to the integers of its export, on the very grids of weights, states and tables
that the C will have, and the integer twin answers the batch. The straight-through estimator `y + (twin - y).detach()`
takes the place of the network's answer: its value is the chip's, its gradient the network's.

Source: Bengio, Leonard and Courville, 2013 (arXiv 1308.3432), section 4 (straight-through); Jacob et al., CVPR 2018
(arXiv 1712.05877), section 3, for training with the inference's own arithmetic.
"""

import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from caudal.data import Encoder, Sequences
from caudal.errors import InputError
from caudal.export.c.package import lower
from caudal.export.plan.read import describe, scaling_of
from caudal.export.program.lower_fixed import lower_fixed
from caudal.export.program.twin import Twin
from caudal.nn import Readout
from caudal.train import Examples, TrainRecipe, answer, examples, loss

USUAL = TrainRecipe(epochs=3, lr=0.002)


@dataclass(frozen=True)
class Tuned:
    """What the training did, as mean losses of the integer export on the training series.

    Attributes:
        losses: before, and after each epoch.
        kept: which of them belongs to the weights that were kept, the lowest.
    """

    losses: tuple[float, ...]
    kept: int


def tune(
    model: object,
    data: Sequences,
    dtype: Literal["int16", "int8"] = "int8",
    *,
    encoder: Encoder | None = None,
    recipe: TrainRecipe = USUAL,
    shortest_dt: float | None = None,
) -> Tuned:
    """Train a fitted model on, in place, so that its integer export answers better; it never ends worse on `data`.

    Arguments:
        model: a fitted estimator, or a `Readout` with `encoder`.
        data: training series with a known target.
        dtype: of the export to come.
        encoder: scales of a `Readout`; an estimator brings its own.
        recipe: epochs, step size, batches, clipping, weight decay, class weights and seed; the step size is constant.
        shortest_dt: as in `export.c`; it decides the width of the states.

    Returns:
        the losses; the model is left in evaluation mode with the best weights.

    Raises:
        InputError: the model has no encoder, the target is unknown, or the model has no integers.

    Example:
        >>> from caudal.data import from_arrays
        >>> from caudal.nn import CfC
        >>> x = np.random.default_rng(0).normal(size=(8, 2, 5))
        >>> data = from_arrays(x, (x[:, 0].mean(1) > 0).astype(int))
        >>> net = Readout(CfC(2, 3, backbone_layers=0), 2)
        >>> tuned = tune(net, data, encoder=Encoder.fit(data), recipe=TrainRecipe(epochs=2))
        >>> len(tuned.losses), tuned.losses[tuned.kept] <= tuned.losses[0]
        (3, True)
    """
    net, encoder = getattr(model, "net_", model), encoder or getattr(model, "encoder_", None)
    if encoder is None or not isinstance(net, Readout):
        fault = "is no estimator, and came without an encoder"
        raise InputError("tune", "model", fault, "Pass a fitted estimator, or a `Readout` and `encoder=`.")
    if dtype not in ("int16", "int8"):
        raise InputError("tune", "dtype", f"is {dtype!r}", 'Pass "int16" or "int8"; float32 needs no tuning.')
    if data.target is None:
        raise InputError("tune", "data", "has no target", "Pass series whose target is known.")
    program, _ = lower(describe(net, encoder), dtype, shortest_dt=shortest_dt)
    chip = _Chip(net, encoder, dtype, any(name.endswith("_top") for name in program.slots))
    return _fitted(chip, examples(encoder, data), recipe)


@dataclass(frozen=True, eq=False)
class _Chip:
    """What the export of a network as it is now would answer."""

    net: Readout
    encoder: Encoder
    dtype: str
    wide: bool

    def answer(self, batch: Examples) -> Tensor:
        """As `train.answer`, in the units of the scaled target."""
        scaling = scaling_of(self.net, self.encoder)
        twin = Twin(lower_fixed(describe(self.net, self.encoder), self.dtype, wide=self.wide))
        x = batch.x.double().numpy() * np.array(scaling.std) + np.array(scaling.mean)
        y = twin.run(x, batch.dt.double().numpy() * scaling.gap)
        if not batch.task.is_per_step:
            y = y[np.arange(len(y)), batch.lengths.numpy() - 1]
        scaler = self.encoder.scaler
        if scaler.target_mean:
            times = y.shape[-1] // len(scaler.target_mean)
            y = (y - np.tile(scaler.target_mean, times)) / np.tile(scaler.target_std, times)
        return torch.from_numpy(np.ascontiguousarray(y)).to(batch.x.dtype)

    def loss(self, data: Examples, recipe: TrainRecipe) -> float:
        """Mean loss of the export on all series."""
        sums = torch.zeros(2, dtype=torch.float64)
        for at in torch.split(torch.arange(len(data)), 256):
            part = data.rows(at)
            sums += torch.stack(loss(self.answer(part), part, _weights(recipe))).double()
        return float(sums[0] / sums[1])


def _fitted(chip: _Chip, data: Examples, recipe: TrainRecipe) -> Tuned:
    net, order = chip.net, torch.Generator().manual_seed(recipe.seed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    net.eval()
    losses, best = [chip.loss(data, recipe)], copy.deepcopy(net.state_dict())
    for _ in range(recipe.epochs):
        for at in torch.split(torch.randperm(len(data), generator=order), recipe.batch_size):
            batch = data.rows(at)
            y = answer(net, batch)
            total, weight = loss(y + (chip.answer(batch) - y).detach(), batch, _weights(recipe))
            optimiser.zero_grad()
            (total / weight).backward()  # type: ignore[no-untyped-call]  # torch
            if recipe.clip:
                torch.nn.utils.clip_grad_norm_(net.parameters(), recipe.clip)
            optimiser.step()
        losses.append(chip.loss(data, recipe))
        if losses[-1] <= min(losses):
            best = copy.deepcopy(net.state_dict())
    net.load_state_dict(best)
    return Tuned(tuple(losses), len(losses) - 1 - int(np.argmin(losses[::-1])))


def _weights(recipe: TrainRecipe) -> Tensor | None:
    return None if recipe.class_weights is None else torch.tensor(recipe.class_weights)
