"""A run between its updates: where it stands, and how it goes on."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from caudal.errors import NonFiniteError
from caudal.nn import Readout
from caudal.train import checkpoint as files
from caudal.train.bar import Bar
from caudal.train.batches import Examples, deal
from caudal.train.collapse import AnswerSpread, collapse, spread
from caudal.train.distributed import Crew
from caudal.train.losses import answer, loss
from caudal.train.penalty import Judged, Term, judged
from caudal.train.recipe import Epoch, TrainRecipe
from caudal.train.stream import Stream

Part = Examples | Stream
Own = tuple[Tensor, Tensor, Judged | None]


class TrainingRun:
    """A training run that goes pass by pass.

    Arguments:
        model, train, val, recipe, every: as in `fit`.
        path: of the checkpoint, or None.
        crew: the processes that share each batch.
        term: a further cost, or None.
    """

    def __init__(
        self,
        model: Readout,
        train: Part,
        val: Part | None,
        recipe: TrainRecipe,
        path: Path | None,
        every: int,
        crew: Crew,
        term: Term | None = None,
    ) -> None:
        self.model, self.train, self.val, self.recipe, self.path, self.every = model, train, val, recipe, path, every
        self.crew, self.term = crew, term
        self.device = next(model.parameters()).device
        weights = recipe.class_weights
        self.weights = None if weights is None else torch.tensor(weights, device=self.device)
        self.updates = sum(math.ceil(size / recipe.batch_size) for size in train.sizes)
        # A pass from before the whole price is another model than the one asked for, however well it validates.
        priced = 1 if term is None else min(term.sets_in()[1] + 1, recipe.epochs)
        learnt = min(math.ceil(recipe.least_updates / max(1, self.updates)), recipe.epochs // 2)
        self.counts_from = max(priced, learnt)
        crew.agree(model)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
        self.at, self.best = files.Progress(), _copy(model)
        if term is not None:
            self.at.memory = list(term.start(train.kinds, train.outputs))
        self.bound = "" if path is None else self._bound()
        if path is not None and path.exists():
            self.at, self.best = files.read(path, self.bound, model, self.optimizer, crew)
        else:
            self._write()

    def epoch(self, bar: Bar) -> Epoch:
        """The rest of the pass under way, its validation, and the decision whether to go on."""
        at, recipe, start = self.at, self.recipe, perf_counter()
        self.model.train()
        for chunk, index in self._batches():
            self._update(chunk, index)
            bar.at(at.epoch * self.updates + at.batch, f"epoch {at.epoch + 1} loss {_mean(at):.4g}")
            if self.every and at.batch % self.every == 0:
                self._write()
        lr = recipe.lr * recipe.factor((at.epoch + 1) * self.updates - 1, recipe.epochs * self.updates)
        val = self._validate()
        epoch = Epoch(at.epoch + 1, _mean(at), val, lr, at.gradient, perf_counter() - start)
        self._close(epoch)
        self._write()
        return epoch

    def _batches(self) -> Iterator[tuple[Examples, Tensor]]:
        """What is left of the pass: each batch as rows of its chunk."""
        done = self.at.batch
        for number, chunk in enumerate(self.train.chunks(self.at.epoch)):
            # Drawn from seed and numbers alone: a resumed run deals the same order without having stored it.
            seed = self.recipe.seed * 1_000_003 + self.at.epoch + number * 1_000_000_007
            batches = deal(chunk.lengths, self.recipe.batch_size, self.recipe.by_length, seed)
            for index in batches[done:]:
                yield chunk, index
            done = max(0, done - len(batches))

    def _update(self, chunk: Examples, index: Tensor) -> None:
        at, recipe = self.at, self.recipe
        lr = recipe.lr * recipe.factor(at.epoch * self.updates + at.batch, recipe.epochs * self.updates)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        share = self._loss(chunk, index)
        self.optimizer.zero_grad()
        total, weight = self._summed(share)
        if share is not None:
            (share[0] / weight.clamp_min(1e-12) + self._further(share[2])).backward()  # type: ignore[no-untyped-call]
        self.crew.sum_gradients(self.model)
        norm = clip_grad_norm_(self.model.parameters(), recipe.clip or math.inf).item()
        if not (math.isfinite(total.item()) and math.isfinite(norm)):
            raise self._sick(total.item(), norm)
        self.optimizer.step()
        at.total, at.weight, at.gradient = at.total + total.item(), at.weight + weight.item(), max(at.gradient, norm)
        at.batch += 1

    def _further(self, seen: Judged | None) -> Tensor | float:
        """Cost that the term adds to the loss of a batch; its memory is updated."""
        if self.term is None or seen is None:
            return 0.0
        cost, memory = self.term.cost(seen, tuple(self.at.memory), self.at.epoch)
        self.at.memory = list(memory)
        return cost

    def _loss(self, chunk: Examples, index: Tensor) -> Own | None:
        """Summed loss and weight of what this process has of a batch; None when that is nothing."""
        mine = self.crew.share(index)
        if not len(mine):
            return None
        batch = chunk.rows(mine, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"):
            out = answer(self.model, batch)
        return *loss(out, batch, self.weights), None if self.term is None else judged(out, batch)

    def _summed(self, share: Own | None) -> tuple[Tensor, Tensor]:
        """Loss and weight of the whole batch, no gradients attached."""
        if share is None:
            nothing = next(self.model.parameters()).new_zeros(2)
            total, weight = self.crew.sum(nothing)
        else:
            total, weight = self.crew.sum(torch.stack([share[0].detach(), share[1]]))
        return total, weight

    def _validate(self) -> float | None:
        if self.val is None:
            return None
        self.model.eval()
        total, weight, seen = 0.0, 0.0, list[Judged]()
        with torch.no_grad():
            for chunk in self.val.chunks():
                for index in torch.split(torch.arange(len(chunk)), self.recipe.batch_size):
                    share = self._loss(chunk, index)
                    part, count = self._summed(share)
                    total, weight = total + part.item(), weight + count.item()
                    if share is not None and share[2] is not None:
                        seen.append(share[2])
            further = 0.0 if self.term is None or not seen else self.term.held(Judged.joined(seen)).item()
        return total / max(weight, 1e-12) + further

    def _close(self, epoch: Epoch) -> None:
        at = self.at
        at.history.append(epoch)
        at.epoch, at.batch, at.total, at.weight, at.gradient = at.epoch + 1, 0, 0.0, 0.0, 0.0
        if epoch.val is None:
            at.best_epoch = at.epoch
        elif at.epoch >= self.counts_from and (at.best is None or epoch.val < at.best):
            at.best, at.best_epoch, self.best = epoch.val, at.epoch, _copy(self.model)
        if self.term is not None and at.epoch == self.term.sets_in()[0]:
            answered = spread(self.model, self.train, self.weights)
            at.free = [] if answered is None else list(astuple(answered))
        if at.epoch >= self.recipe.epochs:
            at.stopped = "epochs"
        elif at.best is not None and self.recipe.patience and at.epoch - at.best_epoch >= self.recipe.patience:
            at.stopped = "patience"

    def collapsed(self) -> str:
        """What the price made of the net that was kept, as a clause; `""` for nothing worth a warning."""
        if self.term is None or self.at.epoch <= self.term.sets_in()[0]:
            return ""
        before = AnswerSpread(*self.at.free) if self.at.free else None
        return collapse(before, spread(self.model, self.train, self.weights), self.model.outputs)

    def _write(self) -> None:
        if self.path is not None:
            files.write(self.path, self.bound, self.at, self.model, self.optimizer, self.best, self.crew)

    def _bound(self) -> str:
        digest = hashlib.sha256(self.recipe.to_json().encode())
        digest.update(b"" if self.term is None else repr(self.term).encode())
        for part in (self.train, self.val):
            digest.update(b"" if part is None else part.digest.encode())
        digest.update(repr(self.model).encode())
        if self.crew.size > 1:
            digest.update(f" in {self.crew.size} processes".encode())
        return digest.hexdigest()

    def _sick(self, value: float, norm: float) -> NonFiniteError:
        where = f"at epoch {self.at.epoch + 1}, update {self.at.batch + 1}"
        what = f"is {value} {where}" if not math.isfinite(value) else f"has a gradient of norm {norm} {where}"
        remedy = (
            f"Lower `lr` (now {self.recipe.lr}), keep `clip` above 0 (now {self.recipe.clip}), use "
            'precision="full", and look for huge inputs or gaps with `caudal.doctor.examine`.'
        )
        return NonFiniteError("fit", "loss", what, remedy)


def _copy(model: Readout) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _mean(at: files.Progress) -> float:
    # A pass may begin with batches whose every weight is 0.
    return at.total / max(at.weight, 1e-12)
