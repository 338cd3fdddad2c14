"""The dense CfC recurrence in Triton: one program per block of rows, all steps in one launch.

Forward multiplies a block of rows with every matrix in turn; the matrices stay in the device's cache. Backward
recomputes all pre-activations of a chunk of time from the stored states in a few large products, walks back through
the chunk in one launch, and forms the weight gradients in a few large products, chunk by chunk in a fixed order.
"""

from typing import Any

import torch
from torch import Tensor

from caudal.dynamics import cfc
from caudal.dynamics.cfc_heads import ACTIVATIONS, HEADS
from caudal.kernels.cuda import launch
from caudal.kernels.cuda.cfc_jit import forward_block, walk_block
from caudal.kernels.recurrence import Call

MODES = ("default", "no_gate", "pure")
_TRACE = 2**24
# Terms of a product held at a time: the largest number at which 8 rows by 64 columns do not spill.
_DEPTH = 16


def _read_call(call: Call) -> Call:
    """The call in one precision, with zeros where a step does not count: what stands there may be anything."""
    call = launch.widen(call)
    if call.mask is None:
        return call
    x, dt = call.x.masked_fill(~call.mask[..., None], 0), call.dt.masked_fill(~call.mask, 0)
    return call._replace(x=x, dt=dt)


class _Folded:
    """Sizes and matrices of one call."""

    def __init__(self, call: Call) -> None:
        self.params = cfc.gather([p.detach() for p in call.params])
        self.settings = cfc.Settings(**call.settings)
        self.units, self.first = call.state[0].shape[1], call.x.shape[2]
        self.heads, self.layers = HEADS[self.settings.mode], len(self.params.dense)
        batch = call.x.shape[0]
        # Few programs read the matrices less often, many share the arithmetic: about 32 of them, 16 rows at most.
        self.rows = min(16, launch.power(-(-batch // 32)))
        self.programs = max(1, -(-batch // self.rows))
        self.columns = min(64, max(16, launch.power(max(self.units, self.first if self.layers else 1))))

    def hidden(self, transposed: bool) -> Tensor:
        """Backbone matrices after the first, one after another."""
        inner = [w.t() if transposed else w for w, _ in self.params.dense[:-1]]
        return torch.stack(inner).contiguous() if inner else self.params.w_h

    def top(self) -> tuple[Tensor, Tensor]:
        """Matrix and bias of the heads; without a backbone they read the state, and there is no bias."""
        return self.params.dense[-1] if self.layers else (self.params.w_h, self.params.w_h)

    def sizes(self) -> tuple[int, int, int]:
        return self.rows, self.columns, _DEPTH

    def options(self) -> dict[str, Any]:
        return launch.options(self.rows * self.columns, 2)


def forward(call: Call) -> list[Tensor]:
    """States `(batch, time, units)` of a call."""
    given, call = call, _read_call(call)
    f = _Folded(call)
    batch, time, _ = call.x.shape
    states = torch.empty(batch, time, f.units, dtype=call.x.dtype, device=call.x.device)
    if states.numel():
        mask, masked = launch.mask_of(call)
        inner = [b for _, b in f.params.dense[:-1]]
        ends = torch.cat(list(f.params.decay)) if f.params.decay else f.params.w_h.new_zeros(2 * f.units)
        weights, bias = f.top()
        scratch = call.x.new_empty(f.programs, 2, f.rows, f.units + f.first)
        with launch.on(call.x.device):
            forward_block[(f.programs,)](
                call.x,
                call.dt,
                mask,
                call.state[0],
                states,
                f.params.w_h.t().contiguous(),
                f.hidden(True),
                torch.cat(inner) if inner else f.params.w_h,
                weights.t().contiguous(),
                bias,
                ends,
                scratch,
                batch,
                time,
                f.first,
                f.units,
                masked,
                MODES.index(f.settings.mode),
                ACTIVATIONS.index(f.settings.activation),
                f.layers,
                *f.sizes(),
                **f.options(),
            )
    return launch.narrow([states], given.state)


def backward(call: Call, grads: list[Tensor], states: list[Tensor]) -> list[Tensor]:
    """Gradients `[x, dt, h, *params]` of a call."""
    given, call = call, _read_call(call)
    f = _Folded(call)
    batch, time, _ = call.x.shape
    grad_x, grad_dt, carry = (torch.zeros_like(t) for t in (call.x, call.dt, call.state[0]))
    sums = [torch.zeros_like(p) for p in call.params]
    before = cfc.previous(states[0].to(call.x.dtype), call.state[0])
    grad = grads[0].to(call.x.dtype)
    each = max(1, batch) * (3 * f.heads * f.units + 3 * (1 + f.layers) * f.first)
    chunk = max(16, _TRACE // each)
    for end in range(time if batch else 0, 0, -chunk):
        part = slice(max(0, end - chunk), end)
        past = cfc.trace(call.x[:, part], call.dt[:, part], before[:, part], f.params, f.settings)
        flow, levels = _walk(call, f, grad, past, carry, part)
        grad_x[:, part] = levels[0]
        grad_dt[:, part] = (flow * past.heads.dt).sum(-1)
        for total, share in zip(sums, _gradients(past, flow, levels), strict=True):
            total += share
    gradients = [grad_x, grad_dt, carry, *sums]
    return launch.narrow(gradients, [given.x, given.dt, *given.state, *given.params])


def _walk(
    call: Call, f: _Folded, grad: Tensor, past: cfc.DenseTrace, carry: Tensor, part: slice
) -> tuple[Tensor, list[Tensor]]:
    """Gradient of each step's new state, and of what each matrix gave, from the first to the heads."""
    batch, time, _ = call.x.shape
    steps = part.stop - part.start
    pre = past.heads.pre.flatten(2).contiguous()
    bend = torch.stack(past.bend) if past.bend else pre
    flow, top = pre.new_empty(batch, steps, f.units), torch.empty_like(pre)
    levels = torch.empty_like(bend)
    mask, masked = launch.mask_of(call)
    with launch.on(call.x.device):
        walk_block[(f.programs,)](
            grad,
            mask,
            pre,
            bend,
            carry,
            flow,
            levels,
            top,
            f.params.w_h,
            f.hidden(False),
            f.top()[0],
            batch,
            time,
            part.start,
            steps,
            f.first,
            f.units,
            f.heads * f.units,
            masked,
            f.heads,
            f.layers,
            *f.sizes(),
            **f.options(),
        )
    return flow, [*levels, top] if past.bend else [top]


def _gradients(past: cfc.DenseTrace, flow: Tensor, levels: list[Tensor]) -> list[Tensor]:
    """Weight gradients of one chunk, in the order of the op."""
    flat = [level.flatten(0, 1) for level in levels]
    weights = [level.t() @ read.flatten(0, 1) for level, read in zip(flat, past.read, strict=True)]
    grads = weights[:1]
    for weight, level in zip(weights[1:], flat[1:], strict=True):
        grads += [weight, level.sum(0)]
    return grads + [(flow * slope).sum((0, 1)) for slope in past.heads.decay or ()]
