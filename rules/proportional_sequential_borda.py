"""Proportional sequential Borda."""

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, segment_sum, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule

EXACT = 12
"""Up to this number of responses, ties are found in whole numbers; their digits double per response."""

NEARLY = 1e-9  # floats whose difference is a smaller share than this may be equal


@voting_rule(
    kind="proportional",
    cost="K M^2",
    axioms=[
        "anonymity",
        "neutrality",
        "homogeneity",
        "unanimity",
        "pareto",
        "monotonicity",
        "participation",
        "consistency",
    ],
    any_device=False,
)
def proportional_sequential_borda(profiles: Profiles, *, ties: Ties = "keep") -> Array:
    """Elect one response at a time by Borda score, paid for from the ballots' budgets; on the CPU.

    This is a reconstruction of a rule from the abstract of its paper. Each pair of responses costs 1, and
    the ballots' budgets, in proportion to their weights, pay for all pairs. The next response is the one
    with the highest Borda score among the remaining responses, in which each ballot counts by its remaining
    budget. With r responses remaining it costs r - 1, divided among the ballots in proportion to budget
    times points given. So no ballot pays more than the number of pairs that it wins.

    If all ballots are strict and complete, the order under ``ties="lexicographic"`` agrees with each of them,
    and each group of equal ones, on at least its share of the pairs minus 3/4. *Proof.* Let b be the budget
    of a group of equal ballots. It gives its favourite r - 1 points, so the elected response has at least
    (r - 1) b, and the group pays at most the points that it gives. The budgets add up to r (r - 1) / 2, and
    the elected response has at least the average score, r (r - 1)^2 / 4, so that with 4 or more responses
    nobody pays more than its budget. With 3, budgets are overdrawn by at most 1/2 in sum. So those above 0
    add up to at most 3/2 for the last pair, whose losers keep at most 3/4. With ties kept, responses elected
    together count half for both sides, and a ballot can fall short by more.

    A ballot gives a response one point for each remaining response that it ranks strictly below, so that
    points count exposure: a response that more ballots rank can get more. A ballot without budget gives no
    points. If no ballot gives any points, all remaining responses are tied.

    Parameters
    ----------
    ties
        "keep": responses with the same score are elected together and share a place; q of r responses
        cost q (r - 1) - q (q - 1) / 2, 1 for each pair that contains one of them. "lexicographic": the
        first of them, in the order of the responses, is elected alone.

    Returns
    -------
    (B, M) array of scores: the number of responses elected later plus half of those elected together
    with this one. Among more than 12 responses, Borda scores that differ by a billionth or less count as
    equal; among up to 12 they are compared exactly.

    References
    ----------
    P. Lederer, "Proportional representation in rank aggregation", 2025; reconstructed from the abstract.

    Examples
    --------
    Two to one: the larger group gets two of the three pairs, the smaller one the third.

    >>> profiles = Profiles.from_ballots([["a > b > c", "a > b > c", "c > b > a"]])
    >>> proportional_sequential_borda(profiles)
    array([[2., 0., 1.]])
    """
    ranks, votes = to_numpy(profiles.ranks), to_numpy(profiles.integer_weights)
    scores, doubtful = _elect(ranks, votes, profiles, ties == "lexicographic")
    for b in np.flatnonzero(doubtful):
        columns = slice(int(profiles.starts[b]), int(profiles.starts[b + 1]))
        scores[:, b] = _elect_exactly(ranks[:, columns], votes[columns], ties == "lexicographic")
    return array_namespace(profiles.ranks).asarray(scores.T, device=device_of(profiles.ranks))


def _elect(
    ranks: np.ndarray, votes: np.ndarray, profiles: Profiles, lexicographic: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(M, B) scores in floats, and (B,) whether integers might give another result."""
    M, B = len(ranks), profiles.n_prompts
    owners, starts = to_numpy(profiles.owners), profiles.starts
    totals = np.maximum(segment_sum(votes, starts), 1)
    points = np.stack([((ranks > i) & (i > 0)).sum(axis=0) for i in ranks]).astype(np.float64)
    budgets = votes.copy()  # in votes until the first is elected: integers
    scores, n_remaining = np.zeros((M, B)), np.full(B, M)
    remaining, doubtful = np.ones((M, B), dtype=bool), np.zeros(B, dtype=bool)
    for n in range(M):
        paying = np.maximum(budgets, 0)
        borda = np.where(remaining, segment_sum(paying * points, starts), -1.0)
        best = borda.max(axis=0)
        inexact = (n > 0) | (totals * M >= 2**53)
        elected = remaining & (borda >= best - inexact * NEARLY * (best + 1))
        if M <= EXACT:
            doubtful |= inexact & (elected.sum(axis=0) > 1)
        if lexicographic:
            elected &= np.cumsum(elected, axis=0) == 1
        together = elected.sum(axis=0)  # (B,)
        scores += elected * (n_remaining - (together + 1) / 2)
        price = together * (n_remaining - 1) - together * (together - 1) / 2
        given = paying * (points * elected[:, owners]).sum(axis=0)
        if n == 0:
            budgets = budgets / totals[owners] * (M * (M - 1) / 2)
        paid = segment_sum(given, starts)
        budgets -= given * (price / np.where(paid > 0, paid, 1))[owners]
        remaining, n_remaining = remaining & ~elected, n_remaining - together
        _subtract_points(points, ranks, elected, owners)
        if not remaining.any():
            break
    return scores, doubtful


def _subtract_points(
    points: np.ndarray, ranks: np.ndarray, elected: np.ndarray, owners: np.ndarray
) -> None:
    """Subtract the points for being ranked above an elected response."""
    waiting = elected.copy()
    prompts, ballots = np.arange(elected.shape[1]), np.arange(ranks.shape[1])
    while waiting.any():
        first = waiting.argmax(axis=0)  # of each prompt
        is_one = waiting[first, prompts]
        rank = np.where(is_one[owners], ranks[first[owners], ballots], 0)
        points -= (ranks < rank) & (ranks > 0)
        waiting[first, prompts] = False


def _elect_exactly(ranks: np.ndarray, votes: np.ndarray, lexicographic: bool) -> list[float]:
    """The scores of one prompt in integers: budgets are multiples of 1 / scale."""
    M = len(ranks)
    pairs = M * (M - 1) // 2
    kinds, same = np.unique(ranks.T, axis=0, return_inverse=True)
    weights = np.bincount(same.ravel(), votes, len(kinds)).astype(np.int64).tolist()
    scale, budgets = max(sum(weights), 1), [weight * pairs for weight in weights]
    one, other = kinds[:, :, None], kinds[:, None]
    above = (one > 0) & (one < other)  # (kinds, M, M)
    remaining, scores = list(range(M)), [0.0] * M
    while remaining:
        points = above[:, :, remaining].sum(axis=2).T.tolist()  # (M, kinds)
        borda = [
            sum(b * s for b, s in zip(budgets, points[x], strict=True) if b > 0) for x in remaining
        ]
        elected = [x for x, score in zip(remaining, borda, strict=True) if score == max(borda)]
        elected = elected[:1] if lexicographic else elected
        q, r = len(elected), len(remaining)
        given = [max(b, 0) * sum(points[x][k] for x in elected) for k, b in enumerate(budgets)]
        paid, price = sum(given), q * (r - 1) - q * (q - 1) // 2
        if paid:
            budgets = [b * paid - scale * price * g for b, g in zip(budgets, given, strict=True)]
            scale *= paid
        for x in elected:
            scores[x] = r - (q + 1) / 2
            remaining.remove(x)
    return scores
