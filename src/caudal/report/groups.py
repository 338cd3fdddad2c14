"""Fairness: the primary metric within each group, and the gaps between groups; small groups are flagged, not hidden."""

from caudal.fair.page.words import words as fair_words
from caudal.pages import Html, join, tag
from caudal.records import Contender, GroupScore, Study
from caudal.report import fairness, query
from caudal.report.drawing import strip, strip_axis, strip_grid, strip_interval
from caudal.report.tables import Cell, details, legend, model, table
from caudal.report.wording import Words

# Below these an interval says more about chance than about the group.
FEW_SERIES, FEW_POSITIVES = 50, 10
_ROW = 26


def groups_section(study: Study, words: Words) -> Html:
    """Harms and concepts; for each attribute the models of the verdict by group, their gaps, and tables of all."""
    attributes = list(dict.fromkeys(one.attribute for one in study.groups))
    attributes += [
        name for one in study.fairness[:1] for name in (a.name for a in one.attributes) if name not in attributes
    ]
    if not attributes:
        sensitive = words.listed(study.data.sensitive)
        none = words("groups.none.sensitive", names=sensitive) if sensitive else words("groups.none")
        return join([tag("p", none), fairness.left_open(study, words)])
    how = words("groups.how", series=words.whole(FEW_SERIES), positives=words.whole(FEW_POSITIVES))
    inputs = words("groups.inputs" if study.data.sensitive_inputs else "groups.no_inputs")
    parts = [_attribute(study, words, name) for name in attributes]
    told = [fairness.concepts(study, words), tag("p", how, " ", inputs), fairness.how(study, words)]
    return join([*told, legend(words), *parts, fairness.left_open(study, words)])


def is_small(one: GroupScore) -> bool:
    """Whether a group is too small for its interval to say much."""
    few = one.positives is not None and min(one.positives, one.count - one.positives) < FEW_POSITIVES
    return one.score is None or one.count < FEW_SERIES or few


def _attribute(study: Study, words: Words, attribute: str) -> Html:
    found = [one for one in study.groups if one.attribute == attribute]
    chosen = [one for one in query.mains(study) if any(score.model == one.name for score in found)]
    parts: list[object] = [tag("h3", attribute)]
    if found and study.fairness:
        parts.append(tag("h4", words("fairness.score", attribute=attribute)))
    if any(one.score is not None for one in found):
        parts.append(_forest(study, words, attribute, found, chosen))
    if chosen:
        parts.append(tag("p", _gaps(study, words, found, chosen), class_="note"))
    if found:
        parts.append(details(words("groups.all", attribute=attribute), _all(study, words, attribute, found)))
    return join([*parts, fairness.gaps_by(study, words, attribute)])


def _forest(study: Study, words: Words, attribute: str, found: list[GroupScore], chosen: list[Contender]) -> Html:
    names = {one.name for one in chosen}
    scores = [one.score for one in found if one.score is not None and one.model in names]
    # As in the ranking, the trivial model does not stretch the axis.
    trained = {one.name for one in chosen if one.family != "trivial"}
    ends = [s for one in found if (s := one.score) is not None and one.model in trained] or scores
    axis, digits = query.axis(study, ends), query.digits(scores)
    rows: list[list[object]] = []
    for group in dict.fromkeys(one.group for one in found):
        members = {one.model: one for one in found if one.group == group}
        shown = [one for one in chosen if one.name in members]
        for one in shown:
            it = members[one.name]
            value = words.number(it.score.value, digits) if it.score else words("groups.no_score")
            called = fair_words(words.lang).group(group)
            tip = f"{called}, {one.label}: {value}"
            drawn = [strip_interval(axis, it.score, one.family, _ROW / 2, data_tip=tip)] if it.score else []
            row = [Cell(model(one), None, "who"), Cell(strip(tip, _ROW, strip_grid(axis, _ROW), *drawn), None, "draw")]
            if one is shown[0]:
                name = join([tag("span", called, class_="group"), _size(it, words)])
                row.insert(0, Cell(name, None, "first", rows=len(shown)))
            rows.append([*row, Cell(_value(it, words, digits))])
    metric = words.title(study.metric)
    head = [attribute, words("model"), "", metric]
    foot = ["", "", Cell(strip_axis(axis, words), None, "draw"), ""]
    caption = words("groups.caption", metric=metric, attribute=attribute)
    return table(caption, head, rows, foot=foot, class_="forest groups")


def _size(one: GroupScore, words: Words) -> Html:
    text = words.many("groups.series", one.count)
    if one.positives is not None:
        text += ", " + words.many("groups.positives", one.positives)
    flag = tag("b", words("groups.small"), class_="badge warn") if is_small(one) else ""
    return join([tag("small", text), flag])


def _value(one: GroupScore, words: Words, digits: int) -> Html:
    if one.score is None:
        return tag("span", words("groups.no_score"), class_="quiet")
    return join([words.number(one.score.value, digits), tag("small", " ", words.span(one.score, digits))])


def _gaps(study: Study, words: Words, found: list[GroupScore], chosen: list[Contender]) -> str:
    """Between the best and the worst group of each model, small ones left out: their scores say little."""
    digits, group = query.digits(one.score for one in found), fair_words(words.lang).group
    told = []
    for one in (one for one in chosen if one.family != "trivial"):
        scores = [(it.score.value, it.group) for it in found if it.model == one.name and it.score and not is_small(it)]
        if len(scores) > 1:
            low, high = min(scores), max(scores)
            gap = words.number(high[0] - low[0], digits)
            told.append(words("groups.gap", model=one.label, gap=gap, low=group(low[1]), high=group(high[1])))
    return words("groups.gaps", gaps=words.listed(told)) if told else words("groups.gaps.none")


def _all(study: Study, words: Words, attribute: str, found: list[GroupScore]) -> Html:
    digits = query.digits(one.score for one in found)
    rows: list[list[object]] = []
    for one in found:
        score = one.score
        rows.append(
            [
                fair_words(words.lang).group(one.group),
                query.label(study, one.model),
                Cell(words.whole(one.count), float(one.count)),
                Cell("–") if one.positives is None else Cell(words.whole(one.positives), float(one.positives)),
                Cell("–") if score is None else Cell(words.number(score.value, digits), score.value),
                Cell("–" if score is None else words.span(score, digits)),
                words("groups.small") if is_small(one) else "",
            ]
        )
    keys = ("model", "series", "positives")
    head = [
        attribute,
        *(words(key) for key in keys),
        words.title(study.metric),
        words("interval.word"),
        words("groups.flag"),
    ]
    return table(words("groups.all.caption", attribute=attribute), head, rows, sortable=True)
