"""Five lines that say who drives best and where liquid networks hold up, wins and losses alike."""

from collections.abc import Mapping, Sequence

from studies.driving.records import EXPERT, LIQUID, DriveReport
from studies.driving.scores import Duel, Score, duels, scores
from studies.driving.words import number, words


def verdict(report: DriveReport, lang: str = "en") -> tuple[str, ...]:
    """At most five lines, in plain words.

    Raises:
        InputError: the language is unknown.
    """
    say, found, pairs = words(lang), scores(report), duels(report)
    by = {(one.model, one.disturbance): one for one in found}
    lines = [_clean(report, by, say, lang)]
    lines += [_duels(name, pairs, say) for name in report.recipe.models if name in LIQUID]
    lines += [_where(report, by, say), say["v.advice"].format(advice=_advice(report, by, pairs, say, lang))]
    return tuple(lines)


def best(report: DriveReport, by: Mapping[tuple[str, str], Score], disturbance: str) -> str:
    """The network with the highest mean return."""
    return max(report.recipe.models, key=lambda model: by[model, disturbance].reward.value)


def overall(report: DriveReport, by: Mapping[tuple[str, str], Score]) -> dict[str, float]:
    """Mean return of each network over all conditions, each counted alike."""
    names = report.recipe.disturbances
    return {m: sum(by[m, name].reward.value for name in names) / len(names) for m in report.recipe.models}


def _clean(report: DriveReport, by: Mapping[tuple[str, str], Score], say: Mapping[str, str], lang: str) -> str:
    figures = {m: number(by[m, "clean"].reward.value, lang) for m in (*report.recipe.models, EXPERT)}
    means = ", ".join(f"{say[m]} {figures[m]}" for m in report.recipe.models)
    return say["v.clean"].format(means=means, expert=figures[EXPERT])


def _duels(name: str, pairs: Sequence[Duel], say: Mapping[str, str]) -> str:
    own = [one for one in pairs if one.model == name]
    disturbed = [one.kept_word for one in own if one.disturbance != "clean"]
    first = say["v.duel"].format(name=say[name], count=len(own), **_tally([one.word for one in own]))
    return f"{first} {say['v.kept'].format(count=len(disturbed), **_tally(disturbed))}"


def _tally(found: Sequence[str]) -> dict[str, int]:
    return {name: sum(one == name for one in found) for name in ("better", "worse", "alike", "undecided")}


def _where(report: DriveReport, by: Mapping[tuple[str, str], Score], say: Mapping[str, str]) -> str:
    firsts = [best(report, by, name) for name in report.recipe.disturbances]
    ranked = sorted(report.recipe.models, key=lambda model: -firsts.count(model))
    told = ", ".join(f"{say[model]} {firsts.count(model)}" for model in ranked)
    return say["v.where"].format(count=len(firsts), where=told)


def _advice(
    report: DriveReport,
    by: Mapping[tuple[str, str], Score],
    pairs: Sequence[Duel],
    say: Mapping[str, str],
    lang: str,
) -> str:
    means = overall(report, by)
    first = max(means, key=lambda model: means[model])
    won = [one.word == "better" for one in pairs if one.model == first]
    if won and all(won):
        return say["advice.win"].format(best=say[first])
    if first not in LIQUID and not any(one.word == "better" for one in pairs):
        return say["advice.lose"].format(best=say[first])
    return say["advice.mixed"].format(best=say[first], value=number(means[first], lang))
