"""The question of an explanation: which output, of which series, at which step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from caudal import shapes
from caudal.errors import InputError, ShapeError
from caudal.explain.trace.layers import evaluating
from caudal.nn import Bidirectional, MixedMemory, Readout, Stack
from caudal.nn.layer import Layer

LOG_ODDS, PLAIN = "log odds", "output"
_ROWS = 1024


@dataclass(frozen=True, eq=False)
class Question:
    """One number per series that a net computes, ready to be asked again under any change.

    A decision between several outputs is asked by its log odds, `y_c - log sum_(k != c) exp y_k` of the class c that
    the net decides for: above 0 where that class has more than half of the probability, whatever the others do.

    Attributes:
        model: the net.
        x, dt: `(batch, time, input)`, `(batch, time)`.
        mask: `(batch, time)` bool, which steps count.
        at: `(batch,)` step whose output is asked.
        target: `(batch,)` index of the output.
        decides: whether the outputs are scores of a decision.
        inputs: names of the inputs.
        outputs: names of the outputs.
        series: names of the series.
        steps: names of the steps.
    """

    model: Layer
    x: Tensor
    dt: Tensor
    mask: Tensor
    at: Tensor
    target: Tensor
    decides: bool
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    series: tuple[str, ...]
    steps: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.x.shape[0])

    @property
    def unit(self) -> str:
        """Unit of the number asked for."""
        return LOG_ODDS if self.decides else PLAIN

    @property
    def targets(self) -> tuple[str, ...]:
        """Name of the output asked about, for each series."""
        return tuple(self.outputs[k] for k in self.target.tolist())

    def rows(self, index: Tensor) -> "Question":
        """The question about some of the series; a series may come several times."""
        at = index.tolist()
        parts = {name: getattr(self, name)[index] for name in ("x", "dt", "mask", "at", "target")}
        return replace(self, **parts, series=tuple(self.series[k] for k in at))

    def scores(
        self, x: Tensor | None = None, dt: Tensor | None = None, synapses: Tensor | None = None, **changed: Tensor
    ) -> Tensor:
        """Outputs `(batch, outputs)` at the step asked about; arguments replace those of the question."""
        x, dt = self.x if x is None else x, self.dt if dt is None else dt
        given: dict[str, Any] = {} if synapses is None else {"synapses": synapses}
        with evaluating(self.model):
            y, _ = self.model(x, dt=dt, mask=changed.get("mask", self.mask), **given)
        outputs: Tensor = y[torch.arange(len(y), device=y.device), self.at]
        return outputs

    def value(
        self, x: Tensor | None = None, dt: Tensor | None = None, synapses: Tensor | None = None, **changed: Tensor
    ) -> Tensor:
        """The number asked for, `(batch,)`."""
        return self.of(self.scores(x, dt, synapses, **changed))

    def of(self, scores: Tensor) -> Tensor:
        """The number asked for, from the outputs."""
        score = scores.gather(1, self.target[:, None])[:, 0]
        if not self.decides:
            return score
        chosen = torch.zeros_like(scores, dtype=torch.bool).scatter(1, self.target[:, None], True)
        return score - scores.masked_fill(chosen, -torch.inf).logsumexp(1)

    def kept(self, scores: Tensor) -> Tensor:
        """`(batch,)` bool: whether these outputs still decide for the class asked about."""
        return scores.argmax(1) == self.target

    def answers(self, synapses: Tensor | None = None, **changed: Tensor) -> Tensor:
        """Outputs without gradients, in blocks that fit into memory."""
        blocks = []
        with torch.no_grad():
            for index in torch.split(torch.arange(len(self), device=self.x.device), _ROWS):
                part = {name: value[index] for name, value in changed.items()}
                each = synapses[index] if synapses is not None and synapses.dim() == 2 else synapses
                blocks.append(self.rows(index).scores(part.pop("x", None), part.pop("dt", None), each, **part))
        return torch.cat(blocks)

    def values(self, synapses: Tensor | None = None, **changed: Tensor) -> Tensor:
        """The number asked for, without gradients, in blocks that fit into memory."""
        return self.of(self.answers(synapses, **changed))


def ask(
    model: nn.Module,
    x: Tensor,
    dt: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    lengths: Tensor | None = None,
    target: Tensor | int | str | None = None,
    at: Tensor | int | None = None,
    decides: bool | None = None,
    names: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    series: Sequence[str] | None = None,
) -> Question:
    """A question about the output of a net.

    Arguments:
        model: a layer of caudal, usually a `Readout`.
        x, dt, mask, lengths: as in `Layer.forward`.
        target: output to explain: one for all series, by index or name, or one for each; None for what is decided, and
            for the first output where nothing is decided.
        at: step whose output is explained, counted from 0, or from the end below 0; None for the last that counts.
        decides: whether the outputs are scores of a decision; None for yes with a `Readout` of several outputs.
        names, outputs, series: of the inputs, outputs and series.

    Raises:
        InputError: the net is not a layer, a name or step is unknown, or a step does not count.
        ShapeError: names do not fit.
        ShapeError, DtypeError, NonFiniteError, TimeError: as in `Layer.forward`.

    Example:
        >>> from caudal.nn import LTC
        >>> question = ask(Readout(LTC(3, 4), 2), torch.randn(5, 6, 3))
        >>> question.value().shape, question.unit
        (torch.Size([5]), 'log odds')
    """
    if not isinstance(model, Layer):
        fault = f"is a {type(model).__name__}; expected a layer of caudal"
        raise InputError("explain", "model", fault, "Pass the net; of an estimator that is `model.net_`.")
    with torch.no_grad(), evaluating(model):
        y, _ = model(x, dt=dt, mask=mask, lengths=lengths)
    steps = shapes.steps_mask(x, mask, lengths)
    steps = torch.ones_like(x[..., 0], dtype=torch.bool) if steps is None else steps
    if not bool(steps.any(1).all()):
        row = int((~steps.any(1)).nonzero()[0])
        raise InputError("explain", "lengths", f"leaves series {row} without any step", "Leave that series out.")
    dt = x.new_ones(x.shape[:2]) if dt is None else torch.where(steps, dt, 0)
    asked = _steps(at, steps)
    decides = isinstance(model, Readout) and model.outputs > 1 if decides is None else decides
    labels = _names("outputs", outputs, "output", y.shape[2])
    question = Question(
        model,
        torch.where(steps[..., None], x, 0),
        dt,
        steps,
        asked,
        torch.zeros_like(asked),
        decides,
        _names("names", names, "input", x.shape[2]),
        labels,
        _names("series", series, "", len(x)),
        tuple(str(t) for t in range(x.shape[1])),
    )
    return replace(question, target=_targets(target, y[torch.arange(len(y)), asked], labels, decides))


def _names(argument: str, names: Sequence[str] | None, kind: str, count: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"{kind}/{k}" if kind else str(k) for k in range(count))
    if len(names) != count:
        raise ShapeError("explain", argument, f"holds {len(names)} names; expected {count}", "Pass one name for each.")
    return tuple(str(name) for name in names)


def _steps(at: Tensor | int | None, steps: Tensor) -> Tensor:
    time = steps.shape[1]
    last = torch.where(steps, torch.arange(time, device=steps.device), 0).amax(1)
    if at is None:
        return last
    asked = torch.as_tensor(at, device=steps.device).expand(len(steps)).long()
    if bool(((asked >= time) | (asked < -time)).any()):
        fault = f"is {asked.tolist() if isinstance(at, Tensor) else at}; the series have {time} steps"
        raise InputError("explain", "at", fault, f"Pass a step from 0 to {time - 1}, or below 0 to count from the end.")
    asked = torch.where(asked < 0, last + 1 + asked, asked)
    counts = steps.gather(1, asked.clamp_min(0)[:, None])[:, 0] & (asked >= 0)
    if not bool(counts.all()):
        row = int((~counts).nonzero()[0])
        fault = f"names a step that does not count in series {row}, which has {int(steps[row].sum())} steps"
        raise InputError("explain", "at", fault, "Pass a step within each series, or None for the last one.")
    return asked


def _targets(target: Tensor | int | str | None, scores: Tensor, names: tuple[str, ...], decides: bool) -> Tensor:
    if target is None:
        return scores.argmax(1) if decides else scores.new_zeros(len(scores), dtype=torch.int64)
    if isinstance(target, str):
        if target not in names:
            fault = f"is {target!r}; the outputs are {', '.join(names)}"
            raise InputError("explain", "target", fault, "Name one of them.")
        target = names.index(target)
    index = torch.as_tensor(target, device=scores.device).expand(len(scores)).long()
    if bool(((index < 0) | (index >= scores.shape[1])).any()):
        fault = f"holds {int(index.max() if index.max() >= scores.shape[1] else index.min())}"
        raise InputError("explain", "target", f"{fault}; there are {scores.shape[1]} outputs", "Count them from 0.")
    return index


def synapses_of(model: Layer, names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names of the synapses of a net, in the order of the argument `synapses`; those of layers inside bear their path.

    A readout, or a stack whose only wiring is one layer, adds no path.

    Example:
        >>> from caudal.nn import LTC
        >>> synapses_of(Readout(LTC(1, 1), 2))
        ('input/0 -> motor/0', 'motor/0 -> motor/0')
    """
    from caudal.explain.trace.record import synapse_names

    layers = [
        (path, synapse_names(layer.wiring, names if reads else None)) for path, layer, reads in wired_layers(model)
    ]
    if len(layers) == 1:
        return layers[0][1]
    return tuple(f"{path}: {name}" for path, synapses in layers for name in synapses)


def wired_layers(model: Layer) -> list[tuple[str, Any, bool]]:
    """Path, layer, and whether it reads the net's own inputs, of every wired layer, in the order of the strengths."""
    return [(path, layer, reads) for path, layer, reads in _walk(model, "", True) if hasattr(layer, "wiring")]


def _walk(model: Layer, path: str, reads: bool) -> list[tuple[str, Layer, bool]]:
    inside: Callable[[str], str] = lambda name: f"{path}.{name}" if path else name  # noqa: E731
    if isinstance(model, Readout):
        return _walk(model.layer, inside("layer"), reads)
    if isinstance(model, MixedMemory):
        return _walk(model.liquid, inside("liquid"), False)
    if isinstance(model, Bidirectional):
        ahead = _walk(model.forward_layer, inside("forward_layer"), reads)
        return ahead + _walk(model.backward_layer, inside("backward_layer"), reads)
    if isinstance(model, Stack):
        parts = enumerate(model._parts())
        return [wired for k, part in parts for wired in _walk(part, inside(f"layers.{k}"), reads and k == 0)]
    return [(path, model, reads)]
