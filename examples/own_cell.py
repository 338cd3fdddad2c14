"""A liquid cell of one's own: a neuron that relaxes to a target at a rate which depends on its input.

    dv/dt = r(x) (g(x, v) - v),    r(x) = softplus(R x + b),    g(x, v) = tanh(W x + U v)

With r and g held over a step its solution v' = g + (v - g) exp(-dt r) is bounded, and still at dt = 0.
"""

from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from caudal.nn import Layer, register
from caudal.testing import check_cell


class State(NamedTuple):
    v: Tensor  # (batch, units)


@final
@register
class Relax(Layer):  # every neuron is an output
    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, units
        self.rate = nn.Linear(inputs, units)
        self.drive = nn.Linear(inputs, units)
        self.recurrent = nn.Linear(units, units, bias=False)

    def reset_parameters(self) -> None:
        for layer in (self.rate, self.drive, self.recurrent):
            layer.reset_parameters()

    def initial_state(self, batch: int) -> State:
        return State(self.rate.weight.new_zeros(batch, self.outputs))

    def tick(self, x: Tensor, dt: Tensor, state: State) -> tuple[Tensor, State]:
        target = torch.tanh(self.drive(x) + self.recurrent(state.v))
        v = target + (state.v - target) * torch.exp(-dt[:, None] * softplus(self.rate(x)))
        return v, State(v)

    def scan(self, x: Tensor, dt: Tensor, mask: Tensor | None, state: State) -> tuple[Tensor, State]:
        outputs = []
        for t in range(x.shape[1]):
            new = self.tick(x[:, t], dt[:, t], state)[1].v
            state = State(new if mask is None else torch.where(mask[:, t, None], new, state.v))
            outputs.append(state.v)
        return torch.stack(outputs, 1), state

    def arguments(self) -> dict[str, int]:
        return {"inputs": self.inputs, "units": self.outputs}


LOOP = "a loop over time in Python: the graph grows with the sequence"


def study(folder: str, executor: str = "local") -> None:
    """Relax against four models at equal budget, on series whose class is hidden in the gaps between their steps."""
    import numpy as np

    from caudal.compare import compare
    from caudal.data import from_arrays

    rng = np.random.default_rng(0)
    classes = rng.integers(0, 2, 160)
    gaps = rng.exponential(np.where(classes, 1.0, 2.5)[:, None], (160, 12))
    x = np.sin(np.cumsum(gaps, 1))[:, None] + 0.3 * rng.normal(size=(160, 1, 12))
    series = from_arrays(x, classes, dt=gaps)
    models = [Relax, "cfc", "liquid-ssm", "gru", "lstm"]
    changes = {"seeds": 2, "trials": 0, "epochs": 10, "resamples": 500}
    result = compare(series, folder, models=models, budget="demo", changes=changes, executor=executor, chips=False)
    for contender in result.contenders:
        score = result.summary[contender.name][result.metric].value
        print(f"{contender.label:20} {result.metric} {score:.3f}  {contender.live_parameters:5} parameters")


if __name__ == "__main__":
    import sys
    import tempfile

    print(check_cell(lambda: Relax(3, 5), skip={"export": LOOP, "compile": LOOP}))
    with tempfile.TemporaryDirectory() as place:
        study(place, *sys.argv[1:])
