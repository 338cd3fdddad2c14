"""Constructors of wirings."""

import numpy as np

from caudal.wiring.wiring import Wiring


def fully_connected(inputs: int, units: int, motor: int | None = None, seed: int = 0) -> Wiring:
    """Every input and every neuron reads onto every neuron; two synapses in three are excitatory."""
    motor = units if motor is None else motor
    random = np.random.default_rng(seed)
    draw = lambda shape: random.choice(np.array([-1, 1, 1], dtype=np.int8), shape)  # noqa: E731
    roles = ("inter",) * (units - motor) + ("motor",) * motor
    return Wiring(
        draw((inputs, units)),
        draw((units, units)),
        roles,
        (0,) * (units - motor) + (1,) * motor,
        seed,
        "fully_connected",
    )
