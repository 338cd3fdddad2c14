import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.errors import WiringError
from caudal.wiring import Wiring, auto_ncp, fully_connected, ncp, svg

SVG = "{http://www.w3.org/2000/svg}"
POLICY = ncp(3, 4, 3, 2, seed=7)


def group(root, name):
    return next(g for g in root.iter(f"{SVG}g") if g.get("class") == name)


def titles(elements):
    return [element.find(f"{SVG}title").text for element in elements]


@given(st.from_type(Wiring))
def test_every_neuron_and_every_synapse_is_drawn_once(wiring):
    root = ET.fromstring(svg(wiring))
    counts = wiring.counts()
    excitatory, inhibitory = (titles(group(root, word).findall(f"{SVG}path")) for word in ("excitatory", "inhibitory"))
    assert (len(excitatory), len(inhibitory)) == (counts.excitatory, counts.inhibitory)
    assert sorted(excitatory + inhibitory) == sorted(wiring.synapse_names)
    assert titles(root.iter(f"{SVG}circle")) == [*wiring.input_names, *wiring.names]


@given(st.from_type(Wiring))
def test_everything_stands_inside_the_picture(wiring):
    text = svg(wiring)
    assert "nan" not in text and "inf" not in text
    root = ET.fromstring(text)
    width, height = float(root.get("width")), float(root.get("height"))
    numbers = [
        (float(x), float(y))
        for path in root.iter(f"{SVG}path")
        for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path.get("d"))
    ]
    # Control points may stand outside a column's room by a quarter of the bulge; curves never leave it.
    assert all(-1 <= x <= width + 60 and 0 <= y <= height for x, y in numbers)


def test_signs_differ_in_shape_as_well_as_colour():
    root = ET.fromstring(svg(POLICY))
    for word, strokes in (("excitatory", 3), ("inhibitory", 2)):
        marks = {len(re.findall(r"[\d.]+,[\d.]+", path.get("d").split("M")[2])) for path in group(root, word)}
        assert marks == {strokes}
    assert group(root, "excitatory").get("stroke") != group(root, "inhibitory").get("stroke")


def test_the_picture_is_deterministic_and_self_contained():
    text = svg(POLICY)
    assert text == svg(POLICY)
    for foreign in ("href", "url(", "<script", "<style", "<image", " id="):
        assert foreign not in text


def test_screen_readers_hear_a_title_and_a_description():
    root = ET.fromstring(svg(POLICY, title="Ward policy"))
    assert root.get("role") == "img" and root.get("aria-label") == "Ward policy"
    assert [child.tag for child in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
    assert root[0].text == "Ward policy"
    assert root[1].text.startswith("ncp, seed 7: 3 inputs, 4 inter, 3 command, 2 motor, ")


@given(st.lists(st.text(), min_size=3, max_size=3), st.lists(st.text(), min_size=2, max_size=2), st.text(min_size=1))
def test_no_label_breaks_or_injects(inputs, outputs, title):
    elements = [element.tag for element in ET.fromstring(svg(POLICY)).iter()]
    root = ET.fromstring(svg(POLICY, inputs=inputs, outputs=outputs, title=title))
    assert [element.tag for element in root.iter()] == elements


def test_labels_are_escaped_and_long_ones_shortened():
    text = svg(POLICY, inputs=["<script>", 'a"b&c', "x" * 90], title='"><script>alert(1)</script>')
    assert "<script>" not in text
    root = ET.fromstring(text)
    labels = [label.text for label in group(root, "labels")]
    assert labels == ["<script>", 'a"b&c', "x" * 27 + "…"]
    assert titles(group(root, "labels"))[2] == "x" * 90


def test_code_points_that_xml_forbids_are_replaced():
    assert "a\ufffdb\ufffd" in svg(POLICY, outputs=["a\x00b\ud800", "c"])


def test_weights_set_width_and_opacity():
    strong, weak = POLICY.synapse_names[:2]
    root = ET.fromstring(svg(POLICY, weights={strong: 4.0, weak: 1.0}))
    style = {
        path.find(f"{SVG}title").text: (float(path.get("stroke-width")), float(path.get("stroke-opacity")))
        for word in ("excitatory", "inhibitory")
        for path in group(root, word)
    }
    absent = style[POLICY.synapse_names[2]]
    assert absent < style[weak] < style[strong] and absent[1] < style[weak][1] < style[strong][1]
    assert "line width: weight, up to 4" in svg(POLICY, weights={strong: 4.0})


def test_values_shade_the_discs_and_are_told():
    root = ET.fromstring(svg(POLICY, values={"input/1": -2.0, "motor/0": 1.0}))
    fills = dict(
        zip(titles(root.iter(f"{SVG}circle")), (c.get("fill") for c in root.iter(f"{SVG}circle")), strict=True)
    )
    assert fills["input/1: -2"] == "#D55E00" and fills["motor/0: 1"] == "#80B8D8" and fills["input/0"] == "#FFFFFF"


def test_nothing_but_zeros_is_drawn_pale():
    ET.fromstring(svg(POLICY, weights={}, values=dict.fromkeys(POLICY.names, 0.0)))


def test_a_crowd_is_thin_and_translucent():
    def pen(wiring):
        lines = group(ET.fromstring(svg(wiring)), "excitatory")
        return float(lines.get("stroke-width")), float(lines.get("stroke-opacity"))

    few, more, crowd = pen(POLICY), pen(auto_ncp(16, 64, 4)), pen(fully_connected(32, 32))
    assert few > more > crowd and few[1] > more[1] > crowd[1]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"inputs": ["a"]}, "`inputs` holds 1 label; expected 3. Pass a list, one label for each."),
        ({"outputs": "ab"}, "`outputs` holds one string; expected 2. Pass a list, one label for each."),
        (
            {"weights": {"inter/0": 1.0}},
            f"`weights` names 'inter/0', no synapse of this circuit. Use names as in {POLICY.synapse_names[0]!r}.",
        ),
        ({"values": {"x": 1.0}}, "`values` names 'x', no neuron of this circuit. Use names as in 'input/0'."),
        ({"values": {"input/0": float("nan")}}, "`values` is nan for 'input/0'. Pass finite numbers."),
        (
            {"weights": {POLICY.synapse_names[0]: -1.0}},
            f"`weights` is -1.0 for {POLICY.synapse_names[0]!r}. "
            "Pass magnitudes; the sign of a synapse is the wiring's.",
        ),
    ],
)
def test_what_a_drawing_refuses(arguments, text):
    with pytest.raises(WiringError) as caught:
        svg(POLICY, **arguments)
    assert str(caught.value) == f"svg: {text}"
