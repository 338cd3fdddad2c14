"""Files written whole or not at all, into a folder that can be written."""

from pathlib import Path

from caudal.errors import InputError


def keep(path: Path, text: str | bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: it cannot be written; an older one stays as it was.
    """
    raw = text.encode() if isinstance(text, str) else text
    beside = path.with_name(f".{path.name}.tmp")
    try:
        beside.write_bytes(raw)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def writable(folder: str | Path) -> Path:
    """The folder, made if it is not there.

    Raises:
        InputError: it cannot be made or written into.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        keep(place / ".writable", "")
        (place / ".writable").unlink()
    except OSError as error:
        fault = f"cannot be written into ({error.strerror or error}): {place}"
        raise InputError("drive", "out", fault, "Name a folder of your own.") from error
    return place
