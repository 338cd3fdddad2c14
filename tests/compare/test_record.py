"""A study survives JSON, and damage is told in words."""

import json
from dataclasses import asdict

import pytest

from caudal.compare.metrics.record import Curve
from caudal.compare.record import Run
from caudal.errors import FileFormatError
from caudal.fair.record import FairAttribute, Fairness, read
from caudal.intervals import Interval
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


FAIR = Fairness(
    "ward", "cfc", "0.1.0", "decision", "ill", 0.2, 300, 300, "ab" * 32,
    (FairAttribute("sex", {"f": 200, "m": 100}, (), (), (), ()),), ("no curve",),
)  # fmt: skip


def test_a_part_of_a_record_is_read_where_asked():
    more = json.loads(to_json(FAIR)) | {"scaled": False, "limit": 0.1}
    more["attributes"][0]["density"] = {"steps": 3}
    assert read(json.dumps(more)) == FAIR and not FAIR.sure
    with pytest.raises(FileFormatError, match="unknown field"):
        from_json(Fairness, json.dumps(more))
    with pytest.raises(FileFormatError, match=r"Fairness.from_json: not such a record"):
        read("[1]")
