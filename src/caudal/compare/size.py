"""Networks of a study, built and matched in size: as many live trained numbers each."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from caudal.compare.contenders import entry_of, settings_of
from caudal.errors import InputError
from caudal.nn import Readout, build_cell
from caudal.nn.counts import live_parameters
from caudal.records.study import Scalar

_MOST_UNITS = 1024
# Attention reads so many steps back at most.
_CONTEXT = 1024
_NEURONS, _COMMAND = 19, 6


def build(
    model: str,
    inputs: int,
    outputs: int,
    units: int,
    settings: Mapping[str, Scalar] | None = None,
    *,
    steps: int = _CONTEXT,
    seed: int = 0,
) -> Readout:
    """A freshly drawn network; the caller's random state is not touched.

    Arguments:
        model: a contender that is a network.
        inputs: channels of x.
        outputs: classes, or numbers to predict.
        units: neurons.
        settings: what tuning chose.
        steps: of the longest series, which attention must reach over.
        seed: of the weights. The wiring of a policy is drawn from seed 0 always, so that its size does not vary.

    Raises:
        InputError: the contender is no network, or a setting is unknown to it.

    Example:
        >>> build("ltc-ncp-19", 4, 2, 19).layer.wiring
        Wiring(ncp, seed 0: 4 inputs, 12 inter, 6 command, 1 motor, 76 synapses)
    """
    if entry_of(model).kind != "network":
        raise InputError("compare", "model", f"is {model!r}, which is no network", "Name a network.")
    chosen = settings_of(model, settings or {})
    options = options_of(model, units, chosen, steps, outputs)
    cell = cell_of(model)
    pool, dropout = str(chosen["pool"]), float(chosen["dropout"] or 0.0)
    return build_cell("compare", cell, inputs, units, outputs, options, pool=pool, dropout=dropout, seed=seed)


def cell_of(model: str) -> str:
    """The cell of a contender, as `build_cell` takes it.

    Example:
        >>> cell_of("ltc-ncp-19")
        'ltc-ncp'
    """
    return "ltc-ncp" if model == "ltc-ncp-19" else model


def units_for(
    model: str, inputs: int, outputs: int, parameters: int, settings: Mapping[str, Scalar] | None = None
) -> int:
    """Units whose live parameters, readout included, come nearest to a number; the fewest of several.

    Arguments:
        model: a contender that is a network.
        inputs, outputs: as in `build`.
        parameters: live trained numbers to meet.
        settings: what tuning chose; some change the size.

    Raises:
        InputError: as `build`.

    Example:
        >>> units_for("lstm", 6, 2, 2500)
        21
    """
    if not entry_of(model).matched:
        return _NEURONS
    return _units(model, inputs, outputs, parameters, tuple(sorted(settings_of(model, settings or {}).items())))


@lru_cache(maxsize=256)
def _units(model: str, inputs: int, outputs: int, parameters: int, settings: tuple[tuple[str, Scalar], ...]) -> int:
    chosen = dict(settings)
    step = int(_number(chosen.get("heads", 1)))
    step += step % 2 if model == "transformer" else 0
    least = 1 if entry_of(model).wired and model == "ltc-ncp-19" else 4 if entry_of(model).wired else 1

    def size(units: int) -> int:
        return live_parameters(build(model, inputs, outputs, units, chosen))

    places = range(-(-least // step) * step, _MOST_UNITS + 1, step)
    low, high = 0, len(places) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if size(places[middle]) < parameters else (low, middle)
    # A drawn wiring does not grow evenly, so the neighbours are asked as well.
    near = places[max(0, low - 4) : low + 4]
    return min(near, key=lambda units: (abs(size(units) - parameters), units))


def options_of(model: str, units: int, chosen: Mapping[str, Scalar], steps: int, outputs: int) -> dict[str, Any]:
    """What a contender's settings ask of its cell, as `build_cell` takes it.

    Arguments:
        model, units, steps, outputs: as in `build`.
        chosen: all its settings.
    """
    if model == "ltc-ncp-19":
        # One motor neuron for one number or two classes, else one for each output, at most 8.
        motor = 1 if outputs <= 2 else min(outputs, 8)
        return {"command": _COMMAND, "motor": motor, "substeps": int(_number(chosen["substeps"]))}
    if model in ("cfc", "mixed"):
        return {"backbone_units": max(2, round(_number(chosen["backbone"]) * units))}
    if model == "ltc-ncp":
        return {"density": _number(chosen["density"]), "substeps": int(_number(chosen["substeps"]))}
    if model == "cfc-ncp":
        return {"density": _number(chosen["density"])}
    if model == "transformer":
        context = max(2, min(_CONTEXT, steps))
        return {"layers": chosen["layers"], "heads": chosen["heads"], "context": context}
    if model == "ssm":
        fastest = _number(chosen["fastest"])
        return {"layers": chosen["layers"], "states": units, "step": (fastest / 100, fastest)}
    return {}


def _number(value: Scalar) -> float:
    if isinstance(value, str) or value is None:
        raise InputError("compare", "settings", f"hold {value!r} where a number is expected", "Pass a number.")
    return float(value)
