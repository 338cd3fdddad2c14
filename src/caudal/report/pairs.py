"""Each liquid model against each traditional one, on the same seeds and the same series."""

from caudal.pages import Html, join, tag
from caudal.records import Paired, Study
from caudal.report import query
from caudal.report.tables import Cell, details, model, table
from caudal.report.wording import Words

# Signs stand beside words, so that neither colour nor shape is needed alone.
SIGNS = {"better": "▲", "worse": "▼", "alike": "=", "undecided": "?"}


def pairs_section(study: Study, words: Words) -> Html:
    """The matrix of verdicts, and every paired comparison in numbers."""
    if not study.comparisons:
        return tag("p", words("pairs.none"))
    digits = query.gap_digits(study, study.comparisons)
    gap = words.number(query.margin(study), max(digits, 2))
    counts = _counts(study, words)
    parts = [
        tag("p", words("pairs.how", margin=gap, test=words.known("test", study.comparisons[0].test))),
        tag("p", counts) if counts else "",
        _matrix(study, words, digits),
        details(words("pairs.all", n=words.whole(len(study.comparisons))), _list(study, words, digits)),
    ]
    return join(parts)


def _cross(study: Study) -> list[Paired]:
    liquid = [one.name for one in study.contenders if one.family == "liquid"]
    rivals = [one.name for one in study.contenders if one.family == "traditional"]
    found = (query.pair(study, first, second) for first in liquid for second in rivals)
    return [one for one in found if one is not None]


def _counts(study: Study, words: Words) -> str:
    cross = _cross(study)
    if not cross:
        return ""
    tally = {name: sum(one.verdict == name for one in cross) for name in SIGNS}
    return words(
        "pairs.counts", n=words.whole(len(cross)), **{name: words.whole(count) for name, count in tally.items()}
    )


def _matrix(study: Study, words: Words, digits: int) -> Html:
    liquid = [one for one in study.contenders if one.family == "liquid"]
    rivals = [one for one in study.contenders if one.family == "traditional"]
    if not liquid or not rivals:
        return tag("p", words("pairs.one_family"))
    rows: list[list[object]] = []
    for mine in liquid:
        row: list[object] = [Cell(model(mine), None, "")]
        for rival in rivals:
            found = query.pair(study, mine.name, rival.name)
            row.append(Cell("–", None, "pair") if found is None else _verdict(found, words, digits))
        rows.append(row)
    caption = words("pairs.caption", metric=words.metric(study.metric))
    return table(caption, [words("pairs.corner"), *(model(one) for one in rivals)], rows, class_="matrix")


def _verdict(found: Paired, words: Words, digits: int) -> Cell:
    mark = tag("span", SIGNS.get(found.verdict, "?"), aria_hidden="true")
    shown = tag("b", mark, " ", words.known("pair", found.verdict))
    gap = found.difference
    numbers = words.number(gap.value, digits, signed=True), words.span(gap, digits)
    return Cell(
        join([shown, *(tag("small", one) for one in numbers)]),
        gap.value,
        f"pair {found.verdict if found.verdict in SIGNS else ''}".strip(),
    )


def _list(study: Study, words: Words, digits: int) -> Html:
    names = ("pairs.first", "pairs.second", "pairs.gap", "pairs.interval", "pairs.p", "pairs.verdict")
    rows: list[list[object]] = []
    for one in study.comparisons:
        gap = one.difference
        rows.append(
            [
                query.label(study, one.first),
                query.label(study, one.second),
                Cell(words.number(gap.value, digits, signed=True), gap.value),
                Cell(words.span(gap, digits), gap.high - gap.low),
                Cell(words.p_value(one.p_value), one.p_value),
                words.known("pair", one.verdict),
            ]
        )
    return table(words("pairs.all.caption"), [words(name) for name in names], rows, sortable=True)
