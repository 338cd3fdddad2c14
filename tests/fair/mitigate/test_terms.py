import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from caudal.data import from_arrays
from caudal.errors import DataError, FairnessWarning, InputError
from caudal.estimators import LiquidClassifier
from caudal.estimators import load as load_estimator
from caudal.fair import Groups
from caudal.fair.mitigate import Fairret, Lagrangian, Penalty, soft_gaps
from caudal.nn import CfC, Readout
from caudal.train import Examples, Judged, TrainRecipe, fit

TERMS = [Penalty(), Lagrangian(), Fairret()]


def planted(count, seed, *, bias=0.5):
    """Series whose second channel tells the group, and observed labels that are biased against it."""
    rng = np.random.default_rng(seed)
    group, truth = (rng.random(count) < 0.4).astype(int), (rng.random(count) < 0.5).astype(int)
    x = rng.normal(size=(count, 2, 6))
    x[:, 0] += 0.7 * (2 * truth - 1)[:, None]
    x[:, 1] += (2 * group - 1)[:, None]
    seen = np.where((group == 1) & (truth == 1) & (rng.random(count) < bias), 0, truth)
    return x, seen, truth, group


def gap(decided, truth, group):
    rates = [decided[(group == k) & (truth == 1)].mean() for k in (0, 1)]
    return abs(rates[0] - rates[1])


def _seen(count=400, groups=3, seed=0):
    rng = torch.Generator().manual_seed(seed)
    scores = torch.randn(count, 2, generator=rng, dtype=torch.float64)
    target = torch.randint(0, 2, (count,), generator=rng)
    return Judged(scores, target, torch.randint(-1, groups, (count,), generator=rng), torch.ones(count).double())


def test_soft_gaps_are_the_rates_of_a_plain_loop():
    seen = _seen()
    chance = seen.scores.softmax(1)[:, 1]
    for constraint, events in (
        ("equal_opportunity", [seen.target == 1]),
        ("demographic_parity", [seen.target >= 0]),
        ("equalised_odds", [seen.target == 1, seen.target == 0]),
    ):
        found = soft_gaps(constraint, seen.scores, seen.target, seen.groups)
        for row, event in zip(found, events, strict=True):
            whole = chance[event & (seen.groups >= 0)].mean()
            loop = [chance[event & (seen.groups == k)].mean() - whole for k in range(3)]
            assert torch.allclose(row, torch.stack(loop))


@pytest.mark.parametrize("constraint", ["equal_opportunity", "demographic_parity", "equalised_odds"])
def test_gradient_of_the_first_batch_is_that_of_the_squared_gaps(constraint):
    """One batch is all that is remembered then, so the price must be exact."""
    seen = _seen()
    price = Penalty(constraint, weight=3.0, warm_up=0, positive=1)
    found = []
    for whole in (True, False):
        scores = seen.scores.clone().requires_grad_()
        now = replace(seen, scores=scores)
        (price.held(now) if whole else price.cost(now, price.start(3), 0)[0]).backward()
        found.append(scores.grad)
    assert torch.allclose(*found)


def test_gradients_of_batches_add_up_to_that_of_the_whole():
    """Small batches: on average the price is that of all rows, however few of a group one batch holds."""
    seen = _seen(4000)
    seen.scores[:, 1] += seen.groups  # a real gap
    price = Penalty(weight=1.0, warm_up=0, positive=1)
    _, memory = price.cost(seen, price.start(3), 0)
    # A memory of very many batches, so that it does not move.
    memory = (20.0, *(one / 500 for one in memory[1:]))
    total = torch.zeros_like(seen.scores)
    for rows in torch.arange(4000).split(8):
        scores = seen.scores.clone().requires_grad_()
        batch = Judged(scores[rows], seen.target[rows], seen.groups[rows], seen.weight[rows])
        price.cost(batch, memory, 0)[0].backward()
        total += scores.grad / 500
    scores = seen.scores.clone().requires_grad_()
    price.held(replace(seen, scores=scores)).backward()
    assert (total - scores.grad).norm() < 0.2 * scores.grad.norm()


@pytest.mark.parametrize("term", TERMS, ids=lambda one: one.kind)
def test_warm_up_is_free(term):
    seen = _seen(groups=2)
    cost, _ = term.cost(replace(seen, scores=seen.scores.clone().requires_grad_()), term.start(2), 2)
    assert cost.item() == 0


class Late:
    """A price whose validation value rises from pass to pass, and which is whole from the third on."""

    passes = 0

    def start(self, groups, outputs=1):
        return ()

    def cost(self, seen, memory, epoch):
        return seen.scores.sum() * 0, memory

    def held(self, seen):
        self.passes += 1
        return torch.tensor(100.0 * self.passes)

    def sets_in(self):
        return 1, 2


@pytest.mark.parametrize(("epochs", "best", "stopped"), [(6, 3, "patience"), (2, 2, "epochs")])
def test_no_pass_before_the_whole_price_is_kept_or_counts_for_patience(epochs, best, stopped):
    x, seen, _, group = planted(64, 0)
    n = torch.full((64,), 6)
    data = Examples(
        torch.tensor(x.transpose(0, 2, 1)).float(), torch.ones(64, 6), n, "classify", torch.ones(64),
        torch.tensor(seen), torch.ones(64) > 0, torch.tensor(group),
    )  # fmt: skip
    net = Readout(CfC(2, 4, backbone_units=8), 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FairnessWarning)  # two passes are too few for it
        done = fit(net, data, data, TrainRecipe(epochs=epochs, patience=2), term=Late(), progress=False)
    assert (done.best_epoch, done.stopped) == (best, stopped)


@pytest.mark.parametrize("warm_up", [0, 1, 3])
def test_the_whole_price_counts_from_where_it_says(warm_up):
    seen = _seen(groups=2)
    for term in (kind(warm_up=warm_up) for kind in (Penalty, Fairret)):
        costs = []
        for epoch in range(8):
            scores = seen.scores.clone().requires_grad_()
            term.cost(replace(seen, scores=scores), term.start(2), epoch)[0].backward()
            costs.append(scores.grad.abs().sum().item())
        free, full = term.sets_in()
        assert costs[full:] == [costs[-1]] * (8 - full) and all(one < costs[-1] for one in costs[:full])
        assert not any(costs[:free]) and costs[free] > 0


def test_multipliers_rise_while_the_gap_is_wide_and_stay_within_the_limit():
    seen = Judged(torch.tensor([[0.0, 4.0], [0.0, -4.0]]), torch.tensor([1, 1]), torch.tensor([0, 1]), torch.ones(2))
    price = Lagrangian(step=1.0, limit=1.5, warm_up=0, positive=1)
    memory, heights = price.start(2), []
    for epoch in range(6):
        _, memory = price.cost(seen, memory, epoch)
        heights.append(memory[5])
    assert heights[0] < heights[1] < heights[-1] == 1.5
    assert memory[6] == 0 and min(memory[5:]) >= 0


OPTIONS = {"units": 6, "epochs": 10, "validation": 0.0, "batch_size": 64}


@pytest.fixture(scope="module")
def plain():
    x, seen, _, _ = planted(800, 0)
    return LiquidClassifier(**OPTIONS).fit(x, seen).predict(planted(1000, 1)[0])


@pytest.mark.parametrize(
    "fairness", [Penalty(weight=20.0), Lagrangian(), Fairret(weight=1.0)], ids=lambda one: one.kind
)
def test_a_term_closes_the_true_gap_of_an_estimator(fairness, plain):
    x, seen, _, group = planted(800, 0)
    x_test, _, truth, group_test = planted(1000, 1)
    model = LiquidClassifier(**OPTIONS, fairness=fairness).fit(x, seen, sensitive=group)
    decided = model.predict(x_test)  # without the attribute
    assert gap(decided, truth, group_test) < 0.5 * gap(plain, truth, group_test)
    assert (decided == truth).mean() > (plain == truth).mean() - 0.01


def _ten_groups(count, *, signal, warm_up, weight, epochs=6):
    """Rare positives, ten groups whose true rates differ, and a price."""
    rng = np.random.default_rng(0)
    group = rng.integers(0, 10, count)
    truth = (rng.random(count) < 0.05 + 0.02 * group).astype(int)
    x = rng.normal(size=(count, 2, 6))
    x[:, 0] += signal * (2 * truth - 1)[:, None]
    x[:, 1] += 0.4 * (group - 4.5)[:, None] / 4.5
    options = {"units": 6, "epochs": epochs, "lr": 0.02, "batch_size": 64, "class_weight": "balanced"}
    fairness = Penalty("demographic_parity", weight=weight, warm_up=warm_up)
    return LiquidClassifier(**options, fairness=fairness), x, truth, group


def test_a_net_that_the_price_drove_to_one_answer_is_told(tmp_path):
    # After six passes it hangs on rounding, and so on the processor, how far the price has come; not after twelve.
    model, x, truth, group = _ten_groups(1200, signal=0.15, warm_up=2, weight=1e5, epochs=12)
    with pytest.warns(FairnessWarning, match="drove the net to one answer.*before the price set in. Lower its price"):
        model.fit(x, truth, sensitive=group)
    assert np.bincount(model.predict(x), minlength=2).max() > 0.95 * len(x)
    assert "balanced accuracy 0." in model.fitted_.collapsed
    model.save(tmp_path / "model.safetensors")
    assert load_estimator(tmp_path / "model.safetensors").fitted_.collapsed == model.fitted_.collapsed


def test_a_net_that_keeps_its_skill_is_not_told_of():
    model, x, truth, group = _ten_groups(1200, signal=0.3, warm_up=2, weight=2.0)
    model.fit(x, truth, sensitive=group)  # a warning would be an error here
    assert model.fitted_.collapsed == ""


def test_too_few_passes_for_the_price_are_told():
    x, seen, _, group = planted(60, 0)
    with pytest.warns(FairnessWarning, match="counts in full from pass 6 on, and there are 3. Train for more"):
        LiquidClassifier(units=4, epochs=3, fairness=Penalty()).fit(x, seen, sensitive=group)


@pytest.mark.parametrize("term", [Penalty(weight=3.0, warm_up=0), Lagrangian(warm_up=0), Fairret(warm_up=0)])
def test_a_weight_means_the_same_for_two_groups_and_for_ten(term):
    """Each of two groups split into five of the same rate: the price of the gap is the same."""
    scores = torch.tensor([[0.0, 1.0], [0.0, -1.0]], dtype=torch.float64).repeat(10, 1)
    side = torch.tensor([0, 1]).repeat(10)
    split = side + 2 * (torch.arange(20) // 2 % 5)
    grown = []
    for groups in (side, split):
        own = scores.clone().requires_grad_()
        seen = Judged(own, torch.ones(20).long(), groups, torch.ones(20).double())
        term.cost(seen, term.start(int(groups.max()) + 1), 0)[0].backward()
        grown.append((own.grad, term.held(seen).item()))
    assert torch.allclose(grown[0][0], grown[1][0]) and grown[0][1] == pytest.approx(grown[1][1])


def test_an_estimator_with_a_term_repeats_clones_and_saves(tmp_path):
    from sklearn.base import clone

    x, seen, _, group = planted(120, 0)
    model = LiquidClassifier(units=4, epochs=4, fairness=Lagrangian(warm_up=1)).fit(x, seen, sensitive=group)
    again = clone(model).fit(x, seen, sensitive=Groups.of({"sex": group}))
    assert (model.predict_proba(x) == again.predict_proba(x)).all()
    model.save(tmp_path / "model.safetensors")
    back = load_estimator(tmp_path / "model.safetensors")
    assert back.fairness == model.fairness and (back.predict_proba(x) == model.predict_proba(x)).all()


def test_sensitive_comes_from_sequences_tables_and_several_columns():
    import pandas as pd

    x, seen, _, group = planted(80, 0)
    age = np.array(["old", "young"] * 40)
    data = from_arrays(x, seen, sensitive={"sex": group, "age": age})
    options = {"units": 4, "epochs": 2, "validation": 0.0}
    by_name = LiquidClassifier(**options, fairness=Penalty(warm_up=0, attribute="sex")).fit(data)
    by_value = LiquidClassifier(**options, fairness=Penalty(warm_up=0)).fit(data, sensitive=group)
    crossed = LiquidClassifier(**options, fairness=Penalty(warm_up=0)).fit(data, sensitive=("sex", "age"))
    assert (by_name.predict_proba(data) == by_value.predict_proba(data)).all()
    assert (by_name.predict_proba(data) != crossed.predict_proba(data)).any()
    table = pd.DataFrame(
        {"id": np.repeat(np.arange(80), 6), "a": x[:, 0].ravel(), "ill": np.repeat(seen, 6), "sex": np.repeat(group, 6)}
    )
    model = LiquidClassifier(**options, fairness=Penalty(warm_up=0))
    model.fit(table, target="ill", series="id", sensitive="sex")
    assert model.encoder_.names == ("a",)


def test_steps_are_judged_too():
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(2, n)) for n in rng.integers(3, 7, 40)]
    y = [(one[0] > 0).astype(int) for one in x]
    group = rng.integers(0, 2, 40)
    model = LiquidClassifier(units=4, epochs=3, fairness=Penalty(warm_up=0)).fit(x, y, sensitive=group)
    assert len(model.predict(x)) == 40


def test_a_killed_run_ends_as_if_it_had_never_been(tmp_path):
    x, seen, _, group = planted(64, 0)
    n = torch.full((64,), 6)
    data = Examples(
        torch.tensor(x.transpose(0, 2, 1)).float(), torch.ones(64, 6), n, "classify", torch.ones(64),
        torch.tensor(seen), torch.ones(64) > 0, torch.tensor(group),
    )  # fmt: skip

    def net():
        torch.manual_seed(0)
        return Readout(CfC(2, 4, backbone_units=8), 2)

    class Killed(Exception):
        pass

    def kill(epoch):
        if epoch.number == 2:
            raise Killed

    recipe, term, whole, cut = TrainRecipe(epochs=4), Lagrangian(warm_up=0, positive=1), net(), net()
    fit(whole, data, recipe=recipe, term=term, progress=False)
    path = tmp_path / "run"
    with pytest.raises(Killed):
        fit(cut, data, recipe=recipe, term=term, progress=False, checkpoint=path, watch=kill)
    cut = net()
    fit(cut, data, recipe=recipe, term=term, progress=False, checkpoint=path)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), cut.parameters(), strict=True))
    with pytest.raises(InputError, match="names a run with another recipe"):
        fit(net(), data, recipe=recipe, term=Penalty(), progress=False, checkpoint=path)


@pytest.mark.parametrize(
    ("fairness", "sensitive", "error", "text"),
    [
        (Penalty(), (), DataError, "`sensitive` is not given, and `fairness` is. Pass the attribute"),
        (Penalty(), "sex", DataError, "`sensitive` names 'sex', which no series knows"),
        (Penalty(), np.zeros(40), InputError, "is constant"),
        (Penalty(), np.arange(40) % 2 == np.arange(40) % 2, InputError, "is constant"),
        (Penalty(), np.arange(40.0), InputError, "different numbers"),
        (Penalty(), np.arange(39) % 2, DataError, "holds 39 values; there are 40 series"),
        (Penalty(attribute="age"), {"sex": np.arange(40) % 2}, DataError, "`fairness` names 'age'"),
        (Penalty(), {"feature 0": np.arange(40) % 2}, DataError, "which is an input of the model as well"),
        (Penalty(positive="ill"), np.arange(40) % 2, InputError, "is 'ill'; the classes are 0, 1"),
        ("equal", np.arange(40) % 2, InputError, "is a str; expected Penalty"),
    ],
)
def test_what_no_term_can_use_is_refused_in_a_sentence(fairness, sensitive, error, text):
    x, y = np.random.default_rng(0).normal(size=(40, 1, 4)), np.arange(40) // 2 % 2
    data = from_arrays(x, y, names=["feature 0"])
    with pytest.raises(error, match=text):
        LiquidClassifier(units=2, epochs=1, fairness=fairness).fit(data, sensitive=sensitive)


def test_three_classes_need_a_name():
    x, y = np.random.default_rng(0).normal(size=(30, 1, 4)), np.arange(30) % 3
    with pytest.raises(InputError, match="is not named, and there are 3 classes"):
        LiquidClassifier(units=2, epochs=1, fairness=Penalty()).fit(x, y, sensitive=np.arange(30) // 3 % 2)
    fairness = Penalty(positive=2, warm_up=0)
    LiquidClassifier(units=2, epochs=1, fairness=fairness).fit(x, y, sensitive=np.arange(30) // 3 % 2)


def test_settings_out_of_range_are_refused():
    for make, text in (
        (lambda: Penalty("fairness"), "There are 'equal_opportunity'"),
        (lambda: Penalty(weight=-1), "`weight` is -1"),
        (lambda: Penalty(warm_up=1.5), "`warm_up` is 1.5"),
        (lambda: Lagrangian(tolerance=float("nan")), "`tolerance` is nan"),
    ):
        with pytest.raises(InputError, match=text):
            make()


def test_a_term_needs_groups_of_the_series():
    x = torch.zeros(4, 2, 1)
    data = Examples(
        x, x[:, :, 0], torch.full((4,), 2), "classify", torch.ones(4), torch.ones(4).long(), torch.ones(4) > 0
    )
    net = Readout(CfC(1, 2, backbone_units=2), 2)
    with pytest.raises(InputError, match="have no groups"):
        fit(net, data, term=Penalty(), progress=False)
    with pytest.raises(InputError, match="are of one group"):
        fit(net, replace(data, groups=torch.zeros(4).long()), term=Penalty(), progress=False)
