"""Neural circuit policies: sensory, inter, command and motor neurons, sparse and mostly feed-forward."""

import numpy as np

from caudal.wiring.checks import share, whole
from caudal.wiring.parts import roles_of
from caudal.wiring.sample import fan_out, pairs, part, stages
from caudal.wiring.wiring import Wiring


def ncp(
    inputs: int,
    inter: int,
    command: int,
    motor: int,
    *,
    sensory_fanout: int | None = None,
    inter_fanout: int | None = None,
    recurrent_command: int | None = None,
    motor_fanin: int | None = None,
    seed: int = 0,
) -> Wiring:
    """A neural circuit policy of stated sizes; half of the synapses are excitatory.

    A neuron that chance left out receives the mean fan-in of its stage; a command neuron that no motor neuron chose
    receives the mean fan-out. So every neuron lies on a path from an input to a motor neuron. The recurrent command
    synapses are distinct: exactly as many as asked for, where programs that draw with replacement make fewer.

    Arguments:
        inputs: number of inputs.
        inter: number of inter neurons.
        command: number of command neurons.
        motor: number of motor neurons, the size of the output.
        sensory_fanout: inter neurons per input; half of them if None.
        inter_fanout: command neurons per inter neuron; half of them if None.
        recurrent_command: synapses among the command neurons, self-synapses included; as many as neurons if None.
        motor_fanin: command neurons per motor neuron; half of them if None.
        seed: seed of every choice; the same arguments give the same circuit.

    Raises:
        WiringError: a size is not positive, or a fan-out, a fan-in or the recurrence does not fit its stage.

    Source: Lechner et al., Nature Machine Intelligence 2020, Algorithms 2 to 6. That unused command neurons receive an
    output follows the authors' program, not the paper's Algorithm 6.

    Example:
        >>> ncp(32, 12, 6, 1, sensory_fanout=4, inter_fanout=4, recurrent_command=6, motor_fanin=6, seed=7)
        Wiring(ncp, seed 7: 32 inputs, 12 inter, 6 command, 1 motor, 188 synapses)
    """
    sizes = {"inputs": inputs, "inter": inter, "command": command, "motor": motor}
    inputs, inter, command, motor = (whole("ncp", name, size, 1) for name, size in sizes.items())
    return _build(
        (inputs, inter, command, motor),
        _fan("sensory_fanout", sensory_fanout, inter, "inter"),
        _fan("inter_fanout", inter_fanout, command, "command"),
        _recurrence(recurrent_command, command),
        _fan("motor_fanin", motor_fanin, command, "command"),
        whole("ncp", "seed", seed, 0),
        "ncp",
    )


def auto_ncp(inputs: int, units: int, motor: int, *, density: float = 0.5, seed: int = 0) -> Wiring:
    """A neural circuit policy from its number of neurons: two fifths of those that are not motor are command neurons.

    Fan-outs and fan-in are `density` of the stage they reach, the recurrent command synapses twice `density` of the
    command neurons; each is rounded down and at least 1.

    Arguments:
        inputs: number of inputs.
        units: number of neurons: inter, command and motor.
        motor: number of motor neurons, the size of the output.
        density: share of the next stage that a neuron reads onto, above 0 and up to 1; 1 minus ncps's sparsity.
        seed: seed of every choice.

    Raises:
        WiringError: a size is not positive, fewer than two neurons are left for inter and command, or the density is
            out of range.

    Source: the rule of `AutoNCP` in ncps 1.0.1.

    Example:
        >>> auto_ncp(8, 22, 2, seed=7)
        Wiring(auto_ncp, seed 7: 8 inputs, 12 inter, 8 command, 2 motor, 114 synapses)
    """
    inputs, motor = whole("auto_ncp", "inputs", inputs, 1), whole("auto_ncp", "motor", motor, 1)
    units = whole("auto_ncp", "units", units, motor + 2)
    density = share("auto_ncp", "density", density, "Pass for example `density=0.5`.", with_zero=False, with_one=True)
    command = part(units - motor, 0.4)
    inter = units - motor - command
    return _build(
        (inputs, inter, command, motor),
        part(inter, density),
        part(command, density),
        min(part(command, 2 * density), command**2),
        part(command, density),
        whole("auto_ncp", "seed", seed, 0),
        "auto_ncp",
    )


def _build(
    sizes: tuple[int, int, int, int],
    sensory_fanout: int,
    inter_fanout: int,
    recurrent_command: int,
    motor_fanin: int,
    seed: int,
    family: str,
) -> Wiring:
    inputs, inter, command, motor = sizes
    rng = np.random.default_rng(seed)
    forward = (
        fan_out(rng, inputs, inter, sensory_fanout),
        fan_out(rng, inter, command, inter_fanout),
        fan_out(rng, motor, command, motor_fanin).T,
    )
    sensory, recurrent = stages(rng, forward, pairs(rng, command, command, recurrent_command), excitatory=0.5)
    layers = (0,) * inter + (1,) * command + (2,) * motor
    return Wiring(sensory, recurrent, roles_of(inter, command, motor), layers, seed, family)


def _fan(argument: str, value: int | None, size: int, role: str) -> int:
    if value is None:
        return part(size, 0.5)
    remedy = f"Lower it, or raise `{role}`."
    return whole("ncp", argument, value, 1, size, f"the number of {role} neurons", remedy)


def _recurrence(value: int | None, command: int) -> int:
    if value is None:
        return command
    limit = f"the pairs of {command} command neurons"
    return whole("ncp", "recurrent_command", value, 0, command**2, limit, "Lower it, or raise `command`.")
