"""What was found, in sentences."""

from caudal.fair.diagnose.diagnose import Suspicion
from caudal.fair.intervals import Gap
from caudal.fair.metrics import ERROR_GAPS, GAPS
from caudal.fair.record import FairAttribute, FairReport
from caudal.fair.smooth import SmoothRate
from caudal.intervals import Interval
from caudal.report.fairness.words import FairWords, words_of_report


def told(report: FairReport, lang: str = "en") -> list[str]:
    """The findings as lines for a terminal.

    Arguments:
        report: a report.
        lang: `"en"` or `"es"`.

    Raises:
        InputError: there are no words in that language.
    """
    words = words_of_report(report, lang)
    lines = [lead(report, words), *levels(report, words), asked(report, words)]
    for attribute in report.attributes:
        lines += [
            "",
            f"{attribute.name} ({', '.join(sizes(attribute, words))})",
            *(f"  {line}" for line in attribute_lines(attribute, words)),
        ]
    lines += ["", words("missing.head"), *(f"  {words.known('missing', code)}" for code in report.not_measured)]
    return lines


def lead(report: FairReport, words: FairWords) -> str:
    """The first sentence of the report: its surest gap in errors, or that none exceeds chance."""
    worst, steepest = report.worst(), report.steepest()
    if worst is not None:
        attribute, gap = worst
        return words("lead.sure", attribute=attribute.name, said=_said(attribute, gap, words, "lead.gap"))
    if steepest is not None:
        return words("lead.smooth", column=steepest.column, said=smooth_line(steepest, words))
    reach = [gap for attribute in report.attributes for gap in attribute.gaps if gap.name in ERROR_GAPS]
    if not reach:
        return words("lead.nothing")
    widest = max(reach, key=lambda gap: gap.value.high)
    return words("lead.none", high=words.apart(widest.name, widest.value.high))


def levels(report: FairReport, words: FairWords) -> list[str]:
    """Where decisions of yes, or the mean prediction, differ beyond chance, with the truth beside; one line or none."""
    widest = report.widest_levels()
    if widest is None:
        return []
    attribute, gap = widest
    key = "lead.levels" if gap.name == "demographic_parity" else "lead.mean"
    return [words(key, attribute=attribute.name, truth=_truth(attribute, gap, words), **_sides(attribute, gap, words))]


def asked(report: FairReport, words: FairWords) -> str:
    """What is predicted, and what a yes means."""
    target = report.target or words("target.unknown")
    if report.kind == "number":
        key = "asked.number" if words.unit else "asked.number.own"
        return words(key, target=target, unit=words.unit)
    if report.classes:
        return words("asked.classes", target=target, classes=words.listed(report.classes))
    how = words("asked.likeliest")
    if report.threshold is not None:
        how = words("asked.threshold", p=words.short(report.threshold))
    return words("asked.decision", outcome=outcome(report), how=how)


def outcome(report: FairReport) -> str:
    """The class that yes stands for, with the name of what is predicted."""
    return f"{report.target} = {report.positive}" if report.target else report.positive


def sizes(attribute: FairAttribute, words: FairWords) -> list[str]:
    """Each group with its number of series, and of people where these are fewer."""
    each = []
    for name, count in attribute.groups.items():
        shown = f"{words.group(name)} {words.fixed(count)}"
        people = attribute.people.get(name)
        each.append(shown if people is None else words("people", size=shown, people=words.fixed(people)))
    return each


def attribute_lines(attribute: FairAttribute, words: FairWords, *, notes: bool = True) -> list[str]:
    """Sentences about one attribute: gaps in errors, then in levels, density, traces of bias, small groups.

    Arguments:
        attribute: of a report.
        words: words.
        notes: whether what cannot be told follows the traces.
    """
    lines = [gap_line(attribute, gap, words) for gap in errors_first(attribute)] or [words("gap.nothing")]
    if attribute.gaps:
        defined = {gap.name for gap in attribute.gaps}
        lines += [
            words("gap.few", name=words.known("gap", name)) for name in _possible(attribute) if name not in defined
        ]
    lines += [smooth_line(rate, words) for rate in attribute.smooth if rate.difference.value > 0]
    if attribute.density is not None:
        lines += density_lines(attribute, words)
    if attribute.diagnosis is not None:
        lines += diagnosis_lines(attribute, words, notes=notes)
    return [*lines, *few_lines(attribute, words)]


def errors_first(attribute: FairAttribute) -> list[Gap]:
    """The gaps of an attribute, those in errors before those in levels."""
    return sorted(attribute.gaps, key=lambda gap: gap.name not in ERROR_GAPS)


def few_lines(attribute: FairAttribute, words: FairWords) -> list[str]:
    """Groups too small to say much of, each named once."""
    lines, total = [], words.fixed(len(attribute.groups))
    if attribute.small:
        names = words.listed(map(words.group, attribute.small))
        lines.append(words("few.groups", n=words.fixed(len(attribute.small)), total=total, groups=names))
    left_out = {name: None for gap in attribute.gaps for name in _left_out(attribute, gap)}
    left_out = {name: None for name in left_out if name not in attribute.small}
    if left_out:
        lines.append(words("few.answers", groups=words.listed(map(words.group, left_out))))
    if attribute.hidden:
        lines.append(words("few.hidden", groups=words.listed(map(words.group, attribute.hidden))))
    return lines


def gap_line(attribute: FairAttribute, gap: Gap, words: FairWords) -> str:
    """A gap with its interval, what chance would give, and the truth beside a gap in levels."""
    without = ""
    left_out = _left_out(attribute, gap)
    if left_out:
        counts = {"n": words.fixed(len(left_out)), "total": words.fixed(len(attribute.groups))}
        without = words("gap.left_out", **counts)
    truth = "" if gap.name in ERROR_GAPS else _truth(attribute, gap, words)
    if gap.value.low > 0:
        return sure(attribute, gap, words) + truth + without
    values = {"value": gap.value.value, "chance": gap.chance, "most": gap.chance_95, "high": gap.value.high}
    shown = {key: words.apart(gap.name, value) for key, value in values.items()}
    if gap.value.value == 0:
        return words("gap.none", name=words.known("gap", gap.name), high=shown["high"]) + truth + without
    return words("gap.open", name=words.known("gap", gap.name), **shown) + truth + without


def _left_out(attribute: FairAttribute, gap: Gap) -> tuple[str, ...]:
    """Groups too small where the gap is largest; of errors of either kind they may well count in the other one."""
    return tuple(rate.group for rate in attribute.rates if rate.metric == gap.metric and rate.few)


def _possible(attribute: FairAttribute) -> tuple[str, ...]:
    """Gaps that such answers allow."""
    measured = {rate.metric for rate in attribute.rates}
    return tuple(name for name, metrics in GAPS.items() if measured.issuperset(metrics))


def sure(attribute: FairAttribute, gap: Gap, words: FairWords) -> str:
    """A gap that chance does not explain, with what chance would show."""
    # Of two kinds of error the one with few answers sets what chance reaches; the other may be sure well below it.
    key = "gap.chance" if gap.chance_95 < gap.value.value else "gap.chance.either"
    beyond = words(key, chance=words.apart(gap.name, gap.chance_95))
    return _said(attribute, gap, words, "gap.sure") + beyond


def _said(attribute: FairAttribute, gap: Gap, words: FairWords, key: str) -> str:
    shown = {name: words.apart(gap.name, value) for name, value in (("value", gap.value.value), ("chance", gap.chance))}
    shown["span"] = words.span(gap.name, gap.value, apart=True)
    metric = words.known("metric", gap.metric)
    sides = _sides(attribute, gap, words)
    return words(key, name=words.known("gap", gap.name), metric=metric, **sides, **shown)


def _sides(attribute: FairAttribute, gap: Gap, words: FairWords) -> dict[str, str]:
    """The two groups of a gap, and their values."""
    rates = {rate.group: rate.value for rate in attribute.rates if rate.metric == gap.metric}
    return _pair(gap, rates, gap.metric, words)


def _truth(attribute: FairAttribute, gap: Gap, words: FairWords) -> str:
    """What is true of the two groups of a gap in levels; nothing where it is not known."""
    values = {rate.group: rate.value for rate in attribute.rates if rate.metric == "base_rate"}
    if gap.name == "mean_prediction" and attribute.audit is not None:
        values = {fact.group: fact.target for fact in attribute.audit.facts}
    if values.get(gap.high) is None or values.get(gap.low) is None:
        return ""
    return words("gap.truth", **_pair(gap, values, gap.metric, words))


def _pair(gap: Gap, values: dict[str, Interval | None], metric: str, words: FairWords) -> dict[str, str]:
    sides = {"most": words.group(gap.high), "least": words.group(gap.low)}
    for key, group in (("high", gap.high), ("low", gap.low)):
        value = values.get(group)
        sides[key] = "–" if value is None else words.value(metric, value.value)
    return sides


def smooth_line(rate: SmoothRate, words: FairWords) -> str:
    """An error along a column of numbers, with its largest difference."""
    values = {"value": rate.difference.value, "chance": rate.chance, "most": rate.chance_95}
    shown = {key: words.apart(rate.metric, value) for key, value in values.items()}
    shown |= {"column": rate.column, "metric": words.known("metric", rate.metric)}
    if not rate.sure:
        return words("smooth.open", **shown)
    curve = [interval.value for interval in rate.rates]
    ends = {"high": words.value(rate.metric, max(curve)), "low": words.value(rate.metric, min(curve))}
    places = {"high_at": words.short(rate.high_at), "low_at": words.short(rate.low_at)}
    span = words.span(rate.metric, rate.difference, apart=True)
    return words("smooth.sure", span=span, **ends, **places, **shown)


def density_lines(attribute: FairAttribute, words: FairWords) -> list[str]:
    """Whether groups are measured more rarely, and whether the error follows."""
    density = attribute.density
    if density is None:
        return []
    lines = []
    for key, gap in (("rarer", density.steps_gap), ("slower", density.elapsed_gap)):
        if gap is not None and gap.value.low > 0:
            span = words("span", low=words.short(gap.value.low), high=words.short(gap.value.high))
            names = {"most": words.group(gap.high), "least": words.group(gap.low)}
            value = words.short(gap.value.value)
            unit = f" {words.time_unit}" if key == "slower" and words.time_unit else ""
            lines.append(words(f"density.{key}", value=f"{value}{unit}", span=span, **names))
    suspected = attribute.diagnosis.suspicions if attribute.diagnosis is not None else ()
    if not lines and all(suspicion.trace.kind != "sampling rate" for suspicion in suspected):
        lines.append(words("density.alike"))
    follows = density.follows
    key = "falls" if follows.high < 0 else "rises" if follows.low > 0 else "none"
    lines.append(words(f"density.{key}", rho=words.fixed(follows.value, 2, signed=True)))
    if key != "none" and density.raw is not None and density.alike is not None:
        shown = {"raw": density.raw, "alike": density.alike}
        lines.append(words("density.alike_gap", **{k: _error(attribute, value, words) for k, value in shown.items()}))
    return lines


def _error(attribute: FairAttribute, value: float, words: FairWords) -> str:
    decides = any(rate.metric == "accuracy" for rate in attribute.rates)
    return words.apart("accuracy" if decides else "mae", value)


def diagnosis_lines(attribute: FairAttribute, words: FairWords, *, notes: bool = True) -> list[str]:
    """Every kind of bias of which the data show a trace, and what cannot be told."""
    diagnosis = attribute.diagnosis
    if diagnosis is None:
        return []
    lines = [_suspicion(suspicion, words) for suspicion in diagnosis.suspicions]
    if not lines:
        lines = [words("kind.none", confidence=words.known("confidence", diagnosis.confidence))]
    elif not any(gap.value.low > 0 for gap in attribute.gaps if gap.name in ERROR_GAPS):
        lines.append(words("kind.harmless"))
    return [*lines, *(words.known("note", code) for code in diagnosis.notes)] if notes else lines


def _suspicion(suspicion: Suspicion, words: FairWords) -> str:
    trace = suspicion.trace
    key = f"kind.{trace.kind}.checked" if trace.kind == "labels" and trace.direct else f"kind.{trace.kind}"
    return words(
        key,
        group=words.group(trace.group),
        source=words.known("source", trace.source),
        seen=words.value("tpr", trace.found),
        expected=words.value("tpr", trace.expected),
        confidence=words.known("confidence", suspicion.confidence),
    )
