"""The page of one decision: one HTML file that needs nothing else."""

from importlib.resources import files
from pathlib import Path

from caudal._version import __version__
from caudal.explain.decision.record import Decision
from caudal.report.decision.live import circuit_picture, states_picture, tau_picture
from caudal.report.decision.sections import FOLDED, SECTIONS, saliency_picture
from caudal.report.decision.summary import title
from caudal.report.decision.words import DecisionWords, words
from caudal.report.frame import PageSection, columns, document, skip_link
from caudal.report.html import Html, tag
from caudal.report.plots.raster import placed, png
from caudal.report.style import sheet


def render(decision: Decision, lang: str = "en") -> str:
    """The page as HTML text; the same decision gives the same text.

    Raises:
        InputError: there are no words in that language.
    """
    texts = words(lang)
    drawn = ((name, draw(decision, texts)) for name, draw in SECTIONS)
    sections = (
        PageSection(name, texts(f"nav.{name}"), texts(f"section.{name}"), _folded(name, inside, texts))
        for name, inside in drawn
        if inside is not None
    )
    return document(
        skip_link(texts("page.skip"), "decision"),
        _header(decision, texts),
        columns(sections, texts("page.contents")),
        tag("footer", tag("p", texts("page.footer", version=__version__))),
        lang=texts.lang,
        title=texts("page.title", title=title(decision, texts)),
        version=__version__,
        style=sheet("caudal.report.decision"),
        script=(files("caudal.report.decision") / "static" / "page.js").read_text(encoding="utf-8"),
    )


def write(decision: Decision, path: str | Path, lang: str = "en") -> Path:
    """Write the page, whole or not at all; missing folders are made.

    Raises:
        InputError: there are no words in that language.
        OSError: the file cannot be written.
    """
    return placed(Path(path), render(decision, lang))


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


def _folded(name: str, inside: Html, texts: DecisionWords) -> Html:
    return tag("details", tag("summary", texts(f"show.{name}")), inside) if name in FOLDED else inside


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
