"""Every test starts from the same random state, so that a failure comes back when it is run again."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import settings

# A busy machine is no fault of the code: bounds on time stand where time is the matter.
settings.register_profile("caudal", deadline=None)
settings.load_profile("caudal")


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def _torch_is_torch():
    """TorchLens leaves its wrappers on every function of torch, and the compiler refuses those."""
    yield
    if "torchlens" in sys.modules:
        from torchlens.backends.torch.wrappers import unwrap_torch

        unwrap_torch()
