"""What the study was made on, how to do it again, and what it leaves open."""

from collections.abc import Sequence

from caudal.compare.record import Study
from caudal.report.html import Html, join, tag
from caudal.report.study.tables import Cell, details, facts, model, table
from caudal.report.study.words import StudyWords

_CLASSES_SHOWN, _INPUTS_SHOWN = 20, 40


def data_section(study: Study, words: StudyWords) -> Html:
    """The facts of the data, the warnings of its card, and its digest."""
    data = study.data
    gaps = words(
        "data.gaps.value",
        low=words.brief(data.gap_low),
        median=words.brief(data.gap_median),
        high=words.brief(data.gap_high),
        unit=words.known("time", data.time_unit),
    )
    pairs: list[tuple[object, object]] = [
        (words("data.source"), words.retold(data.source)),
        (words("data.licence"), words.retold(data.licence)),
        (words("data.task"), join([words.known("task", data.task), ": ", words.retold(data.target)])),
        (
            words("data.size"),
            words(
                "data.size.value",
                series=words.whole(data.series),
                steps=words.whole(data.steps),
                typical=words.brief(data.typical_steps),
            ),
        ),
        (words("data.missing"), words.percent(data.missing_share, 1)),
        (words("data.gaps"), gaps),
        (
            words("data.split"),
            join(
                [
                    words(
                        "data.split.value",
                        train=words.whole(data.train),
                        val=words.whole(data.val),
                        test=words.whole(data.test),
                    ),
                    " ",
                    words.retold(data.split),
                ]
            ),
        ),
        (words("data.protocol"), words.known("protocol", data.protocol)),
        (words("data.digest"), tag("code", data.digest)),
    ]
    if data.owner and data.owners:
        pairs.insert(-2, (words("data.owners"), _owners(study, words)))
    if data.positive:
        pairs.insert(3, (words("data.positive"), data.positive))
    parts: list[object] = [tag("p", tag("b", words.retold(data.title))), facts(pairs), _classes(study, words)]
    for name, sentences in (("bias", data.known_bias), ("leaks", data.known_leaks), ("notes", data.notes)):
        parts += [tag("h3", words(f"data.{name}")), _sentences(sentences, words(f"data.{name}.none"), words)]
    return join([*parts, _inputs(study, words)])


def _owners(study: Study, words: StudyWords) -> str:
    """How many people, or other groups, each part holds, and which ones are tested where they are few."""
    data = study.data
    if data.folds:
        return words("data.owners.folds", n=words.whole(sum(data.owners)), name=data.owner, folds=data.folds)
    which = words("data.owners.which", names=words.listed(data.test_owners)) if data.test_owners else ""
    train, val, test = map(words.whole, data.owners)
    return words("data.owners.value", train=train, val=val, test=test, name=data.owner, which=which)


def _sentences(sentences: Sequence[str], none: str, words: StudyWords) -> Html:
    return tag("ul", *(tag("li", words.retold(sentence)) for sentence in sentences)) if sentences else tag("p", none)


def _classes(study: Study, words: StudyWords) -> Html:
    data = study.data
    if not data.classes:
        return Html("")
    rows = [
        [name, Cell(words.percent(share, 1), share)]
        for name, share in zip(data.classes, data.class_shares, strict=False)
    ]
    listing = table(
        words("data.classes"), [words("data.class"), words("data.share")], rows, sortable=True, class_="narrow"
    )
    return listing if len(rows) <= _CLASSES_SHOWN else details(words("data.classes"), listing)


def _inputs(study: Study, words: StudyWords) -> Html:
    names = study.data.inputs
    shown = tag("ul", *(tag("li", tag("code", name)) for name in names), class_="names")
    return details(words.many("data.inputs", len(names)), shown)


def reproduce_section(study: Study, words: StudyWords) -> Html:
    """Command, versions, machine, budget and chosen settings."""
    provenance, budget = study.provenance, study.budget
    copy = tag("button", words("copy"), type="button", class_="copy", data_done=words("copied"), hidden=True)
    pairs: list[tuple[object, object]] = [
        (words("made.caudal"), provenance.caudal),
        (words("made.machine"), words.retold(provenance.machine)),
        (words("made.started"), words.moment(provenance.started)),
        (words("made.seconds"), words.seconds(provenance.seconds)),
        (words("made.budget"), words.known("budget", budget.name)),
        (words("made.seeds"), words("made.seeds.value", n=words.whole(budget.seeds), seeds=_seeds(study))),
        (
            words("made.trials"),
            words("made.trials.value", n=words.whole(budget.trials), epochs=words.whole(budget.trial_epochs)),
        ),
        (words("made.epochs"), words.whole(budget.epochs)),
        (words("made.parameters"), words.whole(budget.parameters)),
        (words("made.resamples"), words.whole(budget.resamples)),
    ]
    versions = [[name, version] for name, version in sorted(provenance.versions.items())]
    head = [words("made.package"), words("made.version")]
    return join(
        [
            tag("p", words("made.how")),
            tag("div", tag("pre", tag("code", provenance.command), tabindex="0"), copy, class_="command"),
            facts(pairs),
            table(words("made.versions"), head, versions, class_="narrow"),
            _settings(study, words),
        ]
    )


def _seeds(study: Study) -> str:
    return ", ".join(str(seed) for seed in sorted({run.seed for run in study.runs}))


def _settings(study: Study, words: StudyWords) -> Html:
    rows = []
    for contender in study.contenders:
        chosen = ", ".join(f"{name} = {value}" for name, value in sorted(contender.settings.items()))
        rows.append(
            [
                Cell(model(contender), None, ""),
                words.retold(contender.summary),
                tag("code", chosen) if chosen else words("made.usual"),
            ]
        )
    head = [words("model"), words("made.summary"), words("made.chosen")]
    return details(words("made.settings"), table(words("made.settings.caption"), head, rows))


def unfinished_lines(study: Study, words: StudyWords) -> list[str]:
    """What a study left out that ended before all its runs were done, as sentences; none of one that did them all."""
    ended = study.unfinished
    if ended is None:
        return []
    facts = {"minutes": words.number(ended.minutes, 1), "seeds": str(ended.seeds), "of": str(ended.of)}
    facts["enough"] = "" if ended.good_enough is None else words.number(ended.good_enough, 3)
    lines = [words(f"open.unfinished.{ended.reason}", **facts)]
    for part in ("absent", "cut", "untuned"):
        names = getattr(ended, part)
        if names:
            labels = {contender.name: contender.label for contender in study.contenders}
            lines.append(words(f"open.unfinished.{part}", models=", ".join(labels.get(name, name) for name in names)))
    return lines


def open_section(study: Study, words: StudyWords) -> Html:
    """What this study does not tell."""
    codes = study.not_measured
    ended = unfinished_lines(study, words)
    if not codes and not ended:
        return tag("p", words("open.none"))
    items = [tag("li", line) for line in ended]
    items += [tag("li", words.known("open", code), lang=None if words.knows("open", code) else "en") for code in codes]
    return join([tag("p", words("open.how")), tag("ul", *items, class_="open")])
