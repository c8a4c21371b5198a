"""Ratios of arrays."""

import numpy as np


def ratio(part: np.ndarray, whole: np.ndarray | float, default: float = np.nan) -> np.ndarray:
    """Part divided by whole; the default where the whole is 0.

    Examples
    --------
    >>> ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    array([0.5, nan])
    """
    whole = np.broadcast_to(whole, part.shape)
    out = np.full(part.shape, default)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
