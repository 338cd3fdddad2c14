"""Step paths of the cells: parameters folded once, refolded when their memory changes, no torch dispatch per step.

A wired cell's step runs the loops of the scan over a sequence of one step, so that its bits are those of the scan.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from caudal.dynamics import cfc, cfc_wired, ctrnn, liquid_ssm, lrc, ltc
from caudal.dynamics.cfc_heads import HEADS
from caudal.kernels.cpu import steps_jit
from caudal.kernels.cpu.affine import folded
from caudal.kernels.cpu.cfc import ACTIVATIONS, MODES
from caudal.kernels.cpu.liquid_ssm import padded_rates
from caudal.kernels.cpu.tiles import NARROW, flat
from caudal.kernels.cpu.wired import KINDS, Folded, fold_lrc, fold_synapses, walk
from caudal.typing import Array


def _nothing() -> None:
    return None


class _Snapshot:
    """Addresses and a snapshot of some tensors, which are kept alive here.

    Attributes:
        arguments: addresses, sizes and snapshot, as `steps_jit.same_memory` takes them.
    """

    def __init__(self, raw: Sequence[Tensor]) -> None:
        self._tensors = tuple(t.detach() for t in raw)
        self._pointers = tuple(t.data_ptr() for t in self._tensors)
        self._outputs: dict[int, Tensor] = {}
        self.arguments: tuple[Array, ...] = (
            np.asarray(self._pointers, np.int64),
            np.asarray([t.numel() for t in self._tensors], np.int64),
            np.concatenate([flat(t) for t in self._tensors]),
        )

    def output(self, rows: int, size: int, like: Tensor) -> Tensor:
        """Room for `(rows, size)` numbers, made like one that was made before: half the cost of naming its type."""
        usual = self._outputs.get(rows)
        if usual is None or usual.dtype is not like.dtype:
            usual = self._outputs[rows] = torch.empty((rows, size), dtype=like.dtype)
        return torch.empty_like(usual)

    def holds(self, raw: Iterable[Tensor]) -> bool:
        """Whether these tensors stand at the addresses that were folded."""
        return tuple(map(Tensor.data_ptr, raw)) == self._pointers

    def __reduce__(self) -> tuple[Any, ...]:
        """A copied or pickled layer starts without one: addresses do not travel."""
        return _nothing, ()


class CfcStepper(_Snapshot):
    """One layer's folded weights, ready to step.

    Arguments:
        raw: the layer's parameters, whose memory is compared with a snapshot at every step.
        entry: weight `(first, inputs + units)` and bias of the first matrix, inputs first.
        params: the further ones.
        settings: mode, activation and layers.
    """

    def __init__(
        self, raw: Sequence[Tensor], entry: tuple[Tensor, Tensor], params: cfc.Params, settings: cfc.Settings
    ) -> None:
        super().__init__(raw)
        self.units = params.w_h.shape[1]
        maps, heads, padded = [entry, *params.dense], HEADS[settings.mode], self.units + -self.units % 16
        parts, plan, at = [], [], 0
        for weight, bias in maps:
            parts.append(folded(weight, bias, heads if weight is maps[-1][0] else 1))
            size = weight.shape[1]
            plan.append((size, parts[-1].size // (size + 1), at))
            at += parts[-1].size
        ends = np.zeros((2, padded), parts[0].dtype)
        for row, end in zip(ends, params.decay or (), strict=False):
            row[: self.units] = flat(end)
        inputs = entry[0].shape[1] - self.units
        wide = max(max(row[:2]) for row in plan) + 16
        mode, kind = MODES[settings.mode], ACTIVATIONS[settings.activation]
        self._arguments = (
            np.asarray(plan, np.int64),
            np.asarray((inputs, self.units, padded, mode, kind, wide), np.int64),
            np.concatenate([*parts, ends.reshape(-1)]),
            *self.arguments,
            np.zeros(3 * wide + 32, ends.dtype),
        )

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> tuple[int, Tensor, Tensor]:
        """Status, outputs and new state, one `(batch, units)` tensor for both, of contiguous `x`, `dt` and `h`."""
        new = torch.empty_like(h)
        status: int = steps_jit.cfc_step(
            *self._arguments, x.shape[0], x.data_ptr(), dt.data_ptr(), h.data_ptr(), new.data_ptr()
        )
        return status, new, new


class LiquidSsmStepper(_Snapshot):
    """One block's folded weights, ready to step.

    Arguments:
        raw: its parameters, whose memory is compared with a snapshot at every step.
        params: as the step uses them.
        settings: decay and target.
    """

    def __init__(self, raw: Sequence[Tensor], params: liquid_ssm.Params, settings: liquid_ssm.Settings) -> None:
        super().__init__(raw)
        units, inputs = params.bias.shape[0] // 2, params.weight.shape[1]
        self.units = units
        rates = padded_rates(params)[: _padded(units)]
        sizes = (inputs, units, params.rate is not None, settings.target == "linear")
        self._arguments = (
            np.asarray(sizes, np.int64),
            np.concatenate((folded(params.weight, params.bias, 2), rates)),
            *self.arguments,
            np.zeros(3 * _padded(units) + inputs, rates.dtype),
        )

    def step(self, x: Tensor, dt: Tensor, v: Tensor) -> tuple[int, Tensor, Tensor]:
        """Status, outputs and new state, one `(batch, units)` tensor for both, of contiguous `x`, `dt` and `v`."""
        new = torch.empty_like(v)
        places = (x.shape[0], x.data_ptr(), dt.data_ptr(), v.data_ptr(), new.data_ptr())
        status: int = steps_jit.liquid_ssm_step(*self._arguments, *places)
        return status, new, new


def _padded(count: int) -> int:
    return -(-count // 16) * 16


def _rows(gates: Folded) -> list[Array]:
    size = _padded(gates.slope.size)
    return [np.pad(a, (0, size - a.size)) for a in gates[2:6]]


class LtcStepper(_Snapshot):
    """One layer's folded parameters, ready to step.

    Arguments:
        raw: the layer's parameters, whose memory is compared with a snapshot at every step.
        params: effective parameters made from them.
        graph: synapses.
        maps: input scale and shift, output scale and shift.
        settings: sub-steps and eps.
    """

    def __init__(
        self,
        raw: Sequence[Tensor],
        params: ltc.Params,
        graph: ltc.Graph,
        maps: Sequence[Tensor],
        settings: ltc.Settings,
    ) -> None:
        super().__init__(raw)
        p = ltc.Params(*(tensor.detach() for tensor in params))
        sensory = fold_synapses(
            graph.sensory_ptr, graph.sensory_source, p.sensory_w, p.sensory_mu, p.sensory_sigma, p.sensory_e_rev
        )
        recurrent = fold_synapses(graph.ptr, graph.source, p.w, p.mu, p.sigma, p.e_rev)
        leak = [flat(p.g_leak + settings.eps), flat(p.g_leak * p.v_leak), flat(p.c_m)]
        parts = [*_rows(sensory), *_rows(recurrent), *leak, *(flat(m) for m in maps)]
        n_sen, n_rec = sensory.source.size, recurrent.source.size
        self.units, self.motor = leak[2].size, maps[2].numel()
        sizes = (maps[0].numel(), self.units, self.motor, settings.substeps)
        ints = [sensory.ptr, sensory.source, recurrent.ptr, recurrent.source]
        numbers, (addresses, lengths, snapshot) = np.concatenate(parts), self.arguments
        counts = (sum(a.size for a in ints), addresses.size, numbers.size, snapshot.size)
        meta = np.asarray((*sizes, n_sen, _padded(n_sen), n_rec, _padded(n_rec), *counts))
        scratch = np.zeros(sizes[0] + 4 * self.units + 2 * max(_padded(n_sen), _padded(n_rec)) + 16, numbers.dtype)
        self._plan = np.concatenate([meta, *ints, addresses, lengths]).astype(np.int64)
        self._numbers = np.concatenate([numbers, snapshot, scratch])

    def step(self, x: Tensor, dt: Tensor, v: Tensor) -> tuple[int, Tensor, Tensor]:
        """Status, outputs `(batch, motor)` and potentials `(batch, units)` of contiguous `x`, `dt` and `v`."""
        batch = x.shape[0]
        y, new = self.output(batch, self.motor, x), torch.empty_like(v)
        status: int = steps_jit.ltc_step(
            self._plan, self._numbers, batch, x.data_ptr(), dt.data_ptr(), v.data_ptr(), y.data_ptr(), new.data_ptr()
        )
        return status, y, new


def _joined(arrays: Sequence[Array]) -> tuple[NDArray[np.int64], Array]:
    cuts = np.cumsum([0, *(a.size for a in arrays)]).astype(np.int64)
    return cuts, np.concatenate(arrays)


class WiredStepper(_Snapshot):
    """One layer's folded parameters, ready to step.

    Arguments:
        raw: the layer's parameters, whose memory is compared with a snapshot at every step.
        kernel: compiled step, see `steps_jit`.
        sizes: inputs, units, motor neurons, then what the kernel wants to know.
        ints, numbers: index vectors and folded parameters, in the kernel's order.
        rows: rows of scratch of the scan.
    """

    def __init__(
        self,
        raw: Sequence[Tensor],
        kernel: Callable[..., int],
        sizes: Sequence[int],
        ints: Sequence[Array],
        numbers: Sequence[Array],
        rows: int,
    ) -> None:
        super().__init__(raw)
        _, self.units, self.motor = sizes[:3]
        self._run = kernel
        scratch = np.zeros(rows * NARROW.count, numbers[0].dtype)
        self._arguments = (np.asarray(sizes, np.int64), *_joined(ints), *_joined(numbers), *self.arguments, scratch)

    def step(self, x: Tensor, dt: Tensor, v: Tensor) -> tuple[int, Tensor, Tensor]:
        """Status, outputs `(batch, motor)` and states `(batch, units)` of contiguous `x`, `dt` and `v`."""
        batch = x.shape[0]
        y, new = self.output(batch, self.motor, x), torch.empty_like(v)
        status = self._run(
            *self._arguments, batch, x.data_ptr(), dt.data_ptr(), v.data_ptr(), y.data_ptr(), new.data_ptr()
        )
        return status, y, new


def step_ctrnn(
    raw: Sequence[Tensor],
    inputs: int,
    params: ctrnn.Params,
    graph: Sequence[Tensor],
    maps: Sequence[Tensor],
    settings: ctrnn.Settings,
) -> WiredStepper:
    """Stepper of a CT-RNN; `maps` are output scale and shift."""
    units = params.b.shape[0]
    sizes = (inputs, units, maps[0].numel(), settings.substeps)
    numbers = [flat(t) for t in (*params, *maps)]
    rows = inputs + 1 + 3 * units
    return WiredStepper(raw, steps_jit.ctrnn_step, sizes, [flat(t) for t in graph], numbers, rows)


def step_lrc(
    raw: Sequence[Tensor],
    inputs: int,
    params: lrc.Params,
    graph: Sequence[Tensor],
    maps: Sequence[Tensor],
    settings: lrc.Settings,
) -> WiredStepper:
    """Stepper of an LRC; `maps` are output scale and shift."""
    p = lrc.Params(*(t.detach() for t in params))
    sensory, recurrent = fold_lrc(p, lrc.Graph(*graph))
    units = p.g_leak.shape[0]
    kind, hybrid = KINDS[settings.elastance], int(settings.solver == "hybrid")
    sizes = (inputs, units, maps[0].numel(), settings.substeps, kind, hybrid)
    numbers = [*sensory[2:], *recurrent[2:], *(flat(t) for t in (p.sensory_o, p.o, *p[10:], *maps))]
    ints, rows = [*sensory[:2], *recurrent[:2]], inputs + 1 + 5 * units
    return WiredStepper(raw, steps_jit.lrc_step, sizes, ints, numbers, rows)


def step_cfc_wired(
    raw: Sequence[Tensor],
    inputs: int,
    params: cfc_wired.Params,
    graph: Sequence[Tensor],
    motor: int,
    settings: cfc_wired.Settings,
) -> WiredStepper:
    """Stepper of a wired CfC."""
    laid = walk(params, cfc_wired.Layered(*graph))
    units = params.bias.shape[1]
    sizes = (inputs, units, motor, MODES[settings.mode])
    as_it_is = (np.ones(motor, laid.neurons.dtype), np.zeros(motor, laid.neurons.dtype))
    numbers = [laid.sensory[2], laid.recurrent[2], laid.neurons, laid.ends, *as_it_is]
    ints, rows = [*laid.sensory[:2], *laid.recurrent[:2]], 2 + inputs + 6 * units
    return WiredStepper(raw, steps_jit.cfc_wired_step, sizes, ints, numbers, rows)
