"""Figures with their uncertainty, as every room states them: intervals of estimates, and readings of energy."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from caudal.errors import FileFormatError

Label = Literal["measured", "estimated", "unknown"]
_PREFIXES: Mapping[str, float] = {"M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "p": 1e-12}
_TEXT = re.compile(r"(?:(\S+)(?: to (\S+))? (p|n|µ|m||k|M)J (measured|estimated)|(unknown)) \((.*)\)", re.DOTALL)


@dataclass(frozen=True)
class Interval:
    """An estimate with its uncertainty.

    Attributes:
        value: the estimate.
        low, high: ends of the interval.
        level: of confidence, for example 0.95; 0 where there is no interval, and the ends hold all that the figure can
            be.
        method: how it was made, or why there is none, in a few words.
    """

    value: float
    low: float
    high: float
    level: float = 0.95
    method: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it says anything of how sure the estimate is."""
        return self.level > 0


@dataclass(frozen=True)
class Reading:
    """An energy in joules as an interval, with its source and whether it was measured or estimated.

    Attributes:
        label: `"measured"` by a counter, `"estimated"` from a table or from watts, or `"unknown"`.
        source: the counter, the table, or the reason why nothing is known.
        low, high: joules; equal where one reading was taken; None where nothing is known.
        note: what holds for this reading and not for others of its source, such as the CPU seconds behind it.
    """

    label: Label
    source: str
    low: float | None = None
    high: float | None = None
    note: str = ""

    @property
    def joules(self) -> float | None:
        """The middle of the interval, or None."""
        return None if self.low is None or self.high is None else (self.low + self.high) / 2

    def times(self, factor: float) -> "Reading":
        """The energy multiplied by a count.

        Example:
            >>> print(Reading("measured", "RAPL", 2.0, 3.0).times(2))
            4 to 6 J measured (RAPL)
        """
        if self.low is None or self.high is None:
            return self
        return replace(self, low=self.low * factor, high=self.high * factor)

    @property
    def origin(self) -> str:
        """Source and note, for people."""
        return f"{self.source}; {self.note}" if self.note else self.source

    def __str__(self) -> str:
        """Interval, unit, label and origin, for people.

        Example:
            >>> print(Reading("measured", "RAPL", 812.0, 812.0), "|", Reading("unknown", "no device"))
            812 J measured (RAPL) | unknown (no device)
        """
        if self.low is None or self.high is None:
            return f"unknown ({self.origin})"
        top = max(abs(self.low), abs(self.high))
        prefix = next((name for name, size in _PREFIXES.items() if top >= size), "p")
        low, high = (_figures(end / _PREFIXES[prefix]) for end in (self.low, self.high))
        return f"{low if low == high else f'{low} to {high}'} {prefix}J {self.label} ({self.origin})"


def _figures(value: float) -> str:
    """Three significant figures, whole from a hundred on."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def read_energy(text: str) -> Reading:
    """The reading that a text of a study of caudal 0.1 tells, to three figures; later ones hold the numbers.

    Raises:
        FileFormatError: it is no such text.

    Example:
        >>> read_energy("0.15 to 0.49 µJ estimated (Horowitz 2014)").low
        1.5e-07
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise FileFormatError(f"{text!r} tells no energy. Expected for example '812 J measured (RAPL)'.")
    low, high, prefix, label, unknown, source = match.groups()
    if unknown:
        return Reading("unknown", source)
    unit = _PREFIXES[prefix]
    kind: Label = "measured" if label == "measured" else "estimated"
    return Reading(kind, source, _scaled(low, unit), _scaled(high or low, unit))


def _scaled(text: str, unit: float) -> float:
    return float(f"{float(text) * unit:.12g}")
