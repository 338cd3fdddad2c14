"""The page: one HTML file for each language, that needs nothing else."""

from pathlib import Path

from caudal.fair.page.sections import SECTIONS
from caudal.fair.page.sentences import lead
from caudal.fair.page.words import Words, words
from caudal.fair.record import FairReport
from caudal.files import put
from caudal.pages import LANGUAGES, Html, join, sheet, tag


def render(found: FairReport, lang: str = "en") -> str:
    """The page as HTML text; the same report gives the same text.

    Raises:
        InputError: there are no words in that language.
    """
    said = words(lang)
    body = tag("body", _skip(said), _header(found, said), _main(found, said), _footer(found, said))
    return f"<!DOCTYPE html>\n{tag('html', _head(found, said), body, lang=said.lang)}\n"


def write(found: FairReport, path: str | Path, lang: str = "en") -> tuple[Path, ...]:
    """Write the page, or the record as JSON by the ending `.json`, whole or not at all.

    Arguments:
        found: a report.
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
        return (_whole(place, found.to_json() + "\n"),)
    if lang != "both":
        return (_whole(place, render(found, lang)),)
    return tuple(
        _whole(place if one == "en" else place.with_suffix(".es.html"), render(found, one)) for one in LANGUAGES
    )


def _whole(place: Path, content: str) -> Path:
    put(place, content)
    return place


def _head(found: FairReport, said: Words) -> Html:
    # The page may load nothing: neither a slip here nor a hostile name can fetch anything.
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    style = sheet("caudal.fair.page")
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"caudal {found.caudal}"),
        tag("title", said("page.title", data=found.data)),
        tag("link", rel="icon", href="data:,"),
        tag("style", Html(style)),
    )


def _skip(said: Words) -> Html:
    return tag("a", said("page.skip"), class_="skip", href="#words")


def _header(found: FairReport, said: Words) -> Html:
    facts = {
        "page.data": f"{found.data}: {said('page.series', n=said.fixed(found.series))}",
        "page.model": found.model,
        "page.positive": found.positive,
        "page.numbers": said("page.scaled") if found.scaled else "",
        "page.threshold": _threshold(found, said),
        "page.attributes": said.listed(one.name for one in found.attributes),
    }
    items = [tag("div", tag("dt", said(key)), tag("dd", value)) for key, value in facts.items() if value]
    title = tag("h1", lead(found, said))
    return tag("header", tag("p", said("page.kind"), class_="kind"), title, tag("dl", *items, class_="facts"))


def _main(found: FairReport, said: Words) -> Html:
    links, parts = [], []
    for name, draw in SECTIONS:
        inside = draw(found, said)
        if not inside:
            continue
        links.append(tag("li", tag("a", said(f"nav.{name}"), href=f"#{name}")))
        heading = tag("h2", said(f"section.{name}"), id=f"{name}-title")
        parts.append(tag("section", heading, inside, id=name, aria_labelledby=f"{name}-title", tabindex="-1"))
    nav = tag("nav", tag("ol", *links), aria_label=said("page.contents"))
    return tag("div", nav, tag("main", join(parts, "\n")), class_="columns")


def _footer(found: FairReport, said: Words) -> Html:
    return tag("footer", tag("p", said("page.footer", version=found.caudal, digest=found.digest[:16])))


def _threshold(found: FairReport, said: Words) -> str:
    if found.threshold is not None:
        return said.short(found.threshold)
    return said("page.likeliest") if found.kind == "decision" else ""
