"""What a training run was told, and what it saw; both are JSON there and back."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from caudal import limits, serial
from caudal.errors import InputError
from caudal.serial import Schema

Schedule = Literal["constant", "cosine"]
Precision = Literal["full", "bfloat16"]
_OWNER = "TrainRecipe"


@dataclass(frozen=True)
class TrainRecipe:
    """Everything that decides a training run, beside the model and the data.

    Attributes:
        epochs: how often the training series are gone through, at most.
        lr: step size of AdamW at its highest.
        batch_size: series of one update.
        patience: epochs without a better validation loss after which training stops; 0 never stops early.
        clip: largest norm of the gradient of all parameters; 0 does not clip.
        weight_decay: of AdamW, decoupled.
        schedule: `"constant"`, or `"cosine"`, which falls to a hundredth of `lr` at the last epoch.
        warmup: share of all updates over which the step size rises from 0.
        class_weights: one weight per class, in the order of their codes; None for 1 each.
        seed: of the order of the series and of dropout.
        precision: `"full"`, or `"bfloat16"` by automatic casting, with parameters and loss in full.
        by_length: whether series of like length share a batch, which saves padding; the batches still come in random
            order, and who shares one with whom is drawn anew in each epoch.
        least_updates: before so many updates no pass counts as the best, and none stops the training; where half of
            the epochs make fewer, before that half.

    Raises:
        InputError: a number is out of range.

    Example:
        >>> recipe = TrainRecipe(epochs=3, class_weights=(1.0, 2.0))
        >>> TrainRecipe.from_json(recipe.to_json()) == recipe
        True
    """

    epochs: int = 50
    lr: float = 0.01
    batch_size: int = 32
    patience: int = 10
    clip: float = 1.0
    weight_decay: float = 0.0
    schedule: Schedule = "cosine"
    warmup: float = 0.0
    class_weights: tuple[float, ...] | None = None
    seed: int = 0
    precision: Precision = "full"
    by_length: bool = False
    least_updates: int = 0
    schema: ClassVar[Schema] = Schema(version=0, noun="a recipe", remedy="Train again.", is_ascii=True)

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("patience", 0), ("seed", 0), ("least_updates", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise _range(name, value, f"a whole number of at least {least}")
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise _range("lr", self.lr, "a finite number above 0")
        for name in ("clip", "weight_decay"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise _range(name, value, "a finite number of at least 0")
        if not 0 <= self.warmup < 1:
            raise _range("warmup", self.warmup, "a share from 0 to below 1")
        for name, value, known in (
            ("schedule", self.schedule, get_args(Schedule)),
            ("precision", self.precision, get_args(Precision)),
        ):
            if value not in known:
                raise _range(name, value, " or ".join(map(repr, known)))
        weights = self.class_weights
        if weights is not None and (not all(math.isfinite(w) and w >= 0 for w in weights) or not sum(weights) > 0):
            raise _range("class_weights", weights, "finite weights of at least 0, not all 0")

    def factor(self, update: int, updates: int) -> float:
        """Share of `lr` at an update, counted from 0, out of all that `epochs` would take.

        A function of the count alone, so that a resumed run has nothing to restore.

        Example:
            >>> [round(TrainRecipe(warmup=0.2).factor(k, 10), 3) for k in (0, 1, 2, 9)]
            [0.5, 1.0, 1.0, 0.048]
        """
        rise = self.warmup * updates
        if update < rise:
            return min(1.0, (update + 1) / rise)
        if self.schedule == "constant":
            return 1.0
        done = (update - rise) / max(updates - rise, 1)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))

    def to_json(self) -> str:
        """One JSON object, keys sorted."""
        return serial.to_json(self)

    @staticmethod
    def from_json(text: str) -> "TrainRecipe":
        """The recipe that `to_json` wrote.

        Raises:
            FileFormatError: the text is no recipe of training.
        """
        return serial.from_json(TrainRecipe, text, limit=limits.TEXT)


@dataclass(frozen=True)
class Epoch:
    """One pass over the training series.

    Attributes:
        number: from 1.
        train: mean loss over the pass, each series seen with the weights of its update.
        val: loss on validation after the pass; None without validation series.
        lr: step size of the last update.
        gradient: largest norm of the gradient before clipping.
        seconds: wall time, validation included; it does not repeat between runs.
    """

    number: int
    train: float
    val: float | None
    lr: float
    gradient: float
    seconds: float


def _range(name: str, value: object, expected: str) -> InputError:
    return InputError(_OWNER, name, f"is {value!r}; expected {expected}", f"Pass for example `{name}={_USUAL[name]}`.")


_USUAL = {
    "epochs": "50",
    "lr": "0.01",
    "batch_size": "32",
    "patience": "10",
    "clip": "1.0",
    "weight_decay": "0.0",
    "schedule": '"cosine"',
    "warmup": "0.05",
    "class_weights": "(1.0, 2.0)",
    "seed": "0",
    "least_updates": "300",
    "precision": '"full"',
}
