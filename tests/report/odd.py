"""What can be wrong with a study: all of it missing, or every text out to break the page."""

from dataclasses import replace

from caudal.compare.record import Run

TEXTS = ("command", "machine", "started", "source", "folder")


def bare(full):
    """A study with everything empty that may be empty, and every run of one model failed."""
    kept = tuple(one for one in full.contenders if one.family != "trivial")[:3]
    names = {one.name for one in kept}
    failed = tuple(
        Run(kept[2].name, seed, {}, {}, 0, 0.1, failed="loss is NaN after epoch 3 <b>")
        for seed in range(full.budget.seeds)
    )
    return replace(
        full,
        contenders=kept,
        runs=tuple(run for run in full.runs if run.model in names - {kept[2].name}) + failed,
        summary={name: full.summary[name] for name in names - {kept[2].name}},
        comparisons=(),
        curves=(),
        timing={},
        retrained={},
        calibration=(),
        groups=(),
        circuits=(),
        chips=None,
        fairness=(),
        not_measured=(),
        verdict=replace(
            full.verdict,
            use="gru",
            reason="most accurate",
            liquid_against_trivial=None,
            would_change=(),
            worth=None,
            need=None,
            standing={},
            worlds=(),
        ),
        data=replace(full.data, sensitive=(), known_bias=(), known_leaks=(), notes=(), positive=""),
    )


HOSTILE = '</script><script>alert("x")</script><img src=x onerror=alert(1)>&amp;\'{0}{name}%s\x00\x1b\u202e'


def hostile(full):
    """A study whose every text tries to break the page."""
    bad = {one.name: f"{one.name}{HOSTILE}" for one in full.contenders}
    names = lambda key: bad.get(key, key)  # noqa: E731
    pair = lambda p: replace(p, first=names(p.first), second=names(p.second), test=HOSTILE)  # noqa: E731
    verdict = full.verdict
    return replace(
        full,
        data=replace(
            full.data,
            name=HOSTILE,
            title=HOSTILE,
            source=HOSTILE,
            licence=HOSTILE,
            target=HOSTILE,
            positive=HOSTILE,
            time_unit=HOSTILE,
            inputs=(HOSTILE,) * 6,
            classes=(HOSTILE, HOSTILE + "2"),
            split=HOSTILE,
            known_bias=(HOSTILE,),
            sensitive=(HOSTILE,),
        ),
        contenders=tuple(
            replace(one, name=names(one.name), label=one.label + HOSTILE, summary=HOSTILE, settings={HOSTILE: HOSTILE})
            for one in full.contenders
        ),
        runs=tuple(replace(run, model=names(run.model)) for run in full.runs),
        summary={names(key): value for key, value in full.summary.items()},
        comparisons=tuple(map(pair, full.comparisons)),
        curves=tuple(replace(curve, model=names(curve.model), unit=HOSTILE) for curve in full.curves),
        timing={names(key): value for key, value in full.timing.items()},
        retrained={},
        calibration=tuple(replace(one, model=names(one.model)) for one in full.calibration),
        groups=tuple(
            replace(one, model=names(one.model), attribute=HOSTILE, group=one.group + HOSTILE) for one in full.groups
        ),
        circuits=tuple(
            replace(one, model=names(one.model), inputs=(HOSTILE,) * 6, outputs=(HOSTILE, HOSTILE), example=HOSTILE)
            for one in full.circuits
        ),
        verdict=replace(
            verdict,
            use=names(verdict.use),
            best=names(verdict.best),
            best_liquid=names(verdict.best_liquid),
            best_traditional=names(verdict.best_traditional),
            liquid_against_traditional=pair(verdict.liquid_against_traditional),
            liquid_against_trivial=pair(verdict.liquid_against_trivial),
            would_change=(HOSTILE,),
        ),
        provenance=replace(full.provenance, versions={HOSTILE: HOSTILE}, **dict.fromkeys(TEXTS, HOSTILE)),
        not_measured=(HOSTILE,),
        fairness=tuple(
            replace(
                one,
                model=names(one.model),
                positive=HOSTILE,
                left_out={HOSTILE: HOSTILE},
                attributes=tuple(
                    replace(own, name=HOSTILE, groups={f"{key}{HOSTILE}": n for key, n in own.groups.items()})
                    for own in one.attributes
                ),
            )
            for one in full.fairness
        ),
        chips=replace(
            full.chips,
            missing={HOSTILE: HOSTILE},
            each=tuple(
                replace(one, model=names(one.model), why=HOSTILE, refused=one.refused and HOSTILE, fault=HOSTILE)
                for one in full.chips.each
            ),
        ),
    )
