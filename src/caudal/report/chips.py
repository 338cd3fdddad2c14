"""The networks as C on a microcontroller: what each export answers, and what a step of it costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from caudal.pages import Html, join, tag
from caudal.records import Chip, Chips, Contender, Interval, OnChip, Study
from caudal.records.chip import ATMEGA328P
from caudal.report import query
from caudal.report.axes import logarithmic
from caudal.report.cost import Point, named
from caudal.report.drawing import Frame, grid, mark, plot
from caudal.report.tables import Cell, legend, model, table
from caudal.report.wording import Words

_RUNS_ON, _BUILT_FOR = "Cortex-M4F", "AVR"
# What a difference of a share has to reach to be told as one.
_LEAST = 0.0005


@dataclass(frozen=True)
class Shown:
    """An export with its contender and, where it ran, what it took."""

    one: Contender
    chip: Chip
    ran: OnChip | None

    @property
    def value(self) -> float | None:
        """The metric of the export."""
        return self.chip.export


def chips_section(study: Study, words: Words) -> Html:
    """What was found, in sentences; a drawing; the table; who has no C form."""
    found = study.chips
    if found is None:
        return tag("p", words("chips.none"))
    shown = _shown(study, found)
    ran = [one for one in shown if one.ran is not None and one.value is not None]
    how = words("chips.how", dtype=found.dtype, series=words.whole(found.series))
    counted = words("chips.counted") if ran else ""
    lacking = [
        tag("p", words.html("chips.missing", program=tag("code", program), target=target))
        for target, program in found.missing.items()
    ]
    parts: list[object] = [tag("p", how, " ", counted), *lacking]
    if shown:
        parts += [tag("p", " ".join(_told(study, words, shown, ran))), legend(words)]
        parts += [_drawing(study, words, ran)] if len(ran) > 1 else []
        parts += [_table(study, words, shown), *_notes(study, words, shown)]
    parts += [tag("p", told) for told in (_without(study, words, found),) if told]
    return join(parts)


def _shown(study: Study, found: Chips) -> list[Shown]:
    """Exports with what they took, the best first."""
    made = []
    for chip in found.each:
        one = query.contender(study, chip.model)
        if one is not None and not chip.refused:
            made.append(Shown(one, chip, chip.on(_RUNS_ON)))
    sign = -1 if study.higher_is_better else 1
    return sorted(made, key=lambda one: (one.value is None, sign * (one.value or 0.0)))


def _told(study: Study, words: Words, shown: Sequence[Shown], ran: Sequence[Shown]) -> list[str]:
    return [*_lost(study, words, shown), *_matched(study, words, ran)]


def _lost(study: Study, words: Words, shown: Sequence[Shown]) -> list[str]:
    """What the export costs at most."""
    sign = 1 if study.higher_is_better else -1
    judged = [
        (sign * (one.chip.network - one.chip.export), one)
        for one in shown
        if one.chip.network is not None and one.chip.export is not None
    ]
    moved = max(
        (one for one in shown if one.chip.widest is not None), key=lambda one: one.chip.widest or 0, default=None
    )
    if not judged or moved is None:
        return []
    worst, whose = max(judged, key=lambda pair: pair[0])
    metric, widest = words.metric(study.metric), words.brief(moved.chip.widest or 0.0)
    if worst < _LEAST * _scale(study):
        least = words.brief(_LEAST * _scale(study))
        return [words("chips.lost.none", metric=metric, least=least, widest=widest, model=moved.one.label)]
    change = words.brief(worst)
    whom = {"model": whose.one.label, "moved": moved.one.label}
    return [words("chips.lost.some", change=change, metric=metric, widest=widest, **whom)]


def _scale(study: Study) -> float:
    """1 for metrics that are shares, else the best value."""
    return 1.0 if study.higher_is_better else max((one.value for one in _best(study)), default=1.0)


def _best(study: Study) -> list[Interval]:
    return [found for one in study.contenders[:1] if (found := query.score(study, one.name)) is not None]


def _matched(study: Study, words: Words, ran: Sequence[Shown]) -> list[str]:
    """Of those within the margin of the best, who takes the fewest instructions, and what the other family takes."""
    if len(ran) < 2:
        return []
    margin, best = query.margin(study), ran[0].value or 0.0
    near = sorted((one for one in ran if abs((one.value or 0.0) - best) <= margin), key=_steps)
    first = near[0]
    metric = words.metric(study.metric)
    told = [
        words(
            "chips.matched",
            metric=metric,
            margin=words.brief(margin),
            model=first.one.label,
            n=words.whole(_steps(first)),
        )
    ]
    family: Literal["liquid", "traditional"] = "liquid" if first.one.family == "traditional" else "traditional"
    rival = next((one for one in near if one.one.family == family), None)
    called = words(f"chips.family.{family}")
    if rival is None:
        return [*told, words("chips.rival.none", family=called)]
    times = words.short(_steps(rival) / _steps(first), 2)
    return [*told, words("chips.rival", model=rival.one.label, family=called, times=times)]


def _steps(one: Shown) -> float:
    return one.ran.per_step if one.ran is not None and one.ran.per_step else float("inf")


def _drawing(study: Study, words: Words, ran: Sequence[Shown]) -> Html:
    points = [Point(one.one, _steps(one), Interval(v, v, v)) for one in ran if (v := one.value) is not None]
    frame = Frame(logarithmic(point.cost for point in points), query.axis(study, [p.score for p in points]), 260)
    metric, digits = words.title(study.metric), query.metric_digits(study)
    drawn = [
        mark(
            point.one.family, frame.x(point.cost), frame.y(point.score.value),
            data_tip=f"{point.one.label}: {words.number(point.score.value, digits)}; {words.whole(point.cost)}",
        )
        for point in points
    ]  # fmt: skip
    ticks = grid(frame, words, f"{words('chips.axis')} ({words('log')})", words("chips.export", metric=metric))
    label = words("chips.label", metric=metric)
    return plot(frame, label, ticks, *drawn, *named(frame, points, words, digits), class_="pareto")


def _table(study: Study, words: Words, shown: Sequence[Shown]) -> Html:
    metric, digits = words.title(study.metric), query.metric_digits(study)
    has_run, has_avr = any(one.ran for one in shown), any(one.chip.on(_BUILT_FOR) for one in shown)
    head = [words("model"), words("chips.export", metric=metric), words("chips.network")]
    if has_run:
        head += [words("chips.instructions"), words("chips.flash"), words("chips.state"), words("chips.stack")]
    else:
        head += [words("size.parameters"), words("size.operations"), words("chips.state")]
    head += [words("chips.fits")] if has_avr else []
    rows: list[list[object]] = []
    for one in shown:
        who = join([model(one.one), "*" if one.chip.is_bent else ""])
        row: list[object] = [Cell(who, None, "")]
        row += [_number(value, words, digits) for value in (one.chip.export, one.chip.network)]
        row += _costs(one, words) if has_run else _sizes(one, words)
        row += [_fits(one.chip.on(_BUILT_FOR), words)] if has_avr else []
        rows.append(row)
    return table(words("chips.caption"), head, rows, sortable=True)


def _number(value: float | None, words: Words, digits: int) -> Cell:
    return Cell("–") if value is None else Cell(words.number(value, digits), value)


def _costs(one: Shown, words: Words) -> list[object]:
    ran = one.ran
    if ran is None or ran.per_step is None:
        return [Cell("–")] * 4
    flag = "" if ran.same else tag("b", words("chips.different"), class_="badge warn")
    steps = Cell(join([words.whole(ran.per_step), flag]), ran.per_step)
    return [steps, *(Cell(words.whole(size), float(size)) for size in (ran.flash, ran.state, ran.stack))]


def _sizes(one: Shown, words: Words) -> list[object]:
    counts = (float(one.one.parameters), query.operations(one.one), float(one.chip.state_bytes))
    return [Cell(words.whole(count), count) for count in counts]


def _fits(built: OnChip | None, words: Words) -> Cell:
    if built is None:
        return Cell("–")
    answer = words("chips.fits.yes" if built.fits() else "chips.fits.no")
    taken = words("chips.fits.bytes", flash=words.whole(built.flash), ram=words.whole(built.ram))
    return Cell(join([answer, tag("small", " ", taken)]), float(built.flash))


def _notes(study: Study, words: Words, shown: Sequence[Shown]) -> list[Html]:
    """What a reader of the table must know."""
    told = []
    if any(one.chip.is_bent for one in shown):
        told.append(words("chips.bent"))
    slow = [one for one in shown if one.chip.dt_min > 0]
    if slow:
        unit = words.known("time", study.data.time_unit)
        each = (
            words("chips.shortest.one", model=one.one.label, n=words.brief(one.chip.dt_min), unit=unit) for one in slow
        )
        told.append(words("chips.shortest", each=words.listed(each)))
    if any(one.chip.on(_BUILT_FOR) for one in shown):
        flash, ram = (words.whole(size) for size in ATMEGA328P)
        told.append(words("chips.fits.note", flash=flash, ram=ram))
    notes = [tag("p", " ".join(told), class_="note")] if told else []
    faults = [one for one in shown if one.chip.fault]
    said = (tag("span", one.chip.fault, lang="en") for one in faults)
    return notes + [
        tag("p", words("chips.fault", model=one.one.label), " ", why, class_="note")
        for one, why in zip(faults, said, strict=True)
    ]


def _without(study: Study, words: Words, found: Chips) -> str:
    each = [
        words("chips.without.one", model=query.label(study, chip.model), why=words.known("chips.refused", chip.refused))
        for chip in found.each
        if chip.refused
    ]
    return words("chips.without", each=words.listed(each)) if each else ""
