"""Save and load a layer: one safetensors file that holds its numbers, the recipe that rebuilds it, and their digests.

The file is data: loading reads a bounded header, checks every digest, rebuilds the layer from registered classes and
copies the numbers in. Nothing in it is executed. Any safetensors reader can open it; the metadata holds under
`caudal` a JSON text with `format`, `caudal` (the version that wrote it), `recipe`, `frozen` (parameters that do not
train), `tensors` (SHA-256 of the dtype, shape and bytes of each) and `digest` (SHA-256 of the others as JSON with
sorted keys). Equal layers give equal files.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as unpack
from safetensors.torch import save as pack
from torch import Tensor

from caudal import limits
from caudal._version import __version__
from caudal.errors import FileFormatError, InputError, MissingFileError
from caudal.files import put, read
from caudal.nn.layer import Layer
from caudal.nn.recipe import Held, decode_layer, encode_layer, sketch_layer

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


def _digest_of(stated: dict[str, Any]) -> str:
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


def _checked(stated: dict[str, Any], path: Path) -> dict[str, Any]:
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


def _check_digests(tensors: dict[str, Tensor], stated: dict[str, Any], path: Path) -> None:
    if set(tensors) != set(stated):
        odd = sorted(set(tensors) ^ set(stated))[0]
        raise FileFormatError(f"{path}: tensor {odd!r} was added or removed after it was saved. {DAMAGED}")
    for name, tensor in tensors.items():
        if digest(tensor) != stated[name]:
            raise FileFormatError(
                f"{path}: tensor {name!r} was altered after it was saved (digest mismatch). {DAMAGED}"
            )


def _rebuilt(recipe: Any, tensors: dict[str, Tensor], path: Path) -> Layer:
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
