"""Recipes: what rebuilds a layer, as JSON values. Nothing in a recipe can name code to run."""

import json
import math
from typing import Any

from caudal.errors import CaudalError, FileFormatError, InputError
from caudal.nn.layer import Layer
from caudal.nn.registry import find, kind_of
from caudal.wiring import Wiring

DEEPEST = 64


def encode_layer(net: Layer) -> dict[str, Any]:
    """Kind and arguments of a layer, layers and wirings inside it encoded too.

    Raises:
        InputError: an argument is of a type that a recipe cannot hold, or a layer is not registered.
    """
    kind = kind_of(type(net))
    return {"kind": kind, "arguments": {name: _encode(kind, name, value) for name, value in net.arguments().items()}}


def _encode(kind: str, name: str, value: Any) -> Any:
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


def decode_layer(recipe: Any, path: object, depth: int = 0) -> Layer:
    """Rebuild a layer, its parameters freshly drawn.

    Raises:
        FileFormatError: the recipe is malformed, names an unknown kind, or the layer refuses it.
    """
    if not isinstance(recipe, dict) or not isinstance(recipe.get("kind"), str):
        raise malformed(path, "names no kind of layer")
    kind, arguments = find(recipe["kind"], path), recipe.get("arguments")
    if not isinstance(arguments, dict):
        raise malformed(path, f"gives no arguments of {recipe['kind']}")
    values = {name: _decode(value, path, depth + 1) for name, value in arguments.items()}
    try:
        return kind(**values)
    except (CaudalError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise malformed(path, f"does not rebuild a {recipe['kind']} ({error})") from error


def _decode(value: Any, path: object, depth: int) -> Any:
    if depth > DEEPEST:
        raise malformed(path, f"is nested more than {DEEPEST} deep")
    if isinstance(value, list):
        return [_decode(part, path, depth + 1) for part in value]
    if not isinstance(value, dict):
        return value
    tag = next((key for key in value if key.startswith("$")), None)
    if tag is None:
        return {key: _decode(part, path, depth + 1) for key, part in value.items()}
    held = value[tag]
    if tag == "$layer":
        return decode_layer(held, path, depth + 1)
    if tag == "$wiring":
        return _decode_wiring(held, path)
    if tag == "$tuple" and isinstance(held, list):
        return tuple(_decode(part, path, depth + 1) for part in held)
    if tag == "$float" and held in ("inf", "-inf", "nan"):
        return float(held)
    raise malformed(path, f"holds an unknown tag {tag!r}")


def _decode_wiring(held: Any, path: object) -> Wiring:
    try:
        return Wiring.from_json(json.dumps(held))
    except (CaudalError, ValueError, OverflowError) as error:
        raise malformed(path, f"holds a wiring that is not valid ({error})") from error


def malformed(path: object, fault: str) -> FileFormatError:
    """The sentence of a recipe that cannot be read."""
    return FileFormatError(f"{path}: the recipe {fault}. Save the layer again with this version of caudal.")
