"""Whether the probabilities of a classifier can be taken at their word."""

from caudal.compare.metrics.record import Calibration
from caudal.compare.record import Contender, Study
from caudal.data.task import Task
from caudal.report.html import Html, join, tag
from caudal.report.plots.axes import Axis
from caudal.report.plots.marks import Frame, grid, plot, polyline, stretched
from caudal.report.study import query
from caudal.report.study.tables import Cell, details, model, table
from caudal.report.study.words import StudyWords

_WHOLE = Axis(0.0, 1.0)


def calibration_section(study: Study, words: StudyWords) -> Html:
    """A reliability diagram of each model, the best calibrated first, and their numbers."""
    if not Task(study.data.task).is_classification:
        return tag("p", words("calibration.numbers"))
    if not study.calibration:
        return tag("p", words("calibration.none"))
    known = [
        (contender, calibration)
        for calibration in study.calibration
        if (contender := query.contender(study, calibration.model)) is not None
    ]
    known.sort(key=lambda pair: pair[1].error.value)
    digits = min(query.digits(calibration.error for _, calibration in known), 3)
    return join(
        [
            tag("p", words("calibration.how")),
            tag(
                "div",
                *(_figure(contender, calibration, words, digits) for contender, calibration in known),
                class_="multiples",
            ),
            details(
                words("table"),
                _errors(known, words, digits),
                *(_bins(contender, calibration, words) for contender, calibration in known),
            ),
        ]
    )


def _figure(contender: Contender, calibration: Calibration, words: StudyWords, digits: int) -> Html:
    frame = Frame(_WHOLE, _WHOLE, 150)
    most = max((count for _, _, count in calibration.bins), default=1)
    dots = []
    for predicted, seen, count in calibration.bins:
        radius = 2.5 + 5.5 * (count / most) ** 0.5
        tip = words(
            "calibration.tip", said=words.percent(predicted, 1), seen=words.percent(seen, 1), n=words.whole(count)
        )
        dots.append(
            tag(
                "circle",
                class_=f"dot {contender.family}",
                cx=frame.x(predicted),
                cy=frame.y(seen),
                r=f"{radius:.1f}",
                data_tip=tip,
            )
        )
    error = words.number(calibration.error.value, digits)
    diagonal = polyline(frame, [(0, 0), (1, 1)], class_="diagonal")
    line = polyline(
        frame,
        [(predicted, seen) for predicted, seen, _ in sorted(calibration.bins)],
        class_=f"through {contender.family}",
    )
    drawn = plot(
        frame,
        words("calibration.label", model=contender.label, error=error),
        grid(frame, words, words("calibration.said"), words("calibration.seen"), (2, 2)),
        stretched(frame, diagonal, line),
        *dots,
        left=36,
    )
    small = tag("small", words("calibration.error", error=error)), tag("small", words.span(calibration.error, digits))
    return tag("figure", tag("figcaption", model(contender), *small), drawn)


def _errors(known: list[tuple[Contender, Calibration]], words: StudyWords, digits: int) -> Html:
    rows = [
        [
            Cell(model(contender), None, ""),
            Cell(words.number(calibration.error.value, digits), calibration.error.value),
            Cell(words.span(calibration.error, digits), calibration.error.high - calibration.error.low),
        ]
        for contender, calibration in known
    ]
    head = [
        words("model"),
        words.title("ece"),
        words("ranking.interval", level=words.percent(known[0][1].error.level)),
    ]
    return table(words("calibration.caption"), head, rows, sortable=True)


def _bins(contender: Contender, calibration: Calibration, words: StudyWords) -> Html:
    rows = [
        [
            Cell(words.percent(predicted, 1), predicted),
            Cell(words.percent(seen, 1), seen),
            Cell(words.whole(count), float(count)),
        ]
        for predicted, seen, count in calibration.bins
    ]
    head = [words("calibration.said"), words("calibration.seen"), words("series")]
    return table(words("calibration.bins", model=contender.label), head, rows)
