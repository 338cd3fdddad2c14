"""What was found, in sentences."""

from caudal.fair.intervals import Gap
from caudal.fair.metrics import GAPS
from caudal.fair.page.words import FairWords
from caudal.fair.page.words import words as words_of
from caudal.fair.record import FairAttribute, FairReport


def told(report: FairReport, lang: str = "en") -> list[str]:
    """The findings as lines for a terminal.

    Arguments:
        report: a report.
        lang: `"en"` or `"es"`.

    Raises:
        InputError: there are no words in that language.
    """
    words = words_of(lang)
    lines = [lead(report, words)]
    for attribute in report.attributes:
        sizes = (f"{words.group(name)} {words.fixed(count)}" for name, count in attribute.groups.items())
        lines += [
            "",
            f"{attribute.name} ({', '.join(sizes)})",
            *(f"  {line}" for line in attribute_lines(attribute, words)),
        ]
    lines += ["", words("missing.head"), *(f"  {words.known('missing', code)}" for code in report.not_measured)]
    return lines


def lead(report: FairReport, words: FairWords) -> str:
    """The first sentence of the report: its surest gap, or that no gap exceeds chance."""
    worst = report.worst()
    if worst is None:
        reach = [gap for attribute in report.attributes for gap in attribute.gaps]
        if not reach:
            return words("lead.nothing")
        widest = max(reach, key=lambda gap: gap.value.high)
        return words("lead.none", high=words.apart(widest.name, widest.value.high))
    attribute, gap = worst
    return words("lead.sure", attribute=attribute.name, said=sure(attribute, gap, words))


def attribute_lines(attribute: FairAttribute, words: FairWords, *, notes: bool = True) -> list[str]:
    """Sentences about one attribute: gaps, density, kind of bias, small cells; notes on what cannot be told."""
    lines = [gap_line(attribute, gap, words) for gap in attribute.gaps] or [words("gap.nothing")]
    if attribute.gaps:
        defined = {gap.name for gap in attribute.gaps}
        lines += [
            words("gap.few", name=words.known("gap", name)) for name in _possible(attribute) if name not in defined
        ]
    if attribute.density is not None:
        lines += density_lines(attribute, words)
    if attribute.diagnosis is not None:
        lines += diagnosis_lines(attribute, words)[: None if notes else 1]
    if attribute.small:
        lines.append(words("small", groups=words.listed(words.group(name) for name in attribute.small)))
    if attribute.hidden:
        lines.append(words("hidden", groups=words.listed(words.group(name) for name in attribute.hidden)))
    return lines


def gap_line(attribute: FairAttribute, gap: Gap, words: FairWords) -> str:
    """A gap with its interval and what chance would give."""
    without = ""
    if gap.left_out:
        without = words("gap.left_out", groups=words.listed(words.group(name) for name in gap.left_out))
    if gap.value.low > 0:
        return sure(attribute, gap, words) + without
    values = {"value": gap.value.value, "chance": gap.chance, "high": gap.value.high}
    shown = {key: words.apart(gap.name, value) for key, value in values.items()}
    return words("gap.open", name=words.known("gap", gap.name), **shown) + without


def _possible(attribute: FairAttribute) -> tuple[str, ...]:
    """Gaps that such answers allow."""
    measured = {rate.metric for rate in attribute.rates}
    return tuple(name for name, metrics in GAPS.items() if measured.issuperset(metrics))


def sure(attribute: FairAttribute, gap: Gap, words: FairWords) -> str:
    """A gap that chance does not explain."""
    at = {rate.group: rate.value for rate in attribute.rates if rate.metric == gap.metric}
    sides = {}
    for key, group in (("high", gap.high), ("low", gap.low)):
        value = at.get(group)
        sides[key] = "–" if value is None else words.value(gap.metric, value.value)
    shown = {key: words.apart(gap.name, value) for key, value in (("value", gap.value.value), ("chance", gap.chance))}
    shown["span"] = words.span(gap.name, gap.value, apart=True)
    names = {"most": words.group(gap.high), "least": words.group(gap.low)}
    metric = words.known("metric", gap.metric)
    return words("gap.sure", name=words.known("gap", gap.name), metric=metric, **sides, **names, **shown)


def density_lines(attribute: FairAttribute, words: FairWords) -> list[str]:
    """Whether groups are measured more rarely, and whether the error follows."""
    density = attribute.density
    if density is None:
        return []
    lines = []
    if density.steps_gap is not None and density.steps_gap.value.low > 0:
        gap = density.steps_gap
        span = words("span", low=words.short(gap.value.low), high=words.short(gap.value.high))
        names = {"most": words.group(gap.high), "least": words.group(gap.low)}
        lines.append(words("density.rarer", value=words.short(gap.value.value), span=span, **names))
    else:
        lines.append(words("density.alike"))
    follows = density.follows
    key = "falls" if follows.high < 0 else "rises" if follows.low > 0 else "none"
    lines.append(words(f"density.{key}", rho=words.fixed(follows.value, 2, signed=True)))
    if key != "none" and density.raw is not None and density.alike is not None:
        lines.append(
            words(
                "density.alike_gap",
                raw=_error(attribute, density.raw, words),
                alike=_error(attribute, density.alike, words),
            )
        )
    return lines


def _error(attribute: FairAttribute, value: float, words: FairWords) -> str:
    decides = any(rate.metric == "accuracy" for rate in attribute.rates)
    return words.apart("accuracy", value) if decides else words.short(value)


def diagnosis_lines(attribute: FairAttribute, words: FairWords) -> list[str]:
    """The kind of bias that the data show, and what cannot be told."""
    diagnosis = attribute.diagnosis
    if diagnosis is None:
        return []
    confidence = words.known("confidence", diagnosis.confidence)
    if diagnosis.kind == "none":
        lines = [words("kind.none", confidence=confidence)]
    else:
        trace = next(t for t in diagnosis.traces if t.kind == diagnosis.kind)
        where = f" ({words.known('source', trace.source)})" if trace.source else ""
        group = words.group(diagnosis.group)
        lines = [words(f"kind.{diagnosis.kind}", group=group, where=where, confidence=confidence)]
    return [*lines, *(words.known("note", code) for code in diagnosis.notes)]
