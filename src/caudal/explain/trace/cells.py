"""What CfC, wired CfC, LSTM, GRU and mixed memory computed in each step: gates, targets, currents."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

from caudal.dynamics import cfc, cfc_wired, liquid_ssm, lstm
from caudal.dynamics.cfc import previous
from caudal.dynamics.cfc_heads import Decay, Mode, activate, by_head
from caudal.dynamics.wired import State, onto_targets, targets
from caudal.explain.trace.record import Followed, StepValues, TraceJob, numbered, synapse_names, unrow
from caudal.kernels import lstm_scan, mixed_scan
from caudal.nn import GRU, LSTM, CfC, LiquidSSM, MixedMemory, WiredCfC
from caudal.nn.baselines.gru import GRUState
from caudal.nn.baselines.lstm import LSTMState
from caudal.nn.baselines.sequence import with_dt
from caudal.nn.layer import Layer
from caudal.nn.mixed import StackedState

_HEADS = ("ff1", "ff2", "t_a", "t_b")


def _heads(
    recorder: StepValues, pre: Tensor, h: Tensor, mode: Mode, decay: Decay | None, names: Sequence[str]
) -> float:
    """Keep gate and targets of the closed form; returns the residual."""
    dt = recorder.job.dt[..., None]
    if decay is not None:
        f = pre[..., 0, :]
        recorder.add("target", f, "neuron", names, "", "what the head asks for")
        left = torch.exp(-dt * (decay.w_tau.abs() + f.abs()))
        recorder.add("gate", left, "neuron", names, "", "share of the head's target left after dt")
        recorder.add("tau_sys", 1 / (decay.w_tau.abs() + f.abs()), "neuron", names, "unit of dt", "decay time")
        return recorder.distance(decay.a - decay.a * left * f, h)
    f1, f2, t_a, t_b = pre.unbind(-2)
    first, second, gate = torch.tanh(f1), torch.tanh(f2), torch.sigmoid(t_a * dt + t_b)
    recorder.add("target_1", first, "neuron", names, "", "state at gate 0")
    recorder.add(
        "target_2", second, "neuron", names, "", "state at gate 1" if mode == "default" else "added by the gate"
    )
    recorder.add("gate", gate, "neuron", names, "", "which target, from `gate_rate * dt + gate_bias`")
    recorder.add("gate_rate", t_a, "neuron", names, "1 / unit of dt", "how fast dt turns the gate")
    recorder.add("gate_bias", t_b, "neuron", names, "", "the gate at dt 0, before its sigmoid")
    recomputed = first + gate * second if mode == "no_gate" else first * (1 - gate) + gate * second
    return recorder.distance(recomputed, h)


def _cfc_pre(recorder: StepValues, layer: CfC, z: Tensor, read: Tensor, params: cfc.Params) -> Tensor:
    """Pre-activations of the heads of all steps, and the backbone kept on the way."""
    z = z + linear(read, params.w_h)
    for depth, (weight, bias) in enumerate(params.dense):
        z = activate(z, layer.activation)
        recorder.add(
            f"backbone_{depth}", z, "unit", numbered("backbone", z.shape[2]), "", "activations of the backbone"
        )
        z = linear(z, weight, bias)
    return by_head(z, layer.mode)


def trace_cfc(layer: CfC, job: TraceJob) -> Followed:
    """Trace of a CfC: backbone, gate and the two targets."""
    h, end = layer.scan(job.x, job.dt, job.mask, job.state)
    recorder, params = StepValues(layer, job), layer.params()
    names = numbered("unit", layer.units)
    pre = _cfc_pre(recorder, layer, layer.project(job.x), previous(h, job.state[0]), params)
    residual = _heads(recorder, pre, h, layer.mode, params.decay, names)
    _outputs(recorder, h, names)
    return recorder.trace(residual), h, end


def trace_liquid_ssm(layer: LiquidSSM, job: TraceJob) -> Followed:
    """Trace of a liquid state space: time constants and targets as the inputs move them, and the way made to them."""
    v, out = layer.states(job.x, job.dt, job.mask, job.state)
    recorder, names = StepValues(layer, job), numbered("unit", v.shape[2])
    before, read, h = previous(v, job.state[0]), job.x, None
    moved: list[liquid_ssm.InputGates] = []
    for k, block in enumerate(layer.parts()):
        moved.append(liquid_ssm.gates(read, block.params(), layer.settings()))
        h = block.read(read, v[..., k * layer.units : (k + 1) * layer.units], h)
        read = h
    rate, target = (torch.cat([getattr(gates, name) for gates in moved], -1) for name in ("rate", "target"))
    share = -torch.expm1(-rate * job.dt[..., None])
    recorder.add("tau_sys", 1 / rate, "neuron", names, "unit of dt", "time constant that the inputs set")
    recorder.add("target", target, "neuron", names, "", "where the inputs draw the state")
    recorder.add("gate", share, "neuron", names, "", "share of the way to the target made in dt")
    _outputs(recorder, v, names, out)
    return recorder.trace(recorder.distance(before + share * (target - before), v)), out, State(v[:, -1])


def _outputs(recorder: StepValues, h: Tensor, names: Sequence[str], out: Tensor | None = None) -> None:
    recorder.add("states", h, "neuron", names, "", "state after the step", everywhere=True)
    out = h if out is None else out
    recorder.add("outputs", out, "output", numbered("output", out.shape[2]), "", "what the layer answers")


def trace_wired_cfc(layer: WiredCfC, job: TraceJob) -> Followed:
    """Trace of a wired CfC: currents of every synapse in every head, gate and the two targets."""
    h = layer.states(*job[:5])
    params, graph = layer.params(job.synapses), cfc_wired.Layered(*layer.graph())
    old = previous(h, job.state[0])
    source = graph.source.long()
    read = torch.where(graph.current.bool(), h[..., source], old[..., source])
    values = torch.cat([job.x[..., graph.sensory_source.long()], read], -1)[:, :, None]
    weight = torch.cat([params.sensory_weight, params.weight], -1)
    currents = values * (weight if weight.dim() == 2 else weight[:, None])
    membrane = old[:, :, None] * params.self_weight
    to = torch.cat([targets(graph.sensory_ptr), targets(graph.ptr)])
    sums = unrow(onto_targets(currents.flatten(0, 2), to, layer.units), currents.shape[:3])
    recorder, names = StepValues(layer, job), layer.wiring.names
    synapses = synapse_names(layer.wiring, job.names)
    heads = ", ".join(_HEADS[: currents.shape[2]])
    recorder.add("currents", currents, "synapse", synapses, "", f"weight times what is read, in heads {heads}", "head")
    recorder.add("membrane", membrane, "neuron", names, "", "what the neuron's own last state adds, by head", "head")
    residual = _heads(recorder, sums + membrane + params.bias, h, layer.mode, params.decay, names)
    y = h[..., -layer.outputs :]
    _outputs(recorder, h, names, y)
    return recorder.trace(residual), y, cfc.State(h[:, -1])


def _loop(job: TraceJob, advance: Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]]) -> list[Tensor]:
    """States after every step, each `(batch, time, units)`, of a cell given as a function of one step."""
    state, seen = tuple(job.state), []
    for t in range(job.x.shape[1]):
        new = advance(t_slice(job, t), state)
        if job.mask is not None:
            keep = job.mask[:, t, None]
            new = tuple(torch.where(keep, a, b) for a, b in zip(new, state, strict=True))
        state = new
        seen.append(state)
    return [torch.stack(values, 1) for values in zip(*seen, strict=True)]


def t_slice(job: TraceJob, t: int) -> Tensor:
    """Inputs of one step with the elapsed time as the last feature."""
    return with_dt(job.x[:, t], job.dt[:, t])


def _gated(recorder: StepValues, signals: dict[str, tuple[Tensor, str]], names: Sequence[str]) -> None:
    for name, (values, meaning) in signals.items():
        recorder.add(name, values, "neuron", names, "", meaning)


def trace_lstm(layer: LSTM, job: TraceJob) -> Followed:
    """Trace of an LSTM: input, forget and output gate, candidate, and the memory."""
    h, c = _loop(job, layer._cell)
    old = previous(h, job.state[0])
    x = with_dt(job.x, job.dt)
    z = linear(x, layer.weight_ih, layer.bias_ih) + linear(old, layer.weight_hh, layer.bias_hh)
    i, f, g, o = z.chunk(4, -1)
    gate = (torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o))
    recorder, names = StepValues(layer, job), numbered("unit", layer.units)
    residual = _memory(recorder, gate, (h, c), previous(c, job.state[1]), names)
    _outputs(recorder, h, names)
    return recorder.trace(residual), h, LSTMState(h[:, -1], c[:, -1])


def _memory(
    recorder: StepValues, gate: tuple[Tensor, ...], state: tuple[Tensor, Tensor], old: Tensor, names: Sequence[str]
) -> float:
    """Keep gates and memory of a memory cell; returns the residual of what it answers."""
    (i, f, g, o), (h, c) = gate, state
    _gated(
        recorder,
        {
            "input_gate": (i, "how much of the candidate enters"),
            "forget_gate": (f, "how much of the memory stays"),
            "candidate": (g, "what would enter"),
            "output_gate": (o, "how much of the memory shows"),
        },
        names,
    )
    recorder.add("memory", c, "neuron", names, "", "memory after the step", everywhere=True)
    return max(recorder.distance(f * old + i * g, c), recorder.distance(o * torch.tanh(c), h))


def trace_gru(layer: GRU, job: TraceJob) -> Followed:
    """Trace of a GRU: reset and update gate, and the candidate."""
    (h,) = _loop(job, lambda x, state: (layer._cell(x, state[0]),))
    old = previous(h, job.state[0])
    into = linear(with_dt(job.x, job.dt), layer.weight_ih, layer.bias_ih).chunk(3, -1)
    back = linear(old, layer.weight_hh, layer.bias_hh).chunk(3, -1)
    r, z = torch.sigmoid(into[0] + back[0]), torch.sigmoid(into[1] + back[1])
    n = torch.tanh(into[2] + r * back[2])
    recorder, names = StepValues(layer, job), numbered("unit", layer.units)
    signals = {
        "reset_gate": (r, "how much of the state the candidate reads"),
        "update_gate": (z, "how much of the state stays"),
        "candidate": (n, "what the rest becomes"),
    }
    _gated(recorder, signals, names)
    _outputs(recorder, h, names)
    return recorder.trace(recorder.distance((1 - z) * n + z * old, h)), h, GRUState(h[:, -1])


def trace_mixed(layer: MixedMemory, job: TraceJob, follow: Callable[[Layer, TraceJob], Followed]) -> Followed:
    """Trace of a mixed memory: gates and memory of its LSTM cell, and the liquid layer behind it."""
    p = linear(job.x, layer.input_map.weight, layer.input_map.bias)
    recorder, names = StepValues(layer, job), numbered("memory", layer.size)
    if layer.form == "stacked":
        m, c = lstm_scan(p, job.dt, job.mask, list(job.state[0]), [layer.recurrent_map.weight], [], "{}")
        gate = _published(p, previous(m, job.state[0][0]), layer)
        residual = _memory(recorder, gate, (m, c), previous(c, job.state[0][1]), names)
        shown = m if job.mask is None else torch.where(job.mask[..., None], m, 0)
        recorder.add("memory_outputs", m, "neuron", names, "", "what the liquid layer reads")
        inside = job.inside("liquid", x=shown, state=job.state[1], names=[f"{name}/output" for name in names])
        inner, y, end = follow(layer.liquid, inside)
        recorder.add("outputs", y, "output", numbered("output", layer.outputs), "", "what the liquid layer answers")
        return recorder.trace(residual, (inner,)), y, StackedState(lstm.State(m[:, -1], c[:, -1]), end)
    q, params = layer._liquid(job.x)
    flat = [layer.recurrent_map.weight, *cfc.flatten(params.liquid)]
    h, c = mixed_scan(torch.cat((p, q), -1), job.dt, job.mask, list(job.state), flat, [], layer._settings)
    old, old_c = previous(h, job.state[0]), previous(c, job.state[1])
    gate = _published(p, old, layer)
    m = gate[3] * torch.tanh(c)
    residual = _memory(recorder, gate, (m, c), old_c, names)
    recorder.add("memory_outputs", m, "neuron", names, "", "what the CfC reads")
    read = m if layer.form == "shared" else torch.cat((m, old), -1)
    liquid = layer.liquid
    if not isinstance(liquid, CfC):
        raise TypeError("a shared or cascade memory holds a CfC")
    pre = _cfc_pre(recorder, liquid, q, read, params.liquid)
    units = numbered("unit", liquid.units)
    residual = max(residual, _heads(recorder, pre, h, liquid.mode, params.liquid.decay, units))
    _outputs(recorder, h, units)
    return recorder.trace(residual), h, lstm.State(h[:, -1], c[:, -1])


def _published(p: Tensor, old: Tensor, layer: MixedMemory) -> tuple[Tensor, ...]:
    """Input, forget gate, candidate and output gate of the memory, in the order of `_memory`."""
    g, i, f, o = lstm.gates(p + linear(old, layer.recurrent_map.weight))
    return i, f, g, o
