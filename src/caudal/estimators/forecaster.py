"""The next steps of series."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import r2_score
from sklearn.utils import TargetTags

from caudal.data import Sequences, Task, windows
from caudal.data.window import history
from caudal.errors import DataError
from caudal.estimators.base import LiquidEstimator
from caudal.estimators.inputs import flat, is_collection
from caudal.estimators.outputs import outputs
from caudal.estimators.training import Facts
from caudal.fair.mitigate.settings import Fairness
from caudal.nn.registry import Cell

if TYPE_CHECKING:
    from caudal.audit import Log


@final
class LiquidForecaster(LiquidEstimator):
    """Forecasts the next steps of series at once; the settings are those of `LiquidClassifier`, and these.

    Arguments:
        horizon: steps ahead.
        window: steps of history; 0 takes four horizons.
        stride: steps between the windows of the training.

        fairness: a constraint of numbers, such as `Penalty("mean_residual")`, over the steps ahead together.

    With arrays it forecasts every channel from all of them; with a table, the target columns. `Sequences` are windows
    already (task `"forecast"`), or whole series with a number at each step.

    Example:
        >>> wave = np.sin(np.arange(200) / 5)[None, None]
        >>> model = LiquidForecaster(units=8, epochs=10, horizon=3).fit(wave[:, :, :160])
        >>> model.predict(wave[:, :, :160]).shape
        (1, 3, 1)
    """

    tasks = ("forecast",)
    kind = "numbers"

    def __init__(
        self,
        cell: Cell = "cfc",
        units: int = 32,
        *,
        horizon: int = 1,
        window: int = 0,
        stride: int = 1,
        cell_options: Mapping[str, object] | None = None,
        pool: str = "last",
        dropout: float = 0.0,
        epochs: int = 50,
        lr: float = 0.01,
        batch_size: int = 32,
        patience: int = 10,
        validation: float = 0.15,
        clip: float = 1.0,
        weight_decay: float = 0.0,
        schedule: str = "cosine",
        precision: str = "full",
        dtype: str = "float32",
        seed: int = 0,
        device: str = "cpu",
        accelerate: bool = False,
        checkpoint: str | None = None,
        verbose: bool = False,
        fairness: Fairness | None = None,
        axes: str = "auto",
        clock: str = "plain",
        pace: float = 1.0,
        target_scale: str = "each",
        by_length: bool | None = None,
        least_updates: int = 0,
        augment: Mapping[str, float] | None = None,
        send_on_change: float | Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(
            cell,
            units,
            cell_options=cell_options,
            pool=pool,
            dropout=dropout,
            epochs=epochs,
            lr=lr,
            batch_size=batch_size,
            patience=patience,
            validation=validation,
            clip=clip,
            weight_decay=weight_decay,
            schedule=schedule,
            precision=precision,
            dtype=dtype,
            seed=seed,
            device=device,
            accelerate=accelerate,
            checkpoint=checkpoint,
            verbose=verbose,
            fairness=fairness,
            axes=axes,
            clock=clock,
            pace=pace,
            target_scale=target_scale,
            by_length=by_length,
            least_updates=least_updates,
            augment=augment,
            send_on_change=send_on_change,
        )
        self.horizon = horizon
        self.window = window
        self.stride = stride

    def predict(self, X: object, *, log: "Log | None" = None) -> NDArray[np.float64]:
        """The next `horizon` steps of each series, in their own units: `(batch, horizon, outputs)` float64.

        Arguments:
            X: histories, as `fit` takes them; longer ones are cut to the last `window` steps. The gaps ahead are
                those of `Sequences.ahead`, or the typical gap of the training.
            log: where each decision is written down; see `caudal.audit.Log`.

        Raises:
            NotFittedError: it is not trained yet.
            DataError: the inputs are others than those of the training.
        """
        found = np.concatenate([out.double().numpy() for out, _ in outputs(self, X, log)])
        steps = found.reshape(len(found), self.horizon_, -1)
        return np.asarray(self.encoder_.scaler.restore(steps), np.float64)

    def score(self, X: object, y: object = None) -> float:
        """Coefficient of determination over all steps ahead.

        Arguments:
            X: histories, with `y`; otherwise a table or `Sequences` whose every window is forecast.
            y: the steps ahead `(batch, horizon, outputs)`.
        """
        if y is None:
            pairs = []
            for data in self._reads(X, target=True):
                known = np.asarray(data.target_mask)
                pairs.append((np.asarray(data.target)[known], self.predict(data)[known]))
            return float(r2_score(*(np.concatenate(part) for part in zip(*pairs, strict=True))))
        found = self.predict(X)
        return float(r2_score(np.asarray(y).ravel(), found.ravel()))

    def table_options(self) -> dict[str, Any]:
        """How a table is cut."""
        return {"task": "forecast", "horizon": self.horizon, "window": self.window, "stride": self.stride}

    def prepared(self, data: Sequences) -> Sequences:
        """Whole series cut into windows."""
        if data.task != "imitate":
            return data
        return windows(data, self.window or 4 * self.horizon, self.stride, self.horizon)

    def check(self, facts: Facts) -> None:
        """Note how far ahead and how far back the windows reach."""
        self.horizon_, self.window_ = facts.horizon, facts.steps

    def arrays(self, x: object, y: object) -> Sequences:
        """Windows of arrays, their own future the target."""
        if y is not None:
            fault = "is given; a forecaster of arrays learns from their own future"
            raise DataError("LiquidForecaster", "y", fault, "Leave it out.")
        if not is_collection(x):
            x, _ = flat(self, x, None, reset=True, numeric=True)
        whole = self.from_arrays(x)
        names = tuple(f"target{k}" for k in range(whole.inputs)) if whole.inputs > 1 else ("target",)
        ahead = replace(whole, task=Task.IMITATE, target=whole.values, target_mask=whole.observed, outputs=names)
        return self.prepared(ahead)

    def asked(self, x: object) -> Sequences:
        """Histories of arrays; a 2D array may be longer or shorter than in training."""
        return self._latest(self.from_arrays(x, exact=self.encoder_.scaler.fine))

    def asking(self, data: Sequences) -> Sequences:
        """The last steps of whole series."""
        return data if data.task == "forecast" else self._latest(data)

    def _latest(self, data: Sequences) -> Sequences:
        return history(data, self.window_, self.horizon_, self.encoder_.scaler.gap)

    def tags(self) -> dict[str, object]:
        """Tags of scikit-learn."""
        return {"estimator_type": None, "target_tags": TargetTags(required=False)}
