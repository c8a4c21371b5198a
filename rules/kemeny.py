"""Kemeny's rule."""

from dataclasses import dataclass

import numpy as np

from rlchf.numeric.arrays import Array, to_numpy
from rlchf.profiles import Profiles
from rlchf.rules import Ties, voting_rule
from rlchf.rules._parts.kemeny.blocks import order_scores, scores_for
from rlchf.rules._parts.kemeny.solvers import Solver
from rlchf.rules._parts.kemeny.subsets import optimal_orders

LISTED = 8
"""The largest number of responses for `kemeny_optima`: 8 may have 40,320 optimal orders."""


@voting_rule(
    kind="majority",
    cost="K M^2 + M^2 2^M",
    axioms=[
        "anonymity", "neutrality", "homogeneity", "unanimity", "pareto", "majority", "condorcet",
        "condorcet loser", "smith", "majority loser",
    ],
    any_device=False,
)  # fmt: skip
def kemeny(profiles: Profiles, *, ties: Ties = "keep", time_limit: float | None = 60.0) -> Array:
    """Rank by the orders that disagree least with the ballots, found exactly on the CPU.

    The cost of an order is, summed over all pairs, the weight of the ballots that rank the pair the other
    way round; an order of least cost is optimal. Often several are. With ``ties="keep"`` the score of a
    response is the number of responses behind it in all optimal orders, plus half of those that are behind
    it in some and before it in others. So a response that is before another in all optimal orders has the
    higher score. The reverse does not hold: if optimal orders differ in most pairs of c, with a before b in
    all of them, c is between a and b.

    The responses are first split where all in front have a majority over all behind, and parts of up to
    14 responses are searched completely. Larger parts are split into their majority cycles; their score
    follows from the majorities between the cycles, and from what all optimal orders of each cycle agree on.
    For a cycle of more than 14 responses an integer program finds one optimal order, and more programs look
    for others until it is known where all agree. Where time runs out before, or weights have no common unit,
    a warning names the prompts on which ties may be broken by the order of the responses.

    Parameters
    ----------
    ties
        "keep", or "lexicographic" for one optimal order: the first in the order of the responses, or,
        if a part has more than 14 responses, some optimal order, always the same.
    time_limit
        Seconds for the integer programs of one part, or None for no limit; the solver may exceed it
        a little. When they run out, the best order found is returned, with a warning that says how far
        from the optimum it may be. A cycle of 50 responses takes a second or less, one of 100 may be out
        of reach, and finding all ties may take several times as long; for more than 400, no program is
        tried.

    Returns
    -------
    (B, M) array of scores: the number of responses behind in all optimal orders, plus half of those that
    are behind in some only; M - 1, M - 2, ..., 0 for a strict order.

    See Also
    --------
    kemeny_orders : One optimal order per prompt, with its cost and a lower bound on all costs.
    kemeny_optima : All optimal orders of a prompt of up to 8 responses; both in rlchf.rules.kemeny.

    References
    ----------
    J. G. Kemeny, "Mathematics without numbers", 1959. For optimal orders as most likely truths:
    H. P. Young, "Condorcet's theory of voting", 1988.

    Examples
    --------
    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> kemeny(Profiles.from_ballots([cycle]))
    array([[2., 1., 0.]])
    >>> kemeny(Profiles.from_ballots([["a > b > c", "b > a > c"]]))
    array([[1.5, 1.5, 0. ]])

    Nobody compares a or b with c or d, and in all optimal orders a is before b, and c before d:

    >>> kemeny(Profiles.from_ballots([["a > b", "c > d"]]))
    array([[2., 1., 2., 1.]])
    """
    return scores_for("kemeny", profiles, profiles.margins, ties, time_limit, profiles.scale)


@dataclass(frozen=True)
class KemenyResult:
    """One order of a prompt's responses, its cost, and a lower bound on the cost of all orders.

    Attributes
    ----------
    order
        The responses, first to last.
    cost
        The weight of the ballots that rank a pair the other way round, summed over the pairs.
    bound
        A lower bound on the cost of all orders; equal to the cost if the order is proved to be optimal.
    """

    order: tuple[int, ...]
    cost: float
    bound: float

    @property
    def proved(self) -> bool:
        """Whether the order is proved to be optimal."""
        return self.bound == self.cost

    @property
    def gap(self) -> float:
        """The share of the cost that a better order might save: 0 if the order is proved to be optimal."""
        return 0.0 if self.proved else 1 - self.bound / self.cost


def kemeny_orders(
    profiles: Profiles, *, time_limit: float | None = 60.0, solver: Solver = "highs"
) -> list[KemenyResult]:
    """Find one optimal order per prompt, with its cost and a lower bound on all costs.

    The orders are those of `kemeny` with ``ties="lexicographic"``.

    Parameters
    ----------
    time_limit
        As for `kemeny`; the bounds replace the warnings.
    solver
        "highs" or "cbc" (through PuLP), for cycles through more than 14 responses.

    Examples
    --------
    >>> cycle = ["a > b > c"] * 4 + ["b > c > a"] * 3 + ["c > a > b"] * 2
    >>> kemeny_orders(Profiles.from_ballots([cycle, ["c > b > a"]]))
    [KemenyResult(order=(0, 1, 2), cost=10.0, bound=10.0),
     KemenyResult(order=(2, 1, 0), cost=0.0, bound=0.0)]
    """
    wins, scale = to_numpy(profiles.wins), to_numpy(profiles.scale)
    scores, unproven, _ = order_scores(to_numpy(profiles.margins), True, time_limit, solver)
    cost = np.where(scores[:, :, None] > scores[:, None], wins.transpose(0, 2, 1), 0).sum((1, 2))
    orders = np.argsort(-scores, axis=1).tolist()
    bounds = (cost - unproven) / scale
    return [
        KemenyResult(tuple(order), float(one_cost), float(bound))
        for order, one_cost, bound in zip(orders, cost / scale, bounds, strict=True)
    ]


def kemeny_optima(profiles: Profiles, prompt: int = 0) -> list[list[int]]:
    """List all optimal orders of one prompt, in lexicographic order.

    Parameters
    ----------
    prompt
        Index of the prompt in the profiles, from 0.

    Raises
    ------
    ValueError
        If there are more than 8 responses.

    Examples
    --------
    >>> kemeny_optima(Profiles.from_ballots([["a > b > c", "b > c > a", "c > a > b"]]))
    [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    """
    if profiles.n_responses > LISTED:
        raise ValueError(
            f"prompt {prompt} has {profiles.n_responses} responses, and all optimal orders are listed "
            f"of {LISTED} or fewer; kemeny_orders gives one"
        )
    return optimal_orders(to_numpy(profiles.margins)[prompt])
