"""Networks of a study: matched, trained and asked in the same way, whatever the cell."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.compare.contenders import entry_of, settings_of
from caudal.compare.encoded import Lens, encode
from caudal.compare.job import Job, Parts
from caudal.compare.size import build, units_for
from caudal.compare.trained import Progress, Trained
from caudal.data import Sequences
from caudal.nn import Readout
from caudal.nn.counts import live_parameters, operations
from caudal.records import Contender
from caudal.records.study import Scalar
from caudal.train import Epoch, TrainRecipe, answer, fit

# Passes without a better validation loss, as a share of all, after which training stops.
_PATIENCE = 4
_LEAST_PATIENCE = 4
_UPDATES = 32
# Steps, padding included, that are answered at once.
_STEPS_AT_ONCE = 32_768


def train(job: Job, parts: Parts, progress: Progress | None = None) -> Trained:
    """Train the network of a job.

    Raises:
        InputError: a setting is unknown or out of range.
        NonFiniteError: training diverged.
    """
    entry, chosen = entry_of(job.model), settings_of(job.model, job.settings)
    lens, own, held = encode(parts, job.model, chosen)
    inputs, outputs = own.x.shape[2], outputs_of(parts.train)
    units = units_for(job.model, inputs, outputs, job.parameters, job.settings)
    longest = max(part.steps for part in (parts.train, parts.val, parts.test))
    net = build(job.model, inputs, outputs, units, job.settings, steps=longest, seed=job.seed)
    recipe = recipe_of(job, chosen, len(own))

    def watch(epoch: Epoch) -> None:
        if progress is not None:
            progress(epoch.number / job.epochs, f"epoch {epoch.number} of {job.epochs}, loss {epoch.train:.4g}")

    start = perf_counter()
    fitted = fit(net, own, held, recipe, progress=False, watch=watch)
    seconds = perf_counter() - start
    typical = float(np.median(parts.train.lengths))
    work = operations(net, typical)
    contender = Contender(
        name=entry.name, label=entry.label, family=entry.family, summary=entry.summary, settings=chosen, units=units,
        parameters=sum(p.numel() for p in net.parameters() if p.requires_grad), live_parameters=live_parameters(net),
        synapses=net.synapse_count() or None, uses_dt=entry.uses_dt, macs_per_step=work.arithmetic,
        transcendentals_per_step=work.transcendentals, fit_seconds=seconds,
    )  # fmt: skip
    history = tuple((epoch.train, epoch.val) for epoch in fitted.history)
    return Trained(contender, lambda data: answers(net, lens, data), len(history), history, net, lens)


def outputs_of(data: Sequences) -> int:
    """How many numbers a network answers: classes, or outputs times steps ahead."""
    if data.classes:
        return len(data.classes)
    ahead = 1 if data.ahead is None else data.ahead.shape[1]
    return ahead * len(data.outputs)


def answers(net: Readout, lens: Lens, data: Sequences) -> NDArray[Any]:
    """Probabilities, or numbers in the unit of the target, in its shape; long and short series apart, for speed."""
    seen = lens(data.without_target())
    shape = _shape(data)
    found = np.zeros(shape, np.float32)
    order = torch.argsort(seen.lengths, stable=True)
    net.eval()
    with torch.no_grad():
        at = 0
        while at < len(order):
            # The longest of a batch is its last, and unknown until its size is chosen: take it from the next few.
            most = int(seen.lengths[order[min(at + 255, len(order) - 1)]])
            index = order[at : at + max(1, min(1024, _STEPS_AT_ONCE // most))]
            at += len(index)
            out = answer(net, seen.rows(index)).double()
            part = (torch.softmax(out, -1) if data.classes else out).numpy()
            if data.task in ("classify_steps", "imitate"):
                found[index.numpy(), : part.shape[1]] = part
            else:
                found[index.numpy()] = part.reshape(len(index), *shape[1:])
    return found if data.classes else lens.encoder.scaler.restore(found)


def _shape(data: Sequences) -> tuple[int, ...]:
    last = len(data.classes) or len(data.outputs)
    if data.task in ("classify_steps", "imitate"):
        return (len(data), data.steps, last)
    if data.ahead is not None:
        return (len(data), data.ahead.shape[1], last)
    return (len(data), last)


def recipe_of(job: Job, chosen: Mapping[str, Scalar], series: int) -> TrainRecipe:
    """How the network of a job is trained, on so many series."""
    return TrainRecipe(
        epochs=job.epochs,
        lr=float(chosen["lr"] or 0),
        # Few series would make few updates: a pass has about 32 at least, as long as a batch holds 8 series.
        batch_size=min(int(chosen["batch_size"] or 1), max(8, series // _UPDATES)),
        patience=max(_LEAST_PATIENCE, job.epochs // _PATIENCE),
        weight_decay=float(chosen["weight_decay"] or 0),
        seed=job.seed,
        by_length=True,
    )
