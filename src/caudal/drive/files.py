"""A folder that can be written into."""

from pathlib import Path

from caudal.errors import InputError
from caudal.files import put


def writable(folder: str | Path) -> Path:
    """The folder, made if it is not there.

    Raises:
        InputError: it cannot be made or written into.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        put(place / ".writable", "")
        (place / ".writable").unlink()
    except OSError as error:
        fault = f"cannot be written into ({error.strerror or error}): {place}"
        raise InputError("drive", "out", fault, "Name a folder of your own.") from error
    return place
