"""Whatever is handed to a log is a record or a sentence, and the log stays good."""

import datetime
import decimal
import enum
import fractions
import random

import numpy as np
import pytest
import torch

from caudal.audit import Desk, Log, records, verify
from caudal.errors import InputError

MODEL = "ab" * 32


class Odd:
    """Raises whatever it is asked."""

    def __array__(self, *_, **__):
        raise RuntimeError("no array")

    def __index__(self):
        raise KeyError("no index")

    def __float__(self):
        raise OSError("no number")

    def __repr__(self):
        raise ZeroDivisionError


class Colour(enum.Enum):
    RED = 1


ENDLESS = []
ENDLESS.append(ENDLESS)
VALUES = [
    None, True, False, 0, -1, 7, 2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 10**30, 0.0, -0.0, 1.5, 1e308, float("nan"),
    float("inf"), 1j, "", "bed 4", "x" * 255, "x" * 256, "x" * 70_000, "cama ñ", "\ud800", "\0", MODEL, "ab", b"",
    b"bytes", bytearray(b"ba"), memoryview(b"mv"), [], [1], [1, 2.5], [[1], [1, 2]], [None], ["a"], (1, 2), {},
    {"a": 1}, {1: 2}, {"a": {"b": [1, None, True]}}, {1, 2}, frozenset(), range(3), ENDLESS, object(), Odd(), Odd,
    Colour.RED, decimal.Decimal("1.5"), fractions.Fraction(1, 3), datetime.datetime(2026, 1, 1), np.float32(0.5),
    np.int64(3), np.uint64(2**64 - 1), np.bool_(True), np.str_("np"), np.zeros(0), np.zeros(3, np.float32),
    np.zeros((2, 2)), np.zeros(9_000), np.array(1.0), np.array("a"), np.array([None]), np.array([1 + 1j]),
    np.array(["a", "b"]),
    np.zeros(2, [("a", "f4")]), np.datetime64("2026-01-01"), np.ma.masked_array([1.0, 2.0], [True, False]),
    torch.zeros(2), torch.zeros(2, requires_grad=True), torch.tensor(1.0), lambda: 0,
]  # fmt: skip
ARGUMENTS = (
    "session", "output", "model", "inputs", "state", "dt", "uncertainty", "monitors", "influence", "person", "sequence",
    "time", "is_exact", "lasting",
)  # fmt: skip
USUAL = {"session": "bed 4", "output": [0.5, 0.5], "model": MODEL, "inputs": np.zeros(3)}


def attempt(call, *arguments, **named):
    """1 where it is written down, 0 where it is refused in words."""
    try:
        call(*arguments, **named)
    except InputError as error:
        text = str(error)
        assert len(text) < 1000 and "`" in text
        return 0
    return 1


def decide(log, facts):
    facts = dict(facts)
    return attempt(log.decide, facts.pop("session"), facts.pop("output"), **facts)


@pytest.mark.parametrize("form", ["packed", "json"])
def test_every_value_for_every_argument(tmp_path, key, form):
    with Log(tmp_path / "log", key, sync=False, form=form) as log:
        written = 0
        for name in ARGUMENTS:
            for value in VALUES:
                for person in (None, "p1"):
                    written += decide(log, {**USUAL, **({"person": person} if person else {}), name: value})
        for value in VALUES:
            for call in (
                lambda v: log.event(v), lambda v: log.event("alarm", fact=v),
                lambda v: log.event("alarm", fact=[v, {"a": v}]), lambda v: log.override(v, 0, "dr. vega", "seen"),
                lambda v: log.override("bed 4", v, "dr. vega", "seen"),
                lambda v: log.override("bed 4", 0, v, "seen"), lambda v: log.override("bed 4", 0, "dr. vega", v),
                lambda v: log.override("bed 4", 0, "dr. vega", "seen", v), lambda v: log.stop(v, "alarm"),
                lambda v: log.stop("dr. vega", v), lambda v: log.stop("dr. vega", "alarm", v),
            ):  # fmt: skip
                written += attempt(call, value)
        seals = (log.size - 2) // 256
        assert log.size >= written + 1 + seals - 1
        size = log.flush().size
    found = [record for _, record in records(tmp_path / "log")]
    assert len(found) == size
    assert sum(type(record).__name__ != "Seal" for record in found) == written + 1
    assert verify(tmp_path / "log", key.verifier, full=True).holds


def test_values_at_random_through_a_desk(tmp_path, key):
    dice = random.Random(5)
    with Log(tmp_path / "log", key, sync=False) as log, Desk(log) as desk:
        slip, handed_in = desk.slip(), 0
        for _ in range(600):
            facts = {**USUAL, **{name: dice.choice(VALUES) for name in dice.sample(ARGUMENTS, dice.randint(0, 4))}}
            if dice.random() < 0.1:
                facts["colour"] = "red"
            handed_in += decide(slip, facts)
            handed_in += attempt(
                slip.event, dice.choice(["alarm", "retired", dice.choice(VALUES)]), fact=dice.choice(VALUES)
            )
            if dice.random() < 0.02:
                handed_in += attempt(slip.override, *dice.choices(VALUES, k=dice.randint(0, 6)))
        size = slip.flush()
    found = [record for _, record in records(tmp_path / "log")]
    assert len(found) == size
    assert sum(type(record).__name__ != "Seal" for record in found) == handed_in + 1
    assert verify(tmp_path / "log", key.verifier, full=True).holds


def test_a_refused_decision_leaves_no_gap(tmp_path, key):
    with Log(tmp_path / "log", key, sync=False) as log:
        log.decide("bed 4", [1.0], model=MODEL)
        for bad in ({"monitors": -1}, {"inputs": object()}, {"output": np.zeros(70_000)}, {"model": "no digest"}):
            assert decide(log, {**USUAL, **bad}) == 0
        at = log.event("note")
        log.decide("bed 4", [1.0], model=MODEL)
        assert log.salts.of_record(at) is None
    steps = [record.sequence for _, record in records(tmp_path / "log") if hasattr(record, "sequence")]
    assert steps == [0, 1]
