"""What to do with the model that a study chose: one command each for why, for whom, on record, and on a chip."""

import shlex

from caudal.compare.record import Contender, Study
from caudal.estimators.score import MOST_NAMES
from caudal.report.html import Html, join, tag
from caudal.report.study import query
from caudal.report.study.tables import table
from caudal.report.study.words import StudyWords


def next_section(study: Study, words: StudyWords) -> Html:
    """Commands that take the model of the verdict, or the best liquid one where it chose none."""
    contender, provenance = chosen(study), study.provenance
    if contender is None or not provenance.source:
        return tag("p", words("next.none"))
    source, model = _tested_on(study), f"{provenance.folder}/models/{contender.name}.caudal"
    rows: list[list[object]] = [
        [words(f"next.{what}"), tag("code", shlex.join(command))]
        for what, command in _commands(study, contender, model, source)
    ]
    return join(
        [
            tag("p", words("next.how", model=contender.label, file=model)),
            table(words("next.caption"), [words("next.what"), words("next.command")], rows, class_="commands"),
        ]
    )


def chosen(study: Study) -> Contender | None:
    """The contender of the verdict, or the best liquid one where that one needs no model."""
    contenders = (query.contender(study, name) for name in (study.verdict.use, study.verdict.best_liquid))
    return next(
        (contender for contender in contenders if contender is not None and contender.family != "trivial"), None
    )


def _is_network(contender: Contender) -> bool:
    return contender.settings.get("pool") is not None


def _tested_on(study: Study) -> str:
    """The table or data set that holds the test series."""
    return study.provenance.test or study.provenance.source


def _tested(study: Study) -> list[str]:
    """The option that takes the test series alone, whose names the file of a model holds."""
    is_named = study.data.task != "forecast" and study.data.series <= MOST_NAMES and not study.provenance.test
    return ["--part", "test"] if is_named else []


def first_command(study: Study) -> str:
    """The command that says why the recommended model decided as it did, or `""` where it left no file."""
    contender, provenance = chosen(study), study.provenance
    if contender is None or not provenance.source:
        return ""
    model = f"{provenance.folder}/models/{contender.name}.caudal"
    return shlex.join(_commands(study, contender, model, _tested_on(study))[0][1])


def fit_command(study: Study) -> str:
    """The command that trains the recommended model anew, or `""` where no recipe of it lies beside its file."""
    contender, provenance = chosen(study), study.provenance
    if contender is None or contender.name not in provenance.recipes:
        return ""
    recipe = f"{provenance.folder}/models/{contender.name}.toml"
    return shlex.join(["caudal", "fit", recipe, "-o", f"{contender.name}.caudal"])


def fair_command(study: Study) -> list[str] | None:
    """The command that tells all about groups; None where there are no sensitive columns, or no file of a model."""
    contender, provenance = chosen(study), study.provenance
    if contender is None or not provenance.source or not study.data.sensitive:
        return None
    return _fair(study, f"{provenance.folder}/models/{contender.name}.caudal", _tested_on(study))


def _fair(study: Study, model: str, source: str) -> list[str]:
    usual = ["--positive", study.data.classes[-1]] if len(study.data.classes) > 2 else []
    return ["caudal", "fair", model, source, "--sensitive", listed(study.data.sensitive), *_tested(study), *usual]


def _refused(study: Study, contender: Contender) -> bool:
    """Whether the study found that the contender has no form in C."""
    rows = study.chips.each if study.chips else ()
    return any(row.model == contender.name and row.refused for row in rows)


def _commands(study: Study, contender: Contender, model: str, source: str) -> list[tuple[str, list[str]]]:
    commands = [("explain", ["caudal", "explain", model, source, *_tested(study), "--row", "0"])]
    if not _is_network(contender):
        commands = [("predict", ["caudal", "predict", model, source, *_tested(study)])]
    if study.data.sensitive:
        commands.append(("fair", _fair(study, model, source)))
    if study.data.protocol == "table" and _is_network(contender):
        commands.append(("log", ["caudal", "predict", model, source, "--log", "decisions"]))
    if contender.settings.get("dt") == "raw" and contender.family == "liquid" and not _refused(study, contender):
        shortest = study.chips.shortest_dt if study.chips else None
        usual = ["--shortest-dt", f"{shortest:g}"] if shortest else []
        commands.append(("export", ["caudal", "export", model, *usual, "-o", f"{contender.name}_c"]))
        commands.append(("measure", ["caudal", "export", "measure", f"{contender.name}_c"]))
    if fit := fit_command(study):
        commands.append(("fit", shlex.split(fit)))
    trusted = ["--trust-code", listed(contender.code)] if contender.code else []
    return [(what, words if what == "measure" else [*words, *trusted]) for what, words in commands]


def listed(names: tuple[str, ...]) -> str:
    """Names as an option of the command line takes them: by commas, those that hold one in quotes.

    Example:
        >>> listed(("sex", "age, years"))
        'sex,"age, years"'
    """
    return ",".join(f'"{name.replace(chr(34), 2 * chr(34))}"' if set(name) & set(',"') else name for name in names)
