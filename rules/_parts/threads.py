"""Apply a rule to a large batch: chunk by chunk, on all processors."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, is_torch_array
from rlchf.numeric.chunks import chunks
from rlchf.profiles import Profiles

CHUNK = 2**20
"""Numbers in one chunk: more than the cache holds, since rules split further where this helps."""

LARGE = 2**20
"""Once an array of this many numbers was freed, smaller ones use memory that is already mapped."""


def scores_in_chunks(
    rule: Callable[..., Array],
    profiles: Profiles,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Array:
    """Apply a per-prompt rule to chunks of a batch, several at a time.

    The scores are those of ``rule(profiles, **options)``. Threads help because array operations
    let other threads run; a rule that is mostly plain Python gains nothing from them. Tensors on an
    accelerator stay whole.

    Parameters
    ----------
    threads
        Number of threads; by default the number of processors that this process may use.
    progress
        Called with the number of prompts done and their total.

    Examples
    --------
    >>> from rlchf.rules import get_rule
    >>> scores_in_chunks(get_rule("borda"), Profiles.from_ballots([["a > b"], ["b > a"]]), threads=2)
    array([[1., 0.],
           [0., 1.]])
    """
    B = profiles.n_prompts
    threads = threads or processors()
    slices = _slices(profiles)
    if len(slices) == 1:
        scores = rule(profiles, **options)
        if progress is not None:
            progress(B, B)
        return scores
    np.empty(LARGE).fill(0.0)  # makes glibc keep the memory that the arrays of a chunk give back
    xp = array_namespace(profiles.ranks)
    scores = xp.empty((B, profiles.n_responses), dtype=xp.float64, device=device_of(profiles.ranks))
    done = 0

    def work(chunk: slice) -> int:
        scores[chunk] = rule(profiles.part(chunk.start, chunk.stop), **options)
        return int(chunk.stop - chunk.start)

    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(work, chunk) for chunk in slices]
        try:
            for job in as_completed(jobs):
                done += job.result()
                if progress is not None:
                    progress(done, B)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)  # after an error, start nothing more
    return scores


def processors() -> int:
    """The number of processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _slices(profiles: Profiles) -> list[slice]:
    B, (M, K) = profiles.n_prompts, profiles.ranks.shape
    if is_torch_array(profiles.ranks) and profiles.ranks.device.type != "cpu":
        return [slice(0, B)]
    return list(chunks(B, M * K / max(B, 1) + M * M, CHUNK))
