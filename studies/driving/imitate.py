"""Learning to drive from the recordings: the same data, passes and step sizes for every network."""

import functools
from dataclasses import dataclass
from pathlib import Path

from caudal.data import Encoder, Sequences, split, windows
from caudal.errors import MissingFileError, NonFiniteError
from caudal.files import put
from caudal.nn import load, save
from caudal.train import Examples, TrainRecipe, examples, fit
from studies.driving.policy import Policy, build, parameters, units_and_synapses
from studies.driving.records import DriveRecipe, Trained
from studies.racing.dataset import recorded

ENCODER = "encoder.json"


@dataclass(frozen=True)
class Lesson:
    """One training to do.

    Attributes:
        model: of `MODELS`.
        seed: of weights and wiring.
        rate: step size.
    """

    model: str
    seed: int
    rate: float

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.model}-{self.seed}-{self.rate:g}"


def recordings(recipe: DriveRecipe) -> tuple[Sequences, Sequences]:
    """Training and validation episodes, whole; recorded anew, the same each time.

    Raises:
        MissingExtraError: gymnasium or Box2D is not installed.
    """
    data = recorded("drive", recipe.laps, 0, recipe.frames)
    parts = split(data, val=0.2, test=0.0, by="group", seed=0)
    return data.select(parts.train), data.select(parts.val)


def imitate(recipe: DriveRecipe, lesson: Lesson, folder: Path) -> Trained:
    """Train one network on the recordings and keep it in a folder; a training that was killed goes on where it was.

    Arguments:
        recipe: of the study.
        lesson: what to train.
        folder: for the network, its encoder and the checkpoint.

    Raises:
        InputError: the folder holds a checkpoint of another run.
    """
    encoder, train, val = _examples(recipe)
    net = build(lesson.model, lesson.seed)
    told = TrainRecipe(epochs=recipe.epochs, lr=lesson.rate, patience=0, seed=lesson.seed)
    units, synapses = units_and_synapses(net)
    facts = (lesson.model, lesson.seed, units, synapses, parameters(net), lesson.rate)
    try:
        fitted = fit(net, train, val, told, checkpoint=folder / f"{lesson.name}.fit", progress=False)
    except NonFiniteError:
        return Trained(*facts, best_epoch=0, loss=None)
    save(net, folder / f"{lesson.name}.caudal")
    put(folder / ENCODER, encoder.to_json())
    best = fitted.history[fitted.best_epoch - 1].val
    return Trained(*facts, fitted.best_epoch, None if best is None else round(best, 6))


@functools.lru_cache(maxsize=1)
def _examples(recipe: DriveRecipe) -> tuple[Encoder, Examples, Examples]:
    train, val = recordings(recipe)
    encoder = Encoder.fit(train)
    cut = (windows(part, recipe.window, recipe.window) for part in (train, val))
    first, second = (examples(encoder, part) for part in cut)
    return encoder, first, second


def policy(folder: Path, lesson: Lesson) -> Policy:
    """A trained network as a driver.

    Raises:
        MissingFileError: it was never trained here.
        FileFormatError: a file is damaged.
    """
    try:
        encoder = Encoder.from_json((folder / ENCODER).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingFileError(f"drive: {folder / ENCODER} is not there. Train first.") from error
    return Policy(load(folder / f"{lesson.name}.caudal"), encoder)
