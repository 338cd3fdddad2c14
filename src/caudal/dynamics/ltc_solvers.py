"""Plain solvers of the LTC's own equation, for study beside the fused step of `dynamics/ltc.py`.

    c_m_i dv_i/dt = num_i(v, u) - den_i(v, u) v_i            with num and den as in `dynamics/ltc.py`

Each elapsed time is cut into `L` sub-steps of `D = dt / L`, inputs held. Euler is of 1st order, the classical
Runge-Kutta method of 4th; the fused step is of 1st order too. Both are unstable once `D den_i / c_m_i` nears 2 (2.8 for
Runge-Kutta), which initial parameters of some 32 neurons already reach at `D = 0.1`: raise `L`, or use the fused step,
which is stable at any `dt`. They run as plain torch under autograd, and hold every sub-step in memory for it.

Source: Hasani et al., AAAI 2021 (arXiv 2006.04439), eq. 1 and section 3, in the synapse-level form of Lechner et al.,
Nature Machine Intelligence 2020, eq. 3. The released programs advance 0.6 time units per step whatever time elapsed;
here `dt` counts.
"""

from typing import Literal

from torch import Tensor

from caudal.dynamics.ltc import Params, Sums, sensory_sums, sums
from caudal.dynamics.wired import Graph, State, gates, unroll

Solver = Literal["euler", "rk4"]


def slope(v: Tensor, sensory: Sums, params: Params, graph: Graph) -> Tensor:
    """Time derivative `dv/dt (batch, units)`; `sensory` are the sensory sums with the leak."""
    recurrent = sums(gates(v, graph.source, params.mu, params.sigma), graph.ptr, params.w, params.e_rev)
    return (sensory.num + recurrent.num - (sensory.den + recurrent.den) * v) / params.c_m


def euler(v: Tensor, sensory: Sums, d: Tensor, params: Params, graph: Graph) -> Tensor:
    """One explicit Euler step of `d (batch, 1)`."""
    return v + d * slope(v, sensory, params, graph)


def rk4(v: Tensor, sensory: Sums, d: Tensor, params: Params, graph: Graph) -> Tensor:
    """One step of `d (batch, 1)` by the classical Runge-Kutta method."""
    first = slope(v, sensory, params, graph)
    second = slope(v + d / 2 * first, sensory, params, graph)
    third = slope(v + d / 2 * second, sensory, params, graph)
    fourth = slope(v + d * third, sensory, params, graph)
    return v + d / 6 * (first + 2 * second + 2 * third + fourth)


def scan(
    x: Tensor,
    dt: Tensor,
    mask: Tensor | None,
    state: State,
    params: Params,
    graph: Graph,
    solver: Solver,
    substeps: int,
) -> State:
    """Potentials after every step, `(batch, time, units)`; the arguments are those of `ltc.scan`.

    Arguments:
        solver: "euler" or "rk4".
        substeps: number of steps of the solver per elapsed time.
    """
    substep = euler if solver == "euler" else rk4

    def advance(t: int, v: Tensor) -> Tensor:
        sensory = sensory_sums(x[:, t], params, graph)
        d = (dt[:, t] / substeps)[:, None]
        for _ in range(substeps):
            v = substep(v, sensory, d, params, graph)
        return v

    return State(unroll(advance, mask, state.v, x.shape[1]))
