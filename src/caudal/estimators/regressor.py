"""Numbers of series, or at each step."""

from typing import TYPE_CHECKING, Any, final

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils import RegressorTags, TargetTags

from caudal.data import Sequences
from caudal.estimators.base import LiquidEstimator
from caudal.estimators.inputs import flat, is_collection
from caudal.estimators.outputs import outputs
from caudal.typing import Array

if TYPE_CHECKING:
    from caudal.audit import Log


@final
class LiquidRegressor(LiquidEstimator):
    """Predicts numbers of series, or numbers at each of their steps; the settings are those of `LiquidClassifier`.

    `y` is `(batch,)` or `(batch, outputs)` for numbers of a series, and a list of `(time, outputs)` or an array
    `(batch, time, outputs)` for numbers at each step, where NaN is not scored. `fairness` takes a constraint of
    numbers, such as `Penalty("mean_residual")`.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(40, 1, 6)).cumsum(axis=2)
        >>> model = LiquidRegressor(cell="gru", units=8, epochs=20).fit(x, x.mean(axis=(1, 2)))
        >>> model.predict(x).shape, model.score(x, x.mean(axis=(1, 2))) > 0.5
        ((40,), True)
    """

    tasks = ("regress", "imitate")
    kind = "numbers"

    def predict(self, X: object, *, log: "Log | None" = None) -> Any:
        """Numbers in their own units, float64: `(batch,)`, `(batch, outputs)`, or a list of `(time, outputs)`.

        Arguments:
            X: what `fit` takes, read the same way. Rows of a table come in the order of the ids of `read_like`.
            log: where each decision is written down; see `caudal.audit.Log`.

        Raises:
            NotFittedError: it is not trained yet.
            DataError: the inputs are others than those of the training.
        """
        rows: list[Array] = []
        for out, lengths in outputs(self, X, log):
            numbers = self.encoder_.scaler.restore(out.double().numpy())
            if self.task_ == "regress":
                rows.append(numbers)
            else:
                rows.extend(row[:n] for row, n in zip(numbers, lengths.tolist(), strict=True))
        if self.task_ == "imitate":
            return rows
        predictions = np.concatenate(rows)
        return predictions[:, 0] if predictions.shape[1] == 1 else predictions

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Coefficient of determination of what is known.

        Arguments:
            X: what `fit` takes.
            y: numbers; None for a table, `Sequences` or `ParquetSequences` that hold them.
            sample_weight: `(batch,)`; of series only.
        """
        if y is None:
            pairs = [(self._truth(data), self.predict(data)) for data in self._reads(X, target=True)]
            truths = np.concatenate([np.concatenate(truth) for truth, _ in pairs])
            answers = np.concatenate([np.concatenate(part) if isinstance(part, list) else part for _, part in pairs])
            answers = answers.reshape(truths.shape)
        else:
            predictions = self.predict(X)
            if not isinstance(predictions, list):
                return float(r2_score(y, predictions, sample_weight=sample_weight))
            answers = np.concatenate(predictions)
            truths = np.concatenate(
                [np.asarray(part).reshape(len(f), -1) for part, f in zip(y, predictions, strict=True)]
            )
        known = ~np.isnan(truths).any(axis=1)
        weight = sample_weight if self.task_ == "regress" else None
        return float(r2_score(truths[known], answers[known], sample_weight=weight))

    def _truth(self, data: Sequences) -> list[Array]:
        """`(steps, outputs)` of each series, NaN where unknown."""
        whole = np.where(np.asarray(data.target_mask), np.asarray(data.target), np.nan)
        if data.task == "regress":
            return [row[None] for row in whole]
        return [row[:n] for row, n in zip(whole, data.lengths.tolist(), strict=True)]

    def arrays(self, x: Any, y: Any) -> Sequences:
        """Training sequences from arrays; see `fit`."""
        if is_collection(x):
            steps = y is not None and (np.ndim(y) == 3 if isinstance(y, np.ndarray) else np.ndim(y[0]) == 2)
            return self.from_arrays(x, y, task="imitate" if steps else "regress")
        x, y = flat(self, x, y, reset=True, numeric=True)
        return self.from_arrays(x, y, task="regress")

    def asked(self, x: object) -> Sequences:
        """Sequences to predict."""
        if not is_collection(x):
            x, _ = flat(self, x, None, reset=False, numeric=True)
        return self.from_arrays(x, exact=self.encoder_.scaler.fine, task=self.task_)

    def tags(self) -> dict[str, object]:
        """Tags of scikit-learn."""
        return {
            "estimator_type": "regressor",
            "target_tags": TargetTags(required=True, multi_output=True),
            "regressor_tags": RegressorTags(),
        }
