"""The page of one decision: one HTML file that needs nothing else."""

import base64
import hashlib
from importlib.resources import files
from pathlib import Path

from caudal._version import __version__
from caudal.explain.decision.record import Decision
from caudal.report.decision.live import circuit_picture, states_picture, tau_picture
from caudal.report.decision.sections import FOLDED, SECTIONS, saliency_picture
from caudal.report.decision.summary import title
from caudal.report.decision.words import DecisionWords, words
from caudal.report.html import Html, join, tag
from caudal.report.plots.raster import placed, png
from caudal.report.style import sheet


def render(decision: Decision, lang: str = "en") -> str:
    """The page as HTML text; the same decision gives the same text.

    Raises:
        InputError: there are no words in that language.
    """
    texts = words(lang)
    parts = (
        _skip(texts),
        _header(decision, texts),
        _main(decision, texts),
        _footer(texts),
        tag("script", Html(_script())),
    )
    return f"<!DOCTYPE html>\n{tag('html', _head(decision, texts), tag('body', *parts), lang=texts.lang)}\n"


def write(decision: Decision, path: str | Path, lang: str = "en") -> Path:
    """Write the page, whole or not at all; missing folders are made.

    Raises:
        InputError: there are no words in that language.
        OSError: the file cannot be written.
    """
    return placed(Path(path), render(decision, lang))


def _script() -> str:
    return (files("caudal.report.decision") / "static" / "page.js").read_text(encoding="utf-8")


def _head(decision: Decision, texts: DecisionWords) -> Html:
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
        tag("title", texts("page.title", id=decision.id, title=title(decision, texts))),
        tag("link", rel="icon", href="data:,"),
        tag("style", Html(sheet("caudal.report.decision"))),
    )


def _skip(texts: DecisionWords) -> Html:
    return tag("a", texts("page.skip"), class_="skip", href="#decision")


def _header(decision: Decision, texts: DecisionWords) -> Html:
    net = texts("page.weights", cell=decision.cell, n=texts.fixed(decision.weights, 0))
    facts = {"series": decision.id, "steps": len(decision.time), "model": net}
    items = [tag("div", tag("dt", texts(f"page.{name}")), tag("dd", value)) for name, value in facts.items()]
    return tag(
        "header",
        tag("p", texts("page.kind"), class_="kind"),
        tag("h1", title(decision, texts)),
        tag("dl", *items, class_="facts"),
    )


def _main(decision: Decision, texts: DecisionWords) -> Html:
    drawn = [(name, draw(decision, texts)) for name, draw in SECTIONS]
    shown = [(name, inside) for name, inside in drawn if inside is not None]
    links = [tag("li", tag("a", texts(f"nav.{name}"), href=f"#{name}")) for name, _ in shown]
    nav = tag("nav", tag("ol", *links), aria_label=texts("page.contents"))
    return tag(
        "div", nav, tag("main", join((_section(name, inside, texts) for name, inside in shown), "\n")), class_="columns"
    )


def _section(name: str, inside: Html, texts: DecisionWords) -> Html:
    heading = tag("h2", texts(f"section.{name}"), id=f"{name}-title")
    if name in FOLDED:
        inside = tag("details", tag("summary", texts(f"show.{name}")), inside)
    return tag("section", heading, inside, id=name, aria_labelledby=f"{name}-title", tabindex="-1")


def _footer(texts: DecisionWords) -> Html:
    return tag("footer", tag("p", texts("page.footer", version=__version__)))


def drawn(decision: Decision, lang: str = "en") -> dict[str, Html]:
    """SVG documents by name: `"saliency"`, `"states"`, and where the net has them `"circuit"` and `"tau"`.

    Raises:
        InputError: there are no words in that language.
    """
    texts = words(lang)
    pictures = {"saliency": saliency_picture(decision, texts), "states": states_picture(decision, texts)}
    if decision.wiring is not None:
        pictures["circuit"] = circuit_picture(decision, decision.wiring, texts, len(decision.time) - 1)
    if decision.tau is not None:
        pictures["tau"] = tau_picture(decision, decision.tau, texts)
    return pictures


def write_drawn(decision: Decision, folder: str | Path, lang: str = "en", *, scale: float = 2.0) -> list[Path]:
    """Write each picture as SVG and as PNG; a missing folder is made.

    Raises:
        InputError: there are no words in that language, or the scale is out of range.
        MissingExtraError: resvg-py, which draws the PNG files, is not installed; nothing but SVG is written then.
        OSError: a file cannot be written.
    """
    place, paths = Path(folder), []
    pictures = drawn(decision, lang)
    for name, svg in pictures.items():
        paths.append(placed(place / f"{name}.svg", f'<?xml version="1.0" encoding="UTF-8"?>\n{svg}\n'))
    paths += [png(svg, place / f"{name}.png", scale=scale) for name, svg in pictures.items()]
    return paths
