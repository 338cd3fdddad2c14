"""Groups: what names them, what is refused, and in which words."""

import numpy as np
import pytest

from caudal.errors import InputError
from caudal.fair import Groups, thirds
from caudal.fair.groups import is_quantity


def test_intersections_take_their_order_from_the_columns():
    found = Groups.of({"sex": list("mfmf"), "age": [9, 9, 70, 70]}, edges={"age": [18, 65]}, alone="other")
    assert found.names == ("other",)
    found = Groups.of({"sex": list("mfmf") * 2, "age": [9, 9, 70, 70] * 2}, edges={"age": [18, 65]})
    assert found.names == ("f & below 18", "f & 65 and above", "m & below 18", "m & 65 and above")
    assert found.attribute == "sex & age"
    assert found.counts.tolist() == [2, 2, 2, 2]
    assert found.small == found.names


def test_what_is_not_known_is_a_group_of_its_own_or_refused():
    column = np.array(["f", "", None, "m", "f", "m"], dtype=object)
    assert Groups.of({"sex": column}).names == ("f", "m", "unknown")
    assert Groups.of({"smokes": [0, 1, np.nan, 1, 0, np.nan]}).names == ("0", "1", "unknown")
    with pytest.raises(InputError, match=r"`sex` is missing for 2 series, the first at 1. Fill it"):
        Groups.of({"sex": column}, missing="refuse")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "names no column"),
        ({"sex": ["f"] * 4}, "is constant: all 4 series are of one group. Nothing can be compared"),
        ({"age": np.arange(40)}, r"holds 40 different numbers, which name no groups. Say where to cut; thirds .* 13"),
        ({"id": [f"p{k}" for k in range(99)]}, "holds 99 different values.*an identifier is no attribute"),
        ({"sex": ["f", "f", "m"]}, "has 1 group of one person, the first at series 2, whom figures lay bare"),
        ({"sex": ["f", "m"], "age": [1, 2, 3]}, r"has shape \(3,\); expected \(2,\)"),
    ],
)
def test_refusals_name_column_and_remedy(columns, words):
    with pytest.raises(InputError, match=words):
        Groups.of(columns)


@pytest.mark.parametrize("edges", [[], [3, 1], [np.nan]])
def test_edges_must_rise(edges):
    with pytest.raises(InputError, match=r"edges are finite numbers that rise"):
        Groups.of({"age": np.arange(40)}, edges={"age": edges})


def test_unseen_values_are_told():
    known = Groups.of({"sex": list("ffmm")})
    with pytest.raises(InputError, match="holds a group that was not there before, first at series"):
        known.read({"sex": ["x", "m"]})
    with pytest.raises(InputError, match=r"is not among the columns"):
        known.read({})
    with pytest.raises(InputError, match=r"`group` is 'x'; sex has f, m"):
        known.where("x")


def test_other_series_are_cut_at_the_same_edges():
    known = Groups.of({"age": np.arange(40)}, edges={"age": [20]})
    assert known.read({"age": [5, 500]}).codes.tolist() == [0, 1]


def test_thirds_cut_quantities_into_parts_of_like_size():
    ages = np.random.default_rng(0).normal(50, 15, 3000)
    found = Groups.of({"age": ages}, edges={"age": thirds(ages)})
    assert is_quantity(ages)
    assert found.counts.min() > 900
