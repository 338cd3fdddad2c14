"""Clauses on numbers: batches, steps, chunks, padding, rows and the arrow of time."""

import torch
from torch import Tensor, nn

from caudal.testing.clause import clause
from caudal.testing.subject import BOTH, Subject, capability, leaves, mapped, sizes

TIME = 6


@clause("repeat", "the same call gives the same numbers, whatever was run in between")
def repeat(subject: Subject) -> None:
    """Outputs and states have a batch axis first and depend on the arguments alone."""
    remedy = "Keep no state on the module: return it, and start from zeros when `state` is left out."
    net = subject.net()
    x, dt = subject.series(net, 4, TIME)
    with torch.no_grad():
        y, state = net(x, dt=dt)
        other, other_dt = subject.series(net, 3, 2, part=1)
        net(other, dt=other_dt)
        if capability(net, "causal"):
            net.step(other[:, 0], dt=other_dt[:, 0])  # type: ignore[operator]
        repeated, repeated_state = net(x, dt=dt)
    if y.dim() != 3 or y.shape[:2] != (4, TIME) or any(leaf.shape[:1] != (4,) for leaf in leaves(state)):
        shapes = [tuple(leaf.shape) for leaf in leaves(state)]
        fault = f"y has shape {tuple(y.shape)} and the state {shapes} for 4 series of {TIME} steps"
        subject.fail("repeat", fault, "Return y (batch, time, outputs) and a state whose tensors are (batch, ...).")
    subject.same("repeat", "outputs of the same call twice", repeated, y, remedy)
    subject.same_state("repeat", "states of the same call twice", repeated_state, state, remedy)


@clause("batch", "a batch gives the numbers of its series one by one, each with its own dt")
def batch(subject: Subject) -> None:
    """Also when the batch is as large as the state is wide, where a wrong broadcast does not raise."""
    remedy = "Let each series be advanced by its own `dt`: give `dt` the axis of units explicitly, `dt[:, None]`."
    for dtype in BOTH:
        net = subject.net(dtype)
        for size in sizes(net, subject):
            x, dt = subject.series(net, size, TIME)
            warm = subject.warm(net, size)
            with torch.no_grad():
                y, state = net(x, dt=dt, state=warm)
                for i in range(min(size, 8)):
                    row = slice(i, i + 1)
                    alone, end = net(x[row], dt=dt[row], state=_rows(warm, row))
                    what = f"series {i} in a batch of {size} and alone"
                    subject.same("batch", f"outputs of {what}", y[row], alone, remedy)
                    subject.same_state("batch", f"states of {what}", _rows(state, row), end, remedy)


@clause("steps", "a loop of steps gives the numbers of the scan", needs=("causal", "chunked"))
def steps(subject: Subject) -> None:
    """With and without `dt`."""
    remedy = "Let `step` and the scan share one formula, and return from `step` the state that the next one needs."
    for dtype in BOTH:
        net = subject.net(dtype)
        x, dt = subject.series(net, 3, TIME)
        for given in (dt, None):
            with torch.no_grad():
                y, state = net(x, dt=given)
                ys, carry = _loop(net, x, given)
            form = "with dt" if given is not None else "without dt"
            subject.same("steps", f"outputs of step and scan {form}", ys, y, remedy)
            subject.same_state("steps", f"states of step and scan {form}", carry, state, remedy)


def _loop(net: nn.Module, x: Tensor, dt: Tensor | None) -> tuple[Tensor, object]:
    state, ys = None, []
    for t in range(x.shape[1]):
        y, state = net.step(x[:, t], dt=None if dt is None else dt[:, t], state=state)  # type: ignore[operator]
        ys.append(y)
    return torch.stack(ys, 1), state


@clause("chunks", "two chunks with the state passed on give the numbers of the whole", needs=("chunked",))
def chunks(subject: Subject) -> None:
    """Cut after the first step, in the middle and before the last."""
    remedy = "Return a state that holds all that later steps need, and start from the state that is given."
    for dtype in BOTH:
        net = subject.net(dtype)
        x, dt = subject.series(net, 3, TIME)
        with torch.no_grad():
            y, state = net(x, dt=dt)
            for cut in (1, TIME // 2, TIME - 1):
                first, between = net(x[:, :cut], dt=dt[:, :cut])
                second, end = net(x[:, cut:], dt=dt[:, cut:], state=between)
                what = f"a sequence whole and cut after step {cut}"
                subject.same("chunks", f"outputs of {what}", torch.cat([first, second], 1), y, remedy)
                subject.same_state("chunks", f"states of {what}", end, state, remedy)


@clause("rows", "the order of series in a batch does not matter")
def rows(subject: Subject) -> None:
    """Reverse the batch and expect reversed outputs and states."""
    remedy = "Let no operation mix the batch axis, and keep nothing between calls."
    net = subject.net()
    x, dt = subject.series(net, 4, TIME)
    warm = subject.warm(net, 4)
    with torch.no_grad():
        y, state = net(x, dt=dt, state=warm)
        turned, end = net(_flip(x), dt=_flip(dt), state=mapped(warm, _flip))
    subject.same("rows", "outputs of a batch and of its reverse", _flip(turned), y, remedy)
    subject.same_state("rows", "states of a batch and of its reverse", mapped(end, _flip), state, remedy)


@clause("future", "an output does not depend on later steps", needs=("causal",))
def future(subject: Subject) -> None:
    """Change every input and time after a step; outputs up to it must stay."""
    remedy = "Compute step t from steps 0..t only, or declare `causal = False` on the class."
    net = subject.net()
    x, dt = subject.series(net, 3, TIME)
    other, other_dt = subject.series(net, 3, TIME, part=1)
    with torch.no_grad():
        y, _ = net(x, dt=dt)
        for seen in range(1, TIME):
            late, late_dt = x.clone(), dt.clone()
            late[:, seen:], late_dt[:, seen:] = other[:, seen:], other_dt[:, seen:]
            changed, _ = net(late, dt=late_dt)
            what = f"outputs up to step {seen - 1} under two futures"
            subject.same("future", what, changed[:, :seen], y[:, :seen], remedy)


@clause("padding", "padding changes nothing, whatever it holds")
def padding(subject: Subject) -> None:
    """`lengths`, a mask at the end and a mask with holes, filled with huge numbers, NaN and negative times."""
    net = subject.net()
    x, dt = subject.series(net, 4, TIME)
    lengths = torch.tensor([TIME, 3, 1, TIME - 1])
    ends = torch.arange(TIME) < lengths[:, None]
    holes = ends & ~torch.tensor([[False, True, False, False, True, False]])
    for counts, form in (
        (ends, {"lengths": lengths}),
        (ends, {"mask": ends}),
        (holes, {"mask": holes}),
        (holes, {"mask": holes | ~ends, "lengths": lengths}),
    ):
        for garbage in (0.0, 1e30, float("nan")):
            filled = torch.where(counts[..., None], x, garbage)
            late = torch.where(counts, dt, -1.0 if garbage else 0.0)
            _padded(subject, net, filled, late, counts, form)
    _empty_row(subject, net, x, dt)
    _padded_gradients(subject, x, dt, lengths, ends)


def _padded(subject: Subject, net: nn.Module, x: Tensor, dt: Tensor, counts: Tensor, form: dict[str, Tensor]) -> None:
    remedy = "Pass over steps that do not count with `torch.where`: keep the state, and give 0 as output."
    names = " and ".join(form)
    with torch.no_grad():
        try:
            y, state = net(x, dt=dt, **form)
        except ValueError as error:
            subject.fail("padding", f"what padding holds under {names} was read and refused ({error})", remedy)
        if bool((y[~counts] != 0).any()) or bool(y.isnan().any()):
            subject.fail("padding", f"outputs under {names} are not 0 at padded steps, or not finite", remedy)
        for i in range(x.shape[0]):
            row, counted = slice(i, i + 1), counts[i]
            alone, end = net(x[row, counted], dt=dt[row, counted])
            what = f"series {i} under {names} and alone"
            subject.same("padding", f"outputs of {what}", y[row, counted], alone, remedy)
            subject.same_state("padding", f"states of {what}", _rows(state, row), end, remedy)


def _empty_row(subject: Subject, net: nn.Module, x: Tensor, dt: Tensor) -> None:
    warm = subject.warm(net, 4)
    if warm is None:
        return
    with torch.no_grad():
        _, state = net(x, dt=dt, lengths=torch.tensor([0, 2, 0, 1]), state=warm)
    for i in (0, 2):
        row = slice(i, i + 1)
        what = "states of a series of length 0 before and after"
        subject.same_state("padding", what, _rows(state, row), _rows(warm, row), "Keep the state where no step counts.")


def _padded_gradients(subject: Subject, x: Tensor, dt: Tensor, lengths: Tensor, counts: Tensor) -> None:
    grads = []
    for garbage in (0.0, float("nan")):
        net = subject.net()
        filled = torch.where(counts[..., None], x, garbage).requires_grad_()
        net(filled, dt=torch.where(counts, dt, garbage), lengths=lengths)[0].sum().backward()
        grads.append([filled.grad, *(p.grad for p in net.parameters())])
    remedy = "Replace padded inputs with `torch.where` before any arithmetic; multiplying NaN by 0 keeps it."
    for clean, dirty in zip(*grads, strict=True):
        if clean is not None and dirty is not None:
            subject.same("padding", "gradients with zeros and with NaN in the padding", dirty, clean, remedy)


def _flip(leaf: Tensor) -> Tensor:
    return leaf.flip((0,))


def _rows(state: object, rows: slice) -> object:
    return mapped(state, lambda leaf: leaf[rows])
