"""Recipes: what rebuilds a layer, as JSON values. Nothing in a recipe can name code to run.

A recipe from a file decides how many layers are built and how large they are, so each number in it is compared before a
constructor sees it: with the table of limits, and with the tensors that are there for it (`Held`).
"""

import inspect
import json
import math
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import torch

from caudal import limits
from caudal.errors import CaudalError, FileFormatError, InputError
from caudal.nn.layer import Layer
from caudal.nn.registry import find, kind_of
from caudal.wiring import Wiring

# The most that a number of a recipe may be, by the name of the argument; the others are sizes.
_MOST = {
    "layers": limits.LAYERS,
    "backbone_layers": limits.LAYERS,
    "substeps": limits.SUBSTEPS,
    "context": limits.CONTEXT,
}
# Numbers that each take a tensor of their own, at the least.
_STACKED = ("layers", "backbone_layers")


class Held(NamedTuple):
    """What a file holds: the number of its tensors, and of the elements in all of them."""

    tensors: int = limits.LAYERS
    elements: int = limits.PARAMETERS


def encode_layer(net: Layer) -> dict[str, Any]:
    """Kind and arguments of a layer, layers and wirings inside it encoded too.

    Raises:
        InputError: an argument is of a type that a recipe cannot hold, or larger than one may be that is read; or a
            layer is not registered.
    """
    kind = kind_of(type(net))
    return {"kind": kind, "arguments": {name: _encode(kind, name, value) for name, value in net.arguments().items()}}


def _encode(kind: str, name: str, value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value > _MOST.get(name, value):
        fault = f"is {value:,}, more than the {_MOST[name]:,} that a file may state"
        raise InputError(f"{kind}.arguments", name, fault, "Build a smaller layer.")
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, Wiring):
        return {"$wiring": json.loads(value.to_json())}
    if isinstance(value, Layer):
        return {"$layer": encode_layer(value)}
    if isinstance(value, tuple):
        return {"$tuple": [_encode(kind, name, part) for part in value]}
    if isinstance(value, list):
        return [_encode(kind, name, part) for part in value]
    if isinstance(value, dict) and all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: _encode(kind, name, part) for key, part in value.items()}
    raise InputError(
        f"{kind}.arguments",
        name,
        f"is a {type(value).__name__}, which a recipe cannot hold",
        "Return JSON values, a `Wiring` or a `Layer`; numbers of tensors belong in parameters and buffers.",
    )


def decode_layer(recipe: Any, path: object, contents: Held | None = None) -> Layer:
    """Rebuild a layer, its parameters freshly drawn.

    Arguments:
        contents: what the file holds; where it is left out, the table of limits alone bounds the layer.

    Raises:
        FileFormatError: the recipe is malformed, states more than the file holds, names an unknown kind, or the layer
            refuses it.
    """
    return _Reader(path, contents or Held(), sketches=False).layer(recipe, 0)


def sketch_layer(recipe: Any, path: object, contents: Held) -> Layer | None:
    """The layer of a recipe without memory for its numbers; None where a layer reads its own numbers as it is built.

    Raises:
        FileFormatError: as `decode_layer`.
    """
    try:
        return _Reader(path, contents, sketches=True).layer(recipe, 0)
    except _Unsketched:
        return None


class _Unsketched(Exception):  # noqa: N818  # no error: the layer is built with memory instead
    pass


class _Reader:
    """Builds the layers of one recipe from the innermost on, and counts them."""

    def __init__(self, path: object, contents: Held, *, sketches: bool) -> None:
        self.path, self.held, self.sketches = path, contents, sketches
        self.layers = 0

    def layer(self, recipe: Any, depth: int) -> Layer:
        if not isinstance(recipe, dict) or not isinstance(recipe.get("kind"), str):
            raise malformed(self.path, "names no kind of layer")
        kind, arguments = find(recipe["kind"], self.path), recipe.get("arguments")
        self.layers += 1
        if self.layers > limits.LAYERS:
            raise malformed(self.path, f"holds more than {limits.LAYERS:,} layers")
        if not isinstance(arguments, dict):
            raise malformed(self.path, f"gives no arguments of {recipe['kind']}")
        values = {name: self.value(value, depth + 1) for name, value in arguments.items()}
        self._check(kind, values)
        net = self._sketched(kind, values) if self.sketches else self._built(kind, values)
        if self.sketches and (size := sum(part.numel() for part in net.parameters())) > self.held.elements:
            raise self._misfit(kind, size)
        return net

    def _built(self, kind: type[Layer], values: dict[str, Any]) -> Layer:
        try:
            return kind(**values)
        except Exception as error:  # whatever the constructor of a layer makes of values that it never saw
            raise malformed(self.path, f"does not rebuild a {kind.__name__} ({_clause(error)})") from error

    def _sketched(self, kind: type[Layer], values: dict[str, Any]) -> Layer:
        try:
            with torch.device("meta"):
                return kind(**values)
        except Exception:
            pass  # it looks at its own numbers, or refuses and will again below
        with torch.device("cpu"):
            try:
                return self._built(kind, values)
            except FileFormatError as error:
                if isinstance(error.__cause__, RuntimeError) and any(isinstance(v, Layer) for v in values.values()):
                    raise _Unsketched from error
                raise

    def _check(self, kind: type[Layer], values: dict[str, Any]) -> None:
        """Compare each number with its type, the table of limits and what is there for it."""
        owner, is_own = f"{self.path}: the recipe of a {kind.__name__}", kind.__module__.startswith("caudal.nn.")
        for name, types in _types(kind).items():
            value = values.get(name)
            if name not in values or (value is None and type(None) in types):
                continue
            if int in types and len(set(types) - {int, type(None)}) == 0:
                most = min(_MOST.get(name, limits.SIZE), self.held.tensors if name in _STACKED else limits.SIZE)
                limits.integer(owner, name, value, most, -limits.SIZE)
            elif types == (float,) and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise malformed(self.path, f"gives {limits.shown(value)} as `{name}` of a {kind.__name__}")
        if is_own:
            for name, value in values.items():
                self._within(owner, name, value)
            self._dense(kind, values)

    def _within(self, owner: str, name: str, value: object) -> None:
        if type(value) is int:
            limits.integer(owner, name, value, _MOST.get(name, limits.SIZE), -limits.SIZE)
        elif isinstance(value, list | tuple):
            for part in value:
                self._within(owner, name, part)

    def _dense(self, kind: type[Layer], values: dict[str, Any]) -> None:
        """A layer that draws a wiring from two numbers has a synapse, and so an element, for each pair."""
        inputs, units = values.get("inputs"), values.get("units")
        drawn = Wiring in _types(kind).get("inputs", ()) and type(inputs) is int and type(units) is int
        if drawn and (inputs + units) * units > self.held.elements:  # type: ignore[operator]  # both are int
            raise self._misfit(kind, (inputs + units) * units)  # type: ignore[operator]  # both are int

    def _misfit(self, kind: type[Layer], size: int) -> FileFormatError:
        fault = f"its {self.held.elements:,} numbers are too few: the file does not fit the {kind.__name__}"
        remedy = "Load it with the version of caudal, or of your layer, that saved it."
        return FileFormatError(f"{self.path}: {fault} that the recipe rebuilds, of {size:,} at the least. {remedy}")

    def value(self, value: Any, depth: int) -> Any:
        if depth > limits.DEPTH:
            raise malformed(self.path, f"is nested more than {limits.DEPTH} deep")
        if isinstance(value, list):
            return [self.value(part, depth + 1) for part in value]
        if not isinstance(value, dict):
            return value
        tag = next((key for key in value if key.startswith("$")), None)
        if tag is None:
            return {key: self.value(part, depth + 1) for key, part in value.items()}
        inner = value[tag]
        if tag == "$layer":
            return self.layer(inner, depth + 1)
        if tag == "$wiring":
            return _decode_wiring(inner, self.path)
        if tag == "$tuple" and isinstance(inner, list):
            return tuple(self.value(part, depth + 1) for part in inner)
        if tag == "$float" and inner in ("inf", "-inf", "nan"):
            return float(inner)
        raise malformed(self.path, f"holds an unknown tag {limits.shown(tag)}")


def _types(kind: type[Layer]) -> dict[str, tuple[Any, ...]]:
    """The types that each argument of a layer may have; empty for what is not annotated by a plain type."""
    try:
        hints = get_type_hints(kind.__init__)
    except Exception:  # annotations of a layer of one's own may name what is not there when the file is read
        return {}
    names = inspect.signature(kind.__init__).parameters
    annotated = {name: hints[name] for name in names if name in hints}
    return {
        name: get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,) for name, hint in annotated.items()
    }


def _clause(error: Exception) -> str:
    text = str(error) or type(error).__name__
    return text if len(text) <= 500 else f"{text[:500]}..."


def _decode_wiring(record: Any, path: object) -> Wiring:
    try:
        return Wiring.from_json(json.dumps(record))
    except (CaudalError, ValueError, OverflowError) as error:
        raise malformed(path, f"holds a wiring that is not valid ({error})") from error


def malformed(path: object, fault: str) -> FileFormatError:
    """The sentence of a recipe that cannot be read."""
    return FileFormatError(f"{path}: the recipe {fault}. Save the layer again with this version of caudal.")
