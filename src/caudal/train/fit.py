"""The fit loop.

It is our own and small. skorch was weighed (its source read in version 1.4.0): a checkpoint there holds parameters,
optimiser, criterion and history, written after a pass, but neither the random state nor the place in the data, so a run
killed in the middle of a pass cannot go on where it was; and it leaves series of unequal length to the user's
collation. Both are promises here. Processes are accelerate's, by composition (`Crew`).
"""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from caudal.errors import FairnessWarning, InputError
from caudal.nn import Readout
from caudal.train.bar import Bar
from caudal.train.batches import Examples
from caudal.train.distributed import Crew
from caudal.train.penalty import Term
from caudal.train.recipe import Epoch, TrainRecipe
from caudal.train.stream import Stream
from caudal.train.trainer import Part, TrainingRun


@dataclass(frozen=True)
class Fitted:
    """History, best epoch and end of a training run; the model that was passed holds the weights.

    Attributes:
        history: every pass.
        best_epoch: whose weights the model holds: the pass of the lowest validation loss, or the last one.
        stopped: `"patience"`, `"epochs"`, or `"watch"` where `watch` asked for it.
        recipe: what the run was told.
        collapsed: what was warned of, where a further cost drove the net to one answer; else `""`.
    """

    history: tuple[Epoch, ...]
    best_epoch: int
    stopped: str
    recipe: TrainRecipe
    collapsed: str = ""


def fit(
    model: Readout,
    train: Part,
    val: Part | None = None,
    recipe: TrainRecipe | None = None,
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    every: int = 0,
    progress: bool = True,
    watch: Callable[[Epoch], bool | None] | None = None,
    crew: Crew | None = None,
    term: Term | None = None,
) -> Fitted:
    """Train a model in place: AdamW, clipped gradients, early stopping, the best weights kept.

    Equal arguments give equal weights to the bit on one machine and number of threads, and a run that was killed and
    started again with the same `checkpoint` ends as if it had never been. The caller's random state is not touched.

    Arguments:
        model: a readout with as many outputs as the task has, on any device, in the dtype of the examples.
        train: `Examples` with a target, or a `Stream` of them where they are more than memory holds.
        val: the same, to stop by; None trains all epochs and keeps the last weights.
        recipe: settings; None for the usual ones.
        checkpoint: file to resume from where there is one, and to write after each pass.
        every: write it after so many updates as well; 0 does not.
        progress: whether to draw a bar on standard error once a second has passed.
        watch: called after each pass, once it is in the checkpoint; of several processes, in the first. Where it
            returns True, and there is one process, that pass is the last.
        crew: processes that share each batch (see `accelerated`); None for this one alone. Each must be given the
            same arguments; weights end the same in all of them, and as in one process but for the order of sums
            (dropout draws otherwise).
        term: a further cost that reads `Examples.groups`, or those of a stream, such as `caudal.fair.mitigate.Penalty`;
            validation series without groups are judged by the loss alone, and no pass counts as the best before the
            whole cost counts (of the last pass, where that would be later).

    Returns:
        the history of the run. The model is left in evaluation mode.

    Warns:
        FairnessWarning: the term drove the net to one answer for (nearly) all, or there are too few passes for it.

    Raises:
        NonFiniteError: the loss or the gradient is NaN or infinite; the message says where, and what to try.
        InputError: the target is unknown, outputs or class weights do not fit, or the checkpoint is of another run.
        FileFormatError: the checkpoint is damaged.

    Example:
        >>> from caudal.nn import CfC
        >>> x = torch.randn(16, 5, 1)
        >>> n, y, known = torch.full((16,), 5), x.mean(1), torch.ones(16, 1) > 0
        >>> data = Examples(x, torch.ones(16, 5), n, "regress", torch.ones(16), y, known)
        >>> fitted = fit(Readout(CfC(1, 4, backbone_units=8), 1), data, recipe=TrainRecipe(epochs=3))
        >>> len(fitted.history), fitted.stopped, fitted.history[-1].train < fitted.history[0].train
        (3, 'epochs', True)
    """
    recipe, crew = recipe or TrainRecipe(), crew or Crew()
    _check(model, train, val, recipe)
    if term is not None:
        _check_term(train, crew)
    path = None if checkpoint is None else Path(checkpoint)
    device = next(model.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(recipe.seed + crew.rank)
        run = TrainingRun(model, train, val, recipe, path, every, crew, term)
        with Bar("fit", recipe.epochs * run.updates, progress and crew.rank == 0) as bar:
            while not run.at.stopped:
                epoch = run.epoch(bar)
                if watch is not None and crew.rank == 0 and watch(epoch) and crew.size == 1:
                    run.at.stopped = run.at.stopped or "watch"
    if val is not None:
        model.load_state_dict(run.best)
    model.eval()
    return Fitted(tuple(run.at.history), run.at.best_epoch, run.at.stopped, recipe, _told(run))


def _told(run: TrainingRun) -> str:
    """Warn where a term had no time to act, or acted too much; the clause of the latter."""
    if run.term is None:
        return ""
    passes, (_, full) = run.recipe.epochs, run.term.sets_in()
    if passes <= full:
        what = f"fit: `term` counts in full from pass {full + 1} on, and there are {passes}"
        warnings.warn(f"{what}. Train for more passes, or shorten `warm_up`.", FairnessWarning, stacklevel=3)
    clause = run.collapsed()
    if clause:
        remedy = "Lower its price, lengthen `warm_up`, or join groups into fewer and larger ones"
        words = f"fit: `term` drove the net to one answer, which closes any gap and helps nobody: it {clause}"
        warnings.warn(f"{words}. {remedy}; look at balanced accuracy beside the gap.", FairnessWarning, stacklevel=3)
    return clause


def _check(model: object, train: Part, val: Part | None, recipe: TrainRecipe) -> None:
    if not isinstance(model, Readout):
        remedy = "Wrap the layer: `Readout(layer, outputs)`."
        raise InputError("fit", "model", f"is a {type(model).__name__}; expected a Readout", remedy)
    for name, part in (("train", train), ("val", val)):
        if not isinstance(part, Examples):
            continue  # streams were checked when they were counted
        if part.target is None or part.target_mask is None:
            raise InputError("fit", name, "has no target", "Pass series whose target is known.")
        if not (part.weight > 0).any():
            raise InputError("fit", name, "has no series of positive weight", "Pass weights above 0.")
    weights = recipe.class_weights
    if weights is not None and (not train.task.is_classification or len(weights) != model.outputs):
        fault = f"holds {len(weights)} class weights; the task is {train.task} with {model.outputs} outputs"
        raise InputError("fit", "recipe", fault, "Pass one weight per class, and only for classes.")


def _check_term(train: Part, crew: Crew) -> None:
    fault = None
    if crew.size > 1:
        fault = f"is given with {crew.size} processes; its groups are counted in one"
    elif isinstance(train, Examples) and (train.groups is None or train.groups.shape != train.lengths.shape):
        fault = "is given, and the training series have no groups of shape `(batch,)`"
    elif isinstance(train, Examples) and train.groups is not None and len(set(train.groups.tolist()) - {-1}) < 2:
        fault = "is given, and the training series are of one group"
    elif isinstance(train, Stream) and train.who is None:
        fault = "is given, and the stream says no groups"
    if fault is not None:
        remedy = "Pass `Examples.groups`, or `Stream.of_groups`, of at least two groups, in one process."
        raise InputError("fit", "term", fault, remedy)
