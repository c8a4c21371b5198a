"""Who beats whom by majority, among those left; sets are (M, B) bool, as in `_elimination`."""

from rlchf.arrays import Array, array_namespace, device
from rlchf.profiles import Profiles
from rlchf.rules._elimination import highest


def majorities(profiles: Profiles) -> Array:
    """(M, M, B) int8: 1 where more votes rank i above j than j above i, -1 where fewer do, else 0."""
    xp = array_namespace(profiles.ranks)
    signs = xp.sign(xp.permute_dims(profiles.margins, (1, 2, 0)))
    laid = xp.empty(signs.shape, dtype=xp.int8, device=device(signs))
    laid[...] = signs
    return laid


def condorcet_winner(signs: Array, left: Array) -> Array:
    """Who beats all others of those left, if anybody does."""
    xp = array_namespace(signs)
    doubts = xp.sum((signs <= 0) & left[None], axis=1, dtype=xp.int32)  # each with itself is one
    return left & (doubts == 1)


def net_wins(signs: Array, left: Array) -> Array:
    """Wins less losses against those left, (M, B) float64."""
    xp = array_namespace(signs)
    return xp.astype(xp.sum(signs * left[None], axis=1, dtype=xp.int32), xp.float64)


def smith_set(signs: Array, left: Array) -> Array:
    """The smallest set of those left whose members beat everybody outside it."""
    xp = array_namespace(signs)
    inside = highest(net_wins(signs, left), left)  # whoever has most wins less losses is in
    while True:  # and so is everybody whom a member does not beat
        grown = inside | left & xp.any((signs >= 0) & inside[None], axis=1)
        if bool(xp.all(grown == inside)):
            return inside
        inside = grown


def schwartz_set(signs: Array, left: Array) -> Array:
    """The union of the smallest sets of those left whose members nobody outside beats."""
    xp = array_namespace(signs)
    reaches = (signs > 0) & left[None] & left[:, None]
    for k in range(left.shape[0]):  # Warshall: along majorities, by way of the first k responses
        reaches = reaches | reaches[:, k, None] & reaches[None, k]
    return left & ~xp.any(reaches & ~xp.permute_dims(reaches, (1, 0, 2)), axis=0)


def margins_of(profiles: Profiles) -> Array:
    """(M, M, B) margins, prompts innermost."""
    xp = array_namespace(profiles.ranks)
    return xp.permute_dims(profiles.margins, (1, 2, 0))


def borda_among(margins: Array, left: Array) -> Array:
    """Twice the Borda count among those left, less the average: the sum of the margins."""
    xp = array_namespace(margins)
    counts = xp.zeros_like(margins[0])
    for row, here in zip(margins, left, strict=True):
        counts -= row * here  # row[j]: the margin of this response over j
    return counts
