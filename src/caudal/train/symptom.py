"""One thing that is wrong, in words."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["serious", "mild"]


@dataclass(frozen=True)
class Symptom:
    """A fault of a model or its data: where, how severe, and what to do.

    Attributes:
        code: a stable word. Of a model: `"nan"`, `"gradient"`, `"dead"`, `"saturated"`. Of data: `"time"`, `"overlap"`,
            `"leak"`, `"few"`, `"table"`, `"dead_input"`, `"unlike"`, `"few_groups"`,
            `"single_steps"`, and the codes of `Finding`.
        where: the parameter, feature, column, series or part at fault.
        message: what was found, as a sentence.
        remedy: what to do, as a sentence.
        count: how many.
        severity: `"serious"` when a result cannot be trusted before it is dealt with, else `"mild"`.
    """

    code: str
    where: str
    message: str
    remedy: str
    count: int = 1
    severity: Severity = "serious"

    def __str__(self) -> str:
        return f"{self.code}: {self.message} {self.remedy}"
