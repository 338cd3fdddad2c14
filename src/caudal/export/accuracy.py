"""What an export loses on data: the task's own metric, by the network and by the twin of what runs on the chip."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from caudal.data import Encoder, Sequences
from caudal.errors import InputError
from caudal.export.plan.read import scaling_of
from caudal.export.program.program import Program
from caudal.export.program.twin import Twin
from caudal.nn import Readout
from caudal.train import answer, examples

_BATCH = 256


@dataclass(frozen=True)
class Lost:
    """How far an export is from its network on some series.

    Attributes:
        metric: `"accuracy"` (share of right classes) or `"rmse"` (in the units of the target).
        network: of the network in float32.
        export: of the exported step.
        widest: largest absolute difference of any answer, in the answers' units.
        series: how many.
    """

    metric: str
    network: float
    export: float
    widest: float
    series: int

    @property
    def change(self) -> float:
        """Loss relative to the network: positive is worse, 0.01 is one per cent."""
        gap = self.network - self.export if self.metric == "accuracy" else self.export - self.network
        return gap / self.network if self.network else float("inf") if gap > 0 else 0.0


def lost(model: object, program: Program, data: Sequences, encoder: Encoder | None = None) -> Lost:
    """Compare an export with its network.

    Arguments:
        model: the fitted estimator, or the `Readout` with `encoder`.
        program: of the export.
        data: series with a known target.

    Raises:
        InputError: the model has no encoder, or the target is unknown.
        DataError: the inputs are others than those it was trained on.
    """
    net, encoder = getattr(model, "net_", model), encoder or getattr(model, "encoder_", None)
    if encoder is None or not isinstance(net, Readout):
        fault = "is no estimator, and came without an encoder"
        raise InputError("lost", "model", fault, "Pass a fitted estimator, or a `Readout` and `encoder=`.")
    if data.target is None or data.target_mask is None:
        raise InputError("lost", "data", "has no target", "Pass series whose target is known.")
    seen = examples(encoder, data)
    dtype = next(net.parameters()).dtype
    was_training = net.training
    net.eval()
    with torch.no_grad():
        parts = [answer(net, seen.rows(at)) for at in torch.split(torch.arange(len(seen)), _BATCH)]
    net.train(was_training)
    per_step = data.task.is_per_step
    answers = _padded([part.to(dtype).double().numpy() for part in parts], seen.x.shape[1] if per_step else 0)
    theirs = _exported(
        net, encoder, program, seen.x.double().numpy(), seen.dt.double().numpy(), seen.lengths.numpy(), per_step
    )
    answers = _restored(encoder, answers)
    within = data.mask if per_step else np.ones(len(data), np.bool_)
    widest = float(np.abs(answers - theirs)[within].max())
    metric = "accuracy" if data.task.is_classification else "rmse"
    scores = [_score(metric, part, data) for part in (answers, theirs)]
    return Lost(metric, scores[0], scores[1], widest, len(data))


def _exported(
    net: Readout,
    encoder: Encoder,
    program: Program,
    x: NDArray[np.float64],
    dt: NDArray[np.float64],
    lengths: NDArray[np.int64],
    per_step: bool,
) -> NDArray[np.float64]:
    """Answers of the twin, given what a chip would be given: numbers in the user's units."""
    scaling = scaling_of(net, encoder)
    y = Twin(program).run(x * np.array(scaling.std) + np.array(scaling.mean), dt * scaling.gap)
    return np.asarray(y if per_step else y[np.arange(len(y)), lengths - 1])


def _padded(parts: list[NDArray[np.float64]], steps: int) -> NDArray[np.float64]:
    if not steps:
        return np.concatenate(parts)
    return np.concatenate([np.pad(part, ((0, 0), (0, steps - part.shape[1]), (0, 0))) for part in parts])


def _restored(encoder: Encoder, out: NDArray[np.float64]) -> NDArray[np.float64]:
    width = len(encoder.scaler.target_mean)
    return encoder.scaler.restore(out.reshape(*out.shape[:-1], -1, width)).reshape(out.shape) if width else out


def _score(metric: str, out: NDArray[np.float64], data: Sequences) -> float:
    if data.target is None or data.target_mask is None:
        return float("nan")
    if metric == "accuracy":
        return float((out.argmax(-1) == data.target)[data.target_mask].mean())
    gaps = (out.reshape(data.target.shape) - data.target)[data.target_mask]
    return float(np.sqrt(np.square(gaps).mean()))
