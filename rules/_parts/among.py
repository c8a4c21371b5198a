"""Who beats whom by majority, among those left; sets are (M, B) bool, as in `_elimination`."""

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules._parts.elimination import EXACT, highest


def majorities(profiles: Profiles) -> Array:
    """(M, M, B) int8: 1 where more votes rank i above j than j above i, -1 where fewer do, else 0."""
    xp = array_namespace(profiles.ranks)
    signs = xp.sign(xp.permute_dims(profiles.margins, (1, 2, 0)))
    laid = xp.empty(signs.shape, dtype=xp.int8, device=device_of(signs))
    laid[...] = signs
    return laid


def condorcet_winner(signs: Array, left: Array) -> Array:
    """Who beats all others of those left, if anybody does."""
    xp = array_namespace(signs)
    rows = _present(left)
    if 2 * len(rows) < len(left):
        won = xp.zeros_like(left)
        won[rows] = condorcet_winner(signs[rows][:, rows], left[rows])
        return won
    doubts = xp.sum((signs <= 0) & left[None], axis=1, dtype=xp.int32)  # each with itself is one
    return left & (doubts == 1)


def net_wins(signs: Array, left: Array) -> Array:
    """Wins less losses against those left, (M, B) float64."""
    xp = array_namespace(signs)
    rows = _present(left)
    if 2 * len(rows) < len(left):  # what they lose against a response is what it wins
        wins = -xp.sum(signs[rows] * left[rows][:, None], axis=0, dtype=xp.int32)
    else:
        wins = xp.sum(signs * left[None], axis=1, dtype=xp.int32)
    return xp.astype(wins, xp.float64)


def _present(left: Array) -> Array:
    """Indices of the responses that are left on any prompt."""
    xp = array_namespace(left)
    return xp.nonzero(xp.any(left, axis=1))[0]


def smith_set(signs: Array, left: Array) -> Array:
    """The smallest set of those left whose members beat everybody outside it."""
    xp = array_namespace(signs)
    rows = _present(left)
    if 2 * len(rows) < len(left):
        top = xp.zeros_like(left)
        top[rows] = smith_set(signs[rows][:, rows], left[rows])
        return top
    inside = highest(net_wins(signs, left), left)  # whoever has most wins less losses is in
    fresh = inside
    while True:  # and so is everybody whom a member does not beat
        rows = _present(fresh)
        grown = left & xp.any((signs[rows] <= 0) & fresh[rows][:, None], axis=0)
        fresh = grown & ~inside
        if not bool(xp.any(fresh)):
            return inside
        inside = inside | fresh


def schwartz_set(signs: Array, left: Array) -> Array:
    """The union of the smallest sets of those left whose members nobody outside beats."""
    xp = array_namespace(signs)
    reaches = (signs > 0) & left[None] & left[:, None]
    for k in range(left.shape[0]):  # Warshall: along majorities, by way of the first k responses
        reaches = reaches | reaches[:, k, None] & reaches[None, k]
    return left & ~xp.any(reaches & ~xp.permute_dims(reaches, (1, 0, 2)), axis=0)


class BordaAmong:
    """Twice the Borda count among those left, less the average: the sum of the margins.

    While that is exact in floats, only the margins over those who have gone since the last count are
    looked at.
    """

    def __init__(self, profiles: Profiles) -> None:
        xp = array_namespace(profiles.ranks)
        margins = xp.permute_dims(profiles.margins, (1, 2, 0))  # prompts innermost
        self.margins = margins
        self.exact = float(xp.max(profiles.totals)) * len(margins) < EXACT
        self.counts = xp.zeros_like(margins[0])
        self.left = xp.zeros(margins.shape[1:], dtype=xp.bool, device=device_of(margins))

    def __call__(self, left: Array) -> Array:
        """(M, B) counts."""
        if not self.exact:
            self.counts, self.left = self.counts * 0, left & False
        xp = array_namespace(left)
        change = xp.astype(left, xp.float64) - xp.astype(self.left, xp.float64)
        counts, self.left = xp.asarray(self.counts, copy=True), left
        for i in _present(change != 0):
            counts -= self.margins[i] * change[i]  # of this response over the others
        self.counts = counts
        return counts
