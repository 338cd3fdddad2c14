"""Tracers by type of layer, and those of compositions, which trace each part in turn."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from caudal.explain.trace.cells import trace_cfc, trace_gru, trace_liquid_ssm, trace_lstm, trace_mixed, trace_wired_cfc
from caudal.explain.trace.record import Followed, StepValues, Trace, TraceJob, numbered
from caudal.explain.trace.wired import trace_ctrnn, trace_lrc, trace_ltc
from caudal.nn import CTRNN, GRU, LRC, LSTM, LTC, Bidirectional, CfC, LiquidSSM, MixedMemory, Readout, Stack, WiredCfC
from caudal.nn.bidirectional import _time_to_next
from caudal.nn.layer import Layer, State, leaves
from caudal.nn.pairing import PreviousState, doubled, shifted
from caudal.nn.readout import MeanState
from caudal.nn.synapse_scale import share


@contextmanager
def evaluating(model: Layer) -> Iterator[None]:
    """Evaluation mode inside the block (dropout is no part of an explanation), the modes as they were after it."""
    training = [module for module in model.modules() if module.training]
    try:
        model.eval()
        yield
    finally:
        for module in training:
            module.training = True


def follow(layer: Layer, job: TraceJob) -> Followed:
    """Trace of a layer, its outputs (0 at steps that do not count) and the state after the last step."""
    tracer = TRACERS.get(type(layer), trace_plain)
    if layer.pairing == "previous":
        before, last = shifted(job.x, job.mask, job.state[1])
        trace, y, end = tracer(layer, job._replace(x=before, state=job.state[0]))
        end = PreviousState(end, last)
    elif layer.pairing == "event":
        x, dt, mask = doubled(job.x, job.dt, job.mask)
        trace, y, end = tracer(layer, job._replace(x=x, dt=dt, mask=mask))
        trace, y = _with_values(trace, lambda values: values[:, 1::2]), y[:, 1::2]
    else:
        trace, y, end = tracer(layer, job)
    return trace, (y if job.mask is None else torch.where(job.mask[..., None], y, 0)), end


def trace_plain(layer: Layer, job: TraceJob) -> Followed:
    """Trace of any other layer: outputs, and states step by step where it can be stepped."""
    recorder = StepValues(layer, job)
    y, end = layer._in_parts(job.x, job.dt, job.mask, job.state, job.synapses)
    recorder.add("outputs", y, "output", numbered("output", layer.outputs), "", "what the layer answers")
    if not (layer.causal and layer.chunked and leaves(job.state)):
        return recorder.trace(), y, end
    state, states, outputs = job.state, [], []
    for t in range(job.x.shape[1]):
        out, new = layer.tick(job.x[:, t], job.dt[:, t], state)
        state = new if job.mask is None else _where(job.mask[:, t], new, state)
        states.append(leaves(state))
        outputs.append(out)
    for k, values in enumerate(zip(*states, strict=True)):
        whole = torch.stack(values, 1).flatten(2)
        names = numbered("state", whole.shape[2])
        recorder.add(f"state_{k}", whole, "neuron", names, "", "a part of the state", everywhere=True)
    return recorder.trace(recorder.distance(torch.stack(outputs, 1), y)), y, end


def _where(keep: Tensor, new: State, old: State) -> State:
    pairs = zip(new, old, strict=True)
    parts = [
        torch.where(keep.view(-1, *[1] * (a.dim() - 1)), a, b) if isinstance(a, Tensor) else _where(keep, a, b)
        for a, b in pairs
    ]
    return type(new)(*parts) if hasattr(new, "_fields") else tuple(parts)


def trace_stack(layer: Stack, job: TraceJob) -> Followed:
    """Trace of a stack: one trace per layer, each reading the outputs of the layer below."""
    parts, ends, x, names = [], [], job.x, job.names
    strengths = share(job.synapses, [part.synapse_count() for part in layer._parts()])
    for k, (part, state, strength) in enumerate(zip(layer._parts(), job.state, strengths, strict=True)):
        trace, x, end = follow(part, job.inside(f"layers.{k}", x=x, state=state, synapses=strength, names=names))
        parts.append(trace)
        ends.append(end)
        names = numbered(f"layers.{k}/output", part.outputs)
    recorder = StepValues(layer, job)
    recorder.add("outputs", x, "output", numbered("output", layer.outputs), "", "what the last layer answers")
    return recorder.trace(parts=tuple(parts)), x, tuple(ends)


def trace_readout(layer: Readout, job: TraceJob) -> Followed:
    """Trace of the layer inside, and the contribution of each of its outputs to each decision."""
    mean = layer.pool == "mean"
    trace, y, end = follow(layer.layer, job.inside("layer", state=job.state[0] if mean else job.state))
    recorder = StepValues(layer, job)
    if mean:
        steps = torch.ones_like(job.dt, dtype=torch.bool) if job.mask is None else job.mask
        y, count = layer._means(y, steps, job.state)
        end = MeanState(end, y[:, -1], count)
        recorder.add("pooled", y, "output", numbered("output", layer.layer.outputs), "", "mean of the outputs so far")
    out = layer._decide(y)
    added = y[:, :, None] * layer.map.weight
    names = numbered("output", layer.layer.outputs)
    recorder.add(
        "contributions", added, "output", names, "", "what each output of the layer adds to each decision", "head"
    )
    recorder.add("outputs", out, "output", numbered("decision", layer.outputs), "", "decision so far")
    return recorder.trace(recorder.distance(added.sum(-1) + layer.map.bias, out), (trace,)), out, end


def trace_bidirectional(layer: Bidirectional, job: TraceJob) -> Followed:
    """Traces of both layers; those of the backward layer are flipped into the order of the series."""
    counts = [layer.forward_layer.synapse_count(), layer.backward_layer.synapse_count()]
    first, second = share(job.synapses, counts)
    ahead, y, end = follow(layer.forward_layer, job.inside("forward_layer", state=job.state[0], synapses=first))
    turned = job.inside("backward_layer", x=job.x.flip(1), state=job.state[1], synapses=second)
    turned = turned._replace(
        dt=_time_to_next(job.dt, job.mask).flip(1), mask=None if job.mask is None else job.mask.flip(1)
    )
    behind, y_back, start = follow(layer.backward_layer, turned)
    out = torch.cat([y, y_back.flip(1)], -1)
    recorder = StepValues(layer, job)
    recorder.add("outputs", out, "output", numbered("output", layer.outputs), "", "outputs of both, side by side")
    return recorder.trace(parts=(ahead, _with_values(behind, lambda values: values.flip(1)))), out, (end, start)


def _with_values(trace: Trace, change: Callable[[Tensor], Tensor]) -> Trace:
    """The trace with the values of every signal, `(batch, time, ...)`, changed."""
    signals = {
        name: type(signal)(change(signal.values), signal.axes, signal.names, signal.unit, signal.meaning)
        for name, signal in trace.signals.items()
    }
    parts = tuple(_with_values(part, change) for part in trace.parts)
    return Trace(trace.cell, trace.path, signals, parts, trace.residual)


def _mixed(layer: MixedMemory, job: TraceJob) -> Followed:
    return trace_mixed(layer, job, follow)


TRACERS: dict[type[Layer], Callable[..., Followed]] = {
    LTC: trace_ltc,
    LRC: trace_lrc,
    CTRNN: trace_ctrnn,
    WiredCfC: trace_wired_cfc,
    CfC: trace_cfc,
    LiquidSSM: trace_liquid_ssm,
    LSTM: trace_lstm,
    GRU: trace_gru,
    MixedMemory: _mixed,
    Readout: trace_readout,
    Stack: trace_stack,
    Bidirectional: trace_bidirectional,
}
