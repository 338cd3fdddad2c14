"""Random calls of every recurrence that has a compiled backend, small graphs included, and how to run one."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from caudal import kernels
from caudal.dynamics.cfc_heads import HEADS

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "ltc": ("ltc_scan", {"substeps": 3, "eps": 1e-8}),
    "ltc-1": ("ltc_scan", {"substeps": 1, "eps": 0.0}),
    "lrc": ("lrc_scan", {"substeps": 2, "solver": "hybrid", "elastance": "asymmetric"}),
    "lrc-symmetric": ("lrc_scan", {"substeps": 3, "solver": "hybrid", "elastance": "symmetric"}),
    "lrc-none": ("lrc_scan", {"substeps": 1, "solver": "hybrid", "elastance": "none"}),
    "lrc-explicit": ("lrc_scan", {"substeps": 3, "solver": "explicit", "elastance": "asymmetric"}),
    "lrc-explicit-symmetric": ("lrc_scan", {"substeps": 1, "solver": "explicit", "elastance": "symmetric"}),
    "lrc-explicit-none": ("lrc_scan", {"substeps": 2, "solver": "explicit", "elastance": "none"}),
    "ctrnn": ("ctrnn_scan", {"substeps": 6}),
    "ctrnn-1": ("ctrnn_scan", {"substeps": 1}),
    "wired-default": ("cfc_wired_scan", {"mode": "default"}),
    "wired-no_gate": ("cfc_wired_scan", {"mode": "no_gate"}),
    "wired-pure": ("cfc_wired_scan", {"mode": "pure"}),
    "liquid-ssm": ("liquid_ssm_scan", {"decay": "sigmoid", "target": "tanh"}),
    "liquid-ssm-linear": ("liquid_ssm_scan", {"decay": "sigmoid", "target": "linear"}),
    "min-gru": ("liquid_ssm_scan", {"decay": "unclocked", "target": "linear"}),
    "liquid-ssm-softplus": ("liquid_ssm_scan", {"decay": "softplus", "target": "tanh"}),
    "cfc-default": ("cfc_scan", {"mode": "default", "activation": "lecun_tanh"}),
    "cfc-no_gate": ("cfc_scan", {"mode": "no_gate", "activation": "silu"}),
    "cfc-pure": ("cfc_scan", {"mode": "pure", "activation": "relu"}),
}


# Recurrences without a Triton kernel, which run as plain torch on a device.
WITHOUT_TRITON = frozenset({"liquid_ssm_scan"})


class Sample(NamedTuple):
    """Arguments of one scan, and the weights of its states in a loss."""

    name: str
    settings: dict[str, Any]
    x: Tensor
    dt: Tensor
    mask: Tensor | None
    state: list[Tensor]
    params: list[Tensor]
    graph: list[Tensor]
    weight: Tensor

    def run(self, backend: str = "numba") -> Tensor:
        """States of the call."""
        door = getattr(kernels, self.name)
        (states,) = door(
            self.x, self.dt, self.mask, self.state, self.params, self.graph, json.dumps(self.settings), backend
        )
        return states

    def gradients(self, backend: str = "numba") -> list[Tensor]:
        """States, then gradients of the weighted states for x, dt, state and params."""
        leaves = [t.detach().requires_grad_() for t in (self.x, self.dt, *self.state, *self.params)]
        x, dt, v, *params = leaves
        states = self._replace(x=x, dt=dt, state=[v], params=params).run(backend)
        return [states.detach(), *torch.autograd.grad(states, leaves, self.weight)]

    def rows(self, rows: slice) -> "Sample":
        """The call on some of its rows."""
        mask = None if self.mask is None else self.mask[rows]
        cut = {"x": self.x[rows], "dt": self.dt[rows], "state": [s[rows] for s in self.state], "mask": mask}
        return self._replace(weight=self.weight[rows], **cut)


def csr(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Row pointers by target, sources and targets of a `(sources, targets)` matrix of live synapses."""
    to, source = torch.nonzero(matrix.T, as_tuple=True)
    ptr = torch.zeros(matrix.shape[1] + 1, dtype=torch.int32)
    ptr[1:] = torch.bincount(to, minlength=matrix.shape[1]).cumsum(0)
    return ptr, source.int(), to


def _wired_params(name: str, settings: dict[str, Any], draw: Callable[..., Tensor], n: tuple[int, int], units: int):
    if name == "ctrnn_scan":
        scale = 2 * units**-0.5
        return [draw(-scale, scale, n[0]), draw(-scale, scale, n[1]), draw(-1, 1, units), draw(0.3, 2, units)]
    ranges = {
        "ltc_scan": [(0.05, 1), (0.3, 0.8), (3, 8), (-1, 1)],
        "lrc_scan": [(0.05, 1), (-1, 1), (0.3, 0.8), (3, 8), (-0.5, 0.5)],
    }[name]
    params = [draw(*limits, count) for count in n for limits in ranges]
    if name == "ltc_scan":
        return [*params, draw(0.1, 1, units), draw(-0.2, 0.2, units), draw(0.4, 0.6, units)]
    kind = settings["elastance"]
    if kind == "none":
        params[4], params[9] = draw(0, 1, 0), draw(0, 1, 0)
    p, k = 0 if kind == "none" else units, units if kind == "symmetric" else 0
    return [*params, draw(0.1, 1, units), draw(-0.5, 0.5, units), draw(-1, 1, p), draw(0.5, 1, k)]


def _dense_params(mode: str, draw: Callable[..., Tensor], inputs: int, units: int) -> list[Tensor]:
    """Backbone of `inputs` neurons, then the heads."""
    heads = HEADS[mode] * units
    sizes = [(inputs, units), (heads, inputs), (heads,)]
    return [draw(-0.5, 0.5, *size) for size in sizes]


def sample(case: str, batch=5, time=7, inputs=3, units=6, density=0.6, masked=False, dtype=torch.float32, seed=0):
    """A random call; `masked` leaves out a third of the steps, one row entirely."""
    name, settings = CASES[case]
    generator = torch.Generator().manual_seed(seed)

    def draw(low: float, high: float, *shape: int) -> Tensor:
        values = low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)
        return values.to(dtype)

    alive = [torch.rand(n, units, generator=generator) < density for n in (inputs, units)]
    (sensory_ptr, sensory_source, _), (ptr, source, to) = (csr(matrix) for matrix in alive)
    graph, n = [sensory_ptr, sensory_source, ptr, source], (len(sensory_source), len(source))
    if name == "cfc_scan":
        graph, params = [], _dense_params(settings["mode"], draw, inputs, units)
    elif name == "liquid_ssm_scan":
        graph, params = [], [draw(-0.5, 0.5, 2 * units, inputs), draw(-0.5, 0.5, 2 * units)]
        params += [draw(0.05, 2, units)] if settings["decay"] == "sigmoid" else []
    elif name == "cfc_wired_scan":
        layers = torch.arange(units) * 3 // units
        ends = torch.cat((torch.zeros(1), torch.bincount(layers, minlength=3).cumsum(0)))
        graph += [(layers[source.long()] < layers[to]).int(), ends.int()]
        heads = HEADS[settings["mode"]]
        scale = 1.5 * units**-0.5
        params = [draw(-scale, scale, heads, size) for size in (*n, units, units)]
    else:
        params = _wired_params(name, settings, draw, n, units)
    if settings.get("mode") == "pure":
        params += [draw(-1, 1, units), draw(-1, 1, units)]
    dt = draw(0, 1.5, batch, time)
    dt[:1, :1] = 0
    mask = torch.rand(batch, time, generator=generator) > 1 / 3 if masked else None
    if mask is not None:
        mask[:1] = False
    x, state, weight = draw(-1, 1, batch, time, inputs), draw(-1, 1, batch, units), draw(-1, 1, batch, time, units)
    return Sample(name, settings, x, dt, mask, [state], params, graph, weight)


@pytest.fixture
def make() -> Callable[..., Sample]:
    """`(case, batch, time, inputs, units, density, masked, dtype, seed)` -> a call."""
    return sample


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> str:
    """Name of a recurrence under one of its settings."""
    return request.param


@pytest.fixture(params=[case for case, (name, _) in CASES.items() if name not in WITHOUT_TRITON])
def triton_case(request: pytest.FixtureRequest) -> str:
    """Name of a recurrence that has a Triton kernel under one of its settings."""
    return request.param


def worst(found: list[Tensor], wanted: list[Tensor]) -> float:
    """Largest difference between two lists of tensors, each relative to its largest value."""
    gaps = [0.0]
    for have, want in zip(found, wanted, strict=True):
        assert have.shape == want.shape
        assert have.dtype == want.dtype
        if want.numel():
            gap = (have.double() - want.double()).abs().max() / want.double().abs().max().clamp_min(1e-30)
            gaps.append(gap.item() if torch.isfinite(have).all() else float("inf"))
    return max(gaps)


@pytest.fixture
def gap() -> Callable[[list[Tensor], list[Tensor]], float]:
    """See `worst`."""
    return worst
