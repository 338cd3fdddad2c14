"""LTC circuits whose first neurons read inputs alone: those exactly over the whole gap, the others by fused steps.

With inputs `u` held, a neuron without recurrent synapses has constant sums, so its equation is linear in `v`:

    k = den(u) / c_m,   v(t + s) = v(t) + (1 - exp(-k s)) (num(u) / den(u) - v(t))

which is exact at any time `s` within the gap, and one scan over a series. The other neurons (command and motor neurons
of a neural circuit policy) read these potentials at the start of each of their sub-steps, beside inputs and each other.

Source: the equation is that of Hasani et al., AAAI 2021 (arXiv 2006.04439), in the wiring of Lechner et al., 2020.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from caudal.dynamics import ltc
from caudal.dynamics.wired import targets
from caudal.kernels import ltc_scan
from caudal.nn.baselines.affine import real_scan
from caudal.nn.synapse_scale import is_per_series
from caudal.wiring import Wiring


class CircuitSplit(NamedTuple):
    """The circuit behind the first neurons, as one whose inputs are the inputs and those neurons.

    Attributes:
        chosen: places of its sensory synapses among all sensory, then all recurrent ones.
        recurrent: places of its recurrent synapses among the recurrent ones.
        behind: places of the sensory synapses that are not onto the first neurons.
        sensory_ptr, sensory_source, ptr, source: as in `dynamics.wired.Graph`.
    """

    chosen: Tensor
    recurrent: Tensor
    behind: Tensor
    sensory_ptr: Tensor
    sensory_source: Tensor
    ptr: Tensor
    source: Tensor


def first_neurons(wiring: Wiring) -> int:
    """How many neurons in front have no recurrent synapse.

    Example:
        >>> from caudal.wiring import ncp
        >>> first_neurons(ncp(3, 5, 4, 2))
        5
    """
    counts = np.diff(wiring.recurrent_synapses.ptr)
    return int(np.argmax(counts > 0)) if (counts > 0).any() else len(counts)


def split_buffers(module: nn.Module, wiring: Wiring) -> None:
    """Register the parts of `CircuitSplit` as buffers `exact_...`, rebuilt from the wiring and therefore not saved."""
    first, inputs, units = first_neurons(wiring), wiring.inputs, wiring.units
    kinds = (wiring.sensory_synapses, wiring.recurrent_synapses)
    to = [np.repeat(np.arange(units), np.diff(kind.ptr)) for kind in kinds]
    source = [np.asarray(kind.source) for kind in kinds]
    from_first = source[1] < first
    target = np.concatenate([to[0], to[1][from_first]])
    read = np.concatenate([source[0], inputs + source[1][from_first]])
    place = np.concatenate([np.arange(len(to[0])), len(to[0]) + np.flatnonzero(from_first)])
    order = np.lexsort((read, target))
    order = order[target[order] >= first]
    inner = np.flatnonzero(~from_first)
    parts = CircuitSplit(
        torch.tensor(place[order]),
        torch.tensor(inner),
        torch.tensor(np.flatnonzero(to[0] >= first)),
        _ptr(target[order] - first, units - first),
        torch.tensor(read[order].astype(np.int32)),
        _ptr(to[1][inner] - first, units - first),
        torch.tensor((source[1][inner] - first).astype(np.int32)),
    )
    for name, part in parts._asdict().items():
        module.register_buffer(f"exact_{name}", part, persistent=False)


def split_of(module: nn.Module) -> CircuitSplit:
    """The parts that `split_buffers` registered."""
    names = ("chosen", "recurrent", "behind", "sensory_ptr", "sensory_source", "ptr", "source")
    return CircuitSplit(*[module.get_buffer(f"exact_{name}") for name in names])


def _ptr(target: NDArray[np.int64], units: int) -> Tensor:
    return torch.tensor(np.concatenate([[0], np.cumsum(np.bincount(target, minlength=units))]).astype(np.int32))


def scan(
    u: Tensor,
    dt: Tensor,
    mask: Tensor | None,
    start: Tensor,
    params: ltc.Params,
    graph: ltc.Graph,
    split: CircuitSplit,
    substeps: int,
    eps: float,
    settings: str,
) -> Tensor:
    """Potentials of all neurons after every step, `(batch, time, units)`.

    Arguments:
        u: inputs as the synapses read them, `(batch, time, inputs)`.
        dt, mask: `(batch, time)`.
        start: potentials before the first step, `(batch, units)`.
        params, graph: of the whole circuit.
        split: of the neurons that are stepped.
        substeps, eps: of their fused steps.
        settings: those of one such step, as the kernel takes them.
    """
    units = start.shape[1]
    first = units - (split.ptr.shape[0] - 1)
    rate, rest = _relaxation(u, params, graph, split, first, eps)
    lost = -torch.expm1(-rate * dt[..., None])
    if mask is not None:
        lost = torch.where(mask[..., None], lost, 0)
    exact = real_scan(1 - lost, lost * rest, start[:, :first])
    if first == units:
        return exact
    before = torch.cat((start[:, None, :first], exact), 1)[:, :-1]
    shares = torch.tensor([part / substeps for part in range(substeps)], dtype=u.dtype, device=u.device)
    gone = -torch.expm1(-rate[:, :, None] * (dt[..., None] * shares)[..., None])
    path = before[:, :, None] + gone * (rest - before)[:, :, None]
    read = torch.cat((u[:, :, None].expand(-1, -1, substeps, -1), path), -1).flatten(1, 2)
    pieces = (dt / substeps)[:, :, None].expand(-1, -1, substeps).flatten(1, 2)
    counts = None if mask is None else mask[:, :, None].expand(-1, -1, substeps).flatten(1, 2)
    rest_params = _behind(params, split, first)
    tensors = [split.sensory_ptr, split.sensory_source, split.ptr, split.source]
    if is_per_series(params.w) or is_per_series(params.sensory_w):
        once = ltc.Settings(1, eps)
        (v,) = ltc.scan(read, pieces, counts, ltc.State(start[:, first:]), rest_params, ltc.Graph(*tensors), once)
    else:
        (v,) = ltc_scan(read, pieces, counts, [start[:, first:]], list(rest_params), tensors, settings)
    ends = v.view(exact.shape[0], exact.shape[1], substeps, units - first)[:, :, -1]
    return torch.cat((exact, ends), -1)


def _relaxation(
    u: Tensor, params: ltc.Params, graph: ltc.Graph, split: CircuitSplit, first: int, eps: float
) -> tuple[Tensor, Tensor]:
    """Rates and resting potentials of the first neurons, each `(batch, time, first)`."""
    # Synapses are sorted by target, so those onto the first neurons stand in front.
    onto = graph.sensory_source.shape[0] - split.behind.shape[0]
    to, read = targets(graph.sensory_ptr)[:onto], u[..., graph.sensory_source[:onto].long()]
    gate = torch.sigmoid(params.sensory_sigma[:onto] * (read - params.sensory_mu[:onto]))
    weight = params.sensory_w[..., :onto]
    conductance = gate * (weight[:, None] if weight.dim() > 1 else weight)
    empty = u.new_zeros(*u.shape[:2], first)
    den = empty.index_add(2, to, conductance) + params.g_leak[:first] + eps
    num = empty.index_add(2, to, conductance * params.sensory_e_rev[:onto])
    num = num + params.g_leak[:first] * params.v_leak[:first]
    return den / params.c_m[:first], num / den


def _behind(params: ltc.Params, split: CircuitSplit, first: int) -> ltc.Params:
    """Parameters of the circuit behind the first neurons."""
    p = params
    pairs = ((p.sensory_w, p.w), (p.sensory_mu, p.mu), (p.sensory_sigma, p.sigma), (p.sensory_e_rev, p.e_rev))
    sensory = [torch.cat(pair, -1)[..., split.chosen] for pair in pairs]
    recurrent = [part[..., split.recurrent] for _, part in pairs]
    return ltc.Params(*sensory, *recurrent, *(part[first:] for part in (p.g_leak, p.v_leak, p.c_m)))
