"""Shares of steps: they add up without a rest, and what an answer would be without a step is what running it gives."""

import pytest
import torch

from caudal.errors import InputError
from caudal.explain import ask, explain, influence
from caudal.explain.influence.shares import answers_without_steps, is_state_linear, step_shares
from caudal.nn import GRU, LiquidSSM, MinGRU, Readout

LAYERS = {
    "sigmoid": lambda: LiquidSSM(3, 7),
    "softplus linear": lambda: LiquidSSM(3, 7, decay="softplus", target="linear"),
    "gated": lambda: LiquidSSM(3, 7, output_gate=True),
    "previous": lambda: LiquidSSM(3, 7, pairing="previous"),
    "event": lambda: LiquidSSM(3, 7, pairing="event"),
    "min-gru": lambda: MinGRU(3, 7),
}


@pytest.fixture(params=LAYERS)
def layer(request):
    torch.manual_seed(0)
    return LAYERS[request.param]()


def question_of(layer, outputs=3, pool="last", **more):
    net = Readout(layer, outputs, pool=pool).double()
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(5, 9, 3, generator=generator, dtype=torch.float64)
    dt = 2 * torch.rand(5, 9, generator=generator, dtype=torch.float64)
    mask = torch.rand(5, 9, generator=generator) > 0.3
    mask[:, :2] = True
    with torch.no_grad():
        net.map.weight.mul_(5)
    return ask(net, x, dt, mask=mask, **more)


@pytest.mark.parametrize("pool", ["last", "mean"])
@pytest.mark.parametrize("outputs", [1, 2, 4])
def test_shares_and_bias_are_the_answer(layer, outputs, pool):
    question = question_of(layer, outputs, pool)
    shares = step_shares(question)
    torch.testing.assert_close(shares.values.sum(1) + shares.rest, question.values(), rtol=0, atol=1e-9)
    assert not shares.values[~question.mask].any()
    nothing = question.of(question.model.map.bias.expand(5, -1))
    torch.testing.assert_close(shares.rest, nothing)


def test_a_share_is_what_the_targets_of_its_step_put_into_the_answer():
    """Scaling what a step puts in scales its share and nothing else: the net is linear in it."""
    torch.manual_seed(0)
    layer = LiquidSSM(3, 7, target="linear")
    question = question_of(layer, 1)
    values, weight = step_shares(question).values, layer.blocks[0].weight
    with torch.no_grad():
        weight[7:] *= 2
        layer.blocks[0].bias[7:] *= 2
    torch.testing.assert_close(step_shares(question).values, 2 * values)


@pytest.mark.parametrize("pool", ["last", "mean"])
@pytest.mark.parametrize("at", [None, 4])
def test_without_a_step_in_closed_form_is_what_running_it_gives(layer, pool, at):
    question = question_of(layer, 3, pool) if at is None else question_of(layer, 3, pool, at=1)
    closed = answers_without_steps(question)
    if layer.pairing != "hold":
        assert closed is None
        return
    for row in range(5):
        steps = question.mask[row].nonzero().flatten().tolist()
        last = int(question.at[row])
        for k in steps:
            if k > last:
                assert closed[row, k] == pytest.approx(question.values()[row].item(), abs=1e-9)
                continue
            rest = [t for t in steps if t != k]
            dt = question.dt[row].clone()
            later = [t for t in rest if t > k]
            if later:
                dt[later[0]] += dt[k]
            upto = [t for t in rest if t <= last]
            alone = question.rows(torch.tensor([row]))
            scores = question.model.series(question.x[row : row + 1, upto], dt=dt[None, upto])[0]
            assert float(closed[row, k]) == pytest.approx(alone.of(scores).item(), abs=1e-6)


def test_explanations_of_steps_take_shares_by_themselves_where_they_are_exact():
    torch.manual_seed(0)
    why = explain(question_of(LiquidSSM(3, 7)), "steps")
    assert why.influence.method == "shares" and why.delta < 1e-6
    assert why.scorecard is not None and why.scorecard["completeness"].passed
    assert explain(question_of(GRU(3, 7)), "steps").influence.method == "path"
    removed = influence(question_of(LiquidSSM(3, 7)), "steps", "removal")
    assert removed.values.shape == (5, 9)


def test_what_is_no_sum_over_steps_is_refused_in_words():
    deep = LiquidSSM(3, 4, layers=2)
    assert not is_state_linear(deep) and not is_state_linear(GRU(3, 4))
    with pytest.raises(InputError, match="holds a GRU, whose answer is no sum over steps"):
        influence(question_of(GRU(3, 7)), "steps", "shares")
