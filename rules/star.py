"""STAR voting: score, then automatic runoff."""

from rlchf.numeric.arrays import Array, array_namespace, device_of
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.cardinal import sums, utilities
from rlchf.rules._parts.exact_sums import by_parts


@voting_rule(
    kind="cardinal",
    cost="K M^2 + M^3",
    axioms=[
        "anonymity",
        "neutrality",
        "homogeneity",
        "unanimity",
        "pareto",
        "condorcet loser",
        "majority loser",
    ],
)
def star(profiles: Profiles, *, ties: Ties = "keep") -> Array:
    """Rank the STAR winner first, then the STAR winner of the rest, and so on.

    The two responses with the highest sums of scores meet in a runoff, which the majority winner of the two
    wins; if the runoff is a tie, the higher sum wins. A missing score adds nothing to a sum, so
    that sums count exposure (a response that more annotators score can have more), and a ballot that lacks
    a score for one of the two does not count in their runoff. Ballots that came as rankings give
    one point per response ranked below and half a point per tie.

    Parameters
    ----------
    ties
        "keep": all responses that win under some way to break ties, for the runoff and in it, share a
        place. "lexicographic": of tied responses the first in the order of the responses prevails, and each
        place has one response.

    Returns
    -------
    (B, M) array of scores: the number of responses that win later; equal is a tie.

    References
    ----------
    Equal Vote Coalition, "STAR voting", 2014.

    Examples
    --------
    The sums are 4 for a, 4 for b and 1 for c; a wins the runoff against b by 2 to 1:

    >>> star(Profiles.from_ballots([["a > b > c", "a > b > c", "b > c > a"]]))
    array([[2., 1., 0.]])
    """
    return by_parts(lambda part: _scores(part, ties), profiles, profiles.n_responses**2)


def _scores(profiles: Profiles, ties: Ties) -> Array:
    xp = array_namespace(profiles.ranks)
    total = sums(profiles, utilities(profiles)).T  # (M, B)
    margins = xp.permute_dims(profiles.margins, (1, 2, 0))  # (M, M, B)
    pick = _first_winner if ties == "lexicographic" else _winners
    scores, remaining = xp.zeros_like(total), xp.ones_like(total, dtype=xp.bool)
    for _ in range(profiles.n_responses):
        won = pick(xp.where(remaining, total, -xp.inf), remaining, margins)
        remaining = remaining & ~won
        behind = xp.sum(xp.astype(remaining, xp.float64), axis=0)
        scores = xp.where(won, behind, scores)
        if not bool(xp.any(remaining)):
            break
    return scores.T


def _winners(total: Array, remaining: Array, margins: Array) -> Array:
    """(M, B) the winners of all runoffs that ties allow, or the only remaining response."""
    xp = array_namespace(total)
    top = remaining & (total == xp.max(total, axis=0))
    others = remaining & ~top
    rest = xp.where(others, total, -xp.inf)
    second = others & (rest == xp.max(rest, axis=0))
    many = xp.sum(xp.astype(top, xp.int64), axis=0) > 1
    second = (many & top) | (~many & second)
    runoff = (top[:, None] & second[None]) | (second[:, None] & top[None])
    wins = runoff & ((margins > 0) | ((margins == 0) & (total[:, None] >= total[None])))
    wins = wins & ~xp.eye(total.shape[0], dtype=xp.bool, device=device_of(total))[:, :, None]
    alone = remaining & (xp.sum(xp.astype(remaining, xp.int64), axis=0) == 1)
    return xp.any(wins, axis=1) | alone


def _first_winner(total: Array, remaining: Array, margins: Array) -> Array:
    """(M, B) the one winner if ties go to the first response."""
    xp = array_namespace(total)
    numbers = xp.arange(total.shape[0], device=device_of(total))[:, None]
    one = numbers == xp.argmax(total, axis=0)
    other = numbers == xp.argmax(xp.where(one, -xp.inf, total), axis=0)
    beaten = xp.any(one[:, None] & (other & remaining)[None] & (margins < 0), axis=(0, 1))
    return xp.where(beaten, other, one) & remaining
