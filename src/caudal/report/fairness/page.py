"""The page: one HTML file for each language, that needs nothing else."""

from pathlib import Path

from caudal.fair.record import FairReport
from caudal.files import put
from caudal.report.fairness.sections import SECTIONS
from caudal.report.fairness.sentences import lead, levels, outcome
from caudal.report.fairness.words import FairWords, words_of_report
from caudal.report.frame import PageSection, columns, document, skip_link
from caudal.report.html import Html, tag
from caudal.report.numbers import LANGUAGES
from caudal.report.style import sheet


def render(report: FairReport, lang: str = "en") -> str:
    """The page as HTML text; the same report gives the same text.

    Raises:
        InputError: there are no words in that language.
    """
    words = words_of_report(report, lang)
    drawn = ((name, draw(report, words)) for name, draw in SECTIONS)
    sections = (
        PageSection(name, words(f"nav.{name}"), words(f"section.{name}"), inside) for name, inside in drawn if inside
    )
    return document(
        skip_link(words("page.skip"), "words"),
        _header(report, words),
        columns(sections, words("page.contents")),
        tag("footer", tag("p", words("page.footer", version=report.caudal, digest=report.digest[:16]))),
        lang=words.lang,
        title=words("page.title", data=report.data),
        version=report.caudal,
        style=sheet("caudal.report.fairness"),
    )


def write(report: FairReport, path: str | Path, lang: str = "en") -> tuple[Path, ...]:
    """Write the page, or the record as JSON by the ending `.json`, whole or not at all.

    Arguments:
        report: a report.
        path: of the file; `"both"` writes Spanish beside it, as `fair.es.html`.
        lang: `"en"`, `"es"` or `"both"`.

    Returns:
        what was written.

    Raises:
        InputError: there are no words in that language.
        OSError: a file cannot be written.
    """
    place = Path(path)
    if place.suffix == ".json":
        return (_whole(place, report.to_json() + "\n"),)
    if lang != "both":
        return (_whole(place, render(report, lang)),)
    return tuple(
        _whole(place if language == "en" else place.with_suffix(".es.html"), render(report, language))
        for language in LANGUAGES
    )


def _whole(place: Path, content: str) -> Path:
    put(place, content)
    return place


def _header(report: FairReport, words: FairWords) -> Html:
    facts = {
        "page.data": f"{report.data}: {words('page.series', n=words.fixed(report.series))}",
        "page.model": report.model,
        "page.target": report.target if report.kind == "number" else "",
        "page.positive": outcome(report) if report.positive else "",
        "page.classes": words.listed(report.classes),
        "page.numbers": words("page.scaled") if report.scaled else "",
        "page.threshold": _threshold(report, words),
        "page.attributes": words.listed(attribute.name for attribute in report.attributes),
    }
    items = [tag("div", tag("dt", words(key)), tag("dd", value)) for key, value in facts.items() if value]
    title = tag("h1", lead(report, words))
    beside = [tag("p", line) for line in levels(report, words)]
    return tag("header", tag("p", words("page.kind"), class_="kind"), title, *beside, tag("dl", *items, class_="facts"))


def _threshold(report: FairReport, words: FairWords) -> str:
    if report.threshold is not None:
        return words.short(report.threshold)
    return words("page.likeliest") if report.kind == "decision" else ""
