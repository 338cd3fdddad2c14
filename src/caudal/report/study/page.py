"""The whole report: one HTML file that needs nothing else."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from caudal.compare.record import Study
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.files import put
from caudal.importing import import_named, import_offered
from caudal.report.frame import PageSection, columns, document, skip_link
from caudal.report.html import Html, tag
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


@dataclass(frozen=True, eq=False)
class OwnSection:
    """A section of the report that is not caudal's.

    Attributes:
        name: anchor of the section; letters, digits and hyphens.
        title: by language, `"en"` at the least.
        draw: the study and the language -> what is shown: `Html` as it is, a text as a paragraph.
    """

    name: str
    title: Mapping[str, str]
    draw: Callable[[Study, str], Html | str]


def own_sections(sections: Sequence[object]) -> tuple[OwnSection, ...]:
    """Sections of others, as they are, by `module:object`, or by a name that a package offers as `caudal.sections`.

    Raises:
        InputError: one is none, or its name is taken.
    """
    chosen: list[OwnSection] = []
    for section in sections:
        if isinstance(section, str) and ":" in section:
            section = import_named("report", "sections", section)
        elif isinstance(section, str):
            section = import_offered("report", "sections", "sections", section)
        if not isinstance(section, OwnSection) or "en" not in section.title:
            fault = f"hold {section!r}, which is no `OwnSection` with a title in English"
            raise InputError("report", "sections", fault, "Pass `caudal.report.OwnSection(name, title, draw)`.")
        taken = {*(name for name, _ in SECTIONS), *(other.name for other in chosen)}
        if section.name in taken or not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", section.name):
            fault = f"hold {section.name!r}, which is taken or no anchor"
            raise InputError("report", "sections", fault, "Name it by letters, digits and hyphens.")
        chosen.append(section)
    return tuple(chosen)


def _drawn(section: OwnSection, study: Study, lang: str) -> PageSection:
    title = section.title.get(lang, section.title["en"])
    content = section.draw(study, lang)
    return PageSection(section.name, title, title, content if isinstance(content, Html) else tag("p", content))


def render(study: Study, lang: str = "en", sections: Sequence[object] = ()) -> str:
    """The report as HTML text; the same study gives the same text.

    Arguments:
        study: what a comparison found.
        lang: `"en"` or `"es"`; texts of data cards that are not its own stay as they were written.
        sections: of others, after those of caudal; see `own_sections`.

    Raises:
        InputError: there is no such language or section.
    """
    words = words_of(lang)
    added = [_drawn(section, study, words.lang) for section in own_sections(sections)]
    study = query.spoken(study, words)
    standing = (
        PageSection(name, words(f"nav.{name}"), words(f"section.{name}"), draw(study, words)) for name, draw in SECTIONS
    )
    provenance = study.provenance
    footer = words("footer", version=provenance.caudal, moment=words.moment(provenance.started))
    return document(
        skip_link(words("skip"), "verdict"),
        _header(study, words),
        columns([*standing, *added], words("contents")),
        tag("footer", tag("p", footer)),
        tag("div", class_="tip", hidden=True, aria_hidden="true"),
        lang=words.lang,
        title=words("title", data=study.data.name),
        version=provenance.caudal,
        style="\n".join(_asset(name) for name in _STYLES),
        script="\n".join(_asset(name) for name in _SCRIPTS),
    )


def write(study: Study, path: str | Path, lang: str = "en", sections: Sequence[object] = ()) -> Path:
    """Write the report, whole or not at all; missing folders are made.

    Arguments:
        study: what a comparison found.
        path: of the file, for example `"report.html"`.
        lang: `"en"` or `"es"`.
        sections: of others; see `own_sections`.

    Returns:
        the path.

    Raises:
        InputError: there is no such language or section.
        OSError: the file cannot be written.
    """
    content, place = render(study, lang, sections), Path(path)
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
