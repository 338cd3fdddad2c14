"""What every wired layer shares: a wiring from what the user typed, index vectors as buffers, synapse parameters."""

from typing import Literal

import torch
from torch import Tensor, nn

from caudal.errors import InputError
from caudal.nn.init import positive, softplus_inverse
from caudal.wiring import Synapses, Wiring, fully_connected

Signs = Literal["free", "fixed"]


def resolve_wiring(owner: str, inputs: Wiring | int, units: int | None) -> Wiring:
    """A wiring as it is, or a fully connected one from `(inputs, units)`; every neuron is then motor.

    Raises:
        InputError: a wiring came with `units`, or an integer without.
    """
    if isinstance(inputs, Wiring):
        if units is not None:
            raise InputError(owner, "units", "was given beside a wiring", "Leave it out; the wiring states its units.")
        return inputs
    if units is None:
        raise InputError(
            owner,
            "units",
            "is missing",
            f"Pass `{owner}(inputs, units)` for a fully connected layer, or a wiring.",
        )
    return fully_connected(inputs, units)


def check_substeps(owner: str, substeps: int, usual: int) -> None:
    """Refuse fewer than one sub-step.

    Raises:
        InputError: `substeps` is below 1.
    """
    if substeps < 1:
        raise InputError(owner, "substeps", f"is {substeps}; expected at least 1", f"Pass `substeps={usual}`.")


def check_choice(owner: str, argument: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is not among the choices.

    Raises:
        InputError: `value` is not one of `choices`.

    Example:
        >>> check_choice("LTC", "signs", "loose", ("free", "fixed"))
        Traceback (most recent call last):
        caudal.errors.InputError: LTC: `signs` is 'loose'. Pass "free" or "fixed".
    """
    if value not in choices:
        quoted = [f'"{choice}"' for choice in choices]
        listed = " or ".join([", ".join(quoted[:-1]), quoted[-1]])
        raise InputError(owner, argument, f"is {value!r}", f"Pass {listed}.")


def synapse_buffers(module: nn.Module, wiring: Wiring) -> None:
    """Register index vectors and polarities of a wiring; they are rebuilt from it, so they are not saved."""
    for prefix, synapses in (("sensory", wiring.sensory_synapses), ("recurrent", wiring.recurrent_synapses)):
        module.register_buffer(f"{prefix}_ptr", torch.tensor(synapses.ptr), persistent=False)
        module.register_buffer(f"{prefix}_source", torch.tensor(synapses.source), persistent=False)
        module.register_buffer(f"{prefix}_polarity", polarity(synapses), persistent=False)


def synapse_parameters(module: nn.Module, wiring: Wiring, names: tuple[str, ...]) -> None:
    """Register one empty vector per name and kind of synapses: `sensory_<name>` and `<name>`."""
    for prefix, synapses in (("sensory_", wiring.sensory_synapses), ("", wiring.recurrent_synapses)):
        for name in names:
            module.register_parameter(prefix + name, nn.Parameter(torch.empty(len(synapses.source))))


def graph_tensors(module: nn.Module) -> list[Tensor]:
    """The buffers in the order of the dynamics' `Graph`: sensory ptr and source, recurrent ptr and source."""
    return [module.get_buffer(f"{p}_{part}") for p in ("sensory", "recurrent") for part in ("ptr", "source")]


def polarity(synapses: Synapses) -> Tensor:
    """Signs of synapses in torch's default dtype, in their order."""
    return torch.tensor(synapses.polarity, dtype=torch.get_default_dtype())


def signed(value: Tensor, polarity: Tensor | float, signs: Signs) -> Tensor:
    """A parameter as it is when its signs are free, its softplus with the given polarity when they are fixed."""
    return value if signs == "free" else positive(value) * polarity


def fan_in_uniform_(parameters: tuple[Tensor, Tensor], wiring: Wiring, signs: Signs) -> None:
    """Draw sensory and recurrent weights from U(-a, a), `a = sqrt(3 / n)`, `n` the synapses onto the target.

    The sum of `n` such weights has variance 1, however sparse the wiring. With fixed signs the softplus of the
    parameter is the size of such a draw.
    """
    kinds = (wiring.sensory_synapses, wiring.recurrent_synapses)
    counts = [torch.tensor(kind.ptr).diff().long() for kind in kinds]
    for parameter, count in zip(parameters, counts, strict=True):
        bound = (3.0 / (counts[0] + counts[1])).sqrt().repeat_interleave(count).to(parameter)
        with torch.no_grad():
            draw = torch.empty_like(parameter).uniform_(-1.0, 1.0) * bound
            parameter.copy_(draw if signs == "free" else softplus_inverse(draw.abs()))


def count_synapses(module: nn.Module) -> int:
    """Sensory and recurrent synapses of a wired layer, from its buffers: a compiler can follow their sizes."""
    return sum(module.get_buffer(f"{kind}_source").shape[0] for kind in ("sensory", "recurrent"))


def readout(v: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Output `(..., motor)`: scaled and shifted states of the motor neurons, the last of `v (..., units)`."""
    return v[..., -scale.shape[0] :] * scale + shift


def describe(wiring: Wiring, *settings: str) -> str:
    """Family, sizes, live synapses and settings, for the repr of a layer."""
    synapses = len(wiring.sensory_synapses.source) + len(wiring.recurrent_synapses.source)
    sizes = f"{wiring.family}: {wiring.inputs} inputs, {wiring.units} units, {synapses} synapses"
    return ", ".join([sizes, *settings])
