"""Runs a net and records what every layer computed."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from caudal import shapes
from caudal.errors import InputError
from caudal.explain.trace.layers import evaluating, follow
from caudal.explain.trace.record import Trace, TraceJob
from caudal.nn.layer import Layer, State


def trace(
    model: nn.Module,
    x: Tensor,
    dt: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    lengths: Tensor | None = None,
    state: State | None = None,
    synapses: Tensor | None = None,
    substeps: bool = False,
    names: Sequence[str] | None = None,
) -> Trace:
    """Run a net and keep what every layer computed. No hook is set, nothing of the net changes.

    The net runs once on its usual kernels; gates, currents and time constants of all steps are then put together from
    its states in a few large operations, so a trace costs a small multiple of the call.

    Arguments:
        model: any layer of caudal, wired or not, or a composition.
        x, dt, mask, lengths, state, synapses: as in `Layer.forward`.
        substeps: keep LTC, LRC and CTRNN signals for every sub-step, on an axis after time. Without it gates,
            conductances and currents are means over the sub-steps, moves are sums, `tau_sys` is the capacitance over
            the mean conductance.
        names: of the inputs; `input/0`, ... without.

    Raises:
        InputError: `model` is not a layer of caudal, or `names` do not fit.
        ShapeError, DtypeError, NonFiniteError, TimeError: as in `Layer.forward`.
    """
    if not isinstance(model, Layer):
        fault = f"is a {type(model).__name__}; expected a layer of caudal"
        raise InputError("trace", "model", fault, "Pass the net; of an estimator that is `model.net_`.")
    if names is not None and len(names) != model.inputs:
        fault = f"holds {len(names)} names; the net has {model.inputs} inputs"
        raise InputError("trace", "names", fault, "Pass one name per input.")
    with torch.no_grad(), evaluating(model):
        y, _ = model(x, dt=dt, mask=mask, lengths=lengths, state=state, synapses=synapses)
        steps = shapes.steps_mask(x, mask, lengths)
        dt = x.new_ones(x.shape[:2]) if dt is None else dt
        if steps is not None:
            x, dt = torch.where(steps[..., None], x, 0), torch.where(steps, dt, 0)
        start = model.initial_state(x.shape[0]) if state is None else state
        strength = synapses.to(x.dtype) if synapses is not None else None
        whole, rebuilt, _ = follow(model, TraceJob(x, dt, steps, start, strength, substeps, "", names))
        if steps is not None:
            rebuilt = torch.where(steps[..., None], rebuilt, 0)
    drift = float((rebuilt - y).abs().max())
    residual = max(drift, whole.residual) if whole.residual == whole.residual else drift
    return Trace(whole.cell, whole.path, whole.signals, whole.parts, residual)
