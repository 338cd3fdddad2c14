"""The fit loop.

It is our own and small. skorch was weighed: its checkpoints hold weights, optimiser and history, but neither the random
state nor the place in the data, so a run killed in the middle of a pass cannot go on where it was; and it leaves
series of unequal length to the user's collation. Both are promises here.
"""

import hashlib
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from caudal.errors import InputError, NonFiniteError
from caudal.nn import Readout
from caudal.train import checkpoint as files
from caudal.train.bar import Bar
from caudal.train.examples import Examples
from caudal.train.losses import answer, loss
from caudal.train.recipe import Epoch, TrainRecipe


@dataclass(frozen=True)
class Fitted:
    """How a run went; the model it was given holds the weights.

    Attributes:
        history: every pass.
        best_epoch: whose weights the model holds: the pass of the lowest validation loss, or the last one.
        stopped: `"patience"` or `"epochs"`.
        recipe: what the run was told.
    """

    history: tuple[Epoch, ...]
    best_epoch: int
    stopped: str
    recipe: TrainRecipe


def fit(
    model: Readout,
    train: Examples,
    val: Examples | None = None,
    recipe: TrainRecipe | None = None,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    every: int = 0,
    progress: bool = True,
    watch: Callable[[Epoch], None] | None = None,
) -> Fitted:
    """Train a model in place: AdamW, clipped gradients, early stopping, the best weights kept.

    Equal arguments give equal weights to the bit on one machine and number of threads, and a run that was killed and
    started again with the same `checkpoint` ends as if it had never been. The caller's random state is not touched.

    Arguments:
        model: a readout with as many outputs as the task has, on any device, in the dtype of the examples.
        train: examples with a target.
        val: examples to stop by; None trains all epochs and keeps the last weights.
        recipe: settings; None for the usual ones.
        checkpoint: file to resume from where there is one, and to write after each pass.
        every: write it after so many updates as well; 0 does not.
        progress: whether to draw a bar on standard error once a second has passed.
        watch: called after each pass, once it is in the checkpoint.

    Returns:
        the history of the run. The model is left in evaluation mode.

    Raises:
        NonFiniteError: the loss or the gradient is NaN or infinite; the message says where, and what to try.
        InputError: the target is unknown, outputs or class weights do not fit, or the checkpoint is of another run.
        FileFormatError: the checkpoint is damaged.

    Example:
        >>> from caudal.nn import CfC
        >>> x = torch.randn(16, 5, 1)
        >>> n, y, known = torch.full((16,), 5), x.mean(1), torch.ones(16, 1) > 0
        >>> data = Examples(x, torch.ones(16, 5), n, "regress", torch.ones(16), y, known)
        >>> fitted = fit(Readout(CfC(1, 4, backbone_units=8), 1), data, recipe=TrainRecipe(epochs=3))
        >>> len(fitted.history), fitted.stopped, fitted.history[-1].train < fitted.history[0].train
        (3, 'epochs', True)
    """
    recipe = recipe or TrainRecipe()
    _check(model, train, val, recipe)
    path = None if checkpoint is None else Path(checkpoint)
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(recipe.seed)
        run = _Run(model, train, val, recipe, path, every)
        with Bar("fit", recipe.epochs * run.updates, progress) as bar:
            while not run.at.stopped:
                one = run.epoch(bar)
                if watch is not None:
                    watch(one)
    if val is not None:
        model.load_state_dict(run.best)
    model.eval()
    return Fitted(tuple(run.at.history), run.at.best_epoch, run.at.stopped, recipe)


class _Run:
    """A run between its updates."""

    def __init__(
        self,
        model: Readout,
        train: Examples,
        val: Examples | None,
        recipe: TrainRecipe,
        path: Path | None,
        every: int,
    ) -> None:
        self.model, self.train, self.val, self.recipe, self.path, self.every = model, train, val, recipe, path, every
        self.device = next(model.parameters()).device
        weights = recipe.class_weights
        self.weights = None if weights is None else torch.tensor(weights, device=self.device)
        self.updates = math.ceil(len(train) / recipe.batch_size)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
        self.at, self.best = files.Progress(), _copy(model)
        self.bound = "" if path is None else self._bound()
        if path is not None and path.exists():
            self.at, self.best = files.read(path, self.bound, model, self.optimizer)
        else:
            self._write()

    def epoch(self, bar: Bar) -> Epoch:
        """The rest of the pass under way, its validation, and the decision whether to go on."""
        at, recipe, start = self.at, self.recipe, perf_counter()
        # Drawn from seed and number alone: a resumed run deals the same order without having stored it.
        deal = torch.Generator().manual_seed(recipe.seed * 1_000_003 + at.epoch)
        order = torch.randperm(len(self.train), generator=deal)
        self.model.train()
        for index in torch.split(order, recipe.batch_size)[at.batch :]:
            self._update(index)
            bar.at(at.epoch * self.updates + at.batch, f"epoch {at.epoch + 1} loss {_mean(at):.4g}")
            if self.every and at.batch % self.every == 0:
                self._write()
        lr = recipe.lr * recipe.factor((at.epoch + 1) * self.updates - 1, recipe.epochs * self.updates)
        val = self._validate()
        one = Epoch(at.epoch + 1, _mean(at), val, lr, at.gradient, perf_counter() - start)
        self._close(one)
        self._write()
        return one

    def _update(self, index: Tensor) -> None:
        at, recipe = self.at, self.recipe
        lr = recipe.lr * recipe.factor(at.epoch * self.updates + at.batch, recipe.epochs * self.updates)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        total, weight = self._loss(self.train.rows(index, self.device))
        self.optimizer.zero_grad()
        (total / weight.clamp_min(1e-12)).backward()  # type: ignore[no-untyped-call]
        norm = clip_grad_norm_(self.model.parameters(), recipe.clip or math.inf).item()
        if not (math.isfinite(total.item()) and math.isfinite(norm)):
            raise self._sick(total.item(), norm)
        self.optimizer.step()
        at.total, at.weight, at.gradient = at.total + total.item(), at.weight + weight.item(), max(at.gradient, norm)
        at.batch += 1

    def _loss(self, batch: Examples) -> tuple[Tensor, Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"):
            out = answer(self.model, batch)
        return loss(out, batch, self.weights)

    def _validate(self) -> float | None:
        if self.val is None:
            return None
        self.model.eval()
        total, weight = 0.0, 0.0
        with torch.no_grad():
            for index in torch.split(torch.arange(len(self.val)), self.recipe.batch_size):
                part, count = self._loss(self.val.rows(index, self.device))
                total, weight = total + part.item(), weight + count.item()
        return total / max(weight, 1e-12)

    def _close(self, one: Epoch) -> None:
        at = self.at
        at.history.append(one)
        at.epoch, at.batch, at.total, at.weight, at.gradient = at.epoch + 1, 0, 0.0, 0.0, 0.0
        if one.val is None:
            at.best_epoch = at.epoch
        elif at.best is None or one.val < at.best:
            at.best, at.best_epoch, self.best = one.val, at.epoch, _copy(self.model)
        if at.epoch == self.recipe.epochs:
            at.stopped = "epochs"
        elif self.val is not None and self.recipe.patience and at.epoch - at.best_epoch >= self.recipe.patience:
            at.stopped = "patience"

    def _write(self) -> None:
        if self.path is not None:
            files.write(self.path, self.bound, self.at, self.model, self.optimizer, self.best)

    def _bound(self) -> str:
        found = hashlib.sha256(self.recipe.to_json().encode())
        for part in (self.train, self.val):
            found.update(b"" if part is None else part.digest.encode())
        found.update(repr(self.model).encode())
        return found.hexdigest()

    def _sick(self, value: float, norm: float) -> NonFiniteError:
        where = f"at epoch {self.at.epoch + 1}, update {self.at.batch + 1}"
        what = f"is {value} {where}" if not math.isfinite(value) else f"has a gradient of norm {norm} {where}"
        remedy = (
            f"Lower `lr` (now {self.recipe.lr}), keep `clip` above 0 (now {self.recipe.clip}), use "
            'precision="full", and look for huge inputs or gaps with `caudal.train.doctor`.'
        )
        return NonFiniteError("fit", "loss", what, remedy)


def _check(model: object, train: Examples, val: Examples | None, recipe: TrainRecipe) -> None:
    if not isinstance(model, Readout):
        remedy = "Wrap the layer: `Readout(layer, outputs)`."
        raise InputError("fit", "model", f"is a {type(model).__name__}; expected a Readout", remedy)
    for name, part in (("train", train), ("val", val)):
        if part is not None and (part.target is None or part.target_mask is None):
            raise InputError("fit", name, "has no target", "Pass series whose target is known.")
        if part is not None and not (part.weight > 0).any():
            raise InputError("fit", name, "has no series of positive weight", "Pass weights above 0.")
    weights = recipe.class_weights
    if weights is not None and (not train.task.startswith("classify") or len(weights) != model.outputs):
        fault = f"holds {len(weights)} class weights; the task is {train.task} with {model.outputs} outputs"
        raise InputError("fit", "recipe", fault, "Pass one weight per class, and only for classes.")


def _copy(model: Readout) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _mean(at: files.Progress) -> float:
    # A pass may begin with batches whose every weight is 0.
    return at.total / max(at.weight, 1e-12)
