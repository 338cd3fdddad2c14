"""A study in short, as Markdown for a page of the docs: the verdict, one table, and how to do it again."""

from caudal.compare.record import Contender, Study
from caudal.report.study import query
from caudal.report.study.verdict import verdict_lines
from caudal.report.study.words import StudyWords
from caudal.report.study.words import words as words_of

_FAMILY = {"liquid": "●", "traditional": "■", "trivial": "◆"}
_KEPT = ("noise", "missing", "dropped")


def markdown(study: Study, lang: str = "en") -> str:
    """The verdict as a list, the contenders as a table, and the command.

    Arguments:
        study: what a comparison found.
        lang: `"en"` or `"es"`.

    Raises:
        InputError: there is no such language.
    """
    words = words_of(lang)
    study = query.spoken(study, words)
    verdict = "\n".join(f"- {_plain(line)}" for line in verdict_lines(study, lang))
    legend = ", ".join(f"{sign} {words(f'family.{family}').lower()}" for family, sign in _FAMILY.items())
    retrained = any("one" in scores for scores in study.retrained.values())
    head = [
        words("model"),
        f"{words.title(study.metric)} [95 %]",
        words("size.live"),
        words("size.operations"),
        words("timing.one.short"),
        words("timing.shuffled.short"),
        *([f"{words('timing.one.short')}, {words('timing.retrained').lower()}"] if retrained else []),
        *(f"{words.known('disturbance', kind)}\\*" for kind in _KEPT),
        words("size.fit"),
    ]
    rows = [_row(study, words, contender, retrained) for contender in study.contenders]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
    note = words("markdown.note", legend=legend, seeds=words.many("seeds", study.budget.seeds))
    rerun = words("markdown.again", command=f"`{study.provenance.command}`", machine=_plain(study.provenance.machine))
    return f"{verdict}\n\n{table}\n\n{note} {rerun}\n"


def _row(study: Study, words: StudyWords, contender: Contender, retrained: bool) -> list[str]:
    digits = query.metric_digits(study)
    score = query.score(study, contender.name)
    changed = [study.timing.get(contender.name, {}).get(kind) for kind in ("one", "shuffled")]
    if retrained:
        changed.append(study.retrained.get(contender.name, {}).get("one"))
    shares = {curve.disturbance: curve.kept for curve in study.curves if curve.model == contender.name}
    return [
        f"{_FAMILY[contender.family]} {_plain(contender.label)}",
        f"{words.number(score.value, digits)} {words.span(score, digits)}" if score else "–",
        words.whole(contender.live_parameters),
        words.whole(query.operations(contender)),
        *(words.number(each.value, digits) if each else "–" for each in changed),
        *(words.percent(shares[kind]) if kind in shares else "–" for kind in _KEPT),
        words.seconds(contender.fit_seconds),
    ]


def _plain(sentence: str) -> str:
    """Text that Markdown leaves alone."""
    return sentence.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
