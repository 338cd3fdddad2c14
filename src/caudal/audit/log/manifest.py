"""`log.json`: what a log is called, how its records are written, and which keys signed it so far."""

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from caudal.audit.keys import Key
from caudal.audit.log.checkpoint import Verifier, check_name
from caudal.audit.log.encoding import unpack
from caudal.audit.log.tiles import WIDTH, read, split
from caudal.errors import CaudalError, FileFormatError, InputError, MissingFileError
from caudal.files import put

FORMAT = 1
NAME = "log.json"
_LARGEST = 1 << 20


@dataclass(frozen=True)
class About:
    """What a log says of itself.

    Attributes:
        origin: its name in checkpoints.
        form: `"packed"` or `"json"`.
        keys: public keys that signed, the one in use last. Nobody vouches for this list, and nothing trusts it.
        first: index of the first record that is kept; those before were retired.
        retired: index of the record that says so.
    """

    origin: str
    form: str
    keys: tuple[Verifier, ...]
    first: int = 0
    retired: int | None = None


def load(folder: Path) -> About:
    """Read `log.json`.

    Raises:
        MissingFileError: there is no log.
        FileFormatError: it is damaged.
    """
    data = read(folder / NAME, _LARGEST)
    if data is None:
        raise MissingFileError(f"audit: {folder} is no log (it has no {NAME}). Pass the folder that `audit.Log` wrote.")
    try:
        content: Any = json.loads(data)
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}; this version reads {FORMAT}")
        form, first, origin = content["form"], content["first"], check_name(content["origin"])
        retired = content.get("retired")
        numbers = [first] if retired is None else [first, retired]
        is_good = form in ("packed", "json") and content["keys"]
        if not is_good or any(type(item) is not int or item < 0 for item in numbers) or first % WIDTH:
            raise ValueError("a field is out of range")
        return About(origin, form, tuple(Verifier.parse(item) for item in content["keys"]), first, retired)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, CaudalError) as error:
        raise FileFormatError(f"{folder / NAME}: is damaged ({error}). Restore it from a copy.") from error


def save(folder: Path, about: About) -> None:
    """Write `log.json`."""
    content: dict[str, Any] = {"format": FORMAT, "origin": about.origin, "form": about.form, "first": about.first}
    if about.retired is not None:
        content["retired"] = about.retired
    text = json.dumps({**content, "keys": [str(verifier) for verifier in about.keys]}, indent=1)
    put(folder / NAME, text.encode(), sync=True, follow=False)


def of(folder: Path, key: Key, origin: str | None, form: str) -> About:
    """What a log that is opened says of itself; a new one begins.

    Raises:
        InputError: the log has another name, or it was begun by another key and nothing was promised yet.
        FileFormatError: `log.json` is damaged or gone.
    """
    if not (folder / NAME).exists():
        if (folder / "checkpoint").exists():
            raise FileFormatError(f"{folder / NAME}: is missing. Restore it from a copy.")
        manifest = About(check_name(origin or key.name), form, (key.verifier,))
        save(folder, manifest)
        return manifest
    about = load(folder)
    if about.keys[-1] != key.verifier and not (folder / "checkpoint").exists():
        raise wrong_key(folder, key.verifier, about.keys[-1])
    if origin is not None and origin != about.origin:
        raise InputError("Log", "origin", f"is {origin!r}; the log is {about.origin!r}", "Leave it out.")
    return about


def unmake(folder: Path, *, with_folder: bool) -> None:
    """Remove what a new log has made before it was refused; what it did not make, and what was promised, stays."""
    if (folder / "checkpoint").exists():
        return
    with suppress(OSError):
        for name in (NAME, "edge/entries", "edge/0", "lock"):
            (folder / name).unlink(missing_ok=True)
        (folder / "edge").rmdir()
        if with_folder:
            folder.rmdir()


def wrong_key(folder: Path, key: Verifier, last: Verifier) -> InputError:
    """What is said to who opens a log with a key that is not the one that signs it."""
    fault = f"is {key.name} ({key.id.hex()}); {folder} is signed by {last.name} ({last.id.hex()})"
    return InputError("Log", "key", fault, "Pass that key, or change keys with `Log.rotate` while you still have it.")


def with_key(folder: Path, about: About, key: Verifier) -> About:
    """The same, signed by another key from now on."""
    changed = replace(about, keys=(*about.keys, key))
    save(folder, changed)
    return changed


def with_first(folder: Path, about: About, first: int, retired: int) -> About:
    """The same, without the records before `first`, as record `retired` says."""
    changed = replace(about, first=first, retired=retired)
    save(folder, changed)
    return changed


def check_new(folder: Path, form: str) -> None:
    """Refuse a place that holds something else.

    Raises:
        InputError: it is a file, or a folder of other things; or the form is unknown.
    """
    if form not in ("packed", "json"):
        raise InputError("Log", "form", f"is {form!r}", 'Pass "packed" or "json".')
    if folder.exists() and not folder.is_dir():
        raise InputError("Log", "path", f"is a file: {folder}", "Pass a new folder, or that of a log.")
    if folder.is_dir() and not (folder / NAME).exists():
        others = sorted(
            file.name for file in folder.iterdir() if file.name not in ("edge", "lock") and file.name[0] != "."
        )
        if others and "checkpoint" not in others:
            raise InputError("Log", "path", f"holds other things ({others[0]}): {folder}", "Pass a new folder.")


def digest(model: str) -> bytes:
    """The 32 bytes of a model's digest.

    Raises:
        InputError: it is none.
    """
    try:
        raw = bytes.fromhex(model)
    except (ValueError, TypeError):
        raw = b""
    if len(raw) != 32:
        raise InputError(
            "Log", "model", f"is {str(model)[:70]!r}", "Pass the 64 hexadecimal digits of `audit.model_digest`."
        )
    return raw


def last_time(tail: bytes) -> int:
    """Time of the last record, 0 where there is none."""
    entries, _ = split(tail)
    return unpack(entries[-1]).time if entries else 0
