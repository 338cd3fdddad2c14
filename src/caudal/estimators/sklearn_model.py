"""Any estimator of scikit-learn or aeon as a model of series: it reads rows of features, or a regular panel."""

from collections.abc import Iterator, Mapping
from typing import Literal, final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.utils import get_tags

from caudal.data import Sequences
from caudal.errors import FileFormatError, InputError
from caudal.estimators.features import Size, features_at, known_targets
from caudal.estimators.settings import plain
from caudal.estimators.tabular import Arrays, FeatureModel, spread_out
from caudal.extras import need
from caudal.importing import import_path
from caudal.typing import Array

Features = Literal["auto", "summaries", "panel"]
FEATURES: tuple[Features, ...] = ("auto", "summaries", "panel")
_LAGS = 3
_MOST_STEPS = 4096
# Packages, and classes as `package.module.Class`, whose objects a file may hold beside those of scikit-learn.
_TRUSTED: set[str] = set()


def trust_types(names: str) -> None:
    """Let files hold objects of a package, or of one class (`package.module.Class`), from now on in this process."""
    _TRUSTED.add(names)


@final
class SklearnModel(FeatureModel):
    """An estimator of scikit-learn, a pipeline, or an estimator of aeon, that answers series.

    By `features="summaries"` it reads the row that `BoostedTrees` reads, one for each decision: last, mean, least,
    greatest, deviation, slope, count, share of gaps, time since observed and change of each channel, three lags, the
    clock, and the static columns. What was never observed is the mean of the training, unless the estimator says
    (`input_tags.allow_nan`) that it takes NaN. By `"panel"` it reads an array `(series, channels, time)` of as many
    even steps as the median series of the training has, each the last value observed until then, and answers whole
    series only. `"auto"` is a panel for estimators of aeon.

    Arguments:
        estimator: not trained; clones of it are, one for each number to predict.
        features: `"auto"`, `"summaries"` or `"panel"`.
        seed: of each `random_state` that is None.
        augment, send_on_change: see `FeatureModel`.

    Attributes:
        models_: the trained estimators.
        gives_probabilities: whether its answers are probabilities, not 1 for the class it decides for.

    Raises:
        InputError: the estimator does not fit the task; or, on `save`, has no form of numbers and JSON.

    Example:
        >>> from sklearn.linear_model import LogisticRegression
        >>> from caudal.data import from_arrays
        >>> x = np.random.default_rng(0).normal(size=(60, 1, 6))
        >>> series = from_arrays(x, np.where(x[:, 0].mean(1) > 0, "up", "down"))
        >>> model = SklearnModel(LogisticRegression(max_iter=500)).fit(series)
        >>> bool((model.predict(series) == np.where(x[:, 0].mean(1) > 0, "up", "down")).mean() > 0.9)
        True
    """

    validation = 0.0

    def __init__(
        self,
        estimator: BaseEstimator,
        features: Features = "auto",
        seed: int = 0,
        augment: Mapping[str, float] | None = None,
        send_on_change: float | Mapping[str, float] | None = None,
    ) -> None:
        self.estimator = estimator
        self.features = features
        self.seed = seed
        self.augment = augment
        self.send_on_change = send_on_change

    def check(self, task: str) -> None:
        """Refuse an estimator that cannot answer a task.

        Raises:
            InputError: it is of another kind, answers whole series only, or has no `fit` and `predict`.
        """
        owner, name = "SklearnModel", type(self.estimator).__name__
        if isinstance(self.estimator, type) or not all(hasattr(self.estimator, way) for way in ("fit", "predict")):
            fault = f"is {name}, which has no `fit` and `predict`"
            raise InputError(owner, "estimator", fault, "Pass an estimator, not its class: `LogisticRegression()`.")
        if self.features not in FEATURES:
            fault = f"is {self.features!r}; expected {', '.join(FEATURES)}"
            raise InputError(owner, "features", fault, "Name one of them.")
        classifies = task.startswith("classify")
        if classifies and not is_classifier(self.estimator):
            fault = f"is {name}, which is no classifier, and the task is to {task}"
            raise InputError(owner, "estimator", fault, "Pass a classifier, or ask for numbers: task='regress'.")
        if not classifies and not is_regressor(self.estimator):
            fault = f"is {name}, which is no regressor, and the task is to {task}"
            raise InputError(owner, "estimator", fault, "Pass a regressor, or ask for classes: task='classify'.")
        if self.reads == "panel" and task not in ("classify", "regress"):
            fault = f"is {name}, which reads whole series, and the task is to {task}"
            raise InputError(owner, "estimator", fault, "Pass one of scikit-learn, which reads each step's features.")

    @property
    def reads(self) -> Features:
        """What it reads: `"summaries"` or `"panel"`."""
        if self.features != "auto":
            return self.features
        return "panel" if type(self.estimator).__module__.startswith("aeon.") else "summaries"

    @property
    def gives_probabilities(self) -> bool:
        """Whether the estimator has `predict_proba`, as it is set now."""
        return hasattr(self.estimator, "predict_proba")

    def learn(self, train: Sequences, val: Sequences | None) -> None:
        """Fit a clone of the estimator for each number, or one for the classes; see `fit`."""
        del val
        self.check(train.task)
        rows, truth = known_targets(train)
        self.steps_ = int(min(_MOST_STEPS, np.median(train.lengths)))
        x = self._read(train, rows)
        seen = np.isfinite(x)
        axes = (0, 2) if x.ndim == 3 else (0,)
        counts = np.maximum(seen.sum(axis=axes), 1)
        self.fill_ = np.where(seen, x, 0.0).sum(axis=axes, dtype=np.float64) / counts
        filled = self._filled(x)
        columns = [truth] if len(self.classes_) else list(truth.T)
        self.models_ = [_seeded(clone(self.estimator), self.seed).fit(filled, column) for column in columns]

    def _read(self, data: Sequences, rows: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Features of each marked decision; NaN where nothing was observed."""
        if self.reads == "panel":
            return panel_of(data, self.steps_)[rows]
        return features_at(data, rows, _LAGS)

    def _filled(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        fill = self.fill_[:, None] if x.ndim == 3 else self.fill_
        takes_gaps = x.ndim == 2 and get_tags(self.estimator).input_tags.allow_nan
        return np.asarray(x if takes_gaps else np.where(np.isfinite(x), x, fill), np.float64)

    def computed(self, data: Sequences) -> Array:
        """See `FeatureModel.computed`."""
        return spread_out(data, lambda rows: self._scores(self._filled(self._read(data, rows))))

    def _scores(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        if not len(self.classes_):
            return np.stack([np.asarray(model.predict(x), np.float64).reshape(len(x)) for model in self.models_], 1)
        (model,) = self.models_
        shares = np.zeros((len(x), len(self.classes_)))
        if self.gives_probabilities:
            shares[:, np.asarray(model.classes_, np.int64)] = model.predict_proba(x)
        else:
            shares[np.arange(len(x)), np.asarray(model.predict(x), np.int64)] = 1.0
        return shares

    def size(self, steps: float) -> Size:
        """Features, and the numbers learnt; a decision is taken to read each of them once, spread over its steps."""
        numbers = sum(_numbers(model) for model in self.models_)
        whole = 1.0 if self.task_ in ("classify_steps", "imitate") else max(1.0, steps)
        return Size(self.fill_.size, numbers, numbers, None, numbers / whole, 0.0)

    def arrays(self) -> Arrays:
        """What is filled in, and the trained estimators as skops writes them: numbers and JSON, no code."""
        models = np.frombuffer(_written(self.models_), np.uint8)
        return {"fill": self.fill_, "steps": np.array([self.steps_]), "models": models}

    def restore(self, arrays: Arrays) -> None:
        """Take back what `arrays` gave; see `FeatureModel.restore`."""
        self.fill_, self.steps_ = arrays["fill"], int(arrays["steps"][0])
        if not 0 < self.steps_ <= _MOST_STEPS:
            raise ValueError(f"it reads {self.steps_} steps")
        self.models_ = _read_back(arrays["models"].tobytes())
        if not self.models_:
            raise ValueError("it holds no estimator")
        self.estimator = clone(self.models_[0])

    def unwritable(self) -> str:
        """Why no file could hold the estimator, or nothing where one could."""
        try:
            _written([clone(self.estimator)])
        except InputError as error:
            return error.fault
        return ""

    def stated(self) -> dict[str, object]:
        """Settings that a file states; the estimator itself lies among its arrays."""
        settings = {**self.get_params(deep=False), "estimator": None}
        return {name: plain(value) for name, value in settings.items()}


def panel_of(data: Sequences, steps: int) -> NDArray[np.float32]:
    """Series on an even grid over their own span, `(series, channels, steps)`: the last value observed until then.

    Example:
        >>> from caudal.data import from_arrays
        >>> panel_of(from_arrays(np.array([[[1.0, np.nan, 3.0]]]), task="regress"), 3).tolist()
        [[[1.0, 1.0, 3.0]]]
    """
    time = np.cumsum(np.where(data.mask, data.dt, 0.0), axis=1)
    time -= time[:, :1]
    ends = time[np.arange(len(data)), data.lengths - 1]
    at = np.maximum.accumulate(np.where(data.observed, np.arange(data.steps)[None, :, None], -1), axis=1)
    panel = np.full((len(data), data.values.shape[2], steps), np.nan, np.float32)
    for k, (end, length) in enumerate(zip(ends, data.lengths.tolist(), strict=True)):
        # A hair later than the grid, so that rounding skips no step that falls on it.
        grid = np.linspace(0.0, end, steps) + 1e-6 * max(end, 1.0) / max(steps, 1)
        place = np.clip(np.searchsorted(time[k, :length], grid, side="right") - 1, 0, length - 1)
        last = at[k, place]
        values = np.take_along_axis(data.values[k], np.maximum(last, 0), axis=0)
        panel[k] = np.where(last >= 0, values, np.nan).T
    return panel


def _seeded(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """The estimator with the seed wherever a `random_state` is None."""
    if not hasattr(estimator, "get_params"):
        return estimator
    states = {name: seed for name, value in estimator.get_params().items() if _is_open(name, value)}
    return estimator.set_params(**states) if states else estimator


def _is_open(name: str, value: object) -> bool:
    return value is None and (name == "random_state" or name.endswith("__random_state"))


def _numbers(part: object, depth: int = 6) -> int:
    """How many numbers an estimator learnt, parts of it included."""
    if isinstance(part, np.ndarray):
        if part.dtype.kind != "O":
            return int(part.size)
        return sum(_numbers(inner, depth - 1) for inner in part.ravel()) if depth else 0
    if not depth:
        return 0
    if isinstance(part, list | tuple):
        return sum(_numbers(inner, depth - 1) for inner in part)
    if hasattr(part, "node_count"):
        return 2 * int(part.node_count)
    nodes = getattr(part, "nodes", None)
    if isinstance(nodes, np.ndarray):
        return 2 * len(nodes)
    return sum(_numbers(inner, depth - 1) for inner in _learnt(part)) if isinstance(part, BaseEstimator) else 0


def _learnt(part: BaseEstimator) -> Iterator[object]:
    """Attributes that training gave, and estimators inside."""
    for name, value in vars(part).items():
        holds_estimators = isinstance(value, list) and any(isinstance(step, tuple) for step in value)
        if (name.endswith("_") and not name.startswith("_")) or name == "_predictors":
            yield value
        elif holds_estimators and not hasattr(part, f"{name}_"):
            yield [step[1] for step in value if isinstance(step, tuple) and len(step) > 1]


def _written(models: list[BaseEstimator]) -> bytes:
    """Estimators in the form of skops.

    Raises:
        InputError: one holds something without such a form, such as a function made on the spot.
    """
    skops = need("SklearnModel.save", "skops.io", "compare")
    try:
        content: bytes = skops.dumps(models)
        strange = [name for name in skops.get_untrusted_types(data=content) if "<" in name]
    except Exception as error:  # whatever an estimator of the user raises while it is taken apart
        raise _unwritable(models, f"{type(error).__name__}: {error}") from error
    if strange:
        raise _unwritable(models, f"it holds {strange[0]}")
    return content


def _unwritable(models: list[BaseEstimator], reason: str) -> InputError:
    fault = f"is {type(models[0]).__name__}, which has no form of numbers and JSON ({' '.join(reason.split())})"
    return InputError("SklearnModel.save", "estimator", fault, "Use functions and classes of a module of your own.")


def _read_back(content: bytes) -> list[BaseEstimator]:
    """Estimators of a file, if all their types are of scikit-learn or trusted.

    Raises:
        FileFormatError: a type is not trusted.
    """
    skops = need("SklearnModel.load", "skops.io", "compare")
    asked = skops.get_untrusted_types(data=content)
    strange = [name for name in asked if not is_trusted(name)]
    if strange:
        named = ", ".join(f"{name.rpartition('.')[0]}:{name.rpartition('.')[2]}" for name in strange[:4])
        package = strange[0].partition(".")[0]
        remedy = f'Where you know whose file it is, pass `trust=["{package}"]`, in a shell `--trust-code {package}`.'
        raise FileFormatError(f"load: the file holds {named}, which is code that nobody has named. {remedy}")
    models: list[BaseEstimator] = skops.loads(content, trusted=asked)
    return models


def is_trusted(name: str) -> bool:
    """Whether the caller named a type, or a package that it is of."""
    parts = name.split(".")
    return any(".".join(parts[:count]) in _TRUSTED for count in range(1, len(parts) + 1))


def packages_of(estimator: object) -> set[str]:
    """Packages of an estimator and of those inside it: what the caller has named by handing it over.

    Example:
        >>> from sklearn.linear_model import LogisticRegression
        >>> packages_of(LogisticRegression())
        {'sklearn'}
    """
    inside = estimator.get_params().values() if hasattr(estimator, "get_params") else ()
    return {import_path(part).partition(":")[0].partition(".")[0] for part in (estimator, *inside) if _is_code(part)}


def _is_code(part: object) -> bool:
    return isinstance(part, BaseEstimator | type) or callable(part) or hasattr(part, "get_params")
