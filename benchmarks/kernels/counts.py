"""Operations counted from shapes, and the floor they set: no program that computes the same model can be faster."""

from typing import NamedTuple

from torch import nn as torch_nn

from benchmarks.kernels.records import Peak, Work
from caudal import nn

# A backward pass has two products of the forward's size for each product, and recomputes or rereads each gate twice
# over: for its own input and for its weights.
PASSES: dict[Work, int] = {"forward": 1, "train": 3, "step": 1}


class Cost(NamedTuple):
    """Operations of one series over one step.

    Attributes:
        flops: additions and multiplications of dense products.
        gates: sigmoids or tanh, for an LTC with the three multiply-adds of a synapse.
        weights: numbers that are read, one per connection of one unit to another.
    """

    flops: int
    gates: int
    weights: int


def cost(module: torch_nn.Module) -> Cost:
    """Operations of one step of an LTC, a CfC, or torch's LSTM and GRU.

    An LTC evaluates its sensory synapses once per step and its recurrent ones in every sub-step. Of a CfC the products
    of entry and heads are counted, and an activation per backbone unit and head. The few operations per neuron that
    remain are left out, so the floor is a little below what is possible.

    Raises:
        TypeError: the cost of another model is not known.

    Example:
        >>> from caudal.nn import LTC
        >>> cost(LTC(16, 32))
        Cost(flops=0, gates=6656, weights=1536)
    """
    if isinstance(module, nn.LTC):
        sensory, recurrent = module.sensory_mu.numel(), module.mu.numel()
        return Cost(0, sensory + module.substeps * recurrent, sensory + recurrent)
    if isinstance(module, nn.CfC):
        maps = [part for part in module.modules() if isinstance(part, torch_nn.Linear)]
        weights = sum(part.weight.numel() for part in maps)
        return Cost(2 * weights, sum(part.out_features for part in maps), weights)
    if isinstance(module, torch_nn.LSTM | torch_nn.GRU):
        weights = sum(p.numel() for name, p in module.named_parameters() if name.startswith("weight"))
        gates = (5 if isinstance(module, torch_nn.LSTM) else 3) * module.hidden_size
        return Cost(2 * weights, gates, weights)
    raise TypeError(f"cost: the operations of {type(module).__name__} are not counted")


def floor_s(module: torch_nn.Module, batch: int, time: int, work: Work, peak: Peak | None) -> float | None:
    """Seconds that the counted operations need at the measured peak, None where the peak is unknown.

    Training counts as three forward passes: one forward, and two of its size backward.

    Example:
        >>> from caudal.nn import LTC
        >>> floor_s(LTC(16, 32), 64, 100, "forward", Peak(1, 250e9, 7.6e9))
        0.005605...
    """
    if peak is None or peak.synapses_per_s is None:
        return None
    per_step = cost(module)
    return PASSES[work] * batch * time * (per_step.flops / peak.flop_per_s + per_step.gates / peak.synapses_per_s)
