"""The first page: six questions, each with its answer, and what the data would have to be for another one."""

from collections.abc import Iterator

from caudal.compare.metrics.record import Paired, World
from caudal.compare.record import Contender, Study
from caudal.data.disturb import UNITS, WORLDS
from caudal.report.html import Html, join, tag
from caudal.report.study import query
from caudal.report.study.about import unfinished_lines
from caudal.report.study.next_steps import first_command
from caudal.report.study.tables import Cell, facts, model, table
from caudal.report.study.words import StudyWords
from caudal.report.study.words import words as words_of

QUESTIONS = ("need", "which", "cost", "sure", "world", "next")


def verdict_lines(study: Study, lang: str = "en") -> tuple[str, ...]:
    """The answers as sentences of plain text, as for a terminal, in the order of the questions.

    Is a network needed; which model; at what cost; how sure; what if the world changes; what next.

    Arguments:
        study: what a comparison found.
        lang: `"en"` or `"es"`.

    Raises:
        InputError: there is no such language.
    """
    words = words_of(lang)
    study = query.spoken(study, words)
    answers = (_need, _which, _cost, _sure, _world, _next)
    need, which, cost, sure, world, coming = (answer(study, words) for answer in answers)
    # What was left out bounds how sure anything is.
    return need, which, cost, " ".join([sure, *unfinished_lines(study, words)]), world, coming


def verdict_section(study: Study, words: StudyWords) -> Html:
    """Each question with its answer, what would change them, and the models that they are about, side by side."""
    answers = zip(QUESTIONS, verdict_lines(study, words.lang), strict=True)
    changes = [words.known("change", code) for code in study.verdict.would_change]
    change = join(tag("li", text) for text in changes) if changes else tag("li", words("change.none"))
    return join(
        [
            *(
                tag("p", tag("b", words(f"ask.{name}")), " ", line, class_="lead" if name == "which" else "say")
                for name, line in answers
            ),
            tag("p", words.known("gloss", study.metric), class_="note"),
            _glance(study, words),
            _worlds(study, words),
            tag("div", tag("h3", words("verdict.change")), tag("ul", change), class_="aside"),
        ]
    )


def _need(study: Study, words: StudyWords) -> str:
    pair = study.verdict.need
    if study.verdict.reason == "trivial is enough":
        return words("need.trivial", model=query.label(study, study.verdict.use))
    if pair is None:
        return words("need.none")
    leads = "leads" if pair.difference.value > 0 else "trails"
    key = pair.verdict if pair.verdict in ("better", "worse", "alike") else leads
    return words(f"need.{key}", **_pair(study, words, pair))


def _which(study: Study, words: StudyWords) -> str:
    verdict, digits = study.verdict, query.metric_digits(study)
    score = query.score(study, verdict.use)
    figure = (
        words("verdict.figure", metric=words.metric(study.metric), n=words.number(score.value, digits)) if score else ""
    )
    values = {"model": query.label(study, verdict.use), "figure": figure, "reason": verdict.reason}
    gap = words.number(query.margin(study), max(digits, 2))
    if verdict.reason == "preferred":
        values |= {"best": query.label(study, verdict.best), "why": words.known("prefer", verdict.prefer)}
    known = words.knows("verdict.use", verdict.reason)
    line = words(f"verdict.use.{verdict.reason}" if known else "verdict.use.other", margin=gap, **values)
    return " ".join(part for part in (line, _worth(study, words), _within(study, words, gap)) if part)


def _worth(study: Study, words: StudyWords) -> str:
    """Whether the model is better than the trivial one, or what it would take to tell."""
    pair = study.verdict.worth
    if pair is None:
        return "" if study.verdict.liquid_against_trivial else words("worth.none")
    leads = "leads" if pair.difference.value > 0 else "trails"
    key = pair.verdict if pair.verdict in ("better", "worse", "alike") else leads
    return words(f"worth.{key}", **_pair(study, words, pair))


def _within(study: Study, words: StudyWords, margin: str) -> str:
    """Who else is as good, and whom these data cannot tell from the best."""
    others = [name for name in study.verdict.standing if name != study.verdict.use]
    sentences = []
    for standing in ("within", "unknown"):
        names = [query.label(study, name) for name in others if study.verdict.standing[name] == standing]
        if names:
            sentences.append(words(f"standing.{standing}", models=words.listed(names), margin=margin))
    return " ".join(sentences)


def _cost(study: Study, words: StudyWords) -> str:
    chosen = query.contender(study, study.verdict.use)
    if chosen is None:
        return words("cost.unknown")
    rival = _rival(study, chosen)
    line = words("cost.own", model=chosen.label, **_spent(words, chosen))
    return line if rival is None else f"{line} {words('cost.rival', model=rival.label, **_spent(words, rival))}"


def _rival(study: Study, chosen: Contender) -> Contender | None:
    """The best model of another family than the one to use."""
    other = study.verdict.best_traditional if chosen.family == "liquid" else study.verdict.best_liquid
    return query.contender(study, other) if other != chosen.name else None


def _spent(words: StudyWords, contender: Contender) -> dict[str, str]:
    operations = query.operations(contender)
    times = contender.series_microseconds
    return {
        "fit": words.seconds(contender.fit_seconds),
        "operations": words.whole(operations),
        "series": "–" if times is None else words.seconds(times / 1e6),
    }


def _sure(study: Study, words: StudyWords) -> str:
    score, digits = query.score(study, study.verdict.use), query.metric_digits(study)
    tested = query.tested(study, words)
    seeds = words.many("seeds", study.budget.seeds)
    if score is None or not score.is_known:
        opening = words("sure.unknown", tested=tested)
    else:
        span = words.span(score, digits)
        level = words.percent(score.level)
        name = query.label(study, study.verdict.use)
        opening = words("sure.span", model=name, tested=tested, seeds=seeds, level=level, span=span)
    pair = study.verdict.liquid_against_traditional
    known = pair.verdict if words.knows("verdict.sure", pair.verdict) else "undecided"
    closing = words(f"verdict.sure.{known}", **_pair(study, words, pair))
    few = words("verdict.few", tested=tested) if "few owners" in study.not_measured else ""
    return " ".join(part for part in (opening, few, closing) if part)


def _world(study: Study, words: StudyWords) -> str:
    worlds = study.verdict.worlds
    if not worlds:
        return words("world.none")
    digits, use = query.metric_digits(study), query.label(study, study.verdict.use)
    turned = [world for world in worlds if world.turns]
    worst = max(worlds, key=lambda world: abs(world.after.value - world.before.value))
    line = words(
        "world.worst",
        model=use,
        kind=words.known("disturbance", worst.disturbance).lower(),
        before=words.number(worst.before.value, digits),
        after=words.number(worst.after.value, digits),
        metric=words.metric(study.metric),
        n=words.whole(max((run.robustness_series for run in query.runs_of(study, study.verdict.use)), default=0)),
    )
    some_proven = any(map(_is_proven, turned))
    ahead = words.listed(_ahead(study, words, world, some_proven) for world in turned)
    key = "world.turns" if some_proven else "world.may"
    order = words(key, model=use, ahead=ahead) if turned else words("world.same", model=use)
    met = words.listed(
        f"{words.known('disturbance', kind).lower()} ({_level(words, kind, level)})"
        for kind, level in study.expect.items()
    )
    return " ".join([*([words("world.expected", kinds=met)] if met else []), order, line])


def _level(words: StudyWords, kind: str, level: float) -> str:
    """How far a disturbance goes, in words where it goes as far as usual."""
    usual = {str(known): far for known, far in WORLDS.items()}
    if usual.get(kind) == level:
        return words.known("world.level", kind)
    units = {str(known): unit for known, unit in UNITS.items()}
    return f"{words.brief(level)} {words.known('unit', units[kind])}"


def _is_proven(world: World) -> bool:
    return world.lead.is_known and world.lead.low > 0


def _ahead(study: Study, words: StudyWords, world: World, some_proven: bool) -> str:
    """Who is ahead in a world; where nothing is proven of any, that is said once for all."""
    kind = words.known("disturbance", world.disturbance).lower()
    key = "open" if some_proven and not _is_proven(world) else "proven"
    return words(f"world.ahead.{key}", model=query.label(study, world.leader), kind=kind)


def _next(study: Study, words: StudyWords) -> str:
    asked = [study.verdict.worth, study.verdict.need]
    enough = [pair.enough for pair in asked if pair is not None and pair.enough is not None]
    command = first_command(study)
    parts = []
    if not study.data.folds and "few owners" in study.not_measured:
        parts.append(words("next.folds"))
    elif enough:
        parts.append(words("next.enough", units=query.units(study, words, rounded(max(enough)))))
    if command:
        parts.append(words("next.why" if " explain " in command else "next.use", command=command))
    return " ".join(parts) or words("next.nothing")


def rounded(count: int) -> int:
    """A number of people as one says it: about so many.

    Example:
        >>> rounded(17), rounded(132), rounded(4821)
        (20, 140, 4900)
    """
    step: int = 10 ** max(1, len(str(count)) - 2)
    return -(-count // step) * step


def matters_lines(study: Study, words: StudyWords) -> tuple[str, ...]:
    """Whether elapsed times matter, and the order of steps, by a summary model; nothing where it was not asked."""
    lines = []
    for pair in study.matters:
        known = pair.verdict if pair.verdict in ("better", "alike") else "open"
        lines.append(words(f"matters.{pair.question}.{known}", **_pair(study, words, pair)))
    return tuple(lines)


def _pair(study: Study, words: StudyWords, pair: Paired) -> dict[str, object]:
    """What a sentence on a comparison may name."""
    digits = query.gap_digits(study, [pair])
    gap = pair.difference
    second = query.score(study, pair.second)
    enough = "" if pair.enough is None else words("enough", units=query.units(study, words, rounded(pair.enough)))
    return {
        "first": query.label(study, pair.first),
        "second": query.label(study, pair.second),
        "named": _named(query.label(study, pair.second), words),
        "gap": words.number(gap.value, digits, signed=True),
        "size": words.number(abs(gap.value), digits),
        "metric": words.metric(pair.metric),
        "level": words.percent(gap.level),
        "span": words.span(gap, digits),
        "margin": words.number(pair.margin, max(digits, 2)),
        "p": words.p_value(pair.p_value) if pair.p_value < 0.001 else f"= {words.p_value(pair.p_value)}",
        "reached": words.number(second.value, query.metric_digits(study)) if second else "–",
        "tested": query.tested(study, words),
        "enough": enough,
    }


def _named(label: str, words: StudyWords) -> str:
    """The name of a trivial model in brackets, unless it says no more than that it is trivial."""
    return "" if label == words("family.trivial") else f" ({label})"


def losses_line(study: Study, words: StudyWords) -> str:
    """On what the best liquid model is behind the best traditional one, all of it."""
    liquid = query.contender(study, study.verdict.best_liquid)
    rival = query.contender(study, study.verdict.best_traditional)
    if liquid is None or rival is None:
        return words("verdict.losses.unknown")
    lost = list(losses(study, words, liquid, rival))
    if not lost:
        return words("verdict.losses.none", liquid=liquid.label, rival=rival.label)
    return words("verdict.losses.some", liquid=liquid.label, rival=rival.label, losses=words.listed(lost))


def losses(study: Study, words: StudyWords, liquid: Contender, rival: Contender) -> Iterator[str]:
    """Each measure on which the mean of a liquid contender is worse than that of a rival, with both figures."""
    for find in (_behind_in_scores, _behind_in_robustness, _behind_in_cost):
        for name, mine, other in find(study, words, liquid, rival):
            # What looks the same as written is no loss to report.
            if mine != other:
                yield words("loss.against", name=name, mine=mine, other=other)


Loss = tuple[str, str, str]


def _behind_in_scores(study: Study, words: StudyWords, liquid: Contender, rival: Contender) -> Iterator[Loss]:
    for metric in study.metric_names:
        mine, other = query.score(study, liquid.name, metric), query.score(study, rival.name, metric)
        if mine and other and query.is_better(study, metric, other.value, mine.value):
            digits = query.metric_digits(study, metric)
            yield words.metric(metric), words.number(mine.value, digits), words.number(other.value, digits)
    errors = {calibration.model: calibration.error.value for calibration in study.calibration}
    first, second = errors.get(liquid.name), errors.get(rival.name)
    if "ece" not in study.metric_names and first is not None and second is not None and first > second:
        yield words("loss.calibration"), words.number(first), words.number(second)


def _behind_in_robustness(study: Study, words: StudyWords, liquid: Contender, rival: Contender) -> Iterator[Loss]:
    shares = {(curve.model, curve.disturbance): curve.kept for curve in study.curves}
    for kind in dict.fromkeys(curve.disturbance for curve in study.curves):
        mine, other = shares.get((liquid.name, kind)), shares.get((rival.name, kind))
        if mine is not None and other is not None and mine < other:
            name = words("loss.robustness", disturbance=words.known("disturbance", kind).lower())
            yield name, words.percent(mine, 1), words.percent(other, 1)


def _behind_in_cost(study: Study, words: StudyWords, liquid: Contender, rival: Contender) -> Iterator[Loss]:
    sizes = (
        ("loss.parameters", float(liquid.live_parameters), float(rival.live_parameters), words.whole),
        ("loss.operations", query.operations(liquid), query.operations(rival), words.whole),
        ("loss.fit", liquid.fit_seconds, rival.fit_seconds, words.seconds),
        ("loss.inference", liquid.series_microseconds, rival.series_microseconds, lambda us: words.seconds(us / 1e6)),
    )
    for key, mine, other, written in sizes:
        if mine is not None and other is not None and mine > other:
            yield words(key), written(mine), written(other)


def _shown(study: Study) -> tuple[Contender, ...]:
    """The models of the first page: those of the story, and the best one that is no network."""
    names = {contender.name for contender in query.mains(study)} | {study.verdict.best_simple}
    return tuple(contender for contender in study.contenders if contender.name in names)


def _glance(study: Study, words: StudyWords) -> Html:
    """The models of the story by what a reader decides on."""
    chosen = _shown(study)
    if not chosen:
        return Html("")
    digits = query.metric_digits(study)
    rows: list[list[object]] = [[words.title(study.metric)]]
    for contender in chosen:
        score = query.score(study, contender.name)
        small = tag("small", words.span(score, digits)) if score else ""
        rows[0].append(Cell(join([words.number(score.value, digits) if score else "–", small])))
    rows.append([words("size.operations"), *(Cell(words.whole(query.operations(contender))) for contender in chosen)])
    rows.append([words("size.fit"), *(Cell(words.seconds(contender.fit_seconds)) for contender in chosen)])
    heads = [tag("span", model(contender), _badge(study, contender, words), class_="headed") for contender in chosen]
    return table(words("glance.caption"), ["", *heads], rows, class_="glance")


def _badge(study: Study, contender: Contender, words: StudyWords) -> Html:
    return tag("b", words("glance.use"), class_="badge") if contender.name == study.verdict.use else Html("")


def _worlds(study: Study, words: StudyWords) -> Html:
    """The same models in worlds that are worse in one way, with intervals over seeds."""
    worlds = study.verdict.worlds
    if not worlds:
        return Html("")
    curves = {
        (curve.model, curve.disturbance): dict(zip(curve.levels, curve.values, strict=True)) for curve in study.curves
    }
    chosen = [contender for contender in _shown(study) if contender.family != "trivial"]
    digits = query.metric_digits(study)
    levels = [
        ("", worlds[0].disturbance, 0.0),
        *((words.known("disturbance", w.disturbance), w.disturbance, w.level) for w in worlds),
    ]
    rows: list[list[object]] = []
    for title, kind, level in levels:
        row: list[object] = [title or words("world.undisturbed")]
        if title:
            row = [join([title, tag("small", " ", _level(words, kind, level))])]
        for contender in chosen:
            value = curves.get((contender.name, kind), {}).get(level)
            small = tag("small", words.span(value, digits)) if value else ""
            row.append(Cell(join([words.number(value.value, digits), small]) if value else "–"))
        rows.append(row)
    caption = words("world.caption", metric=words.metric(study.metric))
    return table(caption, ["", *(model(contender) for contender in chosen)], rows, class_="glance")


def numbers_line(study: Study, words: StudyWords) -> Html:
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
