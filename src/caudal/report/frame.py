"""The frame of a page: one HTML document that loads nothing, with a contents list beside its sections."""

import base64
import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from caudal.report.html import Html, join, tag


class PageSection(NamedTuple):
    """One section of a page.

    Attributes:
        name: its anchor.
        link: in the list of contents.
        heading: above it.
        inside: what it holds.
    """

    name: str
    link: str
    heading: str
    inside: Html


def document(*body: Html, lang: str, title: str, version: str, style: str, script: str = "") -> str:
    """A whole HTML document as text.

    Arguments:
        body: what stands in it, in order.
        lang: of its words.
        title: of the window.
        version: of caudal, which made it.
        style: CSS.
        script: the one script that may run; the page loads nothing, so neither a slip nor a hostile name can fetch.
    """
    parts = [*body, tag("script", Html(script))] if script else body
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"caudal {version}"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),
        tag("style", Html(style)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', *parts), lang=lang)}\n"


def skip_link(words: str, anchor: str) -> Html:
    """A link for readers of the keyboard, past the head of the page."""
    return tag("a", words, class_="skip", href=f"#{anchor}")


def columns(sections: Iterable[PageSection], label: str) -> Html:
    """The list of contents, and the sections beside it."""
    parts = list(sections)
    links = [tag("li", tag("a", part.link, href=f"#{part.name}")) for part in parts]
    nav = tag("nav", tag("ol", *links), aria_label=label)
    return tag("div", nav, tag("main", join(map(_section, parts), "\n")), class_="columns")


def _section(part: PageSection) -> Html:
    heading = tag("h2", part.heading, id=f"{part.name}-title")
    return tag("section", heading, part.inside, id=part.name, aria_labelledby=f"{part.name}-title", tabindex="-1")


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    may_run = f"script-src 'sha256-{digest}'; " if script else ""
    return f"default-src 'none'; style-src 'unsafe-inline'; {may_run}img-src data:"
