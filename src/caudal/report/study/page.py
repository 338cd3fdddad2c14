"""The whole report: one HTML file that needs nothing else."""

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from caudal.compare.record import Study
from caudal.errors import FileFormatError, MissingFileError
from caudal.files import put
from caudal.report.html import Html, join, tag
from caudal.report.study import query
from caudal.report.study.about import data_section, open_section, reproduce_section
from caudal.report.study.calibration import calibration_section
from caudal.report.study.chips import chips_section
from caudal.report.study.circuit import circuit_section
from caudal.report.study.cost import cost_section
from caudal.report.study.energy import energy_section
from caudal.report.study.groups import groups_section
from caudal.report.study.next_steps import next_section
from caudal.report.study.pairs import pairs_section
from caudal.report.study.ranking import ranking_section
from caudal.report.study.robustness import robustness_section
from caudal.report.study.timing import timing_section
from caudal.report.study.verdict import numbers_line, verdict_section
from caudal.report.study.words import StudyWords, capital
from caudal.report.study.words import words as words_of

Section = Callable[[Study, StudyWords], Html]

# Id (anchor, and `section.<id>` in the words) -> what draws it.
SECTIONS: tuple[tuple[str, Section], ...] = (
    ("verdict", verdict_section),
    ("ranking", ranking_section),
    ("pairs", pairs_section),
    ("cost", cost_section),
    ("energy", energy_section),
    ("chips", chips_section),
    ("timing", timing_section),
    ("robustness", robustness_section),
    ("calibration", calibration_section),
    ("groups", groups_section),
    ("circuit", circuit_section),
    ("next", next_section),
    ("data", data_section),
    ("reproduce", reproduce_section),
    ("open", open_section),
)


_STYLES = ("page.css", "plots.css")
_SCRIPTS = ("page.js", "circuit.js")


def render(study: Study, lang: str = "en") -> str:
    """The report as HTML text; the same study gives the same text.

    Arguments:
        study: what a comparison found.
        lang: `"en"` or `"es"`; texts of data cards that are not its own stay as they were written.

    Raises:
        InputError: there is no such language.
    """
    words = words_of(lang)
    study = query.spoken(study, words)
    body = tag("body", _skip(words), _header(study, words), _main(study, words), _footer(study, words), _code())
    return f"<!DOCTYPE html>\n{tag('html', _head(study, words), body, lang=words.lang)}\n"


def write(study: Study, path: str | Path, lang: str = "en") -> Path:
    """Write the report, whole or not at all; missing folders are made.

    Arguments:
        study: what a comparison found.
        path: of the file, for example `"report.html"`.
        lang: `"en"` or `"es"`.

    Returns:
        the path.

    Raises:
        InputError: there is no such language.
        OSError: the file cannot be written.
    """
    content, place = render(study, lang), Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    put(place, content)
    return place


def read(path: str | Path) -> Study:
    """The study that a comparison kept as JSON.

    Arguments:
        path: the `study.json`, or the folder of results that holds it.

    Raises:
        MissingFileError: there is no such file.
        FileFormatError: it holds no study.
    """
    place = Path(path)
    place = place / "study.json" if place.is_dir() else place
    if not place.is_file():
        raise MissingFileError(f"report: {place} is no file. Pass the study.json that `caudal compare` wrote.")
    try:
        return Study.from_json(place.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"report: {place} is no text. Pass the study.json that `caudal compare` wrote."
        ) from error


def _asset(name: str) -> str:
    return (files("caudal.report.study") / "static" / name).read_text(encoding="utf-8")


def _script() -> str:
    return "\n".join(_asset(name) for name in _SCRIPTS)


def _head(study: Study, words: StudyWords) -> Html:
    # The page may run this one script and load nothing: neither a slip here nor a hostile name can fetch anything.
    digest = base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"caudal {study.provenance.caudal}"),
        tag("title", words("title", data=study.data.name)),
        tag("link", rel="icon", href="data:,"),
        tag("style", Html("\n".join(_asset(name) for name in _STYLES))),
    )


def _skip(words: StudyWords) -> Html:
    return tag("a", words("skip"), class_="skip", href="#verdict")


def _header(study: Study, words: StudyWords) -> Html:
    data = study.data
    return tag(
        "header",
        tag("p", words("head.kind"), class_="kind"),
        tag("h1", words.retold(data.title or data.name)),
        _subtitle(study, words),
        numbers_line(study, words),
    )


def _subtitle(study: Study, words: StudyWords) -> Html:
    data = study.data
    if data.protocol == "table":
        return tag("p", words("head.task", task=words.known("task", data.task), target=data.target), class_="subtitle")
    # The card of a data set says the task in words, classes and units included.
    text = words.told.get(data.target)
    return tag("p", capital(text or data.target), class_="subtitle", **({} if text else {"lang": "en"}))


def _main(study: Study, words: StudyWords) -> Html:
    links = [tag("li", tag("a", words(f"nav.{name}"), href=f"#{name}")) for name, _ in SECTIONS]
    nav = tag("nav", tag("ol", *links), aria_label=words("contents"))
    parts = []
    for name, draw in SECTIONS:
        heading = tag("h2", words(f"section.{name}"), id=f"{name}-title")
        parts.append(
            tag("section", heading, draw(study, words), id=name, aria_labelledby=f"{name}-title", tabindex="-1")
        )
    return tag("div", nav, tag("main", join(parts, "\n")), class_="columns")


def _footer(study: Study, words: StudyWords) -> Html:
    provenance = study.provenance
    line = words("footer", version=provenance.caudal, moment=words.moment(provenance.started))
    return tag("footer", tag("p", line))


def _code() -> Html:
    tip = tag("div", class_="tip", hidden=True, aria_hidden="true")
    return join([tip, tag("script", Html(_script()))])
