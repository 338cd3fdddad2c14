"""The LTC layer: the contract under every setting, solvers, signs, initial ranges, refusals."""

import pytest
import torch

from caudal import nn, wiring
from caudal.errors import InputError
from caudal.testing import check_cell

POLICY = wiring.ncp(3, 4, 3, 2, seed=1)


@pytest.mark.parametrize("inputs", [(POLICY,), (3, 4)], ids=["policy", "full"])
def test_keeps_the_contract(inputs):
    check_cell(lambda: nn.LTC(*inputs, substeps=2))


@pytest.mark.parametrize("setting", [{"signs": "fixed"}, {"init": "ncps", "eps": 1e-8}, {"substeps": 1}], ids=str)
def test_keeps_the_contract_under_every_setting(setting):
    check_cell(lambda: nn.LTC(POLICY, **setting), clauses=["steps", "padding", "gradcheck", "wiring", "functional"])


@pytest.mark.parametrize("solver", ["euler", "rk4"])
def test_plain_solvers_keep_the_contract_of_numbers(solver):
    """With sub-steps short enough for them: elapsed times of the contract are some units, capacitances near 0.5."""
    clauses = ["batch", "steps", "padding", "save", "functional", "refusals"]
    check_cell(lambda: nn.LTC(POLICY, substeps=32, solver=solver), clauses=clauses)


def test_solvers_agree_in_the_limit():
    torch.manual_seed(0)
    x, dt = torch.randn(2, 4, 3, dtype=torch.float64), torch.rand(2, 4, dtype=torch.float64)
    fused = nn.LTC(POLICY, substeps=1024).double()
    for solver in ("euler", "rk4"):
        other = nn.LTC(POLICY, substeps=64 if solver == "rk4" else 1024, solver=solver).double()
        other.load_state_dict(fused.state_dict())
        torch.testing.assert_close(other(x, dt)[0], fused(x, dt)[0], rtol=0, atol=5e-3)


def test_a_solver_runs_without_the_kernels(monkeypatch):
    monkeypatch.setattr("caudal.nn.ltc.ltc_scan", None)
    y, _ = nn.LTC(3, 4, solver="rk4", substeps=32)(torch.zeros(1, 2, 3))
    assert torch.isfinite(y).all()


def test_paper_init_draws_the_effective_values_from_the_published_ranges():
    params = nn.LTC(8, 32).params()
    for value, low, high in (
        (params.w, 0.001, 1.0), (params.sensory_w, 0.001, 1.0), (params.g_leak, 0.001, 1.0), (params.c_m, 0.4, 0.6),
        (params.mu, 0.3, 0.8), (params.sigma, 3.0, 8.0), (params.v_leak, -0.2, 0.2),
    ):  # fmt: skip
        assert value.min() >= low - 1e-6
        assert value.max() <= high + 1e-6


def test_ncps_init_starts_from_softplus_of_the_published_ranges():
    params = nn.LTC(8, 32, init="ncps").params()
    assert 0.69 < params.w.min() < params.w.max() < 1.32
    assert 0.91 < params.c_m.min() < params.c_m.max() < 1.04


@pytest.mark.parametrize("signs", ["free", "fixed"])
def test_reversal_potentials_start_at_the_polarities(signs):
    net = nn.LTC(POLICY, signs=signs)
    torch.testing.assert_close(net.params().e_rev, net.recurrent_polarity)
    torch.testing.assert_close(net.params().sensory_e_rev, net.sensory_polarity)


def test_fixed_signs_survive_any_training():
    net = nn.LTC(POLICY, signs="fixed")
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0, 5)
    assert torch.equal(net.params().e_rev.sign(), net.recurrent_polarity)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"substeps": 0}, "LTC: `substeps` is 0; expected at least 1. Pass `substeps=6`."),
        ({"init": "tf"}, 'LTC: `init` is \'tf\'. Pass "paper" or "ncps".'),
        ({"signs": "loose"}, 'LTC: `signs` is \'loose\'. Pass "free" or "fixed".'),
        ({"solver": "dopri5"}, 'LTC: `solver` is \'dopri5\'. Pass "fused", "exact", "euler" or "rk4".'),
    ],
)
def test_refuses_what_it_cannot_do(arguments, text):
    with pytest.raises(InputError) as caught:
        nn.LTC(3, 4, **arguments)
    assert str(caught.value) == text
