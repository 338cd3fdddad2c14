"""Gradient-boosted trees on summary features: the traditional model to beat where series are few and short."""

from caudal.compare import trivial
from caudal.compare.job import Job, Parts
from caudal.compare.trained import Progress, Trained


def train(job: Job, parts: Parts, progress: Progress | None = None) -> Trained:
    """Train the trees of a job."""
    return trivial.train(job, parts, progress)
