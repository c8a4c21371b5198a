"""The few array helpers that all kernels share, for numpy and torch alike.

A kernel starts with ``xp = array_namespace(profiles.ranks)`` and is written once in the Python array
API. What comes in as numpy goes out as numpy; what comes in on a GPU stays there.
"""

from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_numpy_array, is_torch_array
from array_api_compat import device as device_of

Array = Any
"""A numpy array or a torch tensor."""

GOLDEN = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, as SplitMix64 has it

__all__ = [
    "Array",
    "array_namespace",
    "device_of",
    "is_torch_array",
    "segment_sum",
    "to_numpy",
    "uniform",
]


def segment_sum(values: Array, starts: np.ndarray) -> Array:
    """Sum ``values`` over consecutive, non-empty segments of its last axis.

    Parameters
    ----------
    values
        (..., K) numbers.
    starts
        (B + 1,) first index of each segment, then ``K``; always numpy, whatever ``values`` is.

    Returns
    -------
    (..., B) sums in the dtype of ``values``.

    Examples
    --------
    >>> segment_sum(np.array([1, 2, 3, 4]), np.array([0, 1, 4]))
    array([1, 9])
    """
    sizes = np.diff(starts)
    if (sizes == sizes[0]).all():  # equally many ballots per prompt: a plain sum, much the fastest
        shape = (*values.shape[:-1], len(sizes), int(sizes[0]))
        return array_namespace(values).sum(values.reshape(shape), axis=-1, dtype=values.dtype)
    if is_numpy_array(values):
        return np.add.reduceat(values, starts[:-1], axis=-1, dtype=values.dtype)
    xp = array_namespace(values)
    segment = xp.asarray(np.repeat(np.arange(len(sizes)), sizes), device=device_of(values))
    zeros = xp.zeros((*values.shape[:-1], len(sizes)), dtype=values.dtype, device=device_of(values))
    return zeros.index_add_(-1, segment, values)


def to_numpy(array: Array) -> np.ndarray:
    """Bring an array to the CPU as numpy.

    Examples
    --------
    >>> to_numpy(np.array([1.0]))
    array([1.])
    """
    if is_torch_array(array):
        array = array.detach().cpu()
    return np.asarray(array)


def uniform(seed: int, prompts: np.ndarray, n: int) -> np.ndarray:
    """Draw ``n`` numbers in [0, 1) for each prompt, which depend on the seed and the prompt only.

    So they are the same whatever batch a prompt is in. The generator is SplitMix64: G. L. Steele,
    D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", 2014.

    Returns
    -------
    (B, n) float64.

    Examples
    --------
    >>> bool((uniform(0, np.array([3, 7]), 4)[1] == uniform(0, np.array([7]), 4)[0]).all())
    True
    """
    state = np.full((1, 1), seed, dtype=np.int64).astype(np.uint64)
    for counter in (prompts[:, None], np.arange(n)[None]):
        state = _mixed(state + (counter.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN))
    return np.asarray(state >> np.uint64(11), dtype=np.float64) / 2.0**53


def _mixed(state: np.ndarray) -> np.ndarray:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)))
