"""Every test starts from the same random state, so that a failure comes back when it is run again."""

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
    np.random.seed(0)
