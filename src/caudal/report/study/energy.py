"""What a decision and a training cost in energy, and how each figure is known."""

from collections.abc import Sequence

from caudal.compare.record import Contender, Study
from caudal.intervals import Reading
from caudal.report.html import Html, join, tag
from caudal.report.study.tables import Cell, legend, model, table
from caudal.report.study.words import StudyWords

_ESTIMATED = ("decision.sram", "decision.dram", "correct.dram", "training.dram")
_READ = ("decision.measured", "correct.measured", "training.measured")
_PREFIXES = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))


def energy_section(study: Study, words: StudyWords) -> Html:
    """The ladder: estimates by memory, then what a counter read, liquid beside traditional."""
    known = [contender for contender in study.contenders if contender.energy]
    if not known:
        return tag("p", words("energy.none"))
    read_here = any(_reading(contender, name).label != "unknown" for contender in known for name in _READ)
    names = (*_ESTIMATED, *_READ) if read_here else _ESTIMATED
    shown = [name for name in names if any(name in contender.energy for contender in known)]
    order = sorted(known, key=lambda contender: (_middle(contender) is None, _middle(contender) or 0.0))
    rows = [
        [Cell(model(contender), None, ""), *(_cell(contender, name, words) for name in shown)] for contender in order
    ]
    head = [words("model"), *(words(f"energy.{name}") for name in shown)]
    sources = sorted(
        {
            reading.origin
            for contender in known
            for name in shown
            if (reading := _reading(contender, name)).low is not None
        }
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


def _unread(known: Sequence[Contender], words: StudyWords) -> str:
    """Why there are no joules, and what would give some."""
    reason = next((reading.source for contender in known if (reading := _reading(contender, _READ[-1])).source), "")
    return words("energy.unread", reason=reason)


def _reading(contender: Contender, name: str) -> Reading:
    return contender.energy.get(name, Reading("unknown", ""))


def _middle(contender: Contender) -> float | None:
    return _reading(contender, _ESTIMATED[0]).joules


def _cell(contender: Contender, name: str, words: StudyWords) -> Cell:
    reading = _reading(contender, name)
    if reading.low is None or reading.high is None:
        return Cell(words("energy.label.unknown"))
    unit, prefix = next((pair for pair in _PREFIXES if reading.high >= pair[0]), _PREFIXES[-1])
    low, high = words.short(reading.low / unit), words.short(reading.high / unit)
    span = low if low == high else words("energy.span", low=low, high=high)
    return Cell(f"{span} {prefix}J {words(f'energy.label.{reading.label}')}", reading.joules)
