"""From a layer to the plan of its step: which neurons gather what, in which order."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
from torch import Tensor, nn

from caudal.data import Encoder
from caudal.errors import InputError, NonFiniteError
from caudal.export.plan import read_dense, read_graph, read_wired
from caudal.export.plan import read_dense as read_dense_module
from caudal.export.plan.plan import (
    ELAPSED,
    INPUT,
    OUTPUT,
    Average,
    Builder,
    Emit,
    Neurons,
    Plan,
    Scaling,
    Squash,
    Stage,
    Substeps,
    Vector,
    View,
    linear,
    silent,
    vector_of,
    whole,
)
from caudal.nn import CTRNN, GRU, LRC, LSTM, LTC, CfC, LiquidSSM, MinGRU, MixedMemory, Readout, Stack
from caudal.nn.cfc_wired import WiredCfC
from caudal.nn.layer import Layer
from caudal.typing import Floats

# Beyond so many standard deviations (or units, without an encoder) an input is clamped by the integer exports.
INPUT_RANGE = 8.0
# The gated baselines read the elapsed time as a feature; integers clamp it here, in typical gaps.
ELAPSED_RANGE = 16.0

_READERS: dict[type[Layer], Callable[[Builder, Any, View], View]] = {
    LTC: read_wired.ltc,
    CTRNN: read_wired.ctrnn,
    LRC: read_wired.lrc,
    WiredCfC: read_wired.wired_cfc,
    CfC: read_dense.cfc,
    LiquidSSM: read_dense.liquid_ssm,
    LSTM: read_dense.lstm,
    GRU: read_dense.gru,
    MinGRU: read_dense.min_gru,
}


def describe(
    model: Any, encoder: Encoder | None = None, *, input_range: float = INPUT_RANGE, graphs: bool = False
) -> Plan:
    """The plan of a layer's step.

    Arguments:
        model: an LTC, CfC, WiredCfC, LRC, CTRNN, LiquidSSM, MixedMemory, LSTM, GRU or MinGRU, a `Stack` of them, a
            `Readout` of either; or a fitted estimator, whose network and encoder are taken.
        encoder: scales of inputs, time and target that become part of the step.
        input_range: scaled inputs beyond it are clamped by the integer exports.
        graphs: whether the plan is for the graphs of runtimes alone: they need no bounds, so that GRU-D, ODE-RNN and
            the explicit solvers have a plan too.

    Raises:
        InputError: a layer has no export, or the encoder does not fit the model.
        NonFiniteError: a parameter is NaN or infinite.

    Example:
        >>> plan = describe(Readout(LTC(3, 4), 2))
        >>> [stage.__class__.__name__ for stage in plan.stages], plan.states()[0].size
        (['Neurons', 'Substeps', 'Neurons'], 4)
    """
    classes: tuple[object, ...] = ()
    if not isinstance(model, nn.Module) and hasattr(model, "net_"):
        classes = tuple(getattr(model, "classes_", ()))
        model, encoder = model.net_, encoder or model.encoder_
    if not isinstance(model, Layer):
        raise InputError("export", "model", f"is a {type(model).__name__}", "Pass a layer of caudal or an estimator.")
    if not 0 < input_range < 1e4:
        raise InputError("export", "input_range", f"is {input_range}", "Pass a number above 0, usually 8.0.")
    for name, tensor in model.named_parameters():
        if not bool(tensor.isfinite().all()):
            raise NonFiniteError("export", "model", f"holds NaN or infinity in {name}", "Train it again.")
    answers = tuple(f"logit of {label}" for label in classes) if len(classes) == model.outputs else ()
    if not answers:
        answers = tuple(f"answer {k}" for k in range(model.outputs))
    scaling = scaling_of(model, encoder)
    builder = Builder(graphs=graphs)
    builder.add(Vector(INPUT, model.inputs, input_range))
    builder.add(Vector(ELAPSED, 1, ELAPSED_RANGE))
    inner = model.layer if isinstance(model, Readout) else model
    view = _layers(builder, inner, whole(builder.vectors[INPUT]))
    if isinstance(model, Readout) and model.pool == "mean":
        view = _mean(builder, view)
    _answer(builder, model, view, encoder)
    return Plan(
        model.inputs,
        model.outputs,
        scaling,
        builder.vectors,
        tuple(builder.stages),
        _words(model),
        builder.dt_min,
        answers,
    )


def _layers(builder: Builder, layer: Layer, view: View) -> View:
    if isinstance(layer, Stack):
        for part in layer.layers:
            view = _layers(builder, cast(Layer, part), view)
        return view
    builder.next_layer()
    if layer.pairing == "previous":
        last = builder.view("last", len(view.index), builder.reach(view, np.eye(len(view.index)), 0.0), is_state=True)
        answer = _cell(builder, layer, last)
        links, base = linear(view, np.eye(len(view.index))[None])
        keep = Squash(last.vector, "linear")
        builder.stages.append(Neurons(builder.name("keep"), base, (links,), keep, len(view.index)))
        return answer
    if layer.pairing == "event":
        number, builder.phase = builder.layer, "gap_"
        _cell(builder, layer, silent(view))
        first, builder.layer, builder.phase = len(builder.stages), number, ""
        answer = _cell(builder, layer, view)
        builder.stages[first:] = [_for_one_unit(stage) for stage in builder.stages[first:]]
        return answer
    return _cell(builder, layer, view)


def _for_one_unit(stage: Stage) -> Stage:
    if isinstance(stage, Substeps):
        return replace(stage, neurons=replace(stage.neurons, one_unit=True))
    return replace(stage, one_unit=True) if isinstance(stage, Neurons) else stage


def _cell(builder: Builder, layer: Layer, view: View) -> View:
    """The layer, its inputs acting over the gap."""
    if isinstance(layer, MixedMemory):
        return read_dense_module.mixed(builder, layer, view, _layers)
    reader = _READERS.get(type(layer)) or (read_graph.READERS.get(type(layer)) if builder.graphs else None)
    if reader is None:
        raise _refusal(type(layer), builder.graphs)
    return reader(builder, layer, view)


def _refusal(kind: type, graphs: bool) -> InputError:
    """Why a layer has no export, and which ones have."""
    name = kind.__name__
    reason = "no bound of its state is proven; ONNX and torch have it" if kind in read_graph.READERS else ""
    reason = reason or read_graph.REASONS.get(name, "it is not one of caudal's own")
    cells = (*_READERS, MixedMemory, *(read_graph.READERS if graphs else ()))
    known = ", ".join(sorted(cell.__name__ for cell in cells))
    remedy = f"Layers that can: {known}, alone, in a `Stack` or under a `Readout`."
    return InputError("export", "model", f"holds a {name}, whose step cannot be exported: {reason}", remedy)


def _mean(builder: Builder, view: View) -> View:
    """The running mean of what a layer answers, taken before its output map."""
    size, bound = len(view.index), builder.vectors[view.vector].bound
    mean = builder.add(Vector("mean", size, bound, is_state=True, is_memory=True))
    count = builder.add(Vector("count", 1, 2.0**31, is_state=True, is_memory=True))
    plain = View(view.vector, view.index, np.ones(size), np.zeros(size))
    links, base = linear(plain, np.eye(size)[None])
    builder.stages.append(Neurons("average", base, (links,), Average(mean.name, count.name), size))
    return View(mean.name, np.arange(size), view.scale, view.shift)


def _answer(builder: Builder, model: Layer, view: View, encoder: Encoder | None) -> None:
    weight, bias = answer_map(model, len(view.index), encoder)
    links, extra = linear(view, weight[None])
    bound = float(
        (np.abs(weight) * (np.abs(view.scale) * builder.vectors[view.vector].bound + np.abs(view.shift))).sum(-1).max()
    )
    builder.add(Vector(OUTPUT, len(bias), bound + float(np.abs(bias).max())))
    builder.stages.append(Neurons("answer", bias[None] + extra, (links,), Emit(), len(bias)))


def answer_map(model: Layer, size: int, encoder: Encoder | None) -> tuple[Floats, Floats]:
    """Weights and biases from what a layer answers, `size` numbers, to the outputs in the units of the target."""
    weight, bias = np.eye(size), np.zeros(size)
    if isinstance(model, Readout):
        weight, bias = vector_of(model.map.weight), vector_of(cast(Tensor, model.map.bias))
    if encoder is not None and encoder.scaler.target_mean:
        # A forecast asks for each output at several steps ahead, the outputs running fastest.
        times = len(bias) // len(encoder.scaler.target_mean)
        mean, std = (np.tile(part, times) for part in (encoder.scaler.target_mean, encoder.scaler.target_std))
        weight, bias = weight * std[:, None], bias * std + mean
    return weight, bias


def scaling_of(model: Layer, encoder: Encoder | None) -> Scaling:
    """Scales of a model's inputs and time; channels that are no feature, such as the gaps of a forecast, stay.

    Raises:
        InputError: the encoder makes more channels than the model reads, or bends time.
    """
    if encoder is None:
        names = tuple(f"x{k}" for k in range(model.inputs))
        return Scaling(names, (0.0,) * model.inputs, (1.0,) * model.inputs, 1.0)
    if encoder.clock == "log":
        fault = "gives the net the logarithm of elapsed time, which exports do not compute"
        raise InputError("export", "encoder", fault, "Train the net on elapsed time itself (`dt` raw in a comparison).")
    scaler = encoder.scaler
    names = (*encoder.channels, *(f"ahead{k}" for k in range(model.inputs - len(encoder.channels))))
    if len(names) != model.inputs:
        fault = f"makes {len(names)} channels; the model reads {model.inputs}"
        raise InputError("export", "encoder", fault, "Pass the encoder that the model was trained with.")
    known = dict(zip(encoder.names, zip(scaler.mean, scaler.std, strict=True), strict=True))
    known.update(zip(encoder.static_names, zip(scaler.static_mean, scaler.static_std, strict=True), strict=True))
    pairs = [known.get(name, (0.0, 1.0)) for name in names]
    return Scaling(names, tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), scaler.gap)


def _words(model: Layer) -> str:
    if isinstance(model, Readout):
        return f"Readout({_words(model.layer)}, {model.outputs}, pool={model.pool!r})"
    if isinstance(model, Stack):
        return f"Stack({', '.join(_words(cast(Layer, part)) for part in model.layers)})"
    if isinstance(model, MixedMemory):
        return f"MixedMemory({model.inputs}, {_words(model.liquid)}, form={model.form!r})"
    return f"{type(model).__name__}({model.inputs}, {model.units})"
