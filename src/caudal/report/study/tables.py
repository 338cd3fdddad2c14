"""Tables: a caption, headed columns and rows, cells that know the number they show."""

from collections.abc import Sequence
from dataclasses import dataclass

from caudal.compare.record import Contender
from caudal.report.html import Html, join, tag
from caudal.report.plots.marks import sign
from caudal.report.study.words import StudyWords


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what is shown, and the number that it is sorted by.

    Attributes:
        shown: text or markup.
        value: what the cell sorts by; its text where None.
        kind: class of the cell: `"n"` for numbers, `"draw"` for a drawing, or others.
        best: whether it holds the best of its column.
        rows: how many rows it heads; the first cell of each row is its head.
    """

    shown: object
    value: float | None = None
    kind: str = "n"
    best: bool = False
    rows: int = 1


def table(
    caption: str,
    head: Sequence[object],
    rows: Sequence[Sequence[object]],
    *,
    sortable: bool = False,
    foot: Sequence[object] = (),
    class_: str = "",
    hide_caption: bool = False,
) -> Html:
    """A table whose first column names its rows; cells are texts, markup or `Cell`s."""
    heads = [_head(title, rows, at) for at, title in enumerate(head)]
    body = [tag("tr", *(_cell(cell, at == 0) for at, cell in enumerate(row))) for row in rows]
    parts = [
        tag("caption", tag("span", caption, class_="sr" if hide_caption else None)),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *body),
    ]
    if foot:
        parts.append(tag("tfoot", tag("tr", *(_cell(cell, False) for cell in foot)), aria_hidden="true"))
    names = f"{class_} {'sortable' if sortable else ''}".strip()
    return tag("div", tag("table", *parts, class_=names or None), class_="scroll")


def _head(title: object, rows: Sequence[Sequence[object]], at: int) -> Html:
    first = rows[0][at] if rows and at < len(rows[0]) else ""
    kind = first.kind if isinstance(first, Cell) else ""
    return tag("th", title, scope="col", class_=kind or None)


def _cell(content: object, is_head: bool) -> Html:
    cell = content if isinstance(content, Cell) else Cell(content, None, "")
    value = None if cell.value is None else f"{cell.value:.9g}"
    names = " ".join(part for part in (cell.kind, "best" if cell.best else "") if part) or None
    if is_head:
        scope, rows = ("rowgroup", cell.rows) if cell.rows > 1 else ("row", None)
        return tag("th", cell.shown, scope=scope, rowspan=rows, class_=names, data_v=value)
    return tag("td", cell.shown, class_=names, data_v=value)


def model(contender: Contender) -> Html:
    """A contender's name with the sign of its family."""
    return tag("span", sign(contender.family), contender.label, class_="model")


def details(title: object, *inside: object) -> Html:
    """A part of the page that is folded until its title is clicked."""
    return tag("details", tag("summary", title), *inside)


def legend(words: StudyWords) -> Html:
    """What colours and shapes mean."""
    parts = [tag("li", sign(family), words(f"family.{family}")) for family in ("liquid", "traditional", "trivial")]
    return tag("ul", *parts, class_="legend", aria_label=words("legend"))


def facts(pairs: Sequence[tuple[object, object]]) -> Html:
    """A list of names, each with its value."""
    return tag("dl", join(tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs), class_="facts")
