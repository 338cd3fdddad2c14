"""Whether the probabilities of a classifier can be taken at their word."""

from caudal.pages import Html, join, tag
from caudal.records import Calibration, Contender, Study
from caudal.report import query
from caudal.report.axes import Axis
from caudal.report.drawing import Frame, grid, plot, polyline, stretched
from caudal.report.tables import Cell, details, model, table
from caudal.report.wording import Words

_WHOLE = Axis(0.0, 1.0)


def calibration_section(study: Study, words: Words) -> Html:
    """A reliability diagram of each model, the best calibrated first, and their numbers."""
    if not study.data.task.startswith("classify"):
        return tag("p", words("calibration.numbers"))
    if not study.calibration:
        return tag("p", words("calibration.none"))
    known = [(one, found) for found in study.calibration if (one := query.contender(study, found.model)) is not None]
    known.sort(key=lambda pair: pair[1].error.value)
    digits = min(query.digits(found.error for _, found in known), 3)
    return join(
        [
            tag("p", words("calibration.how")),
            tag("div", *(_figure(one, found, words, digits) for one, found in known), class_="multiples"),
            details(words("table"), _errors(known, words, digits), *(_bins(one, found, words) for one, found in known)),
        ]
    )


def _figure(one: Contender, found: Calibration, words: Words, digits: int) -> Html:
    frame = Frame(_WHOLE, _WHOLE, 150)
    most = max((count for _, _, count in found.bins), default=1)
    dots = []
    for said, seen, count in found.bins:
        radius = 2.5 + 5.5 * (count / most) ** 0.5
        tip = words("calibration.tip", said=words.percent(said, 1), seen=words.percent(seen, 1), n=words.whole(count))
        dots.append(
            tag(
                "circle",
                class_=f"dot {one.family}",
                cx=frame.x(said),
                cy=frame.y(seen),
                r=f"{radius:.1f}",
                data_tip=tip,
            )
        )
    error = words.number(found.error.value, digits)
    diagonal = polyline(frame, [(0, 0), (1, 1)], class_="diagonal")
    line = polyline(frame, [(said, seen) for said, seen, _ in sorted(found.bins)], class_=f"through {one.family}")
    drawn = plot(
        frame,
        words("calibration.label", model=one.label, error=error),
        grid(frame, words, words("calibration.said"), words("calibration.seen"), (2, 2)),
        stretched(frame, diagonal, line),
        *dots,
        left=36,
    )
    small = tag("small", words("calibration.error", error=error)), tag("small", words.span(found.error, digits))
    return tag("figure", tag("figcaption", model(one), *small), drawn)


def _errors(known: list[tuple[Contender, Calibration]], words: Words, digits: int) -> Html:
    rows = [
        [
            Cell(model(one), None, ""),
            Cell(words.number(found.error.value, digits), found.error.value),
            Cell(words.span(found.error, digits), found.error.high - found.error.low),
        ]
        for one, found in known
    ]
    head = [
        words("model"),
        words.title("ece"),
        words("ranking.interval", level=words.percent(known[0][1].error.level)),
    ]
    return table(words("calibration.caption"), head, rows, sortable=True)


def _bins(one: Contender, found: Calibration, words: Words) -> Html:
    rows = [
        [Cell(words.percent(said, 1), said), Cell(words.percent(seen, 1), seen), Cell(words.whole(count), float(count))]
        for said, seen, count in found.bins
    ]
    head = [words("calibration.said"), words("calibration.seen"), words("series")]
    return table(words("calibration.bins", model=one.label), head, rows)
