"""Names of data sets, their cards, and the one door that loads them."""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from caudal.data.datasets import (
    archive,
    diabetes130,
    mitbih,
    motion,
    nafld,
    nlswork,
    oulad,
    panel,
    physionet2012,
    sensors,
    simulated,
    traffic,
    watch,
)
from caudal.data.datasets.files import Card, Dataset
from caudal.errors import DataError
from caudal.importing import import_offered, offered

_SHIPPED: tuple[tuple[Card, Callable[..., Dataset]], ...] = (
    (nafld.CARD, nafld.load),
    (archive.JAPANESE_VOWELS, archive.japanese_vowels),
    (archive.PLAID, archive.plaid),
    (watch.SMARTWATCH, watch.smartwatch),
    (watch.SPOKEN_DIGITS, watch.spoken_digits),
    (panel.WAGES, panel.wages),
    (panel.STAR, panel.star),
    (nlswork.CARD, nlswork.load),
    (panel.ELECDEMAND, panel.elecdemand),
    (simulated.SIM_HALFCHEETAH, simulated.sim_halfcheetah),
    (simulated.SIM_WALKER2D, simulated.sim_walker2d),
)
_FOLDERS: tuple[tuple[Card, Callable[..., Dataset]], ...] = (
    (physionet2012.CARD, physionet2012.load),
    (motion.HALFCHEETAH, motion.halfcheetah),
    (motion.WALKER2D, motion.walker2d),
    (sensors.GESTURE, sensors.gesture),
    (sensors.OCCUPANCY, sensors.occupancy),
    (sensors.OZONE, sensors.ozone),
    (traffic.CARD, traffic.load),
    (diabetes130.CARD, diabetes130.load),
    (oulad.CARD, oulad.load),
    (mitbih.CARD, mitbih.load),
)
_ALL = {card.name: (card, loader) for card, loader in (*_SHIPPED, *_FOLDERS)}


def names(*, shipped: bool | None = None) -> tuple[str, ...]:
    """Names that `load` takes.

    Arguments:
        shipped: True for sets inside packages, False for those that need a folder, None for all.

    Example:
        >>> names()[:2]
        ('nafld', 'japanese-vowels')
    """
    return tuple(name for name, (card, _) in _ALL.items() if shipped in (None, not card.needs_folder))


def card(name: str) -> Card:
    """The data card of a set, which needs no data.

    Raises:
        DataError: there is no such set.

    Example:
        >>> card("nafld").sensitive
        ('sex', 'age')
    """
    if _is_offered(name):
        return load(name).card
    return _ALL[_resolve(name)][0]


def load(name: str, folder: str | Path | None = None, protocol: str = "clean", **options: object) -> Dataset:
    """A data set with its card and its split.

    Arguments:
        name: one of `names()`; case and underscores do not matter. Or a name that an installed package offers as
            `caudal.datasets`, for a function that gives a `Dataset`.
        folder: where the user put the files, for sets that do not ship in a package.
        protocol: `"clean"`: no leak, scaling and choices see training data only; `"paper"`: as published, faults
            included, where a paper defined one (see the card).
        options: of the set, for example `seed=1`.

    Raises:
        DataError: the name, protocol or an option is unknown, or a file is missing or not what it should be.
        MissingExtraError: the package that ships the data is not installed.
    """
    if _is_offered(name):
        return _of_others(name, options)
    info, loader = _ALL[_resolve(name)]
    owner = f"datasets.load({info.name!r})"
    if protocol not in info.protocols:
        known = ", ".join(info.protocols)
        raise DataError(owner, "protocol", f"is {protocol!r}; this set has {known}", "See its card.")
    if len(info.protocols) > 1:
        options["protocol"] = protocol
    if info.needs_folder:
        options["folder"] = _folder(owner, info, folder)
    elif folder is not None:
        raise DataError(owner, "folder", "is given, and this set needs none", "Leave `folder` out.")
    try:
        return loader(**options)
    except TypeError as error:
        if "unexpected keyword" not in str(error):
            raise
        raise DataError(owner, "options", f"do not fit ({error})", "See its card and loader.") from None


def _is_offered(name: str) -> bool:
    return name.lower().replace("_", "-") not in _ALL and name in offered("datasets")


def _of_others(name: str, options: dict[str, object]) -> Dataset:
    loader = import_offered("datasets.load", "name", "datasets", name)
    dataset = loader(**options) if callable(loader) else loader
    if not isinstance(dataset, Dataset):
        fault = f"is {name!r}, which gives a {type(dataset).__name__}"
        raise DataError("datasets.load", "name", fault, "Ask its package for a function that gives a `Dataset`.")
    return dataset


def _folder(owner: str, card: Card, folder: str | Path | None) -> Path:
    if folder is None:
        raise DataError(owner, "folder", "is missing; these data do not ship with a package", card.obtain)
    path = Path(folder)
    if not path.is_dir():
        raise DataError(owner, "folder", f"is no folder: {path}", card.obtain)
    return path


def _resolve(name: str) -> str:
    key = name.lower().replace("_", "-")
    if key not in _ALL:
        close = get_close_matches(key, _ALL, 1)
        remedy = f"Did you mean {close[0]!r}?" if close else "Check the spelling."
        raise DataError("datasets", "name", f"is {name!r}; there are {', '.join(_ALL)}", remedy)
    return key
