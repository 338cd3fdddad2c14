"""Who did how well: the ranking with intervals, every metric, every run."""

from caudal.compare.record import Contender, Study
from caudal.report.html import Html, join, tag
from caudal.report.plots.axes import Axis
from caudal.report.plots.marks import percent, strip, strip_axis, strip_grid, strip_interval
from caudal.report.study import query
from caudal.report.study.tables import Cell, details, legend, model, table
from caudal.report.study.words import StudyWords

_ROW = 30


def ranking_section(study: Study, words: StudyWords) -> Html:
    """The forest plot of the primary metric, the table of all metrics, and the raw runs."""
    ranked = [contender for contender in study.contenders if query.score(study, contender.name)]
    if not ranked:
        return join([tag("p", words("ranking.none")), _failed(study, words)])
    metric = words.title(study.metric)
    direction = words("higher" if study.higher_is_better else "lower")
    parts = [
        tag(
            "p", words("ranking.how", metric=metric, direction=direction, resamples=words.whole(study.budget.resamples))
        ),
        legend(words),
        _forest(study, words, ranked),
        tag("h3", words("ranking.all")),
        _metrics(study, words, ranked),
        _hardly_trained(study, words),
        _failed(study, words),
        details(words("ranking.raw", n=words.whole(len(study.runs))), _raw(study, words)),
    ]
    return join(parts)


def _forest(study: Study, words: StudyWords, ranked: list[Contender]) -> Html:
    scores = {contender.name: score for contender in ranked if (score := query.score(study, contender.name))}
    # The trivial model may stand far off, and would press all others together.
    trained = [scores[contender.name] for contender in ranked if contender.family != "trivial"] or list(scores.values())
    axis = query.axis(study, trained)
    digits = query.metric_digits(study)
    best = scores.get(study.verdict.best) or next(iter(scores.values()))
    rows = []
    for contender in ranked:
        score = scores[contender.name]
        zone = _zone(axis, best.value, query.margin(study), study.higher_is_better)
        tip = f"{contender.label}: {words.number(score.value, digits)} {words.span(score, digits)}"
        mark = strip_interval(axis, score, contender.family, _ROW / 2, data_tip=tip)
        shown = Cell(strip(tip, _ROW, zone, strip_grid(axis, _ROW), mark), None, "draw")
        written = join([words.number(score.value, digits), tag("small", words.span(score, digits))])
        rows.append([Cell(model(contender), None, ""), shown, Cell(written, score.value)])
    metric = words.title(study.metric)
    caption = words("ranking.caption", metric=metric, margin=words.number(query.margin(study), max(digits, 2)))
    head = [words("model"), "", words("ranking.value", metric=metric, level=words.percent(best.level))]
    foot = ["", Cell(strip_axis(axis, words), None, "draw"), ""]
    return table(caption, head, rows, foot=foot, class_="forest")


def _zone(axis: Axis, best: float, margin: float, rises: bool) -> Html:
    """What lies within the margin of the best: no difference that anybody would care about."""
    low, high = (best - margin, best) if rises else (best, best + margin)
    start, end = axis.at(low), axis.at(high)
    return tag("rect", class_="zone", x=percent(start), width=percent(end - start), y=-8, height=_ROW + 16)


def _metrics(study: Study, words: StudyWords, ranked: list[Contender]) -> Html:
    head = [words("model"), *(words.title(name) for name in study.metric_names)]
    digits = {name: query.metric_digits(study, name) for name in study.metric_names}
    tops = {name: _top(study, name, ranked) for name in study.metric_names}
    rows = []
    for contender in ranked:
        row: list[object] = [Cell(model(contender), None, "")]
        for name in study.metric_names:
            score = query.score(study, contender.name, name)
            if score is None:
                row.append(Cell("–"))
                continue
            shown = join([words.number(score.value, digits[name]), tag("small", words.span(score, digits[name]))])
            row.append(Cell(shown, score.value, best=score.value == tops[name]))
        rows.append(row)
    return table(words("ranking.all.caption"), head, rows, sortable=True, class_="metrics")


def _top(study: Study, metric: str, ranked: list[Contender]) -> float | None:
    values = [score.value for contender in ranked if (score := query.score(study, contender.name, metric))]
    return (max if query.rises(study, metric) else min)(values, default=None)


def _raw(study: Study, words: StudyWords) -> Html:
    names = study.metric_names
    head = [words("model"), words("seed"), *(words.title(name) for name in names)]
    rows = []
    for run in study.runs:
        row: list[object] = [query.label(study, run.model), Cell(str(run.seed), float(run.seed))]
        row += [
            Cell(words.number(run.metrics[name], 4), run.metrics[name]) if name in run.metrics else Cell("–")
            for name in names
        ]
        passes = (
            f"{words.whole(run.best_epoch)} / {words.whole(run.epochs)}" if run.best_epoch else words.whole(run.epochs)
        )
        row += [Cell(passes, run.epochs), Cell(words.seconds(run.seconds), run.seconds)]
        rows.append(row)
    return table(words("ranking.raw.caption"), [*head, words("epochs"), words("size.fit")], rows, sortable=True)


def _hardly_trained(study: Study, words: StudyWords) -> Html:
    """Networks whose weights are those of the first pass, by name, and what to do."""
    runs = [run for run in study.runs if run.is_hardly_trained]
    if not runs:
        return Html("")
    names = list(dict.fromkeys(query.label(study, run.model) for run in runs))
    return tag("p", words("ranking.hardly", models=words.listed(names), n=words.whole(len(runs))), class_="note")


def _failed(study: Study, words: StudyWords) -> Html:
    broken = [run for run in study.runs if run.failed]
    if not broken:
        return Html("")
    items = [
        tag(
            "li",
            words.html(
                "failed.run",
                model=tag("b", query.label(study, run.model)),
                seed=run.seed,
                why=tag("q", run.failed, lang="en"),
            ),
        )
        for run in broken
    ]
    return tag("div", tag("h3", words.many("failed", len(broken))), tag("ul", *items), class_="aside warn")
