"""The networks as C on a microcontroller: what each export answers, and what a step of it costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from caudal.compare.record import ATMEGA328P, Chip, Chips, Contender, OnChip, Study
from caudal.intervals import Interval
from caudal.report.html import Html, join, tag
from caudal.report.plots.axes import logarithmic
from caudal.report.plots.marks import Frame, grid, mark, plot
from caudal.report.study import query
from caudal.report.study.cost import CostPoint, named
from caudal.report.study.tables import Cell, legend, model, table
from caudal.report.study.words import StudyWords

_RUNS_ON, _BUILT_FOR = "Cortex-M4F", "AVR"
# What a difference of a share has to reach to be told as one.
_LEAST = 0.0005


@dataclass(frozen=True)
class Shown:
    """An export with its contender and, where it ran, what it took."""

    contender: Contender
    chip: Chip
    ran: OnChip | None

    @property
    def value(self) -> float | None:
        """The metric of the export."""
        return self.chip.export


def chips_section(study: Study, words: StudyWords) -> Html:
    """What was found, in sentences; a drawing; the table; who has no C form."""
    chips = study.chips
    if chips is None:
        return tag("p", words("chips.none"))
    shown = _shown(study, chips)
    ran = [export for export in shown if export.ran is not None and export.value is not None]
    how = words("chips.how", dtype=chips.dtype, series=words.whole(chips.series))
    counted = words("chips.counted") if ran else ""
    lacking = [
        tag("p", words.html("chips.missing", program=tag("code", program), target=target))
        for target, program in chips.missing.items()
    ]
    parts: list[object] = [tag("p", how, " ", counted), *lacking]
    if shown:
        parts += [tag("p", " ".join(_told(study, words, shown, ran))), legend(words)]
        parts += [_drawing(study, words, ran)] if len(ran) > 1 else []
        parts += [_table(study, words, shown), *_notes(study, words, shown)]
    parts += [tag("p", sentence) for sentence in (_without(study, words, chips),) if sentence]
    return join(parts)


def _shown(study: Study, chips: Chips) -> list[Shown]:
    """Exports with what they took, the best first."""
    exports = []
    for chip in chips.each:
        contender = query.contender(study, chip.model)
        if contender is not None and not chip.refused:
            exports.append(Shown(contender, chip, chip.on(_RUNS_ON)))
    sign = -1 if study.higher_is_better else 1
    return sorted(exports, key=lambda export: (export.value is None, sign * (export.value or 0.0)))


def _told(study: Study, words: StudyWords, shown: Sequence[Shown], ran: Sequence[Shown]) -> list[str]:
    return [*_lost(study, words, shown), *_matched(study, words, ran)]


def _lost(study: Study, words: StudyWords, shown: Sequence[Shown]) -> list[str]:
    """The sentence about the largest loss of the metric by an export, empty where none was judged."""
    sign = 1 if study.higher_is_better else -1
    judged = [
        (sign * (export.chip.network - export.chip.export), export)
        for export in shown
        if export.chip.network is not None and export.chip.export is not None
    ]
    moved = max(
        (export for export in shown if export.chip.widest is not None),
        key=lambda export: export.chip.widest or 0,
        default=None,
    )
    if not judged or moved is None:
        return []
    worst, whose = max(judged, key=lambda pair: pair[0])
    metric, widest = words.metric(study.metric), words.brief(moved.chip.widest or 0.0)
    if worst < _LEAST * _scale(study):
        least = words.brief(_LEAST * _scale(study))
        return [words("chips.lost.none", metric=metric, least=least, widest=widest, model=moved.contender.label)]
    change = words.brief(worst)
    whom = {"model": whose.contender.label, "moved": moved.contender.label}
    return [words("chips.lost.some", change=change, metric=metric, widest=widest, **whom)]


def _scale(study: Study) -> float:
    """1 for metrics that are shares, else the best value."""
    return 1.0 if study.higher_is_better else max((interval.value for interval in _best(study)), default=1.0)


def _best(study: Study) -> list[Interval]:
    return [
        interval for contender in study.contenders[:1] if (interval := query.score(study, contender.name)) is not None
    ]


def _matched(study: Study, words: StudyWords, ran: Sequence[Shown]) -> list[str]:
    """Of those within the margin of the best, who takes the fewest instructions, and what the other family takes."""
    if len(ran) < 2:
        return []
    margin, best = query.margin(study), ran[0].value or 0.0
    near = sorted((export for export in ran if abs((export.value or 0.0) - best) <= margin), key=_steps)
    first = near[0]
    metric = words.metric(study.metric)
    sentences = [
        words(
            "chips.matched",
            metric=metric,
            margin=words.brief(margin),
            model=first.contender.label,
            n=words.whole(_steps(first)),
        )
    ]
    family: Literal["liquid", "traditional"] = "liquid" if first.contender.family == "traditional" else "traditional"
    rival = next((export for export in near if export.contender.family == family), None)
    called = words(f"chips.family.{family}")
    if rival is None:
        return [*sentences, words("chips.rival.none", family=called)]
    times = words.short(_steps(rival) / _steps(first), 2)
    return [*sentences, words("chips.rival", model=rival.contender.label, family=called, times=times)]


def _steps(export: Shown) -> float:
    return export.ran.per_step if export.ran is not None and export.ran.per_step else float("inf")


def _drawing(study: Study, words: StudyWords, ran: Sequence[Shown]) -> Html:
    points = [
        CostPoint(export.contender, _steps(export), Interval(v, v, v))
        for export in ran
        if (v := export.value) is not None
    ]
    frame = Frame(logarithmic(point.cost for point in points), query.axis(study, [p.score for p in points]), 260)
    metric, digits = words.title(study.metric), query.metric_digits(study)
    drawn = [
        mark(
            point.contender.family,
            frame.x(point.cost),
            frame.y(point.score.value),
            data_tip=f"{point.contender.label}: {words.number(point.score.value, digits)}; {words.whole(point.cost)}",
        )
        for point in points
    ]
    ticks = grid(frame, words, f"{words('chips.axis')} ({words('log')})", words("chips.export", metric=metric))
    label = words("chips.label", metric=metric)
    return plot(frame, label, ticks, *drawn, *named(frame, points, words, digits), class_="pareto")


def _table(study: Study, words: StudyWords, shown: Sequence[Shown]) -> Html:
    metric, digits = words.title(study.metric), query.metric_digits(study)
    has_run, has_avr = any(export.ran for export in shown), any(export.chip.on(_BUILT_FOR) for export in shown)
    head = [words("model"), words("chips.export", metric=metric), words("chips.network")]
    if has_run:
        head += [words("chips.instructions"), words("chips.flash"), words("chips.state"), words("chips.stack")]
    else:
        head += [words("size.parameters"), words("size.operations"), words("chips.state")]
    head += [words("chips.fits")] if has_avr else []
    rows: list[list[object]] = []
    for export in shown:
        who = join([model(export.contender), "*" if export.chip.is_bent else ""])
        row: list[object] = [Cell(who, None, "")]
        row += [_number(value, words, digits) for value in (export.chip.export, export.chip.network)]
        row += _costs(export, words) if has_run else _sizes(export, words)
        row += [_fits(export.chip.on(_BUILT_FOR), words)] if has_avr else []
        rows.append(row)
    return table(words("chips.caption"), head, rows, sortable=True)


def _number(value: float | None, words: StudyWords, digits: int) -> Cell:
    return Cell("–") if value is None else Cell(words.number(value, digits), value)


def _costs(export: Shown, words: StudyWords) -> list[object]:
    ran = export.ran
    if ran is None or ran.per_step is None:
        return [Cell("–")] * 4
    flag = "" if ran.same else tag("b", words("chips.different"), class_="badge warn")
    steps = Cell(join([words.whole(ran.per_step), flag]), ran.per_step)
    return [steps, *(Cell(words.whole(size), float(size)) for size in (ran.flash, ran.state, ran.stack))]


def _sizes(export: Shown, words: StudyWords) -> list[object]:
    counts = (float(export.contender.parameters), query.operations(export.contender), float(export.chip.state_bytes))
    return [Cell(words.whole(count), count) for count in counts]


def _fits(built: OnChip | None, words: StudyWords) -> Cell:
    if built is None:
        return Cell("–")
    answer = words("chips.fits.yes" if built.fits() else "chips.fits.no")
    taken = words("chips.fits.bytes", flash=words.whole(built.flash), ram=words.whole(built.ram))
    return Cell(join([answer, tag("small", " ", taken)]), float(built.flash))


def _notes(study: Study, words: StudyWords, shown: Sequence[Shown]) -> list[Html]:
    """What a reader of the table must know."""
    sentences = []
    if any(export.chip.is_bent for export in shown):
        sentences.append(words("chips.bent"))
    slow = [export for export in shown if export.chip.dt_min > 0]
    if slow:
        unit = words.known("time", study.data.time_unit)
        each = (
            words("chips.shortest.one", model=export.contender.label, n=words.brief(export.chip.dt_min), unit=unit)
            for export in slow
        )
        sentences.append(words("chips.shortest", each=words.listed(each)))
    if any(export.chip.on(_BUILT_FOR) for export in shown):
        flash, ram = (words.whole(size) for size in ATMEGA328P)
        sentences.append(words("chips.fits.note", flash=flash, ram=ram))
    notes = [tag("p", " ".join(sentences), class_="note")] if sentences else []
    faults = [export for export in shown if export.chip.fault]
    texts = (tag("span", export.chip.fault, lang="en") for export in faults)
    return notes + [
        tag("p", words("chips.fault", model=export.contender.label), " ", why, class_="note")
        for export, why in zip(faults, texts, strict=True)
    ]


def _without(study: Study, words: StudyWords, chips: Chips) -> str:
    each = [
        words("chips.without.one", model=query.label(study, chip.model), why=words.known("chips.refused", chip.refused))
        for chip in chips.each
        if chip.refused
    ]
    return words("chips.without", each=words.listed(each)) if each else ""
