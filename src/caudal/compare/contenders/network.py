"""Networks of a study: estimators that are matched in size and trained in the same way, whatever the cell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from caudal.compare.contenders.registry import Plan, Settings, entry_of, number, settings_of
from caudal.compare.record import Scalar
from caudal.data import Sequences
from caudal.data.disturb import expected
from caudal.errors import InputError
from caudal.estimators.training import encoder_for, facts_of
from caudal.nn import Readout, build_cell
from caudal.nn.operations import live_parameters
from caudal.nn.registry import Cell
from caudal.train import examples

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator

# Chosen settings, units, outputs, steps of the longest series -> further arguments of the layer.
Options = Callable[[Settings, int, int, int], Mapping[str, object]]
# Passes without a better validation loss, as a share of all, after which training stops.
_PATIENCE = 4
_LEAST_PATIENCE = 4
# Updates of a training before it may stop.
_LEAST_UPDATES = 300
_MOST_UNITS = 1024


def _none(chosen: Settings, units: int, outputs: int, steps: int) -> dict[str, object]:
    del chosen, units, outputs, steps
    return {}


@dataclass(frozen=True)
class Network:
    """Builds the estimator of a cell, its units chosen so that live parameters come nearest to a number.

    Attributes:
        cell: as an estimator takes it.
        options: further arguments of the layer.
        least: units at least.
        units: a fixed number of units, which matches nothing; 0 matches.
        even: whether units come in steps of the number of heads, and in even numbers.
    """

    cell: Cell
    options: Options = _none
    least: int = 1
    units: int = 0
    even: bool = False

    def __call__(self, plan: Plan, chosen: Settings) -> "LiquidEstimator":
        """An estimator that is not trained yet."""
        from caudal.estimators import LiquidClassifier, LiquidForecaster, LiquidRegressor

        train = plan.train
        inputs = width_of(train, self.cell == "gru-d", plan.expect, plan.seed)
        outputs = facts_of(train).outputs
        units = self.matched(inputs, outputs, plan.parameters, tuple(sorted(chosen.items())))
        kinds: tuple[type[LiquidEstimator], ...] = (LiquidClassifier, LiquidRegressor, LiquidForecaster)
        kind = next(kind for kind in kinds if train.task in kind.tasks)
        more: dict[str, Any] = {}
        if kind is LiquidForecaster:
            more = {"horizon": facts_of(train).horizon, "window": train.steps}
        return kind(
            self.cell,
            units,
            cell_options=self.options_of(chosen, units, outputs, plan.steps) or None,
            pool=str(chosen["pool"]),
            dropout=number(chosen["dropout"]),
            epochs=plan.epochs,
            lr=number(chosen["lr"]),
            batch_size=min(int(number(chosen["batch_size"])), batch_for(len(train))),
            patience=max(_LEAST_PATIENCE, plan.epochs // _PATIENCE),
            weight_decay=number(chosen["weight_decay"]),
            seed=plan.seed,
            clock="log" if chosen["dt"] == "log" else "plain",
            pace=number(chosen["pace"]),
            target_scale="joint",
            by_length=True,
            least_updates=_LEAST_UPDATES,
            augment=dict(plan.expect) or None,
            **more,
        )

    def options_of(self, chosen: Settings, units: int, outputs: int, steps: int) -> dict[str, object]:
        """Further arguments of the layer, with its pairing where that is not the usual one."""
        options = dict(self.options(chosen, units, outputs, steps))
        pairing = chosen.get("pairing", "hold")
        return options if pairing == "hold" else {**options, "pairing": pairing}

    def matched(self, inputs: int, outputs: int, parameters: int, settings: tuple[tuple[str, Scalar], ...]) -> int:
        """Units whose live parameters, readout included, come nearest to a number; the fewest of several."""
        return self.units or _units(self, inputs, outputs, parameters, settings)

    def net(self, inputs: int, outputs: int, units: int, chosen: Settings, steps: int = 1024, seed: int = 0) -> Readout:
        """A freshly drawn network; the caller's random state is not touched."""
        options = self.options_of(chosen, units, outputs, steps)
        pool, dropout = str(chosen["pool"]), number(chosen["dropout"])
        return build_cell("compare", self.cell, inputs, units, outputs, options, pool=pool, dropout=dropout, seed=seed)


def batch_for(series: int) -> int:
    """Series of a batch, at most, so that a pass makes 32 updates of few series and 64 of many.

    Example:
        >>> [batch_for(series) for series in (100, 500, 2000, 8000)]
        [8, 15, 32, 125]
    """
    return max(8, min(series // 32, 32), series // 64)


def width_of(train: Sequences, paired: bool, expect: Mapping[str, float] | None = None, seed: int = 0) -> int:
    """Channels of what a network reads of some series, with indicators for the holes that it must expect."""
    encoder = encoder_for(train, paired, expected("compare", "expect", expect), seed)
    return int(examples(encoder, train.select([0]), paired=paired).x.shape[2])


def network_of(model: str) -> Network:
    """The builder of a contender that is a network.

    Raises:
        InputError: it is no network.
    """
    build = entry_of(model).build
    if not isinstance(build, Network):
        raise InputError("compare", "model", f"is {model!r}, which is no network", "Name a network.")
    return build


def build(model: str, inputs: int, outputs: int, units: int, settings: Mapping[str, Scalar] | None = None) -> Readout:
    """A freshly drawn network of a contender.

    Arguments:
        model: a contender that is a network.
        inputs: channels of x.
        outputs: classes, or numbers to predict.
        units: neurons.
        settings: what tuning chose.

    Raises:
        InputError: the contender is no network, or a setting is unknown to it.

    Example:
        >>> build("ltc-ncp-19", 4, 2, 19).layer.wiring
        Wiring(ncp, seed 0: 4 inputs, 12 inter, 6 command, 1 motor, 76 synapses)
    """
    return network_of(model).net(inputs, outputs, units, settings_of(model, settings or {}))


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
    chosen = settings_of(model, settings or {})
    return network_of(model).matched(inputs, outputs, parameters, tuple(sorted(chosen.items())))


@lru_cache(maxsize=256)
def _units(
    network: Network, inputs: int, outputs: int, parameters: int, settings: tuple[tuple[str, Scalar], ...]
) -> int:
    chosen = dict(settings)
    step = int(number(chosen.get("heads", 1)))
    step += step % 2 if network.even else 0

    def size(units: int) -> int:
        return live_parameters(network.net(inputs, outputs, units, chosen))

    places = range(-(-network.least // step) * step, _MOST_UNITS + 1, step)
    low, high = 0, len(places) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if size(places[middle]) < parameters else (low, middle)
    # A drawn wiring does not grow evenly, so the neighbours are asked as well.
    near = places[max(0, low - 4) : low + 4]
    return min(near, key=lambda units: (abs(size(units) - parameters), units))
