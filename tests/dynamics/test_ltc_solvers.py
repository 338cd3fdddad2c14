"""Order and stability of the solvers of the LTC equation, against a fine Runge-Kutta solution."""

import math
from itertools import pairwise

import pytest
import torch

from caudal.dynamics import ltc, ltc_solvers

UNITS = 3


@pytest.fixture
def problem(graph, draw):
    kinds = [f for n in (3, 5) for f in (draw(0, 1, n), draw(-1, 1, n), draw(1, 4, n), draw(-2, 2, n))]
    params = ltc.Params(*kinds, draw(0, 1, UNITS), draw(-1, 1, UNITS), draw(0.4, 0.6, UNITS))
    return draw(-1, 1, 2, 3, 2), draw(0.5, 1.5, 2, 3), ltc.State(draw(-1, 1, 2, UNITS)), params, ltc.Graph(*graph)


def solve(problem, solver, substeps):
    x, dt, state, params, graph = problem
    if solver == "fused":
        return ltc.scan(x, dt, None, state, params, graph, ltc.Settings(substeps)).v
    return ltc_solvers.scan(x, dt, None, state, params, graph, solver, substeps).v


@pytest.mark.parametrize(("solver", "order", "counts"), [("fused", 1, 64), ("euler", 1, 64), ("rk4", 4, 8)])
def test_order_of_convergence(problem, solver, order, counts):
    fine = solve(problem, "rk4", 512)
    errors = [(solve(problem, solver, n) - fine).abs().max().item() for n in (counts, 2 * counts, 4 * counts)]
    for coarse, finer in pairwise(errors):
        assert math.log2(coarse / finer) == pytest.approx(order, abs=0.35)


@pytest.mark.parametrize("solver", ["euler", "rk4"])
def test_no_elapsed_time_leaves_the_state_to_the_bit(problem, solver):
    x, dt, state, params, graph = problem
    states = ltc_solvers.scan(x, torch.zeros_like(dt), None, state, params, graph, solver, 2).v
    assert all(torch.equal(states[:, t], state.v) for t in range(3))


@pytest.mark.parametrize("solver", ["euler", "rk4"])
def test_a_masked_step_is_passed_over(problem, solver):
    x, dt, state, params, graph = problem
    mask = torch.tensor([[True, False, True], [True, False, True]])
    whole = ltc_solvers.scan(x, dt, mask, state, params, graph, solver, 8).v
    kept = ltc_solvers.scan(x[:, ::2], dt[:, ::2], None, state, params, graph, solver, 8).v
    assert torch.equal(whole[:, ::2], kept)


def test_explicit_solvers_diverge_where_the_fused_step_does_not(problem):
    """One sub-step of 10 time units on capacitances near 0.5: far beyond `D den / c_m = 2.8`."""
    x, _, state, params, graph = problem
    x, dt = x[:, :1].repeat(1, 8, 1), torch.full((2, 8), 10.0, dtype=x.dtype)
    ends = {s: solve((x, dt, state, params, graph), s, 1).abs().max().item() for s in ("fused", "euler", "rk4")}
    assert ends["fused"] < 2
    assert ends["euler"] > 100
    assert ends["rk4"] > 100
