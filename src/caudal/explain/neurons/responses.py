"""States of every neuron at every step, beside the raw features known at that step."""

import re
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.data import Encoder, Sequences
from caudal.errors import InputError
from caudal.explain.trace.layers import evaluating
from caudal.explain.trace.run import trace
from caudal.nn import CTRNN, LRC, LTC, CfC, Layer, Readout, WiredCfC
from caudal.typing import Array, Floats

_DERIVED = re.compile(r"^(?:observed|since)\((.*)\)$")
_SERIES = 64


@dataclass(frozen=True, eq=False)
class Responses:
    """Rows are steps of series.

    Attributes:
        neurons: names.
        values: `(rows, neurons)` states after the step.
        features: names of the columns of `known`.
        known: `(rows, features)`: the inputs in their own units as the net sees them, the elapsed time, the decision
            before the step, and with `history` the running mean, least and greatest of each input.
        series: `(rows,)` which series a row belongs to.
    """

    neurons: tuple[str, ...]
    values: Floats
    features: tuple[str, ...]
    known: Floats
    series: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    def rows(self, which: Array) -> "Responses":
        """Some of the rows."""
        return Responses(self.neurons, self.values[which], self.features, self.known[which], self.series[which])


def core(model: Layer) -> Layer:
    """The recurrent layer of a model."""
    return model.layer if isinstance(model, Readout) else model


def neuron_names(model: Layer, count: int) -> tuple[str, ...]:
    """Names of its neurons."""
    wiring = getattr(core(model), "wiring", None)
    return tuple(wiring.names) if wiring is not None else tuple(f"unit/{k}" for k in range(count))


def states(model: Layer, x: Tensor, dt: Tensor, lengths: Tensor) -> Tensor:
    """States of all neurons after every step `(batch, time, neurons)`, without gradients.

    Raises:
        InputError: the model holds several recurrent layers, or none with a state.
    """
    layer = core(model)
    mask = torch.arange(x.shape[1]) < lengths[:, None]
    blocks = []
    with torch.no_grad(), evaluating(model):
        parts = zip(torch.split(x, _SERIES), torch.split(dt, _SERIES), torch.split(mask, _SERIES), strict=True)
        for values, times, counts in parts:
            if layer.pairing != "hold":
                blocks.append(trace(layer, values, times, mask=counts)["states"])
            elif isinstance(layer, LTC | LRC | CTRNN | WiredCfC):
                start = layer.initial_state(len(values))
                blocks.append(layer.states(values, times, counts, start))
            elif isinstance(layer, CfC):
                blocks.append(layer(values, dt=times, mask=counts)[0])
            else:
                blocks.append(trace(layer, values, times, mask=counts)["states"])
    return torch.cat(blocks)


def feature_of(channel: str) -> str:
    """Name of the feature that a channel is derived from.

    Example:
        >>> feature_of("observed(ast)"), feature_of("ast")
        ('ast', 'ast')
    """
    match = _DERIVED.match(channel)
    return match[1] if match else channel


def encoded(owner: str, model: Layer, encoder: Encoder, data: Sequences) -> tuple[Tensor, Tensor, Tensor]:
    """Channels, scaled gaps and lengths of series, of the dtype of the model.

    Raises:
        InputError: the encoder makes other channels than the model reads.
        DataError: the series have other inputs.
    """
    if len(encoder.channels) != model.inputs:
        fault = f"makes {len(encoder.channels)} channels; the model reads {model.inputs}"
        raise InputError(owner, "encoder", fault, "Pass the encoder that was fitted with this model.")
    seen, parameter = encoder(data), next(model.parameters())
    return torch.tensor(seen.x).to(parameter), torch.tensor(seen.dt).to(parameter), torch.tensor(seen.lengths)


def responses(
    model: Layer, encoder: Encoder, data: Sequences, *, history: bool = True, most: int = 4000, seed: int = 0
) -> Responses:
    """States of all neurons, and what was known, at steps of given series.

    Arguments:
        model: a layer, or a readout of one; with a readout its decision so far is known, too.
        encoder: fitted with the model.
        data: series.
        history: add running means, least and greatest values.
        most: rows; more steps than that are drawn from.
        seed: of the draw.

    Raises:
        InputError: the encoder makes other channels, or the model holds no single layer with a state.
        DataError: the series have other inputs.
    """
    x, dt, lengths = encoded("responses", model, encoder, data)
    values = states(model, x, dt, lengths).double().numpy()
    columns = _inputs(x, encoder)
    names = list(encoder.channels)
    if history:
        columns, names = _with_history(columns, names, encoder)
    columns = np.concatenate([columns, np.asarray(data.dt)[..., None]], 2)
    names.append("dt")
    before = _decisions(model, x, dt, lengths, data)
    if before is not None:
        columns = np.concatenate([columns, before[1]], 2)
        names += before[0]
    place = np.argwhere(np.arange(x.shape[1]) < data.lengths[:, None])
    if len(place) > most:
        place = place[np.sort(np.random.default_rng(seed).choice(len(place), most, replace=False))]
    at = (place[:, 0], place[:, 1])
    return Responses(neuron_names(model, values.shape[2]), values[at], tuple(names), columns[at], place[:, 0])


def _inputs(x: Tensor, encoder: Encoder) -> Floats:
    """Channels in the units of the data."""
    scaler, values = encoder.scaler, x.double().numpy().copy()
    scales = dict(zip(encoder.names, zip(scaler.mean, scaler.std, strict=True), strict=True))
    scales |= dict(zip(encoder.static_names, zip(scaler.static_mean, scaler.static_std, strict=True), strict=True))
    for k, name in enumerate(encoder.channels):
        if name in scales:
            values[..., k] = values[..., k] * scales[name][1] + scales[name][0]
        elif name.startswith("since("):
            values[..., k] = (np.expm1(values[..., k]) if encoder.elapsed == "log" else values[..., k]) * scaler.gap
    return values


def _with_history(columns: Floats, names: list[str], encoder: Encoder) -> tuple[Floats, list[str]]:
    measured = columns[..., : len(encoder.names)]
    count = np.arange(1, measured.shape[1] + 1)[:, None]
    parts = {
        "mean so far": measured.cumsum(1) / count,
        "least so far": np.minimum.accumulate(measured, 1),
        "greatest so far": np.maximum.accumulate(measured, 1),
    }
    more = [f"{name}, {kind}" for kind in parts for name in encoder.names]
    return np.concatenate([columns, *parts.values()], 2), [*names, *more]


def _decisions(
    model: Layer, x: Tensor, dt: Tensor, lengths: Tensor, data: Sequences
) -> tuple[list[str], Floats] | None:
    """The decision before each step: probabilities of the classes but the first, or the number predicted so far."""
    if not isinstance(model, Readout):
        return None
    with torch.no_grad(), evaluating(model):
        y = model(x, dt=dt, lengths=lengths)[0].double()
    if data.classes and model.outputs == len(data.classes):
        y = torch.softmax(y, -1)[..., 1:]
        names = [f"P({name}) before" for name in data.classes[1:]]
    else:
        names = [f"output {k + 1} before" for k in range(model.outputs)]
    # Before the first step nothing was decided.
    first = torch.full_like(y[:, :1], 1 / max(len(data.classes), 1)) if data.classes else torch.zeros_like(y[:, :1])
    return names, torch.cat([first, y[:, :-1]], 1).numpy()
