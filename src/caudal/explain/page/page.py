"""The page of one decision: one HTML file that needs nothing else."""

import base64
import hashlib
from importlib.resources import files
from pathlib import Path

from caudal._version import __version__
from caudal.explain.page.record import Decision
from caudal.explain.page.sections import SECTIONS, passed
from caudal.explain.pictures.place import placed
from caudal.explain.words import Words, words
from caudal.pages import Html, join, sheet, tag


def render(found: Decision, lang: str = "en") -> str:
    """The page as HTML text; the same decision gives the same text.

    Raises:
        InputError: there are no words in that language.
    """
    said = words(lang)
    parts = (_skip(said), _header(found, said), _main(found, said), _footer(said), tag("script", Html(_script())))
    return f"<!DOCTYPE html>\n{tag('html', _head(found, said), tag('body', *parts), lang=said.lang)}\n"


def write(found: Decision, path: str | Path, lang: str = "en") -> Path:
    """Write the page, whole or not at all; missing folders are made.

    Raises:
        InputError: there are no words in that language.
        OSError: the file cannot be written.
    """
    return placed(Path(path), render(found, lang))


def _script() -> str:
    return (files("caudal.explain.page") / "static" / "page.js").read_text(encoding="utf-8")


def _head(found: Decision, said: Words) -> Html:
    # The page may run this one script and load nothing: neither a slip here nor a hostile name can fetch anything.
    digest = base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"caudal {__version__}"),
        tag("title", said("page.title", id=found.id, decision=found.decision)),
        tag("link", rel="icon", href="data:,"),
        tag("style", Html(sheet("caudal.explain.page"))),
    )


def _skip(said: Words) -> Html:
    return tag("a", said("page.skip"), class_="skip", href="#decision")


def _header(found: Decision, said: Words) -> Html:
    net = said("page.weights", cell=found.cell, n=said.fixed(found.weights, 0))
    facts = {"series": found.id, "steps": len(found.time), "model": net, "checks": passed(found)}
    items = [tag("div", tag("dt", said(f"page.{name}")), tag("dd", value)) for name, value in facts.items()]
    title = found.decision if found.classes else said.short(float(found.scores[-1, 0]), 4)
    return tag(
        "header",
        tag("p", said("page.kind"), class_="kind"),
        tag("h1", f"{found.id}: {title}"),
        tag("dl", *items, class_="facts"),
    )


def _main(found: Decision, said: Words) -> Html:
    links = [tag("li", tag("a", said(f"nav.{name}"), href=f"#{name}")) for name, _ in SECTIONS]
    nav = tag("nav", tag("ol", *links), aria_label=said("page.contents"))
    parts = []
    for name, draw in SECTIONS:
        heading = tag("h2", said(f"section.{name}"), id=f"{name}-title")
        parts.append(
            tag("section", heading, draw(found, said), id=name, aria_labelledby=f"{name}-title", tabindex="-1")
        )
    return tag("div", nav, tag("main", join(parts, "\n")), class_="columns")


def _footer(said: Words) -> Html:
    return tag("footer", tag("p", said("page.footer", version=__version__)))
