"""What the report says of gaps between groups follows from the record, concepts first."""

import json
import re
from dataclasses import replace

import pytest

from caudal.compare.record import Study
from caudal.report import render


def section(page):
    found = re.search(r'(?s)<section id="groups".*?</section>', page).group()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found)).replace(" .", ".")


def typed(study):
    """The study as a command made it."""
    return replace(study, provenance=replace(study.provenance, source="nafld", folder="results/here"))


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            (
                "A model can do harm",
                "They cannot all be closed at once",
                "The gaps are those of the model",
                "Gap in op",
            ),
        ),
        (
            "es",
            ("Un modelo puede dañar", "No se pueden cerrar todas", "Las brechas son las del modelo", "Brechas entre"),
        ),
    ],
)
def test_harms_and_concepts_come_before_figures(studies, lang, words):
    told = section(render(typed(studies.study()), lang))
    places = [told.find(part) for part in words]
    assert -1 not in places and places[:3] == sorted(places[:3])
    assert "caudal fair results/here/models/ltc-ncp.caudal nafld --sensitive sex,age" in told
    assert "LTC-NCP 0.0865" in told or "LTC-NCP 0,0865" in told


def test_gaps_beyond_chance_are_sentences_and_small_cells_are_told(studies):
    told = section(render(studies.study()))
    assert "LTC-NCP, by sex: Gap in errors of either kind: " in told
    assert "interval 3.0 to 25.0 points" in told and "chance would show about 4.0 points" in told
    assert "Fewer than 30 series, so figures say little and count in no gap: unknown" in told
    assert "Fewer than 5 series, so figures are hidden" in told
    assert "left out of a gap: unknown (Gap in errors of either kind)" in told.replace(
        "(Gap in decisions of yes); ", ""
    )
    assert "Gap in opportunity by sex, as more of each series is read" in told
    assert "groups by ward, which is constant" in told and "ways" not in told.split("Not measured here:")[0]
    assert "the gap over time" in told


def test_a_model_without_a_sure_gap_is_no_proof_of_fairness(studies):
    full = studies.study()
    calm = tuple(
        replace(
            one,
            attributes=tuple(
                replace(own, gaps=tuple(replace(gap, value=replace(gap.value, low=0.0)) for gap in own.gaps))
                for own in one.attributes[:1]
            )
            + tuple(replace(own, gaps=()) for own in one.attributes[1:]),
        )
        for one in full.fairness
    )
    told = section(render(replace(full, fairness=calm)))
    assert "No gap of LTC-NCP by sex is beyond chance. That is no proof of fairness: one of up to 25.0 points" in told
    assert "No gap of LTC-NCP by age can be told" in told


def test_several_classes_ask_for_one_that_counts(studies):
    told = section(render(typed(studies.study("many"))))
    assert "this study did not measure by group" in told and "caudal fair results/here" in told
    full = studies.study()
    plain = tuple(
        replace(one, threshold=None, attributes=tuple(right_only(own) for own in one.attributes))
        for one in full.fairness
    )
    three = replace(full, fairness=plain, data=replace(full.data, classes=("a", "b", "c")))
    told = section(render(typed(three)))
    assert "Gaps in opportunity need a yes and a no, and these data have 3 classes" in told
    assert "Gap in accuracy: " in told and "They cannot all be closed" not in told and "--positive c" in told


def right_only(own):
    gaps = tuple(replace(gap, name="accuracy", metric="accuracy") for gap in own.gaps[:1])
    return replace(own, gaps=gaps, rates=tuple(one for one in own.rates if one.metric == "accuracy"), curve=())


def test_a_study_of_an_older_version_still_loads(studies):
    full = studies.study()
    old = json.loads(full.to_json())
    del old["fairness"]
    found = Study.from_json(json.dumps(old))
    assert found == replace(full, fairness=())
    assert "AUROC by sex" in section(render(found)) and "A model can do harm" not in section(render(found))
