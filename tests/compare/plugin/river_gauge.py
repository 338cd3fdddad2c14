"""A package of somebody else: a cell, a pipeline, a metric, a disturbance, a data set and a section of the report."""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from caudal.compare import Disturber
from caudal.data import from_arrays, split
from caudal.data.datasets import Card, Dataset
from caudal.report import OwnSection

pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=0.5))


def flood_gain(truth, decided):
    """Three for each flood that was seen, less one for each false alarm."""
    return float(3 * (truth & decided).sum() - ((1 - truth) & decided).sum()) / len(truth)


def _stuck(data, level, seed):
    """The gauge shows its first value for a share of the steps at the end."""
    del seed
    values = data.values.copy()
    for row, length in enumerate(data.lengths.tolist()):
        values[row, length - round(level * (length - 1)) : length] = values[row, 0]
    return data if level == 0 else data.__class__(**{**vars(data), "values": values})


stuck = Disturber("stuck-gauge", _stuck, (0.0, 0.5, 1.0), "share of the steps that repeat the first value")
section = OwnSection("floods", {"en": "Floods", "es": "Crecidas"}, lambda study, lang: f"{study.data.series} gauges")


def rivers(count=60):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(count, 2, 7)).cumsum(axis=2)
    series = from_arrays(x, np.where(x[:, 0, -1] > 0, 1, 0))
    card = Card("river-gauges", "River gauges", "flood or none", "drawn", "CC0-1.0", "caudal-rivers")
    return Dataset(card, series, split(series, seed=0))
