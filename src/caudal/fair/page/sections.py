"""The sections of the page, in their order: words before figures."""

from collections.abc import Callable, Sequence

from caudal.fair.audit import DataAudit
from caudal.fair.page.plots import Row, curve, intervals
from caudal.fair.page.sentences import attribute, density_lines, diagnosis_lines
from caudal.fair.page.words import Words
from caudal.fair.record import Attribute, FairReport
from caudal.pages import Html, join, tag
from caudal.records import Interval

_SHOWN = ("selection_rate", "tpr", "fpr", "accuracy", "auroc", "calibration_gap", "mae", "rmse", "bias",
          "mean_prediction")  # fmt: skip
_SIGNED = ("calibration_gap", "bias")
_TIMES = {"forecast": "time.forecast", "classify_steps": "time.each", "imitate": "time.each"}
_MOST_PROXIES = 8


def words_section(found: FairReport, said: Words) -> Html:
    """Concepts and harms, in plain words."""
    items = [
        tag("div", tag("dt", said.known("gap", name)), tag("dd", said(f"says.{name}")))
        for name in dict.fromkeys(gap.name for one in found.attributes for gap in one.gaps)
    ]
    told = [tag("p", said(f"words.{key}")) for key in ("harm", "groups", "chance", found.kind)]
    last = tag("p", said("words.conflict" if found.kind == "decision" else "words.cause"))
    return join([*told, tag("dl", *items, class_="concepts"), last])


def found_section(found: FairReport, said: Words) -> Html:
    """What was found, as sentences."""
    parts = []
    for one in found.attributes:
        parts.append(tag("h3", one.name))
        if one.edges:
            cuts = (f"{name}: {', '.join(said.short(edge) for edge in edges)}" for name, edges in one.edges.items())
            parts.append(tag("p", said("edges", cuts="; ".join(cuts)), class_="note"))
        parts.append(tag("ul", *(tag("li", line) for line in attribute(one, said, notes=False))))
    return join(parts)


def figures_section(found: FairReport, said: Words) -> Html:
    """Metrics by group as interval plots, gaps as tables."""
    return join(
        part
        for one in found.attributes
        for part in (tag("h3", one.name), _figures(one, said), _gaps(one, said), _calibration(one, said))
    )


def _figures(one: Attribute, said: Words) -> Html:
    drawn = []
    for metric in _SHOWN:
        rates = [rate for rate in one.rates if rate.metric == metric]
        if not rates:
            continue
        rows = []
        for rate in rates:
            small = said("few", n=said.fixed(rate.count)) if rate.few else ""
            kept_back = rate.group in one.hidden or (rate.value is None and rate.count > 0)
            note = said("plot.hidden" if kept_back else "plot.none")
            rows.append(Row(said.group(rate.group), rate.value, rate.few, note, small))
        title = said.known("metric", metric)
        drawn.append(tag("div", intervals(rows, said, title=title, metric=metric, zero=metric in _SIGNED)))
    return tag("div", *drawn, class_="figures")


def _gaps(one: Attribute, said: Words) -> Html:
    if not one.gaps:
        return tag("p", said("gap.nothing"), class_="note")
    head = ("gap", "value", "interval", "chance", "between", "verdict")
    rows = []
    for gap in one.gaps:
        sure = gap.value.low > 0
        badge = tag("span", said("verdict.sure" if sure else "verdict.open"), class_="badge warn" if sure else "badge")
        cells = (
            said.apart(gap.name, gap.value.value), said.span(gap.name, gap.value, apart=True),
            said.apart(gap.name, gap.chance), f"{said.group(gap.high)} – {said.group(gap.low)}", badge,
        )  # fmt: skip
        rows.append([said.known("gap", gap.name), *cells])
    return _table([said(f"table.{key}") for key in head], rows, said("table.caption", attribute=one.name))


def _calibration(one: Attribute, said: Words) -> Html:
    """Scores taken at their word, group by group."""
    if one.audit is None or not one.calibration:
        return Html("")
    rows = [
        [
            said.group(part.group),
            said.value("tpr", part.score),
            _cell(said, "tpr", part.observed),
            said.fixed(part.count),
        ]
        for part in one.calibration
    ]
    head = [said(f"table.{key}") for key in ("group", "told", "observed", "answers")]
    return _table(head, rows, said("table.calibration", attribute=one.name))


def time_section(found: FairReport, said: Words) -> Html:
    """The gap over the decision's step."""
    drawn = []
    for one in found.attributes:
        if len(one.curve) < 2:
            continue
        name = said.known("gap", one.curve_of)
        values = [None if moment.gap is None else moment.gap.value for moment in one.curve]
        if not any(values):
            continue
        title = f"{one.name}: {name}"
        steps, axis = [m.step for m in one.curve], "plot.ahead" if found.task == "forecast" else "plot.axis"
        drawn.append(tag("div", curve(steps, values, said, title=title, metric=one.curve_of, axis=said(axis))))
    if not drawn:
        return Html("")
    return join([tag("p", said(_TIMES.get(found.task, "time.how"))), tag("div", *drawn, class_="figures")])


def density_section(found: FairReport, said: Words) -> Html:
    """Measurement density by group, and error by density."""
    parts: list[object] = [tag("p", said("density.how"))]
    for one in found.attributes:
        dense = one.density
        if dense is None:
            continue
        plots = []
        wrong = "accuracy" if found.kind == "decision" else "error"
        for key, rates, metric in (
            ("steps", dense.steps, "steps"), ("elapsed", dense.elapsed, "elapsed"), ("error", dense.parts, wrong),
        ):  # fmt: skip
            rows = [Row(said.group(rate.group), rate.value, rate.few, said("plot.none")) for rate in rates]
            plots.append(tag("div", intervals(rows, said, title=said(f"plot.{key}"), metric=metric)))
        lines = tag("ul", *(tag("li", line) for line in density_lines(one, said)))
        parts += [tag("h3", one.name), lines, tag("div", *plots, class_="figures")]
    return join(parts)


def data_section(found: FairReport, said: Words) -> Html:
    """The data before any model: who is there, what is measured, what reveals the group."""
    parts: list[object] = [tag("p", said("data.how"))]
    for one in found.attributes:
        if one.audit is not None:
            parts += [tag("h3", one.name), _facts(one.audit, said, found.kind), _proxies(one.audit, said)]
    return join(parts)


def _facts(found: DataAudit, said: Words, kind: str) -> Html:
    target = "base_rate" if kind == "decision" else "target"
    rows = []
    for fact in found.facts:
        name = join([said.group(fact.group), " ", tag("span", said("table.few"), class_="badge warn")])
        share = _cell(said, "base_rate", fact.share)
        outcome = _cell(said, target, fact.target)
        cells = (said.fixed(fact.series), share, outcome, _cell(said, "base_rate", fact.missing))
        more = (_cell(said, "steps", fact.steps), _cell(said, "elapsed", fact.elapsed))
        rows.append([name if fact.few else said.group(fact.group), *cells, *more])
    keys = ("group", "series", "share", target, "missing", "steps", "elapsed")
    return _table([said(f"table.{key}") for key in keys], rows, said("table.facts", attribute=found.attribute))


def _cell(said: Words, metric: str, one: Interval | None) -> object:
    if one is None:
        return "–"
    return join([said.value(metric, one.value), " ", tag("small", said.span(metric, one))])


def _proxies(found: DataAudit, said: Words) -> Html:
    if not found.proxies:
        return tag("p", said("proxy.none"), class_="note")
    rows = [
        Row(f"{said.known('source', one.source)} ({said.known('strength', one.strength)})", one.auroc)
        for one in found.proxies[:_MOST_PROXIES]
    ]
    plot = intervals(rows, said, title=said("plot.proxies"), metric="auroc")
    told = [tag("p", said("proxy.how"))]
    if found.is_input:
        told.append(tag("p", said("proxy.input", names=said.listed(found.is_input)), class_="aside warn"))
    return join([*told, tag("div", plot, class_="figure")])


def kind_section(found: FairReport, said: Words) -> Html:
    """Which kind of bias it is, and what cannot be told."""
    parts: list[object] = [tag("p", said("kind.how"))]
    for one in found.attributes:
        if one.diagnosis is None:
            continue
        parts += [tag("h3", one.name), *(tag("p", line) for line in diagnosis_lines(one, said))]
        rows = []
        for trace in one.diagnosis.traces:
            p = said("table.least") if trace.p_value < 0.001 else said.fixed(trace.p_value, 3)
            source = said.known("source", trace.source) if trace.source else "–"
            cells = (said.group(trace.group), source, said.fixed(trace.size, 2), p)
            rows.append([said.known("bias", trace.kind), *cells])
        head = [said(f"table.{key}") for key in ("kind", "group", "source", "size", "p")]
        if rows:
            parts.append(_table(head, rows, said("table.traces")))
    return join(parts)


def missing_section(found: FairReport, said: Words) -> Html:
    """What was not measured."""
    items = [tag("li", said.known("missing", code)) for code in found.not_measured]
    return join([tag("p", said("missing.how")), tag("ul", *items)])


def _table(head: list[str], rows: Sequence[Sequence[object]], caption: str) -> Html:
    top = tag("tr", *(tag("th", name, scope="col") for name in head))
    body = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows]
    table = tag("table", tag("caption", caption), tag("thead", top), tag("tbody", *body))
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


SECTIONS: tuple[tuple[str, Callable[[FairReport, Words], Html]], ...] = (
    ("words", words_section),
    ("found", found_section),
    ("figures", figures_section),
    ("time", time_section),
    ("density", density_section),
    ("data", data_section),
    ("kind", kind_section),
    ("missing", missing_section),
)
