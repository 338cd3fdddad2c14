"""The page of a whole model: which inputs, steps, gaps and neurons matter over many decisions."""

from pathlib import Path

from caudal._version import __version__
from caudal.explain.overall import KINDS, Kind, Overall, Part
from caudal.intervals import Interval
from caudal.report.decision.words import DecisionWords, words
from caudal.report.frame import document
from caudal.report.html import Html, tag
from caudal.report.plots.raster import placed
from caudal.report.style import sheet

_MOST = 20
_SPOKEN = 3
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def tell_overall(found: Overall, lang: str = "en") -> list[str]:
    """What matters over many decisions, as sentences.

    Raises:
        InputError: there are no words in that language.
    """
    texts = words(lang)
    lines = [texts("overall.head", series=found.series, n=found.references)]
    for kind in KINDS:
        strong = [part for part in found.of(kind)[:_SPOKEN] if part.share >= 0.05]
        if strong and found.of(kind)[0].influence.value > 0:
            named = texts.listed(f"{_name(texts, part)} ({texts.percent(part.share)})" for part in strong)
            lines.append(texts(f"overall.{kind}", names=named))
    first = found.of("input")[0]
    if first.turns is not None:
        turns = texts("overall.turns", name=_name(texts, first), share=texts.percent(first.turns))
        lines.append(turns)
    if found.shortcut is not None:
        share = texts.percent(found.shortcut.share)
        lines.append(texts("overall.shortcut", name=_name(texts, found.shortcut), share=share))
    return lines


def write_overall(found: Overall, path: str | Path, model: str, lang: str = "en") -> Path:
    """Write the page, whole or not at all; missing folders are made.

    Arguments:
        found: what `overall` measured.
        path: of the HTML file.
        model: what to call the model in the heading.
        lang: `"en"` or `"es"`.

    Raises:
        InputError: there are no words in that language.
        OSError: the file cannot be written.
    """
    texts = words(lang)
    title = texts("overall.title", model=model)
    kinds = [kind for kind in KINDS if found.of(kind) and found.of(kind)[0].influence.value > 0]
    lines = tell_overall(found, lang)
    warned = found.shortcut is not None
    lead = [tag("p", line) for line in (lines[:-1] if warned else lines)]
    lead += [tag("p", lines[-1], class_="aside warn")] if warned else []
    links = [tag("li", tag("a", texts(f"overall.nav.{kind}"), href=f"#{kind}")) for kind in kinds]
    limits = tag("p", texts("overall.limits"), class_="note")
    main = tag("main", *lead, *(_section(found, kind, texts) for kind in kinds), limits)
    page = document(
        tag("header", tag("p", texts("overall.kind"), class_="kind"), tag("h1", title)),
        tag("div", tag("nav", tag("ol", *links), aria_label=texts("page.contents")), main, class_="columns"),
        tag("footer", tag("p", texts("page.footer", version=__version__))),
        lang=texts.lang,
        title=f"{title} · caudal",
        version=__version__,
        style=sheet("caudal.report.decision"),
    )
    return placed(Path(path), page)


def _name(texts: DecisionWords, part: Part) -> str:
    if part.kind == "step":
        return texts("step", n=int(part.name) + 1)
    if part.kind == "gap":
        return texts("dt.before", n=int(part.name) + 1)
    return texts("dt") if part.kind == "input" and part.name == "dt" else part.name


def _section(found: Overall, kind: Kind, texts: DecisionWords) -> Html:
    """One kind as a table with bars."""
    parts, unit = found.of(kind)[:_MOST], texts.known("unit", found.unit)
    most = max(
        part.influence.high if part.influence.high == part.influence.high else part.influence.value for part in parts
    )
    columns = ["overall.column.name", "overall.column.influence", "overall.column.share"]
    columns += [] if kind == "neuron" else ["overall.column.swap", "overall.column.turns"]
    head = tag("tr", *(tag("th", texts(name, unit=unit), scope="col") for name in columns))
    rows = [_row(part, texts, most) for part in parts]
    caption = texts(f"overall.caption.{kind}")
    table = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *rows))
    scroll = tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)
    rest = len(found.of(kind)) - len(parts)
    more = tag("p", texts("overall.more", n=rest), class_="note") if rest else ""
    heading = tag("h2", texts(f"overall.nav.{kind}"), id=f"{kind}-title")
    return tag("section", heading, scroll, more, id=kind, aria_labelledby=f"{kind}-title")


def _row(part: Part, texts: DecisionWords, most: float) -> Html:
    width = f"{100 * part.influence.value / most:.1f}%" if most > 0 else "0%"
    bar = tag("span", class_="bar-of", style=f"width:{width}", aria_hidden="true")
    cells = [tag("td", bar, _with_ends(part.influence, texts)), tag("td", texts.percent(part.share))]
    if part.kind != "neuron":
        cells.append(tag("td", _with_ends(part.swap, texts)))
        cells.append(tag("td", "–" if part.turns is None else texts.percent(part.turns)))
    return tag("tr", tag("th", _name(texts, part), scope="row"), *cells)


def _with_ends(figure: Interval, texts: DecisionWords) -> str:
    ends = f" [{texts.short(figure.low)}, {texts.short(figure.high)}]" if figure.low == figure.low else ""
    return f"{texts.short(figure.value)}{ends}"
