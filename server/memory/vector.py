"""The type of a vector, or of several."""

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""float32, (dims,) or (n, dims)."""
