"""A study survives JSON, and damage is told in words."""

import json
from dataclasses import asdict, replace

import pytest

from caudal.compare.metrics.record import Curve
from caudal.compare.record import Run, Study
from caudal.errors import FileFormatError
from caudal.fair.record import FairAttribute, FairReport
from caudal.intervals import Interval, Reading
from caudal.serial import from_json, to_json

RUN = Run("cfc", 0, {"auroc": 0.8}, {"auroc": 0.9}, 3, 1.5, robustness={"noise": {"0.1": 0.7}}, history=((1.0, None),))
CURVE = Curve("cfc", "noise", (0.0, 0.5), "sd", (Interval(0.8, 0.7, 0.9), Interval(0.6, 0.5, 0.7)), 0.7, 0.875)


@pytest.mark.parametrize("record", [RUN, CURVE])
def test_json_there_and_back(record):
    assert from_json(type(record), to_json(record)) == record


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", json.dumps(asdict(RUN) | {"more": 1})])
def test_a_foreign_text_is_refused_in_words(text):
    with pytest.raises(FileFormatError, match=r"Run.from_json: not such a record \(.*\)"):
        from_json(Run, text)


def test_numbers_that_are_not_json_are_refused():
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json(Interval(float("nan"), 0.0, 1.0))


FAIR = FairReport(
    "ward", "cfc", "0.1.0", "decision", "ill", 0.2, 300, 300, "ab" * 32,
    (FairAttribute("sex", {"f": 200, "m": 100}, (), (), (), ()),), ("no curve",),
)  # fmt: skip


def test_a_part_of_a_record_is_read_where_asked():
    more = json.loads(to_json(FAIR)) | {"scaled": False, "limit": 0.1}
    more["attributes"][0]["later"] = {"steps": 3}
    assert FairReport.from_json(json.dumps(more), whole=False) == FAIR and not FAIR.sure
    with pytest.raises(FileFormatError, match="unknown field"):
        from_json(FairReport, json.dumps(more))
    with pytest.raises(FileFormatError, match=r"FairReport.from_json: not such a record"):
        FairReport.from_json("[1]", whole=False)


def test_name_and_version_of_the_schema_stand_in_a_study(studies):
    study = studies.study()
    content = json.loads(study.to_json())
    assert (content["schema"], content["version"]) == ("caudal.study", 1)
    assert {fairness["schema"] for fairness in content["fairness"]} <= {"caudal.fairness"}
    assert Study.from_json(study.to_json()) == study
    for key, value in (("version", 2), ("schema", "caudal.fairness"), ("version", True)):
        with pytest.raises(FileFormatError, match=rf"its {key} is"):
            Study.from_json(json.dumps(content | {key: value}))


def test_a_study_of_caudal_0_1_is_read(studies):
    reading = Reading("measured", "RAPL", 2.0, 3.0)
    study = studies.study()
    study = replace(study, contenders=(replace(study.contenders[0], energy={"training.measured": reading}),))
    content = json.loads(study.to_json())
    for part in (content, *content["fairness"]):
        del part["schema"], part["version"]
    content["contenders"][0]["energy"] = {"training.measured": "2 to 3 J measured (RAPL)"}
    assert Study.from_json(json.dumps(content)) == study
    content["contenders"][0]["energy"] = {"training.measured": "much"}
    with pytest.raises(FileFormatError, match="tells no energy"):
        Study.from_json(json.dumps(content))
