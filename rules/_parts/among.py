"""Majorities among the remaining responses; sets are (M, B) bool, as in `elimination`."""

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules._parts.elimination import EXACT, with_least


def majority_signs(profiles: Profiles) -> Array:
    """(M, M, B) int8: 1 where more votes rank i above j than j above i, -1 where fewer do, else 0."""
    xp = array_namespace(profiles.ranks)
    signs = xp.sign(xp.permute_dims(profiles.margins, (1, 2, 0)))
    compact = xp.empty(signs.shape, dtype=xp.int8, device=device_of(signs))
    compact[...] = signs
    return compact


def condorcet_winner(signs: Array, remaining: Array) -> Array:
    """The remaining response that beats all other remaining ones, if there is one."""
    xp = array_namespace(signs)
    rows = _present(remaining)
    if 2 * len(rows) < len(remaining):
        won = xp.zeros_like(remaining)
        won[rows] = condorcet_winner(signs[rows][:, rows], remaining[rows])
        return won
    not_beaten = xp.sum((signs <= 0) & remaining[None], axis=1, dtype=xp.int32)  # itself included
    return remaining & (not_beaten == 1)


def net_wins(signs: Array, remaining: Array) -> Array:
    """Wins minus losses against the remaining responses, (M, B) float64."""
    xp = array_namespace(signs)
    rows = _present(remaining)
    if 2 * len(rows) < len(remaining):  # their losses against a response are its wins
        wins = -xp.sum(signs[rows] * remaining[rows][:, None], axis=0, dtype=xp.int32)
    else:
        wins = xp.sum(signs * remaining[None], axis=1, dtype=xp.int32)
    return xp.astype(wins, xp.float64)


def _present(remaining: Array) -> Array:
    """Indices of the responses that remain on any prompt."""
    xp = array_namespace(remaining)
    return xp.nonzero(xp.any(remaining, axis=1))[0]


def smith_set(signs: Array, remaining: Array) -> Array:
    """The smallest set of remaining responses whose members beat all others."""
    xp = array_namespace(signs)
    rows = _present(remaining)
    if 2 * len(rows) < len(remaining):
        top = xp.zeros_like(remaining)
        top[rows] = smith_set(signs[rows][:, rows], remaining[rows])
        return top
    # The set contains the responses with most wins minus losses, and every one that a member does not beat.
    inside, _ = with_least(-net_wins(signs, remaining), remaining)
    fresh = inside
    while True:
        rows = _present(fresh)
        grown = remaining & xp.any((signs[rows] <= 0) & fresh[rows][:, None], axis=0)
        fresh = grown & ~inside
        if not bool(xp.any(fresh)):
            return inside
        inside = inside | fresh


def schwartz_set(signs: Array, remaining: Array) -> Array:
    """The union of the minimal sets of remaining responses that no response outside beats."""
    xp = array_namespace(signs)
    reaches = (signs > 0) & remaining[None] & remaining[:, None]
    for k in range(len(remaining)):  # Warshall: paths of majorities through the first k responses
        reaches = reaches | reaches[:, k, None] & reaches[None, k]
    return remaining & ~xp.any(reaches & ~xp.permute_dims(reaches, (1, 0, 2)), axis=0)


class BordaAmong:
    """Twice the Borda count among the remaining responses, minus the average: the sum of the margins.

    While that is exact in floats, only the margins over the responses eliminated since the last count
    are subtracted.
    """

    def __init__(self, profiles: Profiles) -> None:
        xp = array_namespace(profiles.ranks)
        margins = xp.permute_dims(profiles.margins, (1, 2, 0))  # prompts innermost
        self.margins = margins
        self.exact = float(xp.max(profiles.totals)) * len(margins) < EXACT
        self.counts = xp.zeros_like(margins[0])
        self.remaining = xp.zeros(margins.shape[1:], dtype=xp.bool, device=device_of(margins))

    def __call__(self, remaining: Array) -> Array:
        """(M, B) counts."""
        if not self.exact:
            self.counts, self.remaining = self.counts * 0, remaining & False
        xp = array_namespace(remaining)
        change = xp.astype(remaining, xp.float64) - xp.astype(self.remaining, xp.float64)
        counts, self.remaining = xp.asarray(self.counts, copy=True), remaining
        for i in _present(change != 0):
            counts -= self.margins[i] * change[i]  # the margins of response i over the others
        self.counts = counts
        return counts
