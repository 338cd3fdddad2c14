"""Save and load a layer: one safetensors file that holds its numbers, the recipe that rebuilds it, and their digests.

The file is data: loading reads a bounded header, checks every digest, rebuilds the layer from registered classes and
copies the numbers in. Nothing in it is executed. Any safetensors reader can open it; the metadata holds under
`caudal` a JSON text with `format`, `caudal` (the version that wrote it), `recipe`, `frozen` (parameters that do not
train), `tensors` (SHA-256 of the dtype, shape and bytes of each) and `digest` (SHA-256 of the others as JSON with
sorted keys). Equal layers give equal files.
"""

import hashlib
import inspect
import json
import math
import os
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import torch
from safetensors import SafetensorError
from safetensors.torch import load as unpack
from safetensors.torch import save as pack
from torch import Tensor

from caudal import limits
from caudal._version import __version__
from caudal.errors import CaudalError, FileFormatError, InputError, MissingFileError
from caudal.files import put, read
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


def encode_layer(net: Layer) -> dict[str, object]:
    """Kind and arguments of a layer, layers and wirings inside it encoded too.

    Raises:
        InputError: an argument is of a type that a recipe cannot hold, or larger than one may be that is read; or a
            layer is not registered.
    """
    kind = kind_of(type(net))
    return {"kind": kind, "arguments": {name: _encode(kind, name, value) for name, value in net.arguments().items()}}


def _encode(kind: str, name: str, value: object) -> object:
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


def decode_layer(recipe: object, path: object, contents: Held | None = None) -> Layer:
    """Rebuild a layer, its parameters freshly drawn.

    Arguments:
        contents: what the file holds; where it is left out, the table of limits alone bounds the layer.

    Raises:
        FileFormatError: the recipe is malformed, states more than the file holds, names an unknown kind, or the layer
            refuses it.
    """
    return _Reader(path, contents or Held(), sketches=False).layer(recipe, 0)


def sketch_layer(recipe: object, path: object, contents: Held) -> Layer | None:
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

    def layer(self, recipe: object, depth: int) -> Layer:
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

    def _built(self, kind: type[Layer], values: dict[str, object]) -> Layer:
        try:
            return kind(**values)
        except Exception as error:  # whatever the constructor of a layer makes of values that it never saw
            raise malformed(self.path, f"does not rebuild a {kind.__name__} ({_clause(error)})") from error

    def _sketched(self, kind: type[Layer], values: dict[str, object]) -> Layer:
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

    def _check(self, kind: type[Layer], values: dict[str, object]) -> None:
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

    def _dense(self, kind: type[Layer], values: dict[str, object]) -> None:
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


def _types(kind: type[Layer]) -> dict[str, tuple[object, ...]]:
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


def _decode_wiring(record: object, path: object) -> Wiring:
    try:
        return Wiring.from_json(json.dumps(record))
    except (CaudalError, ValueError, OverflowError) as error:
        raise malformed(path, f"holds a wiring that is not valid ({error})") from error


def malformed(path: object, fault: str) -> FileFormatError:
    """The sentence of a recipe that cannot be read."""
    return FileFormatError(f"{path}: the recipe {fault}. Save the layer again with this version of caudal.")


FORMAT = 1
LARGEST_HEADER = 64 * 2**20
DAMAGED = "Restore the file from a backup, or save the layer again."


def save(net: Layer, path: str | os.PathLike[str]) -> None:
    """Write a layer, its wiring and its numbers into one file; a failed save leaves an older file whole.

    The numbers keep their dtype and are loaded to the bit; persistent buffers are saved, hooks and gradients are not.

    Arguments:
        net: a layer whose class is public in `caudal.nn` or registered, on any device.
        path: where to write; the folder must exist.

    Raises:
        InputError: `net` is no layer, is not registered, or its arguments cannot be written as JSON.
        OSError: the file cannot be written; the message names the path.

    Example:
        >>> import tempfile
        >>> from caudal.nn import LTC
        >>> net = LTC(2, 3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(net, f"{folder}/net.caudal")
        ...     loaded = load(f"{folder}/net.caudal")
        >>> torch.equal(loaded.v_leak, net.v_leak), loaded.wiring == net.wiring
        (True, True)
    """
    if not isinstance(net, Layer):
        raise InputError("save", "net", f"is a {type(net).__name__}", "Pass a layer of caudal.")
    _write(Path(os.path.realpath(path)), _contents(net))


def load(path: str | os.PathLike[str]) -> Any:
    """Read a layer that `save` wrote, on the CPU and in training mode as a new layer is.

    Arguments:
        path: the file.

    Returns:
        the layer, equal to the bit, of the class that was saved.

    Raises:
        MissingFileError: there is no such file, or it is a folder.
        FileFormatError: the file is truncated, altered, foreign, written by a newer version, or holds a kind of layer
            that is not registered.
    """
    place = Path(path)
    try:
        raw = read("load", place, limits.MODEL)
    except MissingFileError as error:
        fault = "is a folder" if place.is_dir() else "does not exist"
        raise MissingFileError(f"load: {place} {fault}. Pass the path that `caudal.save` wrote.") from error
    stated = _stated(raw, place)
    try:
        tensors = unpack(raw)
    except (SafetensorError, ValueError, KeyError, RuntimeError, TypeError, OverflowError) as error:
        raise FileFormatError(f"{place}: is truncated or altered ({error}). {DAMAGED}") from error
    _check_digests(tensors, stated["tensors"], place)
    with torch.random.fork_rng(devices=[]):
        net = _rebuilt(stated["recipe"], tensors, place)
    try:
        _fill(net, tensors, frozenset(map(str, stated["frozen"])))
    except (RuntimeError, TypeError, ValueError) as error:
        raise FileFormatError(
            f"{place}: holds numbers of a type that its layer has not ({error}). {DAMAGED}"
        ) from error
    return net


def _contents(net: Layer) -> bytes:
    # A clone each: safetensors refuses tensors that share memory, as tied parameters do.
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in net.state_dict().items()}
    stated = {
        "format": FORMAT,
        "caudal": __version__,
        "recipe": encode_layer(net),
        "frozen": [name for name, parameter in net.named_parameters() if not parameter.requires_grad],
        "tensors": {name: digest(value) for name, value in tensors.items()},
    }
    return bytes(pack(tensors, metadata={"caudal": json.dumps({**stated, "digest": _digest_of(stated)})}))


def _digest_of(stated: dict[str, object]) -> str:
    text = json.dumps(stated, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest(tensor: Tensor) -> str:
    """SHA-256 of the dtype, shape and bytes of a tensor.

    Example:
        >>> digest(torch.zeros(2)) == digest(torch.zeros(2).double())
        False
    """
    hasher = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)} ".encode())
    hasher.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return hasher.hexdigest()


def _write(path: Path, contents: bytes) -> None:
    """Whole or not at all, on the disk when it returns."""
    try:
        put(path, contents, sync=True)
    except OSError as error:
        why = error.strerror or str(error)
        sentence = f"save: could not write {path} ({why}); an older file is as it was. Free or choose another place"
        raise OSError(error.errno, sentence) from error


def _stated(raw: bytes, path: Path) -> dict[str, Any]:
    """What the metadata states, its digest, version and form checked."""
    # A header length may begin with those bytes too, but then the JSON of the header follows it.
    if (raw[:2] == b"PK" or raw[:1] == b"\x80") and raw[8:9] != b"{":
        raise _foreign(path, "is a pickle or zip archive, such as torch.save writes, which caudal never opens")
    if len(raw) < 8:
        raise FileFormatError(f"{path}: holds {len(raw)} bytes, too few for a saved layer. {DAMAGED}")
    size = int.from_bytes(raw[:8], "little")
    if raw[8:9] != b"{" and (size > LARGEST_HEADER or size < 2):
        raise _foreign(path, f"is no saved layer: it begins with {raw[:12]!r}")
    if size > LARGEST_HEADER or size < 2:
        raise _foreign(path, f"states a header of {size} bytes, which no saved layer has")
    if len(raw) < 8 + size:
        raise FileFormatError(f"{path}: ends within its header. {DAMAGED}")
    try:
        header = limits.parsed(raw[8 : 8 + size])
        stated = dict(limits.parsed(header["__metadata__"]["caudal"]))
        given = stated.pop("digest", None)
        computed = _digest_of(stated)
    except (KeyError, TypeError, AttributeError) as error:
        raise _foreign(path, "holds no recipe of caudal") from error
    except (ValueError, RecursionError) as error:
        raise _foreign(path, "has a header that is not JSON") from error
    if given != computed:
        raise FileFormatError(f"{path}: its recipe was altered after it was saved (digest mismatch). {DAMAGED}")
    return _checked(stated, path)


def _checked(stated: dict[str, object], path: Path) -> dict[str, object]:
    version = stated.get("format")
    if type(version) is int and version > FORMAT:
        writer = str(stated.get("caudal"))[:40]
        raise FileFormatError(
            f"{path}: was written by caudal {writer} in format {version}; caudal {__version__} reads up to format "
            f"{FORMAT}. Run `pip install --upgrade caudal`."
        )
    form = {"recipe": dict, "frozen": list, "tensors": dict}
    if version != FORMAT or not all(isinstance(stated.get(name), kind) for name, kind in form.items()):
        raise _foreign(path, "states no known format")
    return stated


def _foreign(path: Path, fault: str) -> FileFormatError:
    return FileFormatError(f"{path}: {fault}. Pass a file that `caudal.save` wrote.")


def _check_digests(tensors: dict[str, Tensor], stated: dict[str, object], path: Path) -> None:
    if set(tensors) != set(stated):
        odd = sorted(set(tensors) ^ set(stated))[0]
        raise FileFormatError(f"{path}: tensor {odd!r} was added or removed after it was saved. {DAMAGED}")
    for name, tensor in tensors.items():
        if digest(tensor) != stated[name]:
            raise FileFormatError(
                f"{path}: tensor {name!r} was altered after it was saved (digest mismatch). {DAMAGED}"
            )


def _rebuilt(recipe: object, tensors: dict[str, Tensor], path: Path) -> Layer:
    """The layer of a recipe, first without memory, so that a small file cannot claim a huge one."""
    contents = Held(len(tensors), sum(value.numel() for value in tensors.values()))
    sketch = sketch_layer(recipe, path, contents)
    if sketch is not None:
        _check_fit(sketch, tensors, path)
    with torch.device("cpu"):
        net = decode_layer(recipe, path, contents)
    _check_fit(net, tensors, path)
    return net


def _check_fit(net: Layer, tensors: dict[str, Tensor], path: Path) -> None:
    expected = net.state_dict()
    wrong = set(expected) ^ set(tensors) or {name for name in expected if expected[name].shape != tensors[name].shape}
    if wrong:
        raise FileFormatError(
            f"{path}: tensor {sorted(wrong)[0]!r} does not fit the {type(net).__name__} that the recipe rebuilds. "
            "Load it with the version of caudal, or of your layer, that saved it."
        )


def _fill(net: Layer, tensors: dict[str, Tensor], frozen: frozenset[str]) -> None:
    """Copy the numbers in; parameters take the dtype of the file, and so do the buffers that are not saved."""
    kinds = {value.dtype for value in tensors.values() if value.is_floating_point()}
    if len(kinds) == 1:
        net.to(kinds.pop())
    for name, value in net.state_dict(keep_vars=True).items():
        if value.dtype != tensors[name].dtype:
            value.data = value.data.to(tensors[name].dtype)
    net.load_state_dict(tensors)
    for name, parameter in net.named_parameters():
        if name in frozen:
            parameter.requires_grad_(False)
