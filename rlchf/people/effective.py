"""The effective number of voters: how many independent people correlated votes are worth."""

from dataclasses import dataclass

import numpy as np

from rlchf.auditing.estimates import NONE, Estimate
from rlchf.people._cells import clustered, lost_without
from rlchf.people.votes import PairVotes


@dataclass(frozen=True)
class EffectiveVotes:
    """How many independent voters some people are worth.

    Kish's effective sample size on the votes on pairs, 1 for above, -1 for below and 0 for tied:
    ``(sum w)^2 / (sum_i w_i^2 + sum_{i != j} w_i w_j rho)``, which is ``n / (1 + (n - 1) rho)`` where all
    weights are equal. The correlation ``rho`` is about zero, so that it does not depend on which response of
    a pair comes first, and pooled over every two people and all pairs of responses that both compare.

    People who agree because one response is plainly better are correlated too: there is no truth here from
    which errors could be counted, so that the number says how much another vote like these would add, and not
    how many of the people think for themselves.

    Attributes
    ----------
    name
        The group, or ``"all"``.
    correlation
        The mean correlation, with its interval for other annotators and other prompts.
    voters
        Number of people.
    effective
        What they are worth together, with the interval that follows from that of the correlation. Their
        number by weight, if the correlation is 0 or below.
    on_a_prompt
        Mean number of people on a prompt, by weight ``(sum w)^2 / sum w^2``.
    effective_on_a_prompt
        What these are worth.

    References
    ----------
    L. Kish, "Survey sampling", 1965.
    """

    name: str
    correlation: Estimate
    voters: int
    effective: Estimate
    on_a_prompt: float
    effective_on_a_prompt: Estimate


def kish(n: float, correlation: float) -> float:
    """The number of independent voters that n equally correlated ones are worth.

    Examples
    --------
    Nine judges with a mean correlation of 0.44 between their errors are worth two votes.

    >>> round(kish(9, 0.4375), 2)
    2.0
    >>> kish(9, -0.1)
    9
    """
    return n / (1 + (n - 1) * correlation) if correlation > 0 else n


def effective_votes(
    votes: PairVotes, name: str = "all", members: np.ndarray | None = None
) -> EffectiveVotes:
    """The effective number of voters among everybody, or among the members of a group.

    Parameters
    ----------
    members
        (A,) bool; by default everybody.

    Examples
    --------
    >>> from rlchf.rankings import Rankings
    >>> ballots = [(p, name, "a > b") for p in range(8) for name in ("ann", "bob")]
    >>> ballots += [(p, "eve", "a > b" if p % 2 else "b > a") for p in range(8)]
    >>> found = effective_votes(PairVotes.of(Rankings.from_ballots(ballots)))
    >>> round(found.correlation.value, 3), round(found.effective.value, 3)
    (0.333, 1.8)
    """
    chosen = slice(None) if members is None else np.flatnonzero(members[votes.annotators])
    pairs, cells = votes.pairs[chosen], votes.cells[chosen]
    w, x, people = votes.weights[chosen], votes.sides[chosen], votes.people[chosen]
    weights, voters = _weights(votes, cells, w, people)
    rho = _correlation(votes, pairs, cells, w, x, people)
    on_a_prompt = _on_a_prompt(votes, cells, w, people)
    independent = float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else float("nan")
    return EffectiveVotes(
        name, rho, voters, _worth(independent, rho), on_a_prompt, _worth(on_a_prompt, rho)
    )


def _worth(n: float, rho: Estimate) -> Estimate:
    """Kish's number, which falls as the correlation rises."""
    return Estimate(kish(n, rho.value), kish(n, rho.high), kish(n, rho.low))


def _weights(
    votes: PairVotes, cells: np.ndarray, w: np.ndarray, people: np.ndarray
) -> tuple[np.ndarray, int]:
    """The mean weight of each person's votes, and the number of people."""
    owners = votes.cell_annotators[cells]
    most = np.zeros(votes.n_annotators)
    np.maximum.at(most, owners, people)
    n = np.bincount(owners, minlength=votes.n_annotators)
    mean = np.bincount(owners, w / people, votes.n_annotators) / np.maximum(n, 1)
    return np.repeat(mean, most.astype(np.int64)), int(most.sum())


def _on_a_prompt(votes: PairVotes, cells: np.ndarray, w: np.ndarray, people: np.ndarray) -> float:
    """The mean over the prompts of the number of people by weight."""
    C = len(votes.cell_annotators)
    n = np.maximum(np.bincount(cells, minlength=C), 1)
    weight, squares = np.bincount(cells, w, C) / n, np.bincount(cells, w**2 / people, C) / n
    sums, of_squares = (
        np.bincount(votes.cell_prompts, column, votes.n_prompts) for column in (weight, squares)
    )
    voted = of_squares > 0
    return float((sums[voted] ** 2 / of_squares[voted]).mean()) if voted.any() else float("nan")


def _correlation(
    votes: PairVotes,
    pairs: np.ndarray,
    cells: np.ndarray,
    w: np.ndarray,
    x: np.ndarray,
    people: np.ndarray,
) -> Estimate:
    """The pooled correlation about zero of two people's votes, each vote with all others on its pair."""
    own = w / people
    n = votes.n_pairs
    weight, total = np.bincount(pairs, w, n)[pairs], np.bincount(pairs, w * x, n)[pairs]
    met = np.bincount(pairs, people, n)[pairs] > 1.5
    w = np.where(met, w, 0.0)
    rest = np.where(met, weight - own, 1.0)
    C = len(votes.cell_annotators)
    product = x * (total - own * x) / rest
    lost, lost_weights = lost_without(w, product, np.bincount(pairs, people, n)[pairs], pairs)
    products, squares, sizes, fewer_products, fewer_squares = (
        np.bincount(cells, column, C)
        for column in (w * product, w * x**2, w, lost, lost_weights * x**2)
    )
    if not squares.sum() > 0:
        return NONE
    value = float(products.sum() / squares.sum())
    z = (products - value * squares) / squares.sum()
    without = (fewer_products - value * fewer_squares) / squares.sum()
    found = clustered(value, without, z, votes.cell_annotators, votes.cell_prompts, sizes > 0)
    return Estimate(value, max(found.low, -1.0), min(found.high, 1.0))
