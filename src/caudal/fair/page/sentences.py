"""What was found, in sentences."""

from caudal.fair.intervals import Gap
from caudal.fair.page.words import Words, words
from caudal.fair.rates import GAPS
from caudal.fair.record import Attribute, FairReport


def told(found: FairReport, lang: str = "en") -> list[str]:
    """The findings as lines for a terminal.

    Arguments:
        found: a report.
        lang: `"en"` or `"es"`.

    Raises:
        InputError: there are no words in that language.
    """
    said = words(lang)
    lines = [lead(found, said)]
    for one in found.attributes:
        sizes = (f"{said.group(name)} {said.fixed(count)}" for name, count in one.groups.items())
        lines += ["", f"{one.name} ({', '.join(sizes)})", *(f"  {line}" for line in attribute(one, said))]
    lines += ["", said("missing.head"), *(f"  {said.known('missing', code)}" for code in found.not_measured)]
    return lines


def lead(found: FairReport, said: Words) -> str:
    """The one sentence that counts."""
    worst = found.worst()
    if worst is None:
        reach = [gap for one in found.attributes for gap in one.gaps]
        if not reach:
            return said("lead.nothing")
        widest = max(reach, key=lambda gap: gap.value.high)
        return said("lead.none", high=said.apart(widest.name, widest.value.high))
    one, gap = worst
    return said("lead.sure", attribute=one.name, said=sure(one, gap, said))


def attribute(one: Attribute, said: Words, *, notes: bool = True) -> list[str]:
    """Sentences about one attribute: gaps, density, kind of bias, small cells; notes on what cannot be told."""
    lines = [gap_line(one, gap, said) for gap in one.gaps] or [said("gap.nothing")]
    if one.gaps:
        told = {gap.name for gap in one.gaps}
        lines += [said("gap.few", name=said.known("gap", name)) for name in _possible(one) if name not in told]
    if one.density is not None:
        lines += density_lines(one, said)
    if one.diagnosis is not None:
        lines += diagnosis_lines(one, said)[: None if notes else 1]
    if one.small:
        lines.append(said("small", groups=said.listed(said.group(name) for name in one.small)))
    if one.hidden:
        lines.append(said("hidden", groups=said.listed(said.group(name) for name in one.hidden)))
    return lines


def gap_line(one: Attribute, gap: Gap, said: Words) -> str:
    """A gap with its interval and what chance would give."""
    without = ""
    if gap.left_out:
        without = said("gap.left_out", groups=said.listed(said.group(name) for name in gap.left_out))
    if gap.value.low > 0:
        return sure(one, gap, said) + without
    values = {"value": gap.value.value, "chance": gap.chance, "high": gap.value.high}
    shown = {key: said.apart(gap.name, value) for key, value in values.items()}
    return said("gap.open", name=said.known("gap", gap.name), **shown) + without


def _possible(one: Attribute) -> tuple[str, ...]:
    """Gaps that such answers allow."""
    measured = {rate.metric for rate in one.rates}
    return tuple(name for name, metrics in GAPS.items() if measured.issuperset(metrics))


def sure(one: Attribute, gap: Gap, said: Words) -> str:
    """A gap that chance does not explain."""
    at = {rate.group: rate.value for rate in one.rates if rate.metric == gap.metric}
    sides = {}
    for key, group in (("high", gap.high), ("low", gap.low)):
        value = at.get(group)
        sides[key] = "–" if value is None else said.value(gap.metric, value.value)
    shown = {key: said.apart(gap.name, value) for key, value in (("value", gap.value.value), ("chance", gap.chance))}
    shown["span"] = said.span(gap.name, gap.value, apart=True)
    names = {"most": said.group(gap.high), "least": said.group(gap.low)}
    metric = said.known("metric", gap.metric)
    return said("gap.sure", name=said.known("gap", gap.name), metric=metric, **sides, **names, **shown)


def density_lines(one: Attribute, said: Words) -> list[str]:
    """Whether groups are measured more rarely, and whether the error follows."""
    found = one.density
    if found is None:
        return []
    lines = []
    if found.steps_gap is not None and found.steps_gap.value.low > 0:
        gap = found.steps_gap
        span = said("span", low=said.short(gap.value.low), high=said.short(gap.value.high))
        names = {"most": said.group(gap.high), "least": said.group(gap.low)}
        lines.append(said("density.rarer", value=said.short(gap.value.value), span=span, **names))
    else:
        lines.append(said("density.alike"))
    follows = found.follows
    key = "falls" if follows.high < 0 else "rises" if follows.low > 0 else "none"
    lines.append(said(f"density.{key}", rho=said.fixed(follows.value, 2, signed=True)))
    if key != "none" and found.raw is not None and found.alike is not None:
        lines.append(said("density.alike_gap", raw=_error(one, found.raw, said), alike=_error(one, found.alike, said)))
    return lines


def _error(one: Attribute, value: float, said: Words) -> str:
    decides = any(rate.metric == "accuracy" for rate in one.rates)
    return said.apart("accuracy", value) if decides else said.short(value)


def diagnosis_lines(one: Attribute, said: Words) -> list[str]:
    """The kind of bias that the data show, and what cannot be told."""
    found = one.diagnosis
    if found is None:
        return []
    confidence = said.known("confidence", found.confidence)
    if found.kind == "none":
        lines = [said("kind.none", confidence=confidence)]
    else:
        trace = next(t for t in found.traces if t.kind == found.kind)
        where = f" ({said.known('source', trace.source)})" if trace.source else ""
        group = said.group(found.group)
        lines = [said(f"kind.{found.kind}", group=group, where=where, confidence=confidence)]
    return [*lines, *(said(f"note.{code}") for code in found.notes)]
