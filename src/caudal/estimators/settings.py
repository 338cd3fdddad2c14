"""Settings of an estimator as plain numbers, whatever a search or a configuration gave."""

import copy
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from caudal.errors import InputError

if TYPE_CHECKING:
    from caudal.estimators.base import LiquidEstimator

Model = TypeVar("Model", bound="LiquidEstimator")


def plain(value: Any) -> Any:
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
    device = str(settings["device"])
    if device.startswith("cuda") and not torch.cuda.is_available():
        fault = f"is {device!r}, and torch finds no such chip here"
        raise InputError(type(model).__name__, "device", fault, 'Pass `device="cpu"`, or install torch for CUDA.')
    plain_model = copy.copy(model)
    plain_model.set_params(**settings)
    return plain_model
