"""Ranks that seem to mean "not ranked"."""

import warnings

import numpy as np

from rlchf.display import counted
from rlchf.entries import Entries


def check_ranks(entries: Entries) -> Entries:
    """Refuse ranks below 1, and warn of a rank such as 99 that no ballot of its size can have.

    Raises
    ------
    ValueError
        If a rank is below 1; the message says where the first is and how many there are.
    """
    assert entries.entry_ranks is not None
    ranks = np.asarray(entries.entry_ranks, dtype=np.float64)
    low = ranks < 1
    if low.any():
        first = int(np.argmax(low))
        others = f", and {counted(int(low.sum()) - 1, 'other')} below 1" if low.sum() > 1 else ""
        raise ValueError(
            f"{entries.position(first)}: the rank is {ranks[first]:g}{others}; 1 is best: "
            "leave the cell empty if it means 'not ranked', or add 1 to all ranks if they begin at 0"
        )
    _warn_of_sentinel(entries, ranks)
    return entries


def _warn_of_sentinel(entries: Entries, ranks: np.ndarray) -> None:
    """A rank far beyond the number of responses, and the only one beyond, stands for something else."""
    ballots = np.asarray(entries.entry_ballots)
    sizes = np.bincount(ballots)
    beyond = ranks > sizes[ballots]
    if not beyond.any():
        return
    rank = ranks[beyond].min()
    n_ballots = len(np.unique(ballots[beyond]))
    most = int(sizes[ballots[beyond]].max())
    is_nines = set(f"{rank:g}") == {"9"} and rank > most + 1
    if rank == ranks[beyond].max() and (is_nines or rank >= max(2 * most, 10)):
        responses = counted(most, "response")
        on = f"{counted(n_ballots, 'ballot')} of {'at most ' * (n_ballots > 1)}{responses}"
        warnings.warn(
            f"{entries.source}: the rank {rank:g} stands on {on}; if it means 'not ranked', leave these "
            "cells empty",
            stacklevel=4,
        )
