"""Types of arrays that signatures of any room name."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""A NumPy array of any shape; the docstring beside it says which kind of number it holds."""

Floats: TypeAlias = NDArray[np.float64]
"""A NumPy array of float64 of any shape."""
