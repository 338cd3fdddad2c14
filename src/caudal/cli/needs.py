"""Packages that a command needs, told before any work is done, with the line that installs them all."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from caudal.errors import CaudalError
from caudal.extras import EXTRAS, is_installed

_DATA = ("pandas", "pyarrow", "narwhals")
_MODEL = ("sklearn",)
# Commands that always need them; a table or an option may ask for more.
_ALWAYS: dict[str, tuple[str, ...]] = {
    "fit": _MODEL,
    "predict": (*_DATA, *_MODEL),
    "fair": _MODEL,
    "explain": _MODEL,
    "studio": _MODEL,
    "trim": _MODEL,
    "compare": ("optuna", "scipy", "sklearn", "cloudpickle"),
    "audit replay": (*_DATA, *_MODEL, "cryptography", "rfc8785"),
    "audit report": ("cryptography", "rfc8785", "securesystemslib", "jinja2"),
    "audit sign": ("cryptography", "rfc8785", "securesystemslib"),
    "audit keys": ("cryptography",),
    "audit retain": ("cryptography", "rfc8785"),
    "drive": (),
}
_TABLES = (".csv", ".txt", ".tsv", ".gz", ".parquet", ".pq", ".feather", ".arrow", ".xlsx", ".jsonl", ".zip")
_READERS = ("fit", "doctor", "explain", "studio", "fair", "trim", "compare", "export")


class MissingExtrasError(CaudalError, ImportError):
    """Packages of one command that are not installed; the message holds the line that installs them."""


def check_needs(name: str, args: argparse.Namespace) -> None:
    """Refuse a command whose packages are not all installed.

    Arguments:
        name: of the command.
        args: as parsed.

    Raises:
        MissingExtrasError: names packages and extras.
    """
    missing = [package for package in dict.fromkeys(_needed(name, args)) if not is_installed(package)]
    if missing:
        raise MissingExtrasError(sentence(name, missing))


def sentence(name: str, missing: list[str]) -> str:
    """What is missing, and the line that installs it.

    Example:
        >>> sentence("predict", ["pandas", "sklearn"])
        'predict: needs `pandas` and `sklearn`, which are not installed. Run `pip install "caudal[data,estimators]"`.'
    """
    extras = ",".join(dict.fromkeys(EXTRAS[package] for package in missing if package in EXTRAS))
    others = [package for package in missing if package not in EXTRAS]
    wanted = " ".join([*([f'"caudal[{extras}]"'] if extras else []), *others])
    named = " and ".join(
        [", ".join(f"`{package}`" for package in missing[:-1]), f"`{missing[-1]}`"][len(missing) == 1 :]
    )
    verb = "is" if len(missing) == 1 else "are"
    return f"{name}: needs {named}, which {verb} not installed. Run `pip install {wanted}`."


def missing_of(error: ImportError) -> str | None:
    """The package that is not installed, where that is why an import failed; None where it is a fault of the code."""
    top = (error.name or "").split(".")[0]
    is_absent = isinstance(error, ModuleNotFoundError) and top not in ("", "caudal") and not is_installed(top)
    return top if is_absent else None


def _needed(name: str, args: argparse.Namespace) -> Iterator[str]:
    places = [str(value) for key in ("source", "table", "data") if isinstance(value := getattr(args, key, None), str)]
    if name in _READERS and any(place.lower().endswith(_TABLES) for place in places):
        yield from _DATA
    if name == "doctor" and (getattr(args, "table", None) or args.source.lower().endswith(".caudal")):
        yield from _MODEL
    yield from _ALWAYS.get(name, ())
    if name == "predict" and args.log:
        yield from ("cryptography", "rfc8785")
    if name == "fair":
        yield "scipy"
    if name == "explain" and args.pictures:
        yield "resvg_py"
    if name == "export":
        yield from {"onnx": ("onnx",), "executorch": ("executorch",)}.get(args.to, ())
        yield from _MODEL if args.data is not None else ()
    if name == "compare" and args.executor.startswith("ray"):
        yield "ray"
    if name in ("audit report", "audit replay") and getattr(args, "model", None) and Path(args.model).is_file():
        yield from _MODEL
