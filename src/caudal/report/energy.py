"""What a decision and a training cost in energy, and how each figure is known."""

from collections.abc import Sequence

from caudal.errors import FileFormatError
from caudal.pages import Html, join, tag
from caudal.records import Contender, Reading, Study
from caudal.records.reading import read
from caudal.report.tables import Cell, legend, model, table
from caudal.report.wording import Words

_ESTIMATED = ("decision.sram", "decision.dram", "correct.dram", "training.dram")
_READ = ("decision.measured", "correct.measured", "training.measured")
_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))


def energy_section(study: Study, words: Words) -> Html:
    """The ladder: estimates by memory, then what a counter read, liquid beside traditional."""
    known = [one for one in study.contenders if one.energy]
    if not known:
        return tag("p", words("energy.none"))
    read_here = any(_reading(one, name).label != "unknown" for one in known for name in _READ)
    names = (*_ESTIMATED, *_READ) if read_here else _ESTIMATED
    shown = [name for name in names if any(name in one.energy for one in known)]
    order = sorted(known, key=lambda one: (_middle(one) is None, _middle(one) or 0.0))
    rows = [[Cell(model(one), None, ""), *(_cell(one, name, words) for name in shown)] for one in order]
    head = [words("model"), *(words(f"energy.{name}") for name in shown)]
    sources = sorted(
        {found.source for one in known for name in shown if (found := _reading(one, name)).low is not None}
    )
    return join(
        [
            tag("p", words("energy.how")),
            legend(words),
            table(words("energy.caption"), head, rows, sortable=True),
            tag("p", words("energy.sources", sources=words.listed(sources)), class_="note") if sources else Html(""),
            tag("p", words("energy.read") if read_here else _unread(known, words), class_="note"),
            tag("p", words("energy.unknown"), class_="note"),
        ]
    )


def _unread(known: Sequence[Contender], words: Words) -> str:
    """Why there are no joules, and what would give some."""
    reason = next((found.source for one in known if (found := _reading(one, _READ[-1])).source), "")
    return words("energy.unread", reason=reason)


def _reading(one: Contender, name: str) -> Reading:
    try:
        return read(one.energy[name])
    except (KeyError, FileFormatError):
        return Reading("unknown", "")


def _middle(one: Contender) -> float | None:
    return _reading(one, _ESTIMATED[0]).joules


def _cell(one: Contender, name: str, words: Words) -> Cell:
    found = _reading(one, name)
    if found.low is None or found.high is None:
        return Cell(words("energy.label.unknown"))
    unit, prefix = next((pair for pair in _PREFIXES if found.high >= pair[0]), _PREFIXES[-1])
    low, high = words.short(found.low / unit), words.short(found.high / unit)
    span = low if low == high else words("energy.span", low=low, high=high)
    return Cell(f"{span} {prefix}J {words(f'energy.label.{found.label}')}", found.joules)
