"""The verdict in sentences: which to use, how sure that is, what it costs, and where liquid models lose."""

from collections.abc import Iterator

from caudal.compare.metrics.record import Paired
from caudal.compare.record import Contender, Study
from caudal.pages import Html, join, tag
from caudal.report import query
from caudal.report.tables import Cell, facts, model, table
from caudal.report.wording import Words
from caudal.report.wording import words as words_of

_LOSSES_SHOWN = 4


def verdict_lines(study: Study, lang: str = "en") -> tuple[str, ...]:
    """The verdict as sentences of plain text, as for a terminal: what stands first in the report.

    Arguments:
        study: what a comparison found.
        lang: `"en"` or `"es"`.

    Raises:
        InputError: there is no such language.
    """
    words = words_of(lang)
    study = query.spoken(study, words)
    lines = (_use(study, words), _sure(study, words), _cost(study, words), _trivial(study, words))
    return (*(line for line in lines if line), _losses(study, words))


def verdict_section(study: Study, words: Words) -> Html:
    """The sentences, what would change them, and the three models that they are about, side by side."""
    first, *others = verdict_lines(study, words.lang)
    changes = [words.known("change", code) for code in study.verdict.would_change]
    change = join(tag("li", text) for text in changes) if changes else tag("li", words("change.none"))
    return join(
        [
            tag("p", first, class_="lead"),
            *(tag("p", line, class_="say") for line in others),
            tag("div", tag("h3", words("verdict.change")), tag("ul", change), class_="aside"),
            _glance(study, words),
        ]
    )


def _use(study: Study, words: Words) -> str:
    use, reason = study.verdict.use, study.verdict.reason
    digits = query.metric_digits(study)
    score = query.score(study, use)
    figure = ""
    if score:
        metric = words.metric(study.metric)
        level, span = words.percent(score.level), words.span(score, digits)
        figure = words("verdict.figure", metric=metric, n=words.number(score.value, digits), level=level, span=span)
    key = f"verdict.use.{reason}" if words.knows("verdict.use", reason) else "verdict.use.other"
    gap = words.number(query.margin(study), max(digits, 2))
    return words(key, model=query.label(study, use), figure=figure, margin=gap, reason=reason)


def _sure(study: Study, words: Words) -> str:
    pair = study.verdict.liquid_against_traditional
    seeds = words.many("seeds", study.budget.seeds)
    return (
        _paired(study, words, pair, "verdict.sure")
        + " "
        + words("verdict.tests", seeds=seeds, test=words.known("test", pair.test))
        + (" " + words("verdict.few", test=study.data.test) if "few owners" in study.not_measured else "")
    )


def _trivial(study: Study, words: Words) -> str:
    pair = study.verdict.liquid_against_trivial
    return _paired(study, words, pair, "verdict.trivial") if pair else words("verdict.trivial.none")


def _paired(study: Study, words: Words, pair: Paired, prefix: str) -> str:
    digits = query.gap_digits(study, [pair])
    gap = pair.difference
    second = query.score(study, pair.second)
    return words(
        f"{prefix}.{pair.verdict}" if words.knows(prefix, pair.verdict) else f"{prefix}.undecided",
        first=query.label(study, pair.first),
        second=query.label(study, pair.second),
        named=_named(query.label(study, pair.second), words),
        gap=words.number(gap.value, digits, signed=True),
        size=words.number(abs(gap.value), digits),
        metric=words.metric(pair.metric),
        level=words.percent(gap.level),
        span=words.span(gap, digits),
        margin=words.number(pair.margin, max(digits, 2)),
        p=_p(words, pair.p_value),
        reached=words.number(second.value, query.metric_digits(study)) if second else "–",
    )


def _named(label: str, words: Words) -> str:
    """The name of a trivial model in brackets, unless it says no more than that it is trivial."""
    return "" if label == words("family.trivial") else f" ({label})"


def _p(words: Words, p: float) -> str:
    return words.p_value(p) if p < 0.001 else f"= {words.p_value(p)}"


def _cost(study: Study, words: Words) -> str:
    liquid = query.contender(study, study.verdict.best_liquid)
    rival = query.contender(study, study.verdict.best_traditional)
    if liquid is None or rival is None:
        return ""
    return words(
        "verdict.cost",
        liquid=liquid.label,
        rival=rival.label,
        size=words.whole(liquid.live_parameters),
        rival_size=words.whole(rival.live_parameters),
        parameters=_times(words, study.verdict.parameters_ratio, "parameters"),
        operations=_times(words, study.verdict.operations_ratio, "operations"),
    )


def _times(words: Words, ratio: float, what: str) -> str:
    """A ratio in words: so many times fewer, or more."""
    if ratio <= 0:
        return words(f"times.unknown.{what}")
    if 0.95 <= ratio <= 1.05:
        return words(f"times.same.{what}")
    size = ratio if ratio > 1 else 1 / ratio
    return words("times.more" if ratio > 1 else "times.fewer", n=words.short(size, 2))


def _losses(study: Study, words: Words) -> str:
    liquid = query.contender(study, study.verdict.best_liquid)
    rival = query.contender(study, study.verdict.best_traditional)
    if liquid is None or rival is None:
        return words("verdict.losses.unknown")
    lost = list(losses(study, words, liquid, rival))
    if not lost:
        return words("verdict.losses.none", liquid=liquid.label, rival=rival.label)
    more = len(lost) - _LOSSES_SHOWN
    shown = words.listed(lost[:_LOSSES_SHOWN])
    tail = f" {words.many('verdict.losses.more', more)}" if more > 0 else ""
    return words("verdict.losses.some", liquid=liquid.label, rival=rival.label, losses=shown) + tail


def losses(study: Study, words: Words, liquid: Contender, rival: Contender) -> Iterator[str]:
    """Each measure on which the mean of a liquid contender is worse than that of a rival, with both figures."""
    for find in (_behind_in_scores, _behind_in_robustness, _behind_in_cost):
        for name, mine, other in find(study, words, liquid, rival):
            # What looks the same as written is no loss to report.
            if mine != other:
                yield words("loss.against", name=name, mine=mine, other=other)


Loss = tuple[str, str, str]


def _behind_in_scores(study: Study, words: Words, liquid: Contender, rival: Contender) -> Iterator[Loss]:
    for metric in study.metric_names:
        mine, other = query.score(study, liquid.name, metric), query.score(study, rival.name, metric)
        if mine and other and query.is_better(study, metric, other.value, mine.value):
            digits = query.metric_digits(study, metric)
            yield words.metric(metric), words.number(mine.value, digits), words.number(other.value, digits)
    errors = {calibration.model: calibration.error.value for calibration in study.calibration}
    first, second = errors.get(liquid.name), errors.get(rival.name)
    if "ece" not in study.metric_names and first is not None and second is not None and first > second:
        yield words("loss.calibration"), words.number(first), words.number(second)


def _behind_in_robustness(study: Study, words: Words, liquid: Contender, rival: Contender) -> Iterator[Loss]:
    shares = {(curve.model, curve.disturbance): curve.kept for curve in study.curves}
    for kind in dict.fromkeys(curve.disturbance for curve in study.curves):
        mine, other = shares.get((liquid.name, kind)), shares.get((rival.name, kind))
        if mine is not None and other is not None and mine < other:
            name = words("loss.robustness", disturbance=words.known("disturbance", kind).lower())
            yield name, words.percent(mine, 1), words.percent(other, 1)


def _behind_in_cost(study: Study, words: Words, liquid: Contender, rival: Contender) -> Iterator[Loss]:
    sizes = (
        ("loss.parameters", float(liquid.live_parameters), float(rival.live_parameters), words.whole),
        ("loss.operations", query.operations(liquid), query.operations(rival), words.whole),
        ("loss.fit", liquid.fit_seconds, rival.fit_seconds, words.seconds),
        ("loss.inference", liquid.series_microseconds, rival.series_microseconds, lambda us: words.seconds(us / 1e6)),
    )
    for key, mine, other, written in sizes:
        if mine is not None and other is not None and mine > other:
            yield words(key), written(mine), written(other)


def _glance(study: Study, words: Words) -> Html:
    """The models of the story by what a reader decides on."""
    chosen = query.mains(study)
    if not chosen:
        return Html("")
    digits = query.metric_digits(study)
    rows: list[list[object]] = [[words.title(study.metric)]]
    for contender in chosen:
        score = query.score(study, contender.name)
        small = tag("small", words.span(score, digits)) if score else ""
        rows[0].append(Cell(join([words.number(score.value, digits) if score else "–", small])))
    rows.append([words("size.live"), *(Cell(words.whole(contender.live_parameters)) for contender in chosen)])
    rows.append([words("size.operations"), *(Cell(words.whole(query.operations(contender))) for contender in chosen)])
    rows.append([words("size.fit"), *(Cell(words.seconds(contender.fit_seconds)) for contender in chosen)])
    times = (contender.series_microseconds for contender in chosen)
    rows.append([words("size.series"), *(Cell("–" if t is None else words.seconds(t / 1e6)) for t in times)])
    heads = [tag("span", model(contender), _badge(study, contender, words), class_="headed") for contender in chosen]
    return table(words("glance.caption"), ["", *heads], rows, class_="glance")


def _badge(study: Study, contender: Contender, words: Words) -> Html:
    return tag("b", words("glance.use"), class_="badge") if contender.name == study.verdict.use else Html("")


def numbers_line(study: Study, words: Words) -> Html:
    """What the study is made of, under the title."""
    data = study.data
    return facts(
        [
            (words("head.series"), words.whole(data.series)),
            (words("head.contenders"), words.whole(len(study.contenders))),
            (words("head.seeds"), words.whole(study.budget.seeds)),
            (words("head.budget"), words.known("budget", study.budget.name)),
        ]
    )
