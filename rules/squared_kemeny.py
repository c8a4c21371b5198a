"""The squared Kemeny rule."""

import warnings
from typing import Literal

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.kemeny.blocks import partial_order_scores
from rlchf.rules._parts.squared_kemeny.orders import all_orders_scores
from rlchf.rules._parts.squared_kemeny.program import better_order
from rlchf.rules._parts.squared_kemeny.search import RankedBallots, good_order, kept_by_moves

Method = Literal["exact", "approximate"]

LISTED = 9
"""The largest number of responses for which all orders are compared: 9 have 362,880."""

LARGEST = 20
"""The largest number of responses for the integer program: beyond, it proves nothing within minutes."""

ROWS = 20_000
"""The largest number of different ballots times pairs of responses for the integer program."""


@voting_rule(
    kind="proportional",
    cost="K M^4 + M^4 M!",
    axioms=["anonymity", "neutrality", "homogeneity", "unanimity", "pareto"],
    any_device=False,
)
def squared_kemeny(
    profiles: Profiles,
    *,
    ties: Ties = "keep",
    method: Method = "exact",
    time_limit: float | None = 4.0,
) -> Array:
    """Rank by the orders with the least sum of squared distances to the ballots, on the CPU.

    The distance of an order to a ballot is the number of pairs that the ballot ranks strictly and the
    order reverses; its square counts by the ballot's weight. Kemeny's rule follows a majority
    completely; this rule moves towards each group in proportion to its share of the weight: between two
    opposite rankings with weights 60 and 40 it goes 40 % of the way from the first to the second, to the
    nearest pair.

    With up to 9 responses all orders are compared. With 10 to 20, a local search moves single responses, and
    an integer program looks for a better order. With more than 20, or if different ballots times pairs of
    responses exceed 20,000, the order of the local search is returned, with a warning that nothing is
    proved. Finding an optimal order is NP-hard.

    Parameters
    ----------
    ties
        "keep": what all optimal orders agree on, as in `kemeny`. With more than 9 responses, or
        ``method="approximate"``, the order found and the orders of the same cost that differ from it by
        one moved response take the place of all optimal orders, which a warning says; which order is found
        may depend on the order of the responses.
        "lexicographic": the first optimal order in the order of the responses, or, with more than
        9 responses, some optimal order, always the same.
    method
        "exact" as above, or "approximate" for the local search alone, with any number of responses.
    time_limit
        Seconds for the integer program of one prompt, or None for no limit. When they run out, the best order
        found is returned, with a warning that says how far from the optimum it may be.

    Returns
    -------
    (B, M) array of scores: the number of responses behind in all optimal orders, plus half of those that
    are behind in some only; M - 1, M - 2, ..., 0 for a strict order.

    References
    ----------
    P. Lederer, D. Peters, T. Wąs, "The squared Kemeny rule for averaging rankings", 2024.

    Examples
    --------
    Two to one: a third of the three pairs goes to the minority.

    >>> profiles = Profiles.from_ballots([["a > b > c", "a > b > c", "c > b > a"]])
    >>> squared_kemeny(profiles, ties="lexicographic")
    array([[2., 0., 1.]])
    """
    ranks, votes = to_numpy(profiles.ranks), to_numpy(profiles.integer_weights)
    if method == "exact" and profiles.n_responses <= LISTED:
        scores = all_orders_scores(ranks, profiles.starts, votes, ties == "lexicographic")
    else:
        scores = np.empty((profiles.n_prompts, profiles.n_responses))
        for b in range(profiles.n_prompts):
            columns = slice(int(profiles.starts[b]), int(profiles.starts[b + 1]))
            ballots = RankedBallots(ranks[:, columns], votes[columns])
            order, cost = good_order(ballots)
            if method == "exact" and cost > 0:
                order = _proved(profiles, b, ballots, order, cost, time_limit)
            scores[b] = _scores(ballots, order, ties)
        if method == "exact" and ties == "keep" and profiles.n_responses <= LARGEST:
            warnings.warn(
                f"squared_kemeny: on prompts of more than {LISTED} responses it keeps ties between optimal "
                "orders that differ by one moved response; others may be broken by the responses' order",
                stacklevel=3,
            )
    return array_namespace(profiles.ranks).asarray(scores, device=device_of(profiles.ranks))


def _proved(
    profiles: Profiles,
    b: int,
    ballots: RankedBallots,
    order: np.ndarray,
    cost: float,
    time_limit: float | None,
) -> np.ndarray:
    """An optimal order, or the best one found and a warning."""
    prefix = f"prompt {profiles.prompts[b]} of {profiles.n_responses} responses: squared_kemeny "
    pairs = len(order) * (len(order) - 1) // 2
    if len(order) > LARGEST or pairs * len(ballots.votes) > ROWS:
        warnings.warn(
            f"{prefix}proves its order for up to {LARGEST} responses only, and {ROWS} different ballots "
            'times pairs of responses; this is the best one found, and method="approximate" asks for no more',
            stacklevel=3,
        )
        return order
    better, bound = better_order(ballots, cost, np.inf if time_limit is None else time_limit)
    if better is not None and ballots.cost(better) < cost:
        order, cost = better, ballots.cost(better)
    if bound < cost:
        cost, bound = cost / float(profiles.scale[b]), bound / float(profiles.scale[b])
        warnings.warn(
            f"{prefix}ran out of time; its order costs {cost:g}, an optimal order {bound:g} or more "
            f"(gap {1 - bound / cost:.1%}); give a longer time_limit",
            stacklevel=3,
        )
    return order


def _scores(ballots: RankedBallots, order: np.ndarray, ties: Ties) -> np.ndarray:
    if ties == "keep":
        return partial_order_scores(kept_by_moves(ballots, order))
    scores: np.ndarray = len(order) - 1.0 - np.argsort(order)
    return scores
