"""The networks of a study for use: those of the first seed, with what they read and how they were trained."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from caudal.compare.contenders import entry_of, settings_of
from caudal.compare.encoded import encode
from caudal.compare.job import Outcome, Parts
from caudal.compare.networks import recipe_of
from caudal.compare.size import cell_of, options_of
from caudal.compare.timings import saved_net
from caudal.data import Encoder, Sequences
from caudal.nn import Readout
from caudal.train import Epoch, Fitted


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
