"""A bar on standard error for whatever takes more than a second."""

import sys
from time import perf_counter
from types import TracebackType
from typing import Self

_WIDTH = 24


class Bar:
    """How far a loop is, and how long it will still take.

    On a terminal one line is drawn over; elsewhere, as in a log, there is a line every ten seconds.

    Arguments:
        name: what is running.
        total: steps of the loop.
        shown: False never draws.

    Example:
        >>> with Bar("fit", 10, shown=False) as bar:
        ...     bar.at(3, "loss 0.5")
    """

    def __init__(self, name: str, total: int, shown: bool = True) -> None:
        self.name, self.total, self.shown = name, total, shown
        self.is_terminal = sys.stderr.isatty()
        self.start = perf_counter()
        self.drawn = 0.0
        self.wait = 1.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the line, if one was drawn."""
        if self.drawn and self.is_terminal:
            print(file=sys.stderr)

    def at(self, step: int, words: str = "") -> None:
        """Draw again if it is time to.

        Arguments:
            step: steps done.
            words: what to say beside the bar.
        """
        now = perf_counter() - self.start
        if not self.shown or now - self.drawn < self.wait:
            return
        self.drawn, self.wait = now, 0.1 if self.is_terminal else 10.0
        full = round(_WIDTH * step / self.total)
        left = now / step * (self.total - step) if step else 0.0
        line = f"{self.name} [{'#' * full}{'.' * (_WIDTH - full)}] {words}, at most {left:.0f} s left"
        print(f"\r{line}\x1b[K" if self.is_terminal else line, end="" if self.is_terminal else "\n", file=sys.stderr)
