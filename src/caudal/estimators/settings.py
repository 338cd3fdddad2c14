"""Settings of an estimator as plain numbers, whatever a search or a configuration gave."""

import copy
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator

Model = TypeVar("Model", bound="LiquidEstimator")


def plain(value: object) -> Any:
    """A number of NumPy as one of Python, within dictionaries as well; all else unchanged.

    Example:
        >>> plain(np.int64(4)), plain({"substeps": np.float32(0.5)}), plain("cfc")
        (4, {'substeps': 0.5}, 'cfc')
    """
    if isinstance(value, dict):
        return {key: plain(cell) for key, cell in value.items()}
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    return float(value) if isinstance(value, np.floating) else value


def with_plain_settings(model: Model) -> Model:
    """A shallow copy whose settings are plain and whose seed is drawn where it is None, as scikit-learn does.

    Raises:
        InputError: `device` is a chip that is not there.
    """
    settings = {name: plain(value) for name, value in model.get_params(deep=False).items()}
    if settings["seed"] is None:
        settings["seed"] = int(np.random.randint(2**31 - 1))  # the state that scikit-learn draws from
    _check_device(type(model).__name__, str(settings["device"]))
    plain_model = copy.copy(model)
    plain_model.set_params(**settings)
    return plain_model


def _check_device(owner: str, device: str) -> None:
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        fault = f"is {device!r}, which is no device of torch"
        raise InputError(owner, "device", fault, 'Pass `device="cpu"`.') from error
    if kind == "meta":
        fault = f"is {device!r}, which holds shapes and no numbers, so that nothing can be trained"
        raise InputError(owner, "device", fault, 'Pass `device="cpu"`.')
    if kind != "cpu" and not _is_here(device):
        fault = f"is {device!r}, and torch finds no such chip here"
        raise InputError(owner, "device", fault, 'Pass `device="cpu"`. Or install the torch of that chip.')


def _is_here(device: str) -> bool:
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError, ImportError):
        return False
    return True
