import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.errors import FileFormatError, WiringError
from caudal.wiring import Wiring, from_matrices, ncp

SMALL = from_matrices([[1, -1]], [[0, 1], [0, 0]], motor=1)
UNALTERED = "Pass the text that `Wiring.to_json` wrote, unaltered."


@given(st.from_type(Wiring))
def test_json_comes_back_exactly(wiring):
    text = wiring.to_json()
    back = Wiring.from_json(text)
    assert back == wiring and back.to_json() == text
    assert Wiring.from_json(text.encode()) == wiring


def test_the_text_is_a_picture_of_the_matrices():
    assert SMALL.to_json() == (
        "{\n"
        '  "format": "caudal.wiring",\n'
        '  "version": 1,\n'
        '  "family": "custom",\n'
        '  "seed": null,\n'
        '  "neurons": {"inter": 1, "command": 0, "motor": 1},\n'
        '  "layers": [0, 1],\n'
        '  "sensory": [\n'
        '    "+-"\n'
        "  ],\n"
        '  "recurrent": [\n'
        '    ".+",\n'
        '    ".."\n'
        "  ]\n"
        "}\n"
    )


def altered(**changes):
    return json.dumps(json.loads(SMALL.to_json()) | changes)


def without(key):
    fields = json.loads(SMALL.to_json())
    del fields[key]
    return json.dumps(fields)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{",
            "`text` is not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)). "
            "Pass the text that `Wiring.to_json` wrote.",
        ),
        ('{"a": 1, "a": 2}', "`text` is not JSON (a key stands twice). Pass the text that `Wiring.to_json` wrote."),
        ("[1]", f"`text` holds a list; expected an object. {UNALTERED}"),
        ("{}", f"`format` is None; expected 'caudal.wiring'. {UNALTERED}"),
        (altered(version=2), "`version` is 2; this release reads 1. Read it with the release of its time."),
        (without("seed"), f"`seed` is missing. {UNALTERED}"),
        (altered(colour="red"), f"`colour` is not a field of a wiring. {UNALTERED}"),
        (altered(neurons={"inter": 1}), f"`neurons` is not a number for each of inter, command, motor. {UNALTERED}"),
        (altered(layers=[0]), f"`layers` is not a list of 2 whole numbers, one per neuron. {UNALTERED}"),
        (
            altered(sensory=["+x"]),
            f"`sensory` is not a list of rows of 2 characters out of '+', '-' and '.'. {UNALTERED}",
        ),
        (
            altered(recurrent=["++"]),
            f"`recurrent` is not a list of rows of 2 characters out of '+', '-' and '.'. {UNALTERED}",
        ),
        (altered(seed=1.5), f"`seed` is 1.5; expected a whole number or null. {UNALTERED}"),
        (altered(family=None), f"`family` is None; expected a name. {UNALTERED}"),
    ],
)
def test_a_foreign_text_is_a_sentence(text, message):
    with pytest.raises(FileFormatError) as caught:
        Wiring.from_json(text)
    assert str(caught.value) == f"Wiring.from_json: {message}"


def test_a_text_that_states_an_invalid_circuit_is_refused_as_one():
    with pytest.raises(WiringError, match="leaves motor/0 without any synapse"):
        Wiring.from_json(altered(sensory=["+."], recurrent=["..", ".."]))
    with pytest.raises(WiringError, match="`seed` is -4"):
        Wiring.from_json(altered(seed=-4))


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, b"\xff\xfe\x00", "", altered(neurons=10**400)])
def test_hostile_texts_are_refused(text):
    with pytest.raises(FileFormatError):
        Wiring.from_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.text("+-.", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(json.loads(SMALL.to_json()))), JSON)
def test_any_altered_field_is_read_or_refused(key, value):
    with suppress(FileFormatError, WiringError):
        Wiring.from_json(altered(**{key: value}))


@given(st.integers(0, 400), st.text(max_size=2))
def test_any_cut_or_spliced_text_is_read_or_refused(at, splice):
    text = ncp(2, 3, 2, 1).to_json()
    for damaged in (text[:at], text[:at] + splice + text[at + 1 :]):
        with suppress(FileFormatError, WiringError):
            Wiring.from_json(damaged)
