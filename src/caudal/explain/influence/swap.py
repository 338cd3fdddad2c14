"""Synapses and neurons that carry what they would have carried in another series."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor

from caudal.dynamics import cfc_wired, lrc, ltc
from caudal.dynamics.cfc_heads import Decay, update
from caudal.dynamics.wired import onto_targets, targets
from caudal.explain.influence.masks import ends
from caudal.explain.influence.references import References
from caudal.explain.influence.target import Question, wired_layers
from caudal.nn import CTRNN, LRC, LTC, WiredCfC
from caudal.nn.layer import Layer, State
from caudal.nn.wired import graph_tensors
from caudal.wiring import Wiring

_ROWS, _WORK, _FEWEST = 1024, 6e7, 4
_CELLS = (LTC, LRC, CTRNN, WiredCfC)


class _Reads(NamedTuple):
    """What the synapses of a wired layer read, `(rows, time, substeps, synapses)`, sensory ones first; its states."""

    values: Tensor
    states: Tensor


class _Swap(NamedTuple):
    """Which synapses `(rows, synapses)` and neurons `(rows, units)` carry what they carry in which rows of a tape."""

    row: Tensor
    synapses: Tensor
    neurons: Tensor


@dataclass(eq=False)
class _Tape:
    """Reads of one layer, call by call; it records without a swap, and plays with one."""

    layer: Layer
    calls: list[_Reads] = field(default_factory=list)
    swap: _Swap | None = None
    place: int = 0

    def states(
        self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State, synapses: Tensor | None = None
    ) -> Tensor:
        """States after every step, `(rows, time, units)`, in the place of the layer's own method."""
        if self.swap is None:
            self.calls.append(_walk(self.layer, x, dt, mask, state[0], None, None))
            return self.calls[-1].states
        tape, self.place = self.calls[self.place], self.place + 1
        states = _walk(self.layer, x, dt, mask, state[0], self.swap, tape).states
        return torch.where(self.swap.neurons[:, None], tape.states[self.swap.row], states)


def can_swap(model: Layer) -> bool:
    """Whether what the synapses of a net carry can be swapped: it has some, all of cells with a step of their own.

    Example:
        >>> from caudal.nn import LSTM, Readout
        >>> can_swap(Readout(LTC(2, 3), 1)), can_swap(Readout(LSTM(2, 3), 1))
        (True, False)
    """
    layers = [layer for _, layer, _ in wired_layers(model)]
    solves = all(not isinstance(layer, LTC) or layer.solver == "fused" for layer in layers)
    return bool(layers) and solves and all(isinstance(layer, _CELLS) for layer in layers)


def swapped(question: Question, background: References, on: str, chosen: Tensor | None = None) -> Tensor:
    """Outputs with each synapse or neuron carrying what it carries in the references.

    A neuron carries its state to all that read it, the output included. Sub-steps are swapped one by one, each with
    that of the same number.

    Arguments:
        question: about a net for which `can_swap` holds.
        background: the references of each series.
        on: `"synapses"` or `"neurons"`.
        chosen: `(sets, entries)` bool, which entries are swapped at once; each by itself if left out.

    Returns:
        `(series, references, sets, outputs)`, at the step asked about.

    Source: resample ablation: Chan et al., Causal Scrubbing, 2022.

    Example:
        >>> from caudal.explain import ask
        >>> from caudal.explain.influence.references import references
        >>> from caudal.nn import Readout
        >>> question = ask(Readout(LTC(2, 3), 2), torch.randn(4, 5, 2))
        >>> swapped(question, references(question, most=4), "synapses").shape
        torch.Size([4, 4, 15, 2])
    """
    model = copy.deepcopy(question.model)
    layers = [layer for _, layer, _ in wired_layers(model)]
    masks = _entries(question.model, layers, on, chosen)
    tapes = [_Tape(layer) for layer in layers]
    for tape in tapes:
        vars(tape.layer)["states"] = tape.states
    asked = replace(question, model=model)
    with torch.no_grad():
        rows = [asked.rows(torch.tensor([row])) for row in range(len(question))]
        return torch.stack([_series(series, background, row, tapes, masks) for row, series in enumerate(rows)])


def affordable(question: Question, background: References) -> References:
    """As many of the references as swapping every synapse of a net takes a bounded time for; four at least."""
    layers = [layer for _, layer, _ in wired_layers(question.model)]
    substeps = max((int(getattr(layer, "substeps", 1)) for layer in layers), default=1)
    work = len(question) * question.x.shape[1] * substeps * max(question.model.synapse_count(), 1) ** 2
    return background.first(max(_FEWEST, int(_WORK / work)))


def _entries(model: Layer, layers: list[Layer], on: str, chosen: Tensor | None) -> list[_Swap]:
    """Which synapses and neurons of each layer every set of entries swaps; rows are sets."""
    source, _ = ends(model)
    synapses = [layer.synapse_count() for layer in layers]
    units = [cast(Wiring, layer.wiring).units for layer in layers]
    count = sum(synapses if on == "synapses" else units)
    sets = torch.eye(count, dtype=torch.bool) if chosen is None else chosen
    if on == "synapses":
        which, neurons = sets, torch.zeros(len(sets), sum(units), dtype=torch.bool)
    else:
        which, neurons = sets[:, source.clamp_min(0)] & (source >= 0), sets
    device = next(model.parameters()).device
    nowhere = torch.zeros(len(which), dtype=torch.long, device=device)
    parts = zip(torch.split(which.to(device), synapses, 1), torch.split(neurons.to(device), units, 1), strict=True)
    return [_Swap(nowhere, *part) for part in parts]


def _series(asked: Question, background: References, row: int, tapes: list[_Tape], masks: list[_Swap]) -> Tensor:
    """Outputs of one series, `(references, sets, outputs)`."""
    count, entries = background.count, len(masks[0].synapses)
    for tape in tapes:
        tape.calls, tape.swap = [], None
    asked.rows(torch.zeros(count, dtype=torch.long)).scores(x=background.x[row], dt=background.dt[row])
    device = masks[0].synapses.device
    reference = torch.arange(count, device=device).repeat_interleave(entries)
    entry = torch.arange(entries, device=device).repeat(count)
    values = []
    for index in torch.split(torch.arange(len(entry), device=device), _ROWS):
        for tape, mask in zip(tapes, masks, strict=True):
            which = entry[index]
            tape.swap, tape.place = _Swap(reference[index], mask.synapses[which], mask.neurons[which]), 0
        values.append(asked.rows(torch.zeros(len(index), dtype=torch.long)).scores())
    return torch.cat(values).view(count, entries, -1)


def _walk(
    layer: Layer, x: Tensor, dt: Tensor, mask: Tensor | None, v: Tensor, swap: _Swap | None, tape: _Reads | None
) -> _Reads:
    """Run a layer step by step, with some reads swapped; what its synapses read and its states."""

    def replaced(reads: Tensor, t: int, substep: int, which: slice) -> Tensor:
        if swap is None or tape is None:
            return reads
        return torch.where(swap.synapses[:, which], tape.values[swap.row, t, substep][:, which], reads)

    cell = _cell(layer)
    u, first = cell.inputs(x), slice(0, len(cell.sensory_source))
    rest, states, read = slice(first.stop, None), [], []
    for t in range(x.shape[1]):
        sensory = replaced(u[:, t, cell.sensory_source], t, 0, first)
        fixed, new = cell.begin(sensory), v
        d, substeps = dt[:, t, None] / cell.substeps, []
        for substep in range(cell.substeps):
            new, reads = cell.move(new, fixed, partial(replaced, t=t, substep=substep, which=rest), d)
            substeps.append(torch.cat((sensory, reads), 1))
        v = new if mask is None else torch.where(mask[:, t, None], new, v)
        states.append(v)
        read.append(torch.stack(substeps, 1))
    return _Reads(torch.stack(read, 1), torch.stack(states, 1))


_Sums = tuple[Tensor, ...]


class _Cell(NamedTuple):
    """A wired cell as a function of what its synapses read.

    `begin` sums the sensory reads; `move` takes the state before a sub-step, these sums, a function that swaps
    recurrent reads, and the length of the sub-step `(rows, 1)`, and gives the state after it and the reads.
    """

    inputs: Callable[[Tensor], Tensor]
    substeps: int
    sensory_source: Tensor
    begin: Callable[[Tensor], _Sums]
    move: Callable[[Tensor, _Sums, Callable[[Tensor], Tensor], Tensor], tuple[Tensor, Tensor]]


def _cell(layer: Layer) -> _Cell:
    if isinstance(layer, LTC):
        return _ltc(layer)
    if isinstance(layer, LRC):
        return _lrc(layer)
    return _ctrnn(layer) if isinstance(layer, CTRNN) else _wired_cfc(layer)


def _ltc(layer: LTC) -> _Cell:
    params, graph = layer.params(), ltc.Graph(*graph_tensors(layer))
    each = graph._replace(sensory_source=torch.arange(len(graph.sensory_source)))
    source = graph.source.long()

    def move(v: Tensor, fixed: _Sums, swap: Callable[[Tensor], Tensor], d: Tensor) -> tuple[Tensor, Tensor]:
        reads = swap(v[:, source])
        inner = ltc.sums(torch.sigmoid(params.sigma * (reads - params.mu)), graph.ptr, params.w, params.e_rev)
        den, num = fixed[0] + inner.den + layer.eps, fixed[1] + inner.num
        return v + d * (num - den * v) / (params.c_m + d * den), reads

    return _Cell(
        lambda x: x * layer.input_scale + layer.input_shift,
        layer.substeps,
        graph.sensory_source.long(),
        lambda reads: ltc.sensory_sums(reads, params, each),
        move,
    )


def _lrc(layer: LRC) -> _Cell:
    params, graph = layer.params(), lrc.Graph(*graph_tensors(layer))
    sensory, recurrent = (kind._replace(source=torch.arange(len(kind.source))) for kind in lrc.synapses(params, graph))
    source = graph.source.long()

    def move(v: Tensor, fixed: _Sums, swap: Callable[[Tensor], Tensor], d: Tensor) -> tuple[Tensor, Tensor]:
        reads = swap(v[:, source])
        inner = lrc.sums(reads, recurrent)
        pull = torch.sigmoid(fixed[0] + inner.f)
        rate = d * lrc.elastance(fixed[2] + inner.w, params.k, layer.elastance)
        change = rate * (torch.tanh(fixed[1] + inner.z) * params.e_leak - pull * v)
        return v + (change / (1 + rate * pull) if layer.solver == "hybrid" else change), reads

    begin = partial(lrc.sensory_sums, sensory=sensory, params=params)
    return _Cell(lambda x: x, layer.substeps, graph.sensory_source.long(), begin, move)


def _ctrnn(layer: CTRNN) -> _Cell:
    params, (sensory_ptr, sensory_source, ptr, source) = layer.params(), graph_tensors(layer)
    onto, to = targets(sensory_ptr), targets(ptr)

    def move(v: Tensor, fixed: _Sums, swap: Callable[[Tensor], Tensor], d: Tensor) -> tuple[Tensor, Tensor]:
        reads = swap(v[:, source.long()])
        pull = torch.tanh(fixed[0] + onto_targets(reads * params.w, to, layer.units))
        return v + d * (params.tau * pull - v) / (params.tau + d), reads

    def begin(reads: Tensor) -> _Sums:
        return (onto_targets(reads * params.sensory_w, onto, layer.units) + params.b,)

    return _Cell(lambda x: x, layer.substeps, sensory_source.long(), begin, move)


def _wired_cfc(layer: Layer) -> _Cell:
    if not isinstance(layer, WiredCfC):
        raise TypeError(f"no step of {type(layer).__name__} is known")
    params, graph = layer.params(), cfc_wired.Layered(*layer.graph())
    onto, to, source, rises = targets(graph.sensory_ptr), targets(graph.ptr), graph.source.long(), graph.current.bool()
    heads = len(params.bias)

    def sums(reads: Tensor, weight: Tensor, to: Tensor) -> Tensor:
        parts = (reads[:, None] * weight).flatten(0, 1)
        return onto_targets(parts, to, layer.units).view(len(reads), heads, layer.units)

    def move(h: Tensor, fixed: _Sums, swap: Callable[[Tensor], Tensor], d: Tensor) -> tuple[Tensor, Tensor]:
        new, reads = torch.zeros_like(h), swap(h[:, source])
        for first, end in cfc_wired.spans(graph):
            # Neurons of lower layers are read as they have just become.
            reads = torch.where(rises, swap(new[:, source]), reads)
            pre = fixed[0] + sums(reads, params.weight, to) + params.self_weight * h[:, None]
            decay = params.decay and Decay(params.decay.a[first:end], params.decay.w_tau[first:end])
            level = update(pre[..., first:end], d, layer.mode, decay)
            new = torch.cat((new[:, :first], level, new[:, end:]), 1)
        return new, torch.where(rises, swap(new[:, source]), reads)

    def begin(reads: Tensor) -> _Sums:
        return (sums(reads, params.sensory_weight, onto) + params.bias,)

    return _Cell(lambda x: x, 1, graph.sensory_source.long(), begin, move)
