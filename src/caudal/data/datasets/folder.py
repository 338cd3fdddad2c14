"""Files that a user downloaded: found and read, or a sentence that says what is missing and where to get it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data.datasets.card import Card
from caudal.data.need import need
from caudal.errors import DataError


def fail(card: Card, fault: str) -> DataError:
    """An error about the folder, with the place to download from as its remedy."""
    return DataError(f"datasets.load({card.name!r})", "folder", fault, card.obtain)


def find(card: Card, folder: Path, *names: str) -> Path:
    """The first of the names that is there, in the folder or one level below.

    Raises:
        DataError: none is there.
    """
    for name in names:
        for path in (folder / name, *sorted(folder.glob(f"*/{name}"))):
            if path.exists():
                return path
    raise fail(card, f"holds no {' or '.join(names)}: {folder}")


def traces(card: Card, folder: Path, pattern: str, count: int, width: int) -> list[NDArray[np.float32]]:
    """NumPy files of one recording each, by name.

    Raises:
        DataError: there are not as many as there should be, or one has another width.
    """
    paths = sorted(folder.glob(pattern)) or sorted(folder.glob(f"*/{pattern}"))
    if len(paths) != count:
        raise fail(card, f"holds {len(paths)} files {pattern}; expected {count}: {folder}")
    found = []
    for path in paths:
        try:
            one = np.load(path, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise fail(card, f"holds {path.name}, which cannot be read ({error})") from None
        if one.ndim != 2 or one.shape[1] != width:
            raise fail(card, f"holds {path.name} of shape {one.shape}; expected (time, {width})")
        found.append(one.astype(np.float32))
    return found


def read_csv(card: Card, path: Any, columns: tuple[str, ...], **options: Any) -> Any:
    """A CSV file as a pandas frame, with the columns that it must have.

    Raises:
        DataError: it does not read as CSV, or lacks a column.
    """
    pandas = need(f"datasets.load({card.name!r})", "pandas")
    name = getattr(path, "name", str(path))
    try:
        frame = pandas.read_csv(path, low_memory=False, **options)
    except (ValueError, OSError) as error:
        raise fail(card, f"holds {name}, which cannot be read ({error})") from None
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise fail(card, f"holds {name} without the column {missing[0]!r}")
    return frame
