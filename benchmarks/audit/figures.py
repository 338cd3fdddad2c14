"""One measured figure with its goal."""

from collections.abc import Callable
from dataclasses import dataclass

Say = Callable[[str], None]


@dataclass(frozen=True)
class Figure:
    """A measured number, with its goal where there is one.

    Attributes:
        name: what was measured, in words.
        value: of it.
        unit: of it, or empty.
        goal: in words, such as `"<= 10"`; empty where it only informs.
        holds: whether the goal is met.
        is_time: whether it depends on the machine and its load.
    """

    name: str
    value: float
    unit: str = ""
    goal: str = ""
    holds: bool = True
    is_time: bool = False


def at_most(name: str, value: float, goal: float, unit: str = "", *, is_time: bool = False) -> Figure:
    """A figure that should not exceed its goal.

    Example:
        >>> at_most("hashes", 19, 20).holds
        True
    """
    return Figure(name, value, unit, f"<= {goal:g}", value <= goal, is_time)


def at_least(name: str, value: float, goal: float, unit: str = "") -> Figure:
    """A figure that should reach its goal."""
    return Figure(name, value, unit, f">= {goal:g}", value >= goal)


def exactly(name: str, value: float, goal: float, unit: str = "") -> Figure:
    """A count that should be the one given."""
    return Figure(name, value, unit, f"= {goal:g}", value == goal)


def within(name: str, value: float, low: float, high: float, unit: str = "") -> Figure:
    """A figure between two ends."""
    return Figure(name, value, unit, f"{low:g} to {high:g}", low <= value <= high)
