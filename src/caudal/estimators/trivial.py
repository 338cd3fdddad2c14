"""The best guess that needs no model: what every model has to beat."""

from typing import final

import numpy as np

from caudal.data import Sequences
from caudal.estimators.features import Size, known_targets
from caudal.estimators.tabular import Arrays, FeatureModel
from caudal.typing import Array

# How numbers are guessed, as kept in a file; a number above 0 is a lag.
_MEAN, _LAST = 0, -1


@final
class TrivialModel(FeatureModel):
    """The strongest guess for a task, by the series that it may choose by.

    Classes: their shares in training. Numbers: their mean in training; where an input has the name of the output
    (`"x"` for `"x"` and `"next_x"`) also its last observed value; and for a forecast what it was so many steps before
    the step asked for. Whichever errs least.

    Arguments:
        validation: share of the series that choose the guess, whole clusters together; 0 chooses by the training.
        seed: of the choice of those series.

    Example:
        >>> from caudal.data import from_arrays
        >>> model = TrivialModel(validation=0).fit(from_arrays(np.zeros((4, 1, 3)), ["a", "b", "b", "b"]))
        >>> model.guess, model.predict_proba(from_arrays(np.zeros((1, 1, 3)), task="classify")).tolist()
        ('the shares of the classes in training, for every series', [[0.25, 0.75]])
    """

    def __init__(self, validation: float = 0.15, seed: int = 0) -> None:
        self.validation = validation
        self.seed = seed

    def learn(self, train: Sequences, val: Sequences | None) -> None:
        """Note shares or means, and choose among guesses; see `fit`."""
        truth = known_targets(train)[1]
        self.lag_, self.places_ = _MEAN, np.zeros(0, np.int64)
        if train.classes:
            counts = np.bincount(truth, minlength=len(train.classes))
            self.usual_ = counts / counts.sum()
            return
        self.usual_ = truth.mean(axis=0, dtype=np.float64)
        places = [_input_of(output, train.names) for output in train.outputs]
        if train.task not in ("forecast", "imitate") or None in places:
            return
        self.places_ = np.array(places, np.int64)
        lags = [] if train.ahead is None else list(range(train.ahead.shape[1], train.steps + 1))
        self.lag_ = min((_MEAN, _LAST, *lags), key=lambda lag: self._error(train if val is None else val, lag))

    def _error(self, data: Sequences, lag: int) -> float:
        rows, truth = known_targets(data)
        return float(np.square(self._guess(data, lag)[rows].astype(np.float32) - truth).mean())

    @property
    def guess(self) -> str:
        """What it answers, in words."""
        if len(self.classes_):
            return "the shares of the classes in training, for every series"
        if self.lag_ == _MEAN:
            return "the mean of the target in training"
        return "the last observed value" if self.lag_ == _LAST else f"the value {self.lag_} steps before"

    def computed(self, data: Sequences) -> Array:
        """See `FeatureModel.computed`."""
        if len(self.classes_):
            shape = (len(data), data.steps) if data.task == "classify_steps" else (len(data),)
            return np.broadcast_to(self.usual_, (*shape, len(self.usual_)))
        return self._guess(data, self.lag_)

    def _guess(self, data: Sequences, lag: int) -> Array:
        if lag == _MEAN:
            return np.broadcast_to(self.usual_, _shape(data, len(self.usual_)))
        ends = self._last(data)
        if lag == _LAST:
            return ends
        at = data.lengths[:, None] - lag + np.arange(ends.shape[1])
        row, inside = np.arange(len(data))[:, None], np.maximum(at, 0)
        known = (at >= 0)[:, :, None] & data.observed[row, inside][:, :, self.places_]
        return np.where(known, data.values[row, inside][:, :, self.places_], ends)

    def _last(self, data: Sequences) -> Array:
        """Last observed value of the inputs at every step, the mean of the target before the first."""
        seen, values = data.observed[:, :, self.places_], data.values[:, :, self.places_]
        at = np.maximum.accumulate(np.where(seen, np.arange(data.steps)[None, :, None], -1), axis=1)
        lasting = np.where(at >= 0, np.take_along_axis(values, np.maximum(at, 0), axis=1), self.usual_)
        if data.task == "imitate":
            return lasting
        ends = lasting[np.arange(len(data)), data.lengths - 1]
        return np.broadcast_to(ends[:, None, :], _shape(data, len(self.usual_)))

    def size(self, steps: float) -> Size:
        """The numbers that it keeps; a step costs nothing."""
        del steps
        count = len(self.classes_) - 1 if len(self.classes_) else len(self.usual_) if self.lag_ == _MEAN else 0
        return Size(0, count, count, None, 0.0, 0.0)

    def arrays(self) -> Arrays:
        """Shares or means, the lag, and the inputs that it repeats."""
        return {"usual": self.usual_, "lag": np.array([self.lag_], np.int64), "places": self.places_}

    def restore(self, arrays: Arrays) -> None:
        """Take back what `arrays` gave; see `FeatureModel.restore`."""
        self.usual_, self.lag_, self.places_ = arrays["usual"], int(arrays["lag"][0]), arrays["places"]
        if self.usual_.shape != (len(self.classes_) or len(self.outputs_),) or self.lag_ < _LAST:
            raise ValueError("its guess is for another task")
        if len(self.places_) not in (0, len(self.outputs_)) or (self.lag_ != _MEAN and not len(self.places_)):
            raise ValueError("its guess repeats inputs that are not there")
        if len(self.places_) and not 0 <= self.places_.min() <= self.places_.max() < self.n_features_in_:
            raise ValueError("its guess repeats inputs that are not there")


def _input_of(output: str, names: tuple[str, ...]) -> int | None:
    for name in (output, output.removeprefix("next_")):
        if name in names:
            return names.index(name)
    return None


def _shape(data: Sequences, outputs: int) -> tuple[int, ...]:
    if data.task == "imitate":
        return (len(data), data.steps, outputs)
    return (len(data), outputs) if data.ahead is None else (len(data), data.ahead.shape[1], outputs)
