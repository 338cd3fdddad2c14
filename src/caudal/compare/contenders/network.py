"""Networks of a study: matched, trained and asked in the same way, whatever the cell."""

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from caudal import nn
from caudal.compare.contenders.base import Progress, Trained
from caudal.compare.contenders.encoding import Lens, encode
from caudal.compare.contenders.registry import entry_of, settings_of
from caudal.compare.job import Job, Outcome, Parts
from caudal.compare.record import Contender, Scalar
from caudal.data import Encoder, Sequences
from caudal.errors import InputError
from caudal.nn import Readout, build_cell
from caudal.nn.operations import live_parameters, operations
from caudal.train import Epoch, Fitted, TrainRecipe, answer, fit


@dataclass(frozen=True, eq=False)
class Kept:
    """A trained network of a study.

    Attributes:
        name: of the contender.
        net: the network of the first seed, in evaluation mode.
        encoder: how it reads series; its unit of time is that which the network lives in.
        train: the series it was trained on.
        fitted: its training; step size, gradient and seconds of a pass are NaN, a study does not keep them.
        settings: how an estimator builds and asks it: cell, units, cell_options, pool, dropout, clock, pace.
    """

    name: str
    net: Readout
    encoder: Encoder
    train: Sequences
    fitted: Fitted
    settings: Mapping[str, Any]


def kept(finals: Mapping[str, Sequence[Outcome]], parts: Parts) -> tuple[tuple[Kept, ...], dict[str, str]]:
    """The networks that can be used apart from the study, and for the others the reason why not.

    Arguments:
        finals: contender -> final outcomes, in the order of seeds.
        parts: the series, divided.

    Returns:
        the networks; and name -> reason.
    """
    found, left = [], {}
    for name, every in finals.items():
        first, kind = every[0], entry_of(name).kind
        if kind == "trivial":
            continue
        if first.model is None or first.run.failed:
            left[name] = first.run.failed or f"{kind} are no network"
            continue
        lens, _, _ = encode(parts, name, settings_of(name, first.job.settings))
        if parts.train.task == "forecast" and lens.pace != 1:
            left[name] = "its forecast lives in another unit of time than its horizon"
        elif lens.encoder.clock == "log" and lens.pace != 1:
            left[name] = "its time is bent after its pace, which no model file says"
        else:
            scaler = lens.encoder.scaler
            encoder = replace(lens.encoder, scaler=replace(scaler, gap=scaler.gap / lens.pace))
            found.append(_kept(first, encoder, parts))
    return tuple(found), left


def _kept(first: Outcome, encoder: Encoder, parts: Parts) -> Kept:
    job, run, model = first.job, first.run, first.model
    chosen = settings_of(job.model, job.settings)
    unknown = math.nan
    history = tuple(Epoch(k + 1, own, held, unknown, unknown, unknown) for k, (own, held) in enumerate(run.history))
    losses = [one.val if one.val is not None else one.train for one in history]
    best = 1 + losses.index(min(losses)) if losses else 0
    fitted = Fitted(
        history, best, "epochs" if len(history) == job.epochs else "patience", recipe_of(job, chosen, len(parts.train))
    )
    units, longest = int(first.contender.units or 0), max(part.steps for part in (parts.train, parts.val, parts.test))
    net = saved_net(model or b"")
    settings = {
        "cell": cell_of(job.model),
        "units": units,
        "cell_options": options_of(job.model, units, chosen, longest, net.outputs) or None,
        "pool": chosen["pool"],
        "dropout": chosen["dropout"],
        "clock": encoder.clock,
        "pace": float(chosen["pace"] or 1),
    }
    return Kept(job.model, net, encoder, parts.train, fitted, settings)


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


_MOST_UNITS = 1024
# Attention reads so many steps back at most.
_CONTEXT = 1024
_NEURONS, _COMMAND = 19, 6


def build(
    model: str,
    inputs: int,
    outputs: int,
    units: int,
    settings: Mapping[str, Scalar] | None = None,
    *,
    steps: int = _CONTEXT,
    seed: int = 0,
) -> Readout:
    """A freshly drawn network; the caller's random state is not touched.

    Arguments:
        model: a contender that is a network.
        inputs: channels of x.
        outputs: classes, or numbers to predict.
        units: neurons.
        settings: what tuning chose.
        steps: of the longest series, which attention must reach over.
        seed: of the weights. The wiring of a policy is drawn from seed 0 always, so that its size does not vary.

    Raises:
        InputError: the contender is no network, or a setting is unknown to it.

    Example:
        >>> build("ltc-ncp-19", 4, 2, 19).layer.wiring
        Wiring(ncp, seed 0: 4 inputs, 12 inter, 6 command, 1 motor, 76 synapses)
    """
    if entry_of(model).kind != "network":
        raise InputError("compare", "model", f"is {model!r}, which is no network", "Name a network.")
    chosen = settings_of(model, settings or {})
    options = options_of(model, units, chosen, steps, outputs)
    cell = cell_of(model)
    pool, dropout = str(chosen["pool"]), float(chosen["dropout"] or 0.0)
    return build_cell("compare", cell, inputs, units, outputs, options, pool=pool, dropout=dropout, seed=seed)


def cell_of(model: str) -> str:
    """The cell of a contender, as `build_cell` takes it.

    Example:
        >>> cell_of("ltc-ncp-19")
        'ltc-ncp'
    """
    return {"ltc-ncp-19": "ltc-ncp", "liquid-ssm-2": "liquid-ssm"}.get(model, model)


def units_for(
    model: str, inputs: int, outputs: int, parameters: int, settings: Mapping[str, Scalar] | None = None
) -> int:
    """Units whose live parameters, readout included, come nearest to a number; the fewest of several.

    Arguments:
        model: a contender that is a network.
        inputs, outputs: as in `build`.
        parameters: live trained numbers to meet.
        settings: what tuning chose; some change the size.

    Raises:
        InputError: as `build`.

    Example:
        >>> units_for("lstm", 6, 2, 2500)
        21
    """
    if not entry_of(model).matched:
        return _NEURONS
    return _units(model, inputs, outputs, parameters, tuple(sorted(settings_of(model, settings or {}).items())))


@lru_cache(maxsize=256)
def _units(model: str, inputs: int, outputs: int, parameters: int, settings: tuple[tuple[str, Scalar], ...]) -> int:
    chosen = dict(settings)
    step = int(_number(chosen.get("heads", 1)))
    step += step % 2 if model == "transformer" else 0
    least = 1 if entry_of(model).wired and model == "ltc-ncp-19" else 4 if entry_of(model).wired else 1

    def size(units: int) -> int:
        return live_parameters(build(model, inputs, outputs, units, chosen))

    places = range(-(-least // step) * step, _MOST_UNITS + 1, step)
    low, high = 0, len(places) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if size(places[middle]) < parameters else (low, middle)
    # A drawn wiring does not grow evenly, so the neighbours are asked as well.
    near = places[max(0, low - 4) : low + 4]
    return min(near, key=lambda units: (abs(size(units) - parameters), units))


def options_of(model: str, units: int, chosen: Mapping[str, Scalar], steps: int, outputs: int) -> dict[str, Any]:
    """What a contender's settings ask of its cell, as `build_cell` takes it.

    Arguments:
        model, units, steps, outputs: as in `build`.
        chosen: all its settings.
    """
    if model == "ltc-ncp-19":
        # One motor neuron for one number or two classes, else one for each output, at most 8.
        motor = 1 if outputs <= 2 else min(outputs, 8)
        return {"command": _COMMAND, "motor": motor, "substeps": int(_number(chosen["substeps"]))}
    if model in ("cfc", "mixed"):
        return {"backbone_units": max(2, round(_number(chosen["backbone"]) * units))}
    if model == "ltc-ncp":
        return {"density": _number(chosen["density"]), "substeps": int(_number(chosen["substeps"]))}
    if model == "cfc-ncp":
        return {"density": _number(chosen["density"])}
    if model in ("liquid-ssm", "liquid-ssm-2"):
        forms = {name: chosen[name] for name in ("target", "pairing")}
        return {"layers": 2 if model == "liquid-ssm-2" else 1, **forms}
    if model == "transformer":
        context = max(2, min(_CONTEXT, steps))
        return {"layers": chosen["layers"], "heads": chosen["heads"], "context": context}
    if model == "ssm":
        fastest = _number(chosen["fastest"])
        return {"layers": chosen["layers"], "states": units, "step": (fastest / 100, fastest)}
    return {}


def _number(value: Scalar) -> float:
    if isinstance(value, str) or value is None:
        raise InputError("compare", "settings", f"hold {value!r} where a number is expected", "Pass a number.")
    return float(value)


def saved_net(model: bytes) -> Readout:
    """The network of a stored outcome."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model"
        place.write_bytes(model)
        net: Readout = nn.load(place)
        return net.eval()
