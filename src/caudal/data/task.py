"""What is asked of a model of sequences."""

from enum import StrEnum


class Task(StrEnum):
    """A task; each is the text of its name, such as `"classify"`.

    Attributes:
        CLASSIFY: one class per series.
        CLASSIFY_STEPS: one class per step.
        REGRESS: one number or more per series.
        FORECAST: the numbers of the steps to come.
        IMITATE: one number or more per step.

    Example:
        >>> task = Task("classify_steps")
        >>> task == "classify_steps", task.is_classification, task.is_per_step, f"to {task}"
        (True, True, True, 'to classify_steps')
    """

    CLASSIFY = "classify"
    CLASSIFY_STEPS = "classify_steps"
    REGRESS = "regress"
    FORECAST = "forecast"
    IMITATE = "imitate"

    def __repr__(self) -> str:
        return repr(self.value)

    @property
    def is_classification(self) -> bool:
        """Whether the answers are classes; otherwise they are numbers."""
        return self in (Task.CLASSIFY, Task.CLASSIFY_STEPS)

    @property
    def is_per_step(self) -> bool:
        """Whether each step has an answer of its own."""
        return self in (Task.CLASSIFY_STEPS, Task.IMITATE)

    @property
    def is_per_series(self) -> bool:
        """Whether a series has one answer; a forecast has several, none of them of a step that was seen."""
        return self in (Task.CLASSIFY, Task.REGRESS)


TASKS = tuple(Task)
