"""What the neurons of LTC, LRC and CT-RNN did in each step, synapse by synapse.

Each new state is the old one plus what every part moved it by; the sums are exact, sub-step by sub-step.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from caudal.dynamics import ctrnn, lrc, ltc
from caudal.dynamics.cfc import previous
from caudal.dynamics.wired import gates, onto_targets, targets
from caudal.explain.trace.record import Followed, StepValues, TraceJob, numbered, per_row, rows, synapse_names, unrow
from caudal.nn import CTRNN, LRC, LTC
from caudal.nn.wired import graph_tensors, readout

Moved = dict[str, Tensor]


def _walk(substep: Callable[[Tensor], tuple[Tensor, Moved]], v: Tensor, count: int) -> list[Moved]:
    """The signals of each of `count` sub-steps."""
    steps = []
    for _ in range(count):
        v, moved = substep(v)
        steps.append(moved)
    return steps


def _gather(recorder: StepValues, steps: list[Moved], kinds: dict[str, tuple[str, tuple[str, ...], str, str]]) -> None:
    """Keep every sub-step, or the sum of moves and the mean of everything else."""
    batch, time = recorder.job.x.shape[:2]
    for name, (axis, names, unit, meaning) in kinds.items():
        each = [unrow(moved[name], (batch, time)) for moved in steps]
        if recorder.job.substeps:
            recorder.add(name, torch.stack(each, 2), axis, names, unit, meaning, "substep")
        else:
            whole = torch.stack(each).sum(0)
            recorder.add(name, whole if name.endswith("moves") else whole / len(each), axis, names, unit, meaning)


def _ends(recorder: StepValues, layer: LTC | LRC | CTRNN, v: Tensor) -> Tensor:
    """Keep states and outputs; returns the outputs."""
    recorder.add("states", v, "neuron", layer.wiring.names, "potential", "state after the step", everywhere=True)
    y = readout(v, layer.output_scale, layer.output_shift)
    recorder.add("outputs", y, "output", numbered("output", layer.outputs), "", "scaled and shifted motor states")
    return y


def _again(recorder: StepValues, before: Tensor, v: Tensor, *moves: Tensor) -> float:
    """Residual of the old state and its moves against the new state; the moves are `(batch, time, units)`."""
    whole = sum((move.sum(2) if recorder.job.substeps else move for move in moves), start=before)
    return recorder.distance(whole, v)


def _ltc_substep(layer: LTC, job: TraceJob) -> tuple[Callable[[Tensor], tuple[Tensor, Moved]], Tensor]:
    """A function of one fused (or Euler) sub-step that also returns its signals, and the target of each synapse."""
    params, graph = layer.params(per_row(job.synapses, job)), ltc.Graph(*graph_tensors(layer))
    u = rows(job.x * layer.input_scale + layer.input_shift)
    sensory = gates(u, graph.sensory_source, params.sensory_mu, params.sensory_sigma)
    to = torch.cat([targets(graph.sensory_ptr), targets(graph.ptr)])
    weight = torch.cat([params.sensory_w, params.w], -1)
    e_rev = torch.cat([params.sensory_e_rev, params.e_rev])
    d = rows(job.dt)[:, None] / layer.substeps
    implicit = layer.solver == "fused"
    eps = layer.eps if implicit else 0.0

    def substep(v: Tensor) -> tuple[Tensor, Moved]:
        gate = torch.cat([sensory, gates(v, graph.source, params.mu, params.sigma)], 1)
        conductance = gate * weight
        den = onto_targets(conductance, to, layer.units) + params.g_leak
        below = (params.c_m + d * (den + eps)) if implicit else params.c_m.expand_as(den)
        current = conductance * (e_rev - v[:, to])
        leak = params.g_leak * (params.v_leak - v) - eps * v
        moves, leak_moves = d * current / below[:, to], d * leak / below
        signals = {"gates": gate, "conductances": conductance, "currents": current, "moves": moves}
        signals |= {"leak_currents": leak, "leak_moves": leak_moves, "total_conductance": den}
        return v + onto_targets(moves, to, layer.units) + leak_moves, signals

    return substep, to


def trace_ltc(layer: LTC, job: TraceJob) -> Followed:
    """Trace of an LTC: gates, conductances, currents, time constants, and how synapses and leak moved each potential.

    With `solver="rk4"` four slopes are mixed in one step, with `"exact"` the first neurons have none; no synapse has a
    share of its own: moves are left out, and the start of the step is shown.
    """
    v = layer.states(*job[:5])
    before = previous(v, job.state[0])
    names, synapses = layer.wiring.names, synapse_names(layer.wiring, job.names)
    kinds = {
        "gates": ("synapse", synapses, "", "how far each synapse is open"),
        "conductances": ("synapse", synapses, "conductance", "weight times gate"),
        "currents": ("synapse", synapses, "current", "conductance times distance from the reversal potential"),
        "leak_currents": ("neuron", names, "current", "current of the leak"),
        "total_conductance": ("neuron", names, "conductance", "leak and all synapses"),
        "moves": ("synapse", synapses, "potential", "how far each synapse moved its target"),
        "leak_moves": ("neuron", names, "potential", "how far the leak moved each neuron"),
    }
    mixes = layer.solver in ("rk4", "exact")
    recorder = StepValues(layer, job._replace(substeps=job.substeps and not mixes))
    substep, to = _ltc_substep(layer, job)
    steps = _walk(substep, rows(before), 1 if mixes else layer.substeps)
    if mixes:
        kinds = {name: kind for name, kind in kinds.items() if not name.endswith("moves")}
    _gather(recorder, steps, kinds)
    residual = (
        float("nan")
        if mixes
        else _again(
            recorder, before, v, _onto(recorder.values("moves"), to, layer.units), recorder.values("leak_moves")
        )
    )
    tau = layer.params().c_m / recorder.values("total_conductance").clamp_min(torch.finfo(v.dtype).tiny)
    _tau(recorder, tau, names)
    return recorder.trace(residual), _ends(recorder, layer, v), ltc.State(v[:, -1])


def _tau(recorder: StepValues, tau: Tensor, names: Sequence[str]) -> None:
    between = ("substep",) if recorder.job.substeps else ()
    recorder.add("tau_sys", tau, "neuron", names, "unit of dt", "effective time constant", *between)


def _onto(values: Tensor, to: Tensor, units: int) -> Tensor:
    """A synapse signal summed at each neuron."""
    return unrow(onto_targets(values.flatten(0, -2), to, units), values.shape[:-1])


def trace_ctrnn(layer: CTRNN, job: TraceJob) -> Followed:
    """Trace of a CT-RNN: currents, drive, and the moves of each state by drive and leak."""
    params, graph = layer.params(per_row(job.synapses, job)), ctrnn.Graph(*graph_tensors(layer))
    v = layer.states(*job[:5])
    before = previous(v, job.state[0])
    u = rows(job.x)
    sensory = u[:, graph.sensory_source.long()] * params.sensory_w
    to = torch.cat([targets(graph.sensory_ptr), targets(graph.ptr)])
    d = rows(job.dt)[:, None] / layer.substeps

    def substep(now: Tensor) -> tuple[Tensor, Moved]:
        current = torch.cat([sensory, now[:, graph.source.long()] * params.w], 1)
        drive = torch.tanh(onto_targets(current, to, layer.units) + params.b)
        below = params.tau + d
        moves = {"drive_moves": d * params.tau * drive / below, "leak_moves": -d * now / below}
        return now + moves["drive_moves"] + moves["leak_moves"], {"currents": current, "drive": drive, **moves}

    names, synapses = layer.wiring.names, synapse_names(layer.wiring, job.names)
    recorder = StepValues(layer, job)
    _gather(
        recorder,
        _walk(substep, rows(before), layer.substeps),
        {
            "currents": ("synapse", synapses, "", "weight times what the synapse reads"),
            "drive": ("neuron", names, "", "tanh of the currents and the bias"),
            "drive_moves": ("neuron", names, "potential", "how far the drive moved each neuron"),
            "leak_moves": ("neuron", names, "potential", "how far the leak moved each neuron"),
        },
    )
    moves = (recorder.values("drive_moves"), recorder.values("leak_moves"))
    _tau(recorder, params.tau.expand_as(moves[0]), names)
    return recorder.trace(_again(recorder, before, v, *moves)), _ends(recorder, layer, v), ctrnn.State(v[:, -1])


def _lrc_substep(layer: LRC, job: TraceJob) -> Callable[[Tensor], tuple[Tensor, Moved]]:
    """A function of one sub-step that also returns its signals."""
    params, graph = layer.params(per_row(job.synapses, job)), lrc.Graph(*graph_tensors(layer))
    sensory, recurrent = lrc.synapses(params, graph)
    u, d = rows(job.x), rows(job.dt)[:, None] / layer.substeps
    outer = gates(u, sensory.source, sensory.mu, sensory.sigma)
    sensory_sums = lrc.sensory_sums(u, sensory, params)

    def substep(v: Tensor) -> tuple[Tensor, Moved]:
        gate = torch.cat([outer, gates(v, recurrent.source, recurrent.mu, recurrent.sigma)], 1)
        sums = lrc.sums(v, recurrent)
        pull = torch.sigmoid(sensory_sums.f + sums.f)
        elastance = lrc.elastance(sensory_sums.w + sums.w, params.k, layer.elastance)
        drive = torch.tanh(sensory_sums.z + sums.z) * params.e_leak
        below = 1 + d * elastance * pull if layer.solver == "hybrid" else torch.ones_like(pull)
        drive_moves, leak_moves = d * elastance * drive / below, -d * elastance * pull * v / below
        signals = {"gates": gate, "elastance": elastance, "rate": elastance * pull, "drive": drive}
        signals["conductances"] = gate * torch.cat([sensory.g_max, recurrent.g_max], -1)
        signals["drives"] = gate * torch.cat([sensory.k_max, recurrent.k_max], -1)
        signals |= {"drive_moves": drive_moves, "leak_moves": leak_moves}
        return v + drive_moves + leak_moves, signals

    return substep


def trace_lrc(layer: LRC, job: TraceJob) -> Followed:
    """Trace of an LRC: gates, conductances, drives, elastance, and the moves of each potential by drive and leak."""
    v = layer.states(*job[:5])
    before = previous(v, job.state[0])
    names, synapses = layer.wiring.names, synapse_names(layer.wiring, job.names)
    recorder = StepValues(layer, job)
    _gather(
        recorder,
        _walk(_lrc_substep(layer, job), rows(before), layer.substeps),
        {
            "gates": ("synapse", synapses, "", "how far each synapse is open"),
            "conductances": ("synapse", synapses, "conductance", "`g_max` times gate"),
            "drives": ("synapse", synapses, "", "`k_max` times gate"),
            "elastance": ("neuron", names, "", "inverse capacitance"),
            "rate": ("neuron", names, "1 / unit of dt", "how fast each neuron relaxes"),
            "drive": ("neuron", names, "potential", "`tanh` of the drives, times `e_leak`"),
            "drive_moves": ("neuron", names, "potential", "how far the drive moved each neuron"),
            "leak_moves": ("neuron", names, "potential", "how far the leak moved each neuron"),
        },
    )
    _tau(recorder, 1 / recorder.values("rate").clamp_min(torch.finfo(v.dtype).tiny), names)
    residual = _again(recorder, before, v, recorder.values("drive_moves"), recorder.values("leak_moves"))
    return recorder.trace(residual), _ends(recorder, layer, v), lrc.State(v[:, -1])
