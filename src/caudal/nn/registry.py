"""Which names in a saved file stand for which layers."""

from importlib import import_module
from typing import TypeVar

from caudal.errors import FileFormatError, InputError
from caudal.nn.layer import Layer

Kind = TypeVar("Kind", bound=type[Layer])
_REGISTERED: dict[str, type[Layer]] = {}


def register(layer: Kind) -> Kind:
    """Make a layer of one's own known to `caudal.save` and `caudal.load`; a class decorator.

    The public layers of `caudal.nn` are known already. A file names its layer by class name only; the module that
    registers it must be imported before the file is loaded, since loading imports and runs nothing.

    Raises:
        InputError: it is no subclass of `Layer`, or another class has this name.

    Example:
        >>> @register
        ... class Pendulum(Layer):
        ...     pass
        >>> is_registered(Pendulum)
        True
    """
    if not (isinstance(layer, type) and issubclass(layer, Layer)):
        raise InputError("register", "layer", f"is {layer!r}", "Decorate a subclass of `caudal.nn.Layer`.")
    name = layer.__name__
    known = _REGISTERED.get(name) or _own().get(name)
    if known is not None and not _is_same(known, layer):
        raise InputError(
            "register",
            "layer",
            f"is named {name!r}, as is {known.__module__}.{known.__qualname__}",
            "Give your class a name of its own.",
        )
    _REGISTERED[name] = layer
    return layer


def _is_same(known: type[Layer], layer: type[Layer]) -> bool:
    """A module run twice, as by a reload, defines the same class again."""
    return (known.__module__, known.__qualname__) == (layer.__module__, layer.__qualname__)


def _own() -> dict[str, type[Layer]]:
    """The public layers of `caudal.nn`."""
    public = vars(import_module("caudal.nn"))
    return {
        name: kind
        for name, kind in public.items()
        if isinstance(kind, type) and issubclass(kind, Layer) and kind is not Layer
    }


def kinds() -> dict[str, type[Layer]]:
    """Every layer that can be saved and loaded, by name.

    Example:
        >>> "LTC" in kinds()
        True
    """
    return {**_own(), **_REGISTERED}


def is_registered(layer: type[Layer]) -> bool:
    """Whether a layer can be saved and loaded."""
    return kinds().get(layer.__name__) is layer


def kind_of(layer: type[Layer]) -> str:
    """The name that stands for a layer in a file.

    Raises:
        InputError: the layer is not registered.
    """
    if not is_registered(layer):
        raise InputError(
            "save",
            "net",
            f"holds a {layer.__name__}, which is not registered",
            "Decorate the class with `@caudal.nn.register`.",
        )
    return layer.__name__


def find(kind: str, path: object) -> type[Layer]:
    """The layer that a name stands for.

    Raises:
        FileFormatError: no layer of this name is registered.
    """
    known = kinds()
    if kind not in known:
        raise FileFormatError(
            f"{path}: holds a layer of kind {kind!r}, which is not registered. Import the module that defines it "
            f"with `@caudal.nn.register`, then load again; known kinds are {', '.join(sorted(known))}."
        )
    return known[kind]
