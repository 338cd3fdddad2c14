"""Contenders of the caller's own: a cell, an estimator or an entry; each is looked at before anything is trained."""

import hashlib
import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import torch

from caudal.compare.contenders.catalogue import CLOCK, TRAINING, usual_of_networks
from caudal.compare.contenders.network import Network
from caudal.compare.contenders.registry import CONTENDERS, OWN, Entry, Plan, Range, Settings, entry_of, register_guest
from caudal.compare.job import Disturber
from caudal.compare.metrics.metrics import OF_PROBABILITIES
from caudal.compare.metrics.scorers import code_mark, known
from caudal.compare.record import Family
from caudal.data import Sequences
from caudal.data.disturb import KINDS
from caudal.errors import ContractError, InputError
from caudal.extras import need
from caudal.importing import import_named, import_offered, import_path, offered
from caudal.nn import Layer
from caudal.nn.registry import cell_builder
from caudal.testing import check_cell

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

    from caudal.estimators.sklearn_model import Features, SklearnModel

# Rivals of aeon (BSD-3), by name: the module and the class; imported where they are named.
RIVALS: Mapping[str, tuple[str, str]] = {
    "quant": ("aeon.classification.interval_based", "QUANTClassifier"),
    "quant-regressor": ("aeon.regression.interval_based", "QUANTRegressor"),
    "multirocket-hydra": ("aeon.classification.convolution_based", "MultiRocketHydraClassifier"),
    "multirocket-hydra-regressor": ("aeon.regression.convolution_based", "MultiRocketHydraRegressor"),
}
_PYTHON = "a loop over time in Python is no fault of a contender"
_UNASKED = {"compile": _PYTHON, "export": _PYTHON}


@dataclass(frozen=True)
class Fixed:
    """Further arguments of a layer that stay as they are, whatever tuning chose.

    Attributes:
        options: arguments by name, in order.
    """

    options: tuple[tuple[str, object], ...] = ()

    def __call__(self, chosen: Settings, units: int, outputs: int, steps: int) -> dict[str, object]:
        """The arguments."""
        del chosen, units, outputs, steps
        return dict(self.options)


@dataclass(frozen=True, eq=False)
class Wrapped:
    """Builds the model around an estimator of scikit-learn or aeon.

    Attributes:
        estimator: not trained.
        features: what it reads, as in `SklearnModel`.
    """

    estimator: "BaseEstimator"
    features: "Features" = "auto"

    def __call__(self, plan: Plan, chosen: Settings) -> "SklearnModel":
        """A model that is not trained yet, with the settings that tuning chose as parameters of the estimator."""
        from sklearn.base import clone

        from caudal.estimators.sklearn_model import SklearnModel

        estimator = clone(self.estimator).set_params(**chosen)
        return SklearnModel(estimator, self.features, plan.seed, dict(plan.expect) or None)


def contender(
    model: object,
    *,
    name: str = "",
    label: str = "",
    family: Family | None = None,
    summary: str = "",
    features: "Features" = "auto",
    options: Mapping[str, object] | None = None,
    settings: Settings | None = None,
    space: Mapping[str, Range] | None = None,
) -> Entry:
    """A model of one's own as a contender, for `compare(..., models=[...])`.

    Arguments:
        model: a class of layers that takes `(inputs, units)`, a layer, an estimator of scikit-learn or aeon, a
            pipeline, an `Entry`, or `module:object` that names one.
        name: unique in a study; None makes one of the class.
        label: for people.
        family: `"liquid"` or `"traditional"`; the usual one of a cell is liquid, of an estimator traditional.
        summary: one sentence that says what it is.
        features: of an estimator, what it reads; see `caudal.estimators.SklearnModel`.
        options: of a cell, further arguments of the layer.
        settings: usual values of all that tuning may choose: of a cell `lr`, `dropout`, ...; of an estimator its
            parameters.
        space: setting -> the values among which tuning chooses.

    Raises:
        InputError: it is nothing that can enter a study; or `features` or `options` does not fit it.

    Example:
        >>> from sklearn.linear_model import LogisticRegression
        >>> from caudal.compare import OneOf
        >>> entry = contender(LogisticRegression(), settings={"C": 1.0}, space={"C": OneOf((0.1, 1.0))})
        >>> entry.name, entry.family, entry.kind
        ('logistic-regression', 'traditional', 'estimator')
    """
    if isinstance(model, str):
        model = import_named("compare", "models", model)
    if isinstance(model, Entry):
        entry = model
    elif isinstance(model, Layer) or (isinstance(model, type) and issubclass(model, Layer)):
        entry = _of_cell(model, options, settings, space)
    elif isinstance(model, type) or not all(hasattr(model, way) for way in ("fit", "predict", "get_params")):
        fault = f"hold {model!r}, which is no name, cell, estimator or `Entry`"
        remedy = "Pass a subclass of `caudal.nn.Layer`, or an estimator with `fit` and `predict`, not its class."
        raise InputError("compare", "models", fault, remedy)
    else:
        entry = _of_estimator(model, features, settings, space)
    return replace(
        entry,
        name=name or entry.name,
        label=label or entry.label,
        family=family or entry.family,
        summary=summary or entry.summary,
    )


def _of_cell(
    model: Layer | type[Layer],
    options: Mapping[str, object] | None,
    settings: Settings | None,
    space: Mapping[str, Range] | None,
) -> Entry:
    fixed = dict(options or {})
    cell = model if isinstance(model, type) else type(model)
    if isinstance(model, Layer):
        arguments = model.arguments()
        if not {"inputs", "units"} <= arguments.keys():
            fault = f"hold a {cell.__name__} that is built from {', '.join(arguments)}, not from inputs and units"
            raise InputError("compare", "models", fault, "Pass the class, or a name such as 'ltc-ncp'.")
        fixed = {**{key: value for key, value in arguments.items() if key not in ("inputs", "units")}, **fixed}
    cell_builder("compare", cell)
    entry = Entry(
        _kebab(cell.__name__),
        cell.__name__,
        "liquid",
        _first_line(cell),
        "network",
        Network(cell, Fixed(tuple(fixed.items()))),
        uses_dt=True,
        wired=cell.wired,
        settings={**usual_of_networks(), **(settings or {})},
        space={**TRAINING, **CLOCK} if space is None else space,
    )
    return replace(entry, mark=_mark(cell, fixed), code=(script_path(cell),))


def _of_estimator(
    estimator: "BaseEstimator", features: "Features", settings: Settings | None, space: Mapping[str, Range] | None
) -> Entry:
    from caudal.estimators.sklearn_model import SklearnModel, packages_of

    steps = [type(step).__name__ for _, step in getattr(estimator, "steps", ())]
    kind = type(estimator).__name__
    label = f"{kind}({', '.join(steps)})" if steps else kind
    name = _kebab(steps[-1] if steps else kind)
    reads = "a regular panel" if SklearnModel(estimator, features).reads == "panel" else "summaries of each series"
    entry = Entry(
        f"{name}-pipeline" if steps else name,
        label,
        "traditional",
        f"{label} on {reads}.",
        "estimator",
        Wrapped(estimator, features),
        matched=False,
        settings=dict(settings or {}),
        space=dict(space or {}),
    )
    facts = {key: repr(value) for key, value in sorted(estimator.get_params().items())}
    return replace(entry, mark=_mark(estimator, facts), code=tuple(sorted(packages_of(estimator))))


def script_path(code: object) -> str:
    """`module:Class`; what was defined in the script that runs is named as another program would import it."""
    module, _, name = import_path(code).partition(":")
    place = getattr(sys.modules.get(module), "__file__", None) if module == "__main__" else None
    return f"{Path(place).stem if place else module}:{name}"


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower().strip("_").replace("_", "-")


def _first_line(cell: type[Layer]) -> str:
    words = vars(cell).get("__doc__")
    return str(words).strip().splitlines()[0] if words else f"The layer {script_path(cell)}."


def _mark(code: object, facts: object) -> str:
    """SHA-256 (hex) of import path, source and settings: a model that was changed is another contender."""
    kind = code if isinstance(code, type) else type(code)
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):  # typed at a prompt
        source = ""
    return hashlib.sha256(repr((import_path(kind), source, facts)).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Entrants:
    """Who enters a study.

    Attributes:
        names: of all contenders, in order; None takes the usual ones.
        guests: those that caudal does not bring.
    """

    names: tuple[str, ...] | None
    guests: Mapping[str, Entry] = field(default_factory=dict)


def _spelled(name: str) -> str:
    """The name of a contender of caudal that is written in capitals or otherwise, such as `CfC`; others as they are."""
    names = {**OWN, **CONTENDERS}
    plain = name.strip().casefold().replace("_", "-").replace(" ", "-")
    return plain if name not in names and plain in names else name


def asked(models: Sequence[object] | None) -> Entrants:
    """Who enters a study, by name or as given; only what is named is imported.

    Arguments:
        models: names, `module:object`, names that installed packages offer as `caudal.contenders`, cells, layers,
            estimators, entries; None takes the usual contenders.

    Raises:
        InputError: a name is unknown or taken, does not import, or is nothing that can enter a study.
    """
    if models is None:
        return Entrants(None)
    if isinstance(models, str) or not isinstance(models, Sequence):
        raise InputError("compare", "models", f"is {models!r}; expected a list", f"Pass [{models!r}].")
    names: list[str] = []
    guests: dict[str, Entry] = {}
    for model in models:
        entry = _entry(_spelled(model) if isinstance(model, str) else model)
        name = entry.name
        if entry is not OWN.get(name):
            if name in OWN:
                fault = f"hold {import_path(model)}, whose name {name!r} is that of a contender of caudal"
                raise InputError("compare", "models", fault, "Give it another: `contender(model, name='mine')`.")
            count = 2
            while not isinstance(model, str | Entry) and name in guests:
                name, count = f"{entry.name}-{count}", count + 1
            entry = replace(entry, name=name)
            guests.setdefault(name, entry)
            adopt(guests[name])
        names.append(name)
    return Entrants(tuple(names), guests)


def _entry(model: object) -> Entry:
    if isinstance(model, str) and model in RIVALS:
        module, kind = RIVALS[model]
        return contender(getattr(need("compare", module), kind)(), name=model)
    if isinstance(model, str) and ":" not in model:
        points = offered("contenders")
        if model in points and model not in OWN:
            entry = contender(import_offered("compare", "models", "contenders", model))
            return replace(entry, name=model)
        return entry_of(model)
    return contender(model)


def examine(entry: Entry, train: Sequences, metric: str) -> str:
    """Look at a contender of the caller's own before anything is trained.

    Arguments:
        entry: the contender.
        train: the series that it will be trained on.
        metric: that decides.

    Returns:
        a note for the user, or nothing.

    Raises:
        InputError: it does not fit the task or the metric, or a cell breaks the contract of layers.
    """
    if isinstance(entry.build, Network):
        _examine_cell(entry, entry.build)
    elif isinstance(entry.build, Wrapped):
        return _examine_estimator(entry, entry.build, train, metric)
    return ""


def _examine_cell(entry: Entry, network: Network) -> None:
    if isinstance(network.cell, str):
        return
    options = network.options(entry.settings, 5, 2, 8)
    cell = network.cell

    def build() -> Layer:
        return cell_builder("compare", cell)(3, 5, **options)

    try:
        with torch.random.fork_rng(devices=[]):
            check_cell(build, skip=_UNASKED)
    except ContractError as error:
        faults = str(error).partition("\n")[0]
        remedy = f"Mend the cell; `caudal.testing.check_cell(lambda: {entry.label}(3, 5))` shows every clause."
        fault = f"hold {entry.label}, which breaks the contract of a layer. {faults.rstrip('.')}"
        raise InputError("compare", "models", fault, remedy) from error
    except Exception as error:  # whatever a class of the user raises while it is built
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        fault = f"hold {entry.label}, which cannot be built from 3 inputs and 5 units ({reason.rstrip('.')})"
        raise InputError("compare", "models", fault, "Let it take `(inputs, units)`, or pass `options`.") from error


def _examine_estimator(entry: Entry, wrapped: Wrapped, train: Sequences, metric: str) -> str:
    from sklearn.base import clone

    from caudal.estimators.sklearn_model import SklearnModel

    try:
        chosen = clone(wrapped.estimator).set_params(**entry.settings)
        model = SklearnModel(chosen, wrapped.features)
        model.check(train.task)
    except InputError as error:
        raise InputError("compare", "models", f"hold {entry.label}: it {error.fault}", error.remedy) from error
    except (ValueError, TypeError) as error:
        fault = f"hold {entry.label}, which refuses its settings ({' '.join(str(error).split()).rstrip('.')})"
        raise InputError("compare", "models", fault, "Name parameters that it has.") from error
    scorer = known(metric)
    reads_shares = metric in OF_PROBABILITIES if scorer is None else scorer.reads == "probabilities"
    if train.classes and reads_shares and not model.gives_probabilities:
        fault = f"hold {entry.label}, which has no `predict_proba`, and {metric} is made of probabilities"
        remedy = "Wrap it in `sklearn.calibration.CalibratedClassifierCV`, or decide by metric='accuracy'."
        raise InputError("compare", "models", fault, remedy)
    fault = model.unwritable()
    return f"note: no model file of {entry.name} will be written: {fault}." if fault else ""


def adopt(entry: Entry) -> None:
    """Make a contender that another process sent known here: its name, its cell, the types of its files."""
    register_guest(entry)
    if isinstance(entry.build, Network) and not isinstance(entry.build.cell, str):
        cell_builder("compare", entry.build.cell)
    if isinstance(entry.build, Wrapped):
        from caudal.estimators.sklearn_model import packages_of, trust_types

        for package in packages_of(entry.build.estimator):
            trust_types(package)


def disturbers(asked_for: Sequence[object], train: Sequences) -> tuple[Disturber, ...]:
    """Disturbances of one's own, each tried on a few series.

    Arguments:
        asked_for: `Disturber`, `module:object` of one, or a name that a package offers as `caudal.disturbances`.
        train: series to try them on.

    Raises:
        InputError: one is nothing of these, fails, has the name of another, or changes the number of series.
    """
    entered: dict[str, Disturber] = {}
    for disturber in asked_for:
        if isinstance(disturber, str) and ":" in disturber:
            disturber = import_named("compare", "disturbances", disturber)
        elif isinstance(disturber, str):
            disturber = import_offered("compare", "disturbances", "disturbances", disturber)
        if not isinstance(disturber, Disturber):
            fault = f"hold {disturber!r}, which is no `Disturber`"
            raise InputError("compare", "disturbances", fault, "Pass `caudal.compare.Disturber(name, ...)`.")
        if disturber.name in KINDS or disturber.name in entered:
            fault = f"hold {disturber.name!r}, a name that is taken"
            raise InputError("compare", "disturbances", fault, "Give it another name.")
        _try(disturber, train)
        entered[disturber.name] = replace(disturber, mark=disturber.mark or code_mark(disturber.function))
    return tuple(entered.values())


def _try(disturber: Disturber, train: Sequences) -> None:
    few = train.select(slice(0, 4))
    levels = disturber.levels
    if len(levels) < 2 or levels[0] != 0 or list(levels) != sorted(set(levels)):
        fault = f"hold {disturber.name!r}, whose levels are {levels}"
        raise InputError("compare", "disturbances", fault, "Let them rise from 0, two and more of them.")
    try:
        changed = [disturber.function(few, level, 0) for level in levels]
    except Exception as error:  # whatever a function of the user raises
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        fault = f"hold {disturber.name!r}, which fails on four of the training series ({reason})"
        raise InputError("compare", "disturbances", fault, "Mend it, or leave it out.") from error
    if any(not isinstance(part, Sequences) or len(part) != len(few) for part in changed):
        fault = f"hold {disturber.name!r}, which gives back other than as many `Sequences`"
        raise InputError("compare", "disturbances", fault, "Change values, times or steps, not the number of series.")


def check_portable(entry: Entry) -> None:
    """See that a contender can go to another process: by its import path, or by value where it has none.

    Raises:
        InputError: it can go neither way.
    """
    cloudpickle = need("compare", "cloudpickle")
    for code in _code_of(entry):
        module = inspect.getmodule(code)
        if module is not None and module.__name__ != "__main__" and not _is_importable(module):
            cloudpickle.register_pickle_by_value(module)
    try:
        cloudpickle.dumps(entry)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
        fault = f"hold {entry.label}, which cannot be sent to a worker process ({reason})"
        remedy = "Put it into a module that can be imported, or pass executor='inline'."
        raise InputError("compare", "models", fault, remedy) from error


def _code_of(entry: Entry) -> list[object]:
    if isinstance(entry.build, Network):
        return [] if isinstance(entry.build.cell, str) else [entry.build.cell]
    return [type(entry.build.estimator)] if isinstance(entry.build, Wrapped) else [entry.build]


def _is_importable(module: ModuleType) -> bool:
    """Whether another process with the same path finds the same file; another package may have taken the name."""
    place, path, spec = getattr(module, "__file__", None), None, None
    if place is None:
        return True
    parts = module.__name__.split(".")
    for count in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:count]), path)
        if spec is None:
            return False
        path = spec.submodule_search_locations
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() == Path(place).resolve()
