"""A trained circuit to draw: who excites whom, and what it does on one series."""

from caudal.compare.job import Parts
from caudal.compare.trained import Trained
from caudal.records import Circuit


def circuit_of(trained: Trained, parts: Parts) -> Circuit | None:
    """The circuit of a wired contender on one test series, or None where it has none."""
    return None
