"""The data by group before any model: what was planted is seen, what was not is not."""

import numpy as np
import pytest

from caudal.data import from_arrays
from caudal.errors import InputError
from caudal.fair import Groups, plant, synthetic
from caudal.fair.data_audit import audit
from caudal.fair.diagnose.summaries import roughness, summaries


@pytest.fixture(scope="module")
def clean():
    return synthetic(500, seed=4)


def _groups(data):
    return Groups.of({"group": data.sensitive["group"]})


def test_groups_alike_show_no_differences_and_no_proxies(clean):
    seen = [audit(data, _groups(data)) for data in (synthetic(300, seed=seed) for seed in range(4))]
    gaps = [gap for found in seen for gap in (found.target, found.missing, found.steps, found.elapsed)]
    assert sum(gap.value.low > 0 for gap in gaps) <= 3
    found = audit(clean, _groups(clean))
    assert found.proxies[0].source == "all together"
    assert found.proxies[0].strength in ("none", "weak")
    assert found.is_input == ()


def test_planted_differences_are_found(clean):
    groups = _groups(clean)
    assert audit(plant("labels", clean, groups, "b").data, groups).target.low == "b"
    sparse = audit(plant("sampling rate", clean, groups, "b").data, groups)
    assert sparse.steps.value.low > 2 and sparse.elapsed.high == "b"
    assert (
        next(one for one in sparse.proxies if one.source == "times of measurement").strength == "the attribute itself"
    )
    marked = audit(plant("proxy", clean, groups, "b").data, groups)
    assert marked.proxies[1].source == "proxy" and marked.proxies[1].strength == "the attribute itself"
    few = plant("representation", clean, groups, "b")
    share = audit(few.data, _groups(few.data)).facts[1].share
    assert share.high < 0.2


def test_the_attribute_among_the_inputs_is_told_and_left_out_of_all_together():
    rng = np.random.default_rng(0)
    sex = rng.integers(0, 2, 200)
    data = from_arrays(
        rng.normal(size=(200, 1, 5)), rng.integers(0, 2, 200), static=sex[:, None], static_names=["sex"],
        sensitive={"sex": sex},
    )  # fmt: skip
    found = audit(data, Groups.of({"sex": data.sensitive["sex"]}))
    assert found.is_input == ("sex",)
    assert found.proxies[0].auroc.value < 0.65
    assert found.proxies[1].source == "sex" and found.proxies[1].auroc.value == 1


def test_small_groups_are_flagged_and_no_proxy_is_sought_of_them():
    data = synthetic(60, share=0.3)
    found = audit(data, _groups(data))
    assert [fact.few for fact in found.facts] == [False, True]
    assert found.proxies == () and found.target is None


def test_series_of_one_step_and_of_none_observed_do_not_break(clean):
    data = from_arrays([np.full((2, 1), np.nan), *np.ones((79, 2, 1))], [0, 1] * 40)
    assert np.isfinite([one.values[1] for one in summaries(data) if one.what in ("level", "missing", "gap")]).all()
    assert np.isnan(roughness(np.ones((1, 1)), np.ones((1, 1), bool)))
    found = audit(data, Groups.of({"g": ["a", "b"] * 40}))
    assert len(found.facts) == 2


def test_refusals(clean):
    with pytest.raises(InputError, match="name the group of 500 series; there are 3"):
        audit(clean.select([0, 1, 2]), _groups(clean))
    with pytest.raises(InputError, match=r"`positive` is 'x'; the classes are 0, 1"):
        audit(clean, _groups(clean), positive="x")
