"""The question that an explanation asks of a trained estimator, in the words of its data."""

from typing import TYPE_CHECKING, Any

import torch

from caudal.data import Sequences
from caudal.errors import DataError
from caudal.explain import Question, ask
from caudal.nn.decide import deciding
from caudal.train import examples

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator


def question(model: "LiquidEstimator", data: Sequences, target: Any = None, at: int | None = None) -> Question:
    """What the model answers for some series, asked of its network with names of channels, classes and series.

    Arguments:
        model: a trained estimator.
        data: series as its encoder reads them.
        target: a class, or the name or index of an output; None for what is decided.
        at: step to explain where every step is answered; None for the last.

    Raises:
        DataError: there is no series, the task is another, or the class is unknown.
        InputError: the step or output is not there.
    """
    owner = type(model).__name__
    if not len(data):
        raise DataError(owner, "X", "holds no series", "Select at least one.")
    if data.task != model.task_:
        fault = f"asks to {data.task}; the model was trained to {model.task_}"
        raise DataError(owner, "X", fault, "Read the data with the task of the training.")
    paired = model.cell == "gru-d"
    seen = examples(model.encoder_, data.without_target(), paired=paired)
    seen = seen.rows(torch.arange(len(seen)), next(model.net_.parameters()).device)
    decides = model.task_.startswith("classify")
    classes = tuple(str(label) for label in getattr(model, "classes_", ()))
    outputs = classes if decides else data.outputs
    if decides and target is not None:
        if str(target) not in classes:
            raise DataError(owner, "target", f"is {target!r}; the classes are {', '.join(classes)}", "Name one.")
        target = classes.index(str(target))
    return ask(
        deciding(model.net_, model.threshold_of()) if decides else model.net_,
        seen.x,
        seen.dt,
        lengths=seen.lengths,
        target=target,
        at=at,
        decides=decides,
        names=channels(model, seen.x.shape[2], paired),
        outputs=outputs if len(outputs) == model.net_.outputs else None,
        series=[str(name) for name in data.ids],
    )


def channels(model: "LiquidEstimator", inputs: int, paired: bool) -> tuple[str, ...]:
    """Names of the network's inputs: channels of the encoder, then the gaps ahead of a forecast."""
    encoder = model.encoder_
    if not paired:
        known = encoder.channels
        return (*known, *(f"ahead/{k}" for k in range(inputs - len(known))))
    values = (*encoder.names, *encoder.static_names)
    values += tuple(f"ahead/{k}" for k in range(inputs // 2 - len(values)))
    return (*values, *(f"observed({name})" for name in values))
