"""The sections of the page, in their order: words before figures."""

from collections.abc import Callable, Sequence

from caudal.fair.data_audit import DataAudit
from caudal.fair.metrics import ERROR_GAPS
from caudal.fair.record import FairAttribute, FairReport
from caudal.intervals import Interval
from caudal.report.fairness.sentences import attribute_lines, density_lines, diagnosis_lines, errors_first, sizes
from caudal.report.fairness.words import FairWords
from caudal.report.html import Html, join, tag
from caudal.report.plots.intervals import IntervalRow, band, curve, intervals

_SHOWN = (
    "tpr",
    "fpr",
    "accuracy",
    "auroc",
    "calibration_gap",
    "base_rate",
    "selection_rate",
    "mae",
    "rmse",
    "bias",
    "mean_prediction",
)
_SIGNED = ("calibration_gap", "bias")
_TIMES = {"forecast": "time.forecast", "classify_steps": "time.each", "imitate": "time.each"}
_MOST_PROXIES = 8


def words_section(report: FairReport, words: FairWords) -> Html:
    """Concepts and harms, in plain words."""
    items = [
        tag("div", tag("dt", words.known("gap", name)), tag("dd", words.known("says", name)))
        for name in dict.fromkeys(gap.name for attribute in report.attributes for gap in errors_first(attribute))
    ]
    paragraphs = [tag("p", words(f"words.{key}")) for key in ("harm", "groups", "chance", report.kind)]
    last = tag("p", words("words.conflict" if report.kind == "decision" else "words.cause"))
    return join([*paragraphs, tag("dl", *items, class_="concepts"), last])


def found_section(report: FairReport, words: FairWords) -> Html:
    """What was found, as sentences."""
    parts = []
    for attribute in report.attributes:
        parts.append(tag("h3", attribute.name))
        if attribute.people:
            parts.append(tag("p", ", ".join(sizes(attribute, words)), class_="note"))
        if attribute.edges:
            cuts = (
                f"{name}: {', '.join(words.short(edge) for edge in edges)}" for name, edges in attribute.edges.items()
            )
            parts.append(tag("p", words("edges", cuts="; ".join(cuts)), class_="note"))
        parts.append(tag("ul", *(tag("li", line) for line in attribute_lines(attribute, words, notes=False))))
    return join(parts)


def figures_section(report: FairReport, words: FairWords) -> Html:
    """Metrics by group as interval plots, gaps as tables."""
    return join(
        part
        for attribute in report.attributes
        for part in (
            tag("h3", attribute.name),
            _figures(attribute, words),
            _smooth(attribute, words),
            _gaps(attribute, words),
            _calibration(attribute, words),
        )
    )


def _figures(attribute: FairAttribute, words: FairWords) -> Html:
    drawn = []
    for metric in _SHOWN:
        rates = [rate for rate in attribute.rates if rate.metric == metric]
        if not rates:
            continue
        rows = []
        for rate in rates:
            small = words("few", n=words.fixed(rate.count)) if rate.few else ""
            kept_back = rate.group in attribute.hidden or (rate.value is None and rate.count > 0)
            note = words("plot.hidden" if kept_back else "plot.none")
            rows.append(IntervalRow(words.group(rate.group), rate.value, rate.few, note, small))
        title = words.known("metric", metric)
        drawn.append(tag("div", intervals(rows, words, title=title, metric=metric, zero=metric in _SIGNED)))
    return tag("div", *drawn, class_="figures")


def _smooth(attribute: FairAttribute, words: FairWords) -> Html:
    """Errors along a column of numbers, with the band."""
    drawn = []
    for rate in attribute.smooth:
        title = words("smooth.caption", metric=words.known("metric", rate.metric), column=rate.column)
        drawn.append(tag("div", band(rate.at, rate.rates, words, title=title, metric=rate.metric, axis=rate.column)))
    return tag("div", *drawn, class_="figures") if drawn else Html("")


def _gaps(attribute: FairAttribute, words: FairWords) -> Html:
    if not attribute.gaps:
        return tag("p", words("gap.nothing"), class_="note")
    head = ("gap", "value", "interval", "chance", "between", "verdict")
    rows = []
    for gap in errors_first(attribute):
        sure = gap.value.low > 0
        alarm = "badge warn" if sure and gap.name in ERROR_GAPS else "badge"
        badge = tag("span", words("verdict.sure" if sure else "verdict.open"), class_=alarm)
        cells = (
            words.apart(gap.name, gap.value.value),
            words.span(gap.name, gap.value, apart=True),
            f"{words.apart(gap.name, gap.chance)}; {words.apart(gap.name, gap.chance_95)}",
            f"{words.group(gap.high)} – {words.group(gap.low)}",
            badge,
        )
        rows.append([words.known("gap", gap.name), *cells])
    return _table([words(f"table.{key}") for key in head], rows, words("table.caption", attribute=attribute.name))


def _calibration(attribute: FairAttribute, words: FairWords) -> Html:
    """Scores taken at their word, group by group."""
    if attribute.audit is None or not attribute.calibration:
        return Html("")
    rows = [
        [
            words.group(part.group),
            words.value("tpr", part.score),
            _cell(words, "tpr", part.observed),
            words.fixed(part.count),
        ]
        for part in attribute.calibration
    ]
    head = [words(f"table.{key}") for key in ("group", "told", "observed", "answers")]
    return _table(head, rows, words("table.calibration", attribute=attribute.name))


def time_section(report: FairReport, words: FairWords) -> Html:
    """The gap over the decision's step."""
    drawn = []
    for attribute in report.attributes:
        if len(attribute.curve) < 2:
            continue
        name = words.known("gap", attribute.curve_of)
        values = [None if moment.gap is None else moment.gap.value for moment in attribute.curve]
        if not any(values):
            continue
        title = f"{attribute.name}: {name}"
        steps, axis = [m.step for m in attribute.curve], "plot.ahead" if report.task == "forecast" else "plot.axis"
        drawn.append(tag("div", curve(steps, values, words, title=title, metric=attribute.curve_of, axis=words(axis))))
    if not drawn:
        return Html("")
    return join([tag("p", words(_TIMES.get(report.task, "time.how"))), tag("div", *drawn, class_="figures")])


def density_section(report: FairReport, words: FairWords) -> Html:
    """Measurement density by group, and error by density."""
    parts: list[object] = [tag("p", words("density.how"))]
    for attribute in report.attributes:
        dense = attribute.density
        if dense is None:
            continue
        plots = []
        wrong = "accuracy" if report.kind == "decision" else "error"
        for key, rates, metric in (
            ("steps", dense.steps, "steps"),
            ("elapsed", dense.elapsed, "elapsed"),
            ("error", dense.parts, wrong),
        ):
            rows = [IntervalRow(words.group(rate.group), rate.value, rate.few, words("plot.none")) for rate in rates]
            plots.append(tag("div", intervals(rows, words, title=words(f"plot.{key}"), metric=metric)))
        lines = tag("ul", *(tag("li", line) for line in density_lines(attribute, words)))
        parts += [tag("h3", attribute.name), lines, tag("div", *plots, class_="figures")]
    return join(parts)


def data_section(report: FairReport, words: FairWords) -> Html:
    """The data before any model: who is there, what is measured, what reveals the group."""
    parts: list[object] = [tag("p", words("data.how"))]
    for attribute in report.attributes:
        if attribute.audit is not None:
            parts += [
                tag("h3", attribute.name),
                _facts(attribute.audit, words, report.kind),
                _proxies(attribute.audit, words),
            ]
    return join(parts)


def _facts(audit: DataAudit, words: FairWords, kind: str) -> Html:
    target = "base_rate" if kind == "decision" else "target"
    rows = []
    for fact in audit.facts:
        name = join([words.group(fact.group), " ", tag("span", words("table.few"), class_="badge warn")])
        share = _cell(words, "base_rate", fact.share)
        outcome = _cell(words, target, fact.target)
        cells = (words.fixed(fact.series), share, outcome, _cell(words, "base_rate", fact.missing))
        more = (_cell(words, "steps", fact.steps), _cell(words, "elapsed", fact.elapsed))
        rows.append([name if fact.few else words.group(fact.group), *cells, *more])
    keys = ("group", "series", "share", target, "missing", "steps", "elapsed")
    return _table([words(f"table.{key}") for key in keys], rows, words("table.facts", attribute=audit.attribute))


def _cell(words: FairWords, metric: str, interval: Interval | None) -> object:
    if interval is None:
        return "–"
    return join([words.value(metric, interval.value), " ", tag("small", words.span(metric, interval))])


def _proxies(audit: DataAudit, words: FairWords) -> Html:
    if not audit.proxies:
        return tag("p", words("proxy.none"), class_="note")
    rows = [
        IntervalRow(f"{words.known('source', proxy.source)} ({words.known('strength', proxy.strength)})", proxy.auroc)
        for proxy in audit.proxies[:_MOST_PROXIES]
    ]
    plot = intervals(rows, words, title=words("plot.proxies"), metric="auroc")
    paragraphs = [tag("p", words("proxy.how"))]
    if audit.is_input:
        paragraphs.append(tag("p", words("proxy.input", names=words.listed(audit.is_input)), class_="aside warn"))
    return join([*paragraphs, tag("div", plot, class_="figure")])


def kind_section(report: FairReport, words: FairWords) -> Html:
    """Which kind of bias it is, and what cannot be told."""
    parts: list[object] = [tag("p", words("kind.how"))]
    for attribute in report.attributes:
        if attribute.diagnosis is None:
            continue
        parts += [tag("h3", attribute.name), *(tag("p", line) for line in diagnosis_lines(attribute, words))]
        rows = []
        for trace in attribute.diagnosis.traces:
            p = words("table.least") if trace.p_value < 0.001 else words.fixed(trace.p_value, 3)
            source = words.known("source", trace.source) if trace.source else "–"
            cells = (words.group(trace.group), source, words.fixed(trace.size, 2), p)
            rows.append([words.known("bias", trace.kind), *cells])
        head = [words(f"table.{key}") for key in ("kind", "group", "source", "size", "p")]
        if rows:
            parts.append(_table(head, rows, words("table.traces")))
    return join(parts)


def missing_section(report: FairReport, words: FairWords) -> Html:
    """What was not measured."""
    items = [tag("li", words.known("missing", code)) for code in report.not_measured]
    return join([tag("p", words("missing.how")), tag("ul", *items)])


def _table(head: list[str], rows: Sequence[Sequence[object]], caption: str) -> Html:
    top = tag("tr", *(tag("th", name, scope="col") for name in head))
    body = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows]
    table = tag("table", tag("caption", caption), tag("thead", top), tag("tbody", *body))
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


SECTIONS: tuple[tuple[str, Callable[[FairReport, FairWords], Html]], ...] = (
    ("words", words_section),
    ("found", found_section),
    ("figures", figures_section),
    ("time", time_section),
    ("density", density_section),
    ("data", data_section),
    ("kind", kind_section),
    ("missing", missing_section),
)
