"""The page: one HTML file for each language, that needs nothing else."""

from pathlib import Path

from caudal.fair.record import FairReport
from caudal.files import put
from caudal.report.fairness.sections import SECTIONS
from caudal.report.fairness.sentences import lead, levels, outcome
from caudal.report.fairness.words import FairWords, words_of_report
from caudal.report.html import Html, join, tag
from caudal.report.numbers import LANGUAGES
from caudal.report.style import sheet


def render(report: FairReport, lang: str = "en") -> str:
    """The page as HTML text; the same report gives the same text.

    Raises:
        InputError: there are no words in that language.
    """
    words = words_of_report(report, lang)
    body = tag("body", _skip(words), _header(report, words), _main(report, words), _footer(report, words))
    return f"<!DOCTYPE html>\n{tag('html', _head(report, words), body, lang=words.lang)}\n"


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


def _head(report: FairReport, words: FairWords) -> Html:
    # The page may load nothing: neither a slip here nor a hostile name can fetch anything.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    style = sheet("caudal.report.fairness")
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"caudal {report.caudal}"),
        tag("title", words("page.title", data=report.data)),
        tag("link", rel="icon", href="data:,"),
        tag("style", Html(style)),
    )


def _skip(words: FairWords) -> Html:
    return tag("a", words("page.skip"), class_="skip", href="#words")


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


def _main(report: FairReport, words: FairWords) -> Html:
    links, parts = [], []
    for name, draw in SECTIONS:
        inside = draw(report, words)
        if not inside:
            continue
        links.append(tag("li", tag("a", words(f"nav.{name}"), href=f"#{name}")))
        heading = tag("h2", words(f"section.{name}"), id=f"{name}-title")
        parts.append(tag("section", heading, inside, id=name, aria_labelledby=f"{name}-title", tabindex="-1"))
    nav = tag("nav", tag("ol", *links), aria_label=words("page.contents"))
    return tag("div", nav, tag("main", join(parts, "\n")), class_="columns")


def _footer(report: FairReport, words: FairWords) -> Html:
    return tag("footer", tag("p", words("page.footer", version=report.caudal, digest=report.digest[:16])))


def _threshold(report: FairReport, words: FairWords) -> str:
    if report.threshold is not None:
        return words.short(report.threshold)
    return words("page.likeliest") if report.kind == "decision" else ""
