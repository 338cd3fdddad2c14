"""Fairness: the primary metric within each group, and the gaps between groups; small groups are flagged, not hidden."""

from caudal.compare.metrics.record import GroupScore
from caudal.compare.record import Contender, Study
from caudal.report.fairness.words import words as fair_words
from caudal.report.html import Html, join, tag
from caudal.report.plots.marks import strip, strip_axis, strip_grid, strip_interval
from caudal.report.study import fairness, query
from caudal.report.study.tables import Cell, details, legend, model, table
from caudal.report.study.words import StudyWords

# Below these an interval says more about chance than about the group.
FEW_SERIES, FEW_POSITIVES = 50, 10
_ROW = 26


def groups_section(study: Study, words: StudyWords) -> Html:
    """Harms and concepts; for each attribute the models of the verdict by group, their gaps, and tables of all."""
    attributes = list(dict.fromkeys(score.attribute for score in study.groups))
    attributes += [
        name for record in study.fairness[:1] for name in (a.name for a in record.attributes) if name not in attributes
    ]
    if not attributes:
        sensitive = words.listed(study.data.sensitive)
        none = words("groups.none.sensitive", names=sensitive) if sensitive else words("groups.none")
        return join([tag("p", none), fairness.left_open(study, words)])
    how = words("groups.how", series=words.whole(FEW_SERIES), positives=words.whole(FEW_POSITIVES))
    inputs = words("groups.inputs" if study.data.sensitive_inputs else "groups.no_inputs")
    parts = [_attribute(study, words, name) for name in attributes]
    opening = [fairness.concepts(study, words), tag("p", how, " ", inputs), fairness.how(study, words)]
    return join([*opening, legend(words), *parts, fairness.left_open(study, words)])


def is_small(group_score: GroupScore) -> bool:
    """Whether a group is too small for its interval to say much."""
    few = (
        group_score.positives is not None
        and min(group_score.positives, group_score.count - group_score.positives) < FEW_POSITIVES
    )
    return group_score.score is None or group_score.count < FEW_SERIES or few


def _attribute(study: Study, words: StudyWords, attribute: str) -> Html:
    group_scores = [score for score in study.groups if score.attribute == attribute]
    chosen = [
        contender for contender in query.mains(study) if any(score.model == contender.name for score in group_scores)
    ]
    parts: list[object] = [tag("h3", attribute)]
    if group_scores and study.fairness:
        parts.append(tag("h4", words("fairness.score", attribute=attribute)))
    if any(score.score is not None for score in group_scores):
        parts.append(_forest(study, words, attribute, group_scores, chosen))
    if chosen:
        parts.append(tag("p", _gaps(study, words, group_scores, chosen), class_="note"))
    if group_scores:
        parts.append(details(words("groups.all", attribute=attribute), _all(study, words, attribute, group_scores)))
    return join([*parts, fairness.gaps_by(study, words, attribute)])


def _forest(
    study: Study, words: StudyWords, attribute: str, group_scores: list[GroupScore], chosen: list[Contender]
) -> Html:
    names = {contender.name for contender in chosen}
    scores = [
        group_score.score
        for group_score in group_scores
        if group_score.score is not None and group_score.model in names
    ]
    # As in the ranking, the trivial model does not stretch the axis.
    trained = {contender.name for contender in chosen if contender.family != "trivial"}
    ends = [
        s for group_score in group_scores if (s := group_score.score) is not None and group_score.model in trained
    ] or scores
    axis, digits = query.axis(study, ends), query.digits(scores)
    rows: list[list[object]] = []
    for group in dict.fromkeys(group_score.group for group_score in group_scores):
        members = {group_score.model: group_score for group_score in group_scores if group_score.group == group}
        shown = [contender for contender in chosen if contender.name in members]
        for contender in shown:
            it = members[contender.name]
            value = words.number(it.score.value, digits) if it.score else words("groups.no_score")
            called = fair_words(words.lang).group(group)
            tip = f"{called}, {contender.label}: {value}"
            drawn = [strip_interval(axis, it.score, contender.family, _ROW / 2, data_tip=tip)] if it.score else []
            row = [
                Cell(model(contender), None, "who"),
                Cell(strip(tip, _ROW, strip_grid(axis, _ROW), *drawn), None, "draw"),
            ]
            if contender is shown[0]:
                name = join([tag("span", called, class_="group"), _size(it, words)])
                row.insert(0, Cell(name, None, "first", rows=len(shown)))
            rows.append([*row, Cell(_value(it, words, digits))])
    metric = words.title(study.metric)
    head = [attribute, words("model"), "", metric]
    foot = ["", "", Cell(strip_axis(axis, words), None, "draw"), ""]
    caption = words("groups.caption", metric=metric, attribute=attribute)
    return table(caption, head, rows, foot=foot, class_="forest groups")


def _size(group_score: GroupScore, words: StudyWords) -> Html:
    text = words.many("groups.series", group_score.count)
    if group_score.positives is not None:
        text += ", " + words.many("groups.positives", group_score.positives)
    flag = tag("b", words("groups.small"), class_="badge warn") if is_small(group_score) else ""
    return join([tag("small", text), flag])


def _value(group_score: GroupScore, words: StudyWords, digits: int) -> Html:
    if group_score.score is None:
        return tag("span", words("groups.no_score"), class_="quiet")
    return join(
        [words.number(group_score.score.value, digits), tag("small", " ", words.span(group_score.score, digits))]
    )


def _gaps(study: Study, words: StudyWords, group_scores: list[GroupScore], chosen: list[Contender]) -> str:
    """Between the best and the worst group of each model, small ones left out: their scores say little."""
    digits, group = query.digits(group_score.score for group_score in group_scores), fair_words(words.lang).group
    gaps = []
    for contender in (contender for contender in chosen if contender.family != "trivial"):
        scores = [
            (it.score.value, it.group)
            for it in group_scores
            if it.model == contender.name and it.score and not is_small(it)
        ]
        if len(scores) > 1:
            low, high = min(scores), max(scores)
            gap = words.number(high[0] - low[0], digits)
            gaps.append(words("groups.gap", model=contender.label, gap=gap, low=group(low[1]), high=group(high[1])))
    return words("groups.gaps", gaps=words.listed(gaps)) if gaps else words("groups.gaps.none")


def _all(study: Study, words: StudyWords, attribute: str, group_scores: list[GroupScore]) -> Html:
    digits = query.digits(group_score.score for group_score in group_scores)
    rows: list[list[object]] = []
    for group_score in group_scores:
        score = group_score.score
        rows.append(
            [
                fair_words(words.lang).group(group_score.group),
                query.label(study, group_score.model),
                Cell(words.whole(group_score.count), float(group_score.count)),
                Cell("–")
                if group_score.positives is None
                else Cell(words.whole(group_score.positives), float(group_score.positives)),
                Cell("–") if score is None else Cell(words.number(score.value, digits), score.value),
                Cell("–" if score is None else words.span(score, digits)),
                words("groups.small") if is_small(group_score) else "",
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
