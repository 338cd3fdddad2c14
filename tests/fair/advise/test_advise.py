from itertools import product
from xml.etree import ElementTree

import numpy as np
import pytest

from caudal.errors import InputError
from caudal.fair import Groups, decisions
from caudal.fair.advise import Point, Tradeoff, advise, alternatives, conflicts
from caudal.fair.advise.words import TEXTS
from caudal.fair.diagnose.diagnose import Diagnosis
from caudal.fair.mitigate import Lagrangian, Penalty

KINDS = ("labels", "representation", "measurement", "sampling rate", "proxy", "none")


@pytest.mark.parametrize(
    ("kind", "stakes", "allowed"), list(product(KINDS, ("missed", "both", "share"), (True, False)))
)
def test_every_advice_can_be_said_in_both_languages(kind, stakes, allowed):
    found = advise(kind, stakes=stakes, at_decision=allowed, base_rates=(0.1, 0.4))
    assert found.words() != found.words("es")
    assert "{" not in found.words() + found.words("es")
    if not allowed:
        assert "thresholds by group" not in (found.method, *found.then)


def test_both_languages_say_the_same_things():
    assert set(TEXTS["en"]) == set(TEXTS["es"])


def test_biased_labels_never_lead_to_equal_odds():
    found = advise("labels", stakes="both")
    assert found.constraint == "equal_opportunity" and "odds of biased labels" in found.conflicts
    assert "opportunity leaves false alarms" in found.conflicts


def test_conflicts_are_told_only_where_base_rates_differ():
    assert conflicts("equalised_odds", base_rates=(0.3, 0.31)) == ()
    assert conflicts("equalised_odds", base_rates=(0.3, 0.4)) == ("parity and odds", "calibration and odds")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"diagnosis": "luck"}, "`diagnosis` is 'luck'"),
        ({"diagnosis": "proxy", "stakes": "high"}, "`stakes` is 'high'"),
        ({"diagnosis": "proxy", "base_rates": (2.0,)}, "`base_rates` is"),
    ],
)
def test_what_no_advice_can_be_given_about(given, text):
    with pytest.raises(InputError, match=text):
        advise(**given)


def test_the_front_is_what_nobody_beats():
    rng = np.random.default_rng(0)
    points = tuple(Point(f"m{k}", *rng.random(2).tolist()) for k in range(60))
    front = Tradeoff(points).front
    for one in points:
        beaten = any(o.accuracy >= one.accuracy and o.gap <= one.gap and o != one for o in points)
        assert (one in front) == (not beaten)
    assert [one.accuracy for one in front] == sorted(one.accuracy for one in front)


def test_the_picture_is_well_formed_and_says_whose_point_it_is():
    found = Tradeoff((Point("<plain> & simple", 0.8, 0.3), Point("fair", 0.8, 0.3, asks=True)))
    for language in ("en", "es"):
        root = ElementTree.fromstring(found.svg(language))
        words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
        assert "<plain> & simple" in words and "fair" in words
    with pytest.raises(InputError, match="`language` is 'fr'"):
        found.svg("fr")


def test_points_that_need_the_attribute_can_be_left_out():
    found = Tradeoff((Point("plain", 0.8, 0.3), Point("by group", 0.8, 0.0, asks=True)))
    assert found.within(0.01).name == "by group" and found.within(0.01, asks=False).name == "plain"
    with pytest.raises(InputError, match="is -1"):
        found.within(-1)
    with pytest.raises(InputError, match="`points` is empty"):
        Tradeoff(())
    with pytest.raises(InputError, match="with accuracy nan"):
        Tradeoff((Point("a", float("nan"), 0.1),))


def _judge(seed):
    rng = np.random.default_rng(seed)
    truth, who = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    groups = Groups.of({"sex": who})

    def judge(model):
        flip, missed = model
        decided = np.where(rng.random(400) < flip, 1 - truth, truth)
        return decisions(truth, decided=np.where((who == 1) & (rng.random(400) < missed), 0, decided)), groups

    return judge


def test_a_less_discriminatory_model_is_found_and_confirmed():
    models = {"none": (0.01, 0.25), "penalty": (0.13, 0.0), "lagrangian": (0.5, 0.0)}
    seen = []

    def train(term, seed):
        seen.append((term, seed))
        return models[term.kind if term else "none"]

    found = alternatives(
        train, _judge(0), terms=[Penalty(), Lagrangian()], seeds=(0, 1), tolerance=0.1, confirm=_judge(1)
    )
    assert len(seen) == 6 == len(found.tried.points)
    assert found.least.name.startswith("penalty 5") and found.least.gap < 0.2
    assert "On other series" in found.words() and "En otras series" in found.words("es")
    alone = alternatives(train, _judge(0), terms=[Penalty()], seeds=(0, 1), tolerance=0.1)
    assert alone.confirmed is None and "confirm it on others" in alone.words()


def test_a_model_of_one_answer_is_no_alternative():
    truth, who = np.arange(400) % 20 == 0, np.arange(400) // 20 % 2
    groups = Groups.of({"sex": np.repeat(who, 20)[: 400 * 20]})
    truth = np.tile(truth, 20)
    rng = np.random.default_rng(0)

    def judge(answers):
        return decisions(truth, decided=answers), groups

    def train(term, seed):
        if term is not None:  # never a positive, so 95 % are right and the gap is 0
            return np.zeros(len(truth))
        return np.where(rng.random(len(truth)) < 0.25, ~truth, truth)

    found = alternatives(train, judge, terms=[Penalty(weight=20.0)], seeds=[0], tolerance=0.5)
    worst = found.tried.points[1]
    assert worst.accuracy > 0.9 > found.best.accuracy and worst.gap == 0 and worst.collapsed
    assert found.best.name == found.least.name == "plain, seed 0"
    assert worst not in found.tried.front
    assert "1 decided one way for nearly all" in found.words() and "penalty 20, seed 0" in found.words("es")
    assert "(0.500 ×)" in found.tried.svg()
    with pytest.raises(InputError, match="are models that decide one way for"):
        alternatives(lambda term, seed: np.zeros(len(truth)), judge, terms=[], seeds=[0])


def test_few_positives_are_told_and_no_price_is_named_first():
    found = advise("measurement", positives=(500, 9))
    assert found.method == "more data" and found.then[-1] == "Lagrangian" and found.least == 9
    assert "has 9 positives" in found.words() and "tiene 9 positivos" in found.words("es")
    assert advise("measurement", positives=(500, 30)).method == "Lagrangian"
    assert "balanced accuracy" in advise("measurement").words()
    with pytest.raises(InputError, match="`positives` is"):
        advise("measurement", positives=())


def test_a_search_without_seeds_or_without_a_gap_is_refused():
    with pytest.raises(InputError, match="holds 0 seeds"):
        alternatives(lambda term, seed: None, _judge(0), terms=[], seeds=[])
    few = Groups.of({"sex": ["f", "m"] * 3})
    with pytest.raises(InputError, match="gives no equal opportunity gap"):
        alternatives(lambda t, s: None, lambda m: (decisions([0, 1] * 3, decided=[0, 1] * 3), few), terms=[], seeds=[0])


def _diagnosis(kind, confidence):
    return Diagnosis("sex", kind, "f", confidence, (), ())


@pytest.mark.parametrize("kind", ["labels", "proxy"])
def test_what_nature_explains_as_well_waits_for_evidence(kind):
    doubtful, known = advise(_diagnosis(kind, "low")), advise(_diagnosis(kind, "high"))
    assert doubtful.method == "evidence" and doubtful.then == (known.method, *known.then)
    assert "do not act on it before there is evidence" in doubtful.words() and "evidence" not in known.words()
    assert "no actúe antes de tener pruebas" in doubtful.words("es")
    assert known.method == advise(kind).method


def test_rarer_measurement_asks_for_more_measuring_and_names_no_price():
    for confidence in ("low", "high"):
        found = advise(_diagnosis("sampling rate", confidence))
        assert found.method == "measure more" and not {"penalty", "Lagrangian", "reweighing"} & {*found.then}
