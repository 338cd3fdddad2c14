"""Each liquid model against each traditional one, on the same seeds and the same series."""

from caudal.compare.metrics.record import Paired
from caudal.compare.record import Study
from caudal.report.html import Html, join, tag
from caudal.report.study import query
from caudal.report.study.tables import Cell, details, model, table
from caudal.report.study.verdict import losses_line
from caudal.report.study.words import StudyWords

# Signs stand beside words, so that neither colour nor shape is needed alone.
SIGNS = {"better": "▲", "worse": "▼", "alike": "=", "undecided": "?"}


def pairs_section(study: Study, words: StudyWords) -> Html:
    """The matrix of verdicts, and every paired comparison in numbers."""
    if not study.comparisons:
        return tag("p", words("pairs.none"))
    digits = query.gap_digits(study, study.comparisons)
    gap = words.number(query.margin(study), max(digits, 2))
    counts = _counts(study, words)
    parts = [
        tag("p", words("pairs.how", margin=gap, test=words.known("test", study.comparisons[0].test))),
        tag("p", counts) if counts else "",
        tag("p", losses_line(study, words)),
        _matrix(study, words, digits),
        details(words("pairs.all", n=words.whole(len(study.comparisons))), _list(study, words, digits)),
    ]
    return join(parts)


def _cross(study: Study) -> list[Paired]:
    liquid = [contender.name for contender in study.contenders if contender.family == "liquid"]
    rivals = [contender.name for contender in study.contenders if contender.family == "traditional"]
    pairs = (query.pair(study, first, second, _question(study)) for first in liquid for second in rivals)
    return [pair for pair in pairs if pair is not None]


def _question(study: Study) -> str:
    """The question that pairs of a liquid and a traditional model answer; older studies name none."""
    return "kinds" if any(pair.question for pair in study.comparisons) else ""


def _counts(study: Study, words: StudyWords) -> str:
    cross = _cross(study)
    if not cross:
        return ""
    tally = {name: sum(pair.verdict == name for pair in cross) for name in SIGNS}
    return words(
        "pairs.counts", n=words.whole(len(cross)), **{name: words.whole(count) for name, count in tally.items()}
    )


def _matrix(study: Study, words: StudyWords, digits: int) -> Html:
    liquid = [contender for contender in study.contenders if contender.family == "liquid"]
    rivals = [contender for contender in study.contenders if contender.family == "traditional"]
    if not liquid or not rivals:
        return tag("p", words("pairs.one_family"))
    rows: list[list[object]] = []
    for mine in liquid:
        row: list[object] = [Cell(model(mine), None, "")]
        for rival in rivals:
            pair = query.pair(study, mine.name, rival.name, _question(study))
            row.append(Cell("–", None, "pair") if pair is None else _verdict(pair, words, digits))
        rows.append(row)
    caption = words("pairs.caption", metric=words.metric(study.metric))
    return table(caption, [words("pairs.corner"), *(model(contender) for contender in rivals)], rows, class_="matrix")


def _verdict(pair: Paired, words: StudyWords, digits: int) -> Cell:
    mark = tag("span", SIGNS.get(pair.verdict, "?"), aria_hidden="true")
    shown = tag("b", mark, " ", words.known("pair", pair.verdict))
    gap = pair.difference
    numbers = words.number(gap.value, digits, signed=True), words.span(gap, digits)
    return Cell(
        join([shown, *(tag("small", number) for number in numbers)]),
        gap.value,
        f"pair {pair.verdict if pair.verdict in SIGNS else ''}".strip(),
    )


def _list(study: Study, words: StudyWords, digits: int) -> Html:
    names = ("pairs.question", "pairs.first", "pairs.second", "pairs.gap", "pairs.interval", "pairs.p", "pairs.verdict")
    rows: list[list[object]] = []
    for pair in study.comparisons:
        gap = pair.difference
        rows.append(
            [
                words.known("question", pair.question),
                query.label(study, pair.first),
                query.label(study, pair.second),
                Cell(words.number(gap.value, digits, signed=True), gap.value),
                Cell(words.span(gap, digits), gap.high - gap.low),
                Cell(words.p_value(pair.p_value), pair.p_value),
                words.known("pair", pair.verdict),
            ]
        )
    return table(words("pairs.all.caption"), [words(name) for name in names], rows, sortable=True)
