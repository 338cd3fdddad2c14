"""Names of inputs and neurons as symbols: identifiers for text, escaped words for LaTeX, and none twice."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from caudal.explain.equations.algebra import Expression, symbol

_SPECIAL = re.compile(r"([&%$#_{}])")
_RESERVED = frozenset({"dt", "sigmoid", "tanh", "exp", "log", "erf", "Abs", "Max"})


def identifier(name: str) -> str:
    """A name as one word of letters, digits and underscores.

    Example:
        >>> identifier("command/3"), identifier("AST (U/L)"), identifier("2nd visit")
        ('command_3', 'AST_U_L', 'x_2nd_visit')
    """
    word = re.sub(r"\W+", "_", name).strip("_") or "x"
    return f"x_{word}" if word[0].isdigit() else word


def escaped(name: str) -> str:
    r"""A name as upright LaTeX.

    Example:
        >>> print(escaped("AST_max"))
        \mathrm{AST\_max}
    """
    plain = name.replace("\\", " ").replace("^", " ").replace("~", " ")
    return rf"\mathrm{{{_SPECIAL.sub(lambda match: chr(92) + match[1], plain)}}}".replace(" ", r"\ ")


@dataclass
class Names:
    """Symbols handed out so far.

    Attributes:
        latex: symbol -> LaTeX.
        meaning: word -> the name it stands for, where the two differ.
    """

    latex: dict[Expression, str] = field(default_factory=dict)
    meaning: dict[str, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=lambda: set(_RESERVED))

    def new(self, name: str, after: str = "", shown: str | None = None) -> Expression:
        """A symbol for a name, with a mark such as `'` behind its word."""
        word = identifier(name)
        count = 1
        while word + after in self._taken:
            count += 1
            word = f"{identifier(name)}_{count}"
        self._taken.add(word + after)
        variable = symbol(word + after)
        self.latex[variable] = shown if shown is not None else escaped(name) + after
        if not after and word != name:
            self.meaning[word] = name
        return variable

    def every(self, names: Iterable[str]) -> list[Expression]:
        """One symbol per name."""
        return [self.new(name) for name in names]

    def neurons(self, names: Sequence[str]) -> tuple[list[Expression], list[Expression]]:
        """Old and new states of neurons, `inter_0` and `inter_0'`."""
        old = [self.new(name, shown=_state(name)) for name in names]
        new = [self.new(name, "'", shown=_state(name) + "'") for name in names]
        return old, new


def _state(name: str) -> str:
    return f"x_{{{escaped(name)}}}"
