"""What to do with the model that a study chose: one command each for why, for whom, on record, and on a chip."""

import shlex
from pathlib import PurePath

from caudal.pages import Html, join, tag
from caudal.records import Contender, Study
from caudal.report import query
from caudal.report.tables import table
from caudal.report.wording import Words

_COMMAND = ("caudal", "compare")
_LONE = frozenset(("--json", "--traceback", "--no-chips"))


def next_section(study: Study, words: Words) -> Html:
    """Commands that take the model of the verdict, or the best network where it chose none."""
    one, found = chosen(study), place(study.provenance.command)
    if one is None or found is None:
        return tag("p", words("next.none"))
    source, out = found
    model = f"{out}/models/{one.name}.caudal"
    rows: list[list[object]] = [
        [words(f"next.{what}"), tag("code", shlex.join(command))]
        for what, command in _commands(study, one, model, source)
    ]
    return join(
        [
            tag("p", words("next.how", model=one.label, file=model)),
            table(words("next.caption"), [words("next.what"), words("next.command")], rows, class_="commands"),
        ]
    )


def chosen(study: Study) -> Contender | None:
    """The contender of the verdict, or the best liquid one where that one is no network."""
    names = (study.verdict.use, study.verdict.best_liquid)
    found = (query.contender(study, name) for name in names)
    return next((one for one in found if one is not None and one.settings.get("pool") is not None), None)


def place(command: str) -> tuple[str, str] | None:
    """Source and folder of results of a command that was typed; None where the study was made in Python.

    Example:
        >>> place("caudal compare data/ward.csv --target ill --series who")
        ('data/ward.csv', 'results/ward')
        >>> place("caudal.compare.compare('nafld', 'x', ...)") is None
        True
    """
    try:
        typed = shlex.split(command)
    except ValueError:
        return None
    if tuple(typed[:2]) != _COMMAND:
        return None
    source, out, rest = "", "", iter(typed[2:])
    for word in rest:
        if word == "--out":
            out = next(rest, "")
        elif word.startswith("-"):
            if word not in _LONE:
                next(rest, "")
        else:
            source = word
    return (source, out or f"results/{PurePath(source).name.split('.')[0]}") if source else None


def fair_command(study: Study) -> list[str] | None:
    """The command that tells all about groups; None where there are no sensitive columns, or no file of a model."""
    one, found = chosen(study), place(study.provenance.command)
    if one is None or found is None or not study.data.sensitive:
        return None
    source, out = found
    return _fair(study, f"{out}/models/{one.name}.caudal", source)


def _fair(study: Study, model: str, source: str) -> list[str]:
    threshold = study.fairness[0].threshold if study.fairness else None
    usual = [] if threshold is None else ["--threshold", f"{threshold:g}"]
    if len(study.data.classes) > 2:
        usual += ["--positive", study.data.classes[-1]]
    return ["caudal", "fair", model, source, "--sensitive", ",".join(study.data.sensitive), *usual]


def _commands(study: Study, one: Contender, model: str, source: str) -> list[tuple[str, list[str]]]:
    found = [("explain", ["caudal", "explain", model, source, "--row", "0"])]
    if study.data.sensitive:
        found.append(("fair", _fair(study, model, source)))
    if study.data.protocol == "table":
        found.append(("log", ["caudal", "predict", model, source, "--log", "decisions"]))
    if one.settings.get("dt") == "raw" and one.family == "liquid":
        shortest = study.chips.shortest_dt if study.chips else None
        usual = ["--shortest-dt", f"{shortest:g}"] if shortest else []
        found.append(("export", ["caudal", "export", model, *usual, "-o", f"{one.name}_c"]))
        found.append(("measure", ["caudal", "export", "measure", f"{one.name}_c"]))
    return found
