"""Mixtures of policies: assign prompts to several policies in proportion to their weights."""

from fractions import Fraction
from typing import Any

import numpy as np

from rlchf.aggregation import aggregate
from rlchf.rankings import Rankings


def apportion(weights: dict[str, float], seats: int) -> dict[str, int]:
    """Divide seats in proportion to weights by the method of Sainte-Laguë (Webster).

    Each seat goes to the name with the largest weight / (2 * seats so far + 1); among equals, to the first.

    References
    ----------
    M. L. Balinski, H. P. Young, "Fair representation", 2nd edition, 2001.

    Examples
    --------
    >>> apportion({"plain": 50, "emoji": 30, "short": 20}, 10)
    {'plain': 5, 'emoji': 3, 'short': 2}
    """
    if seats < 0:
        raise ValueError(f"seats is {seats}; give 0 or more")
    shares = {name: Fraction(weight) for name, weight in weights.items()}
    total = sum(shares.values())
    if not shares or min(shares.values()) < 0 or not total > 0:
        raise ValueError(f"the weights are {weights}; give numbers of 0 or more, and one above 0")
    # No name ends more seats below its exact share than there are names: start there to save rounds.
    start = {name: int(share * seats / total) - len(shares) for name, share in shares.items()}
    allocated = {name: max(0, count) for name, count in start.items()}
    for _ in range(seats - sum(allocated.values())):
        allocated[max(shares, key=lambda name: shares[name] / (2 * allocated[name] + 1))] += 1
    return allocated


def assign(weights: dict[str, float], prompts: int, seed: int = 0) -> list[str]:
    """Assign a policy to each prompt: as many prompts to each as `apportion` gives it, in random order.

    Examples
    --------
    >>> assign({"plain": 0.6, "emoji": 0.4}, 5)
    ['plain', 'plain', 'plain', 'emoji', 'emoji']
    """
    names = [name for name, count in apportion(weights, prompts).items() for _ in range(count)]
    return [names[i] for i in np.random.default_rng((seed, 4)).permutation(prompts)]


def committee_weights(
    rankings: Rankings, k: int, rule: str = "seq_phragmen", **options: Any
) -> dict[str, float]:
    """Elect k policies by a committee rule, and weight each by the votes that prefer it to the others.

    Parameters
    ----------
    rankings
        Rankings of the policies, which are the "responses" to a single "prompt".
    k
        Number of policies to elect. Of policies tied for the last place the first ones are elected.
    rule, options
        The committee rule and its options; see `rlchf.aggregate`.

    Returns
    -------
    The weight of each elected policy, in the order of election; the weights add up to 1. A ballot that
    ties its best elected policies is divided among them, and so is a ballot that ranks none of them.

    Examples
    --------
    >>> ballots = ["a > b > c"] * 5 + ["b > a > c"] * 3 + ["c > b > a"] * 2
    >>> rankings = Rankings.from_ballots([("policies", n, b) for n, b in enumerate(ballots)])
    >>> committee_weights(rankings, 2, "seq_phragmen", top=1)
    {'a': 0.5, 'b': 0.5}
    """
    if rankings.n_prompts != 1:
        raise ValueError(
            f"there are rankings of {rankings.n_prompts} prompts; give one, whose responses are policies"
        )
    prompt = rankings.prompt_ids[0]
    names = rankings.responses(prompt)
    if not 1 <= k <= len(names):
        raise ValueError(f"k is {k}; there are {len(names)} policies to choose from")
    levels = aggregate(rankings, rule, **options).ranking(prompt)
    elected = [name for level in levels for name in level][:k]
    rows = [names.index(name) for name in elected]
    ((_, profiles),) = rankings.profiles()
    ranks = np.asarray(profiles.ranks)[rows].astype(float)  # (k, K), 0 for policies not ranked
    ranks[ranks == 0] = np.inf
    best = ranks == ranks.min(axis=0)
    votes = (best / best.sum(axis=0)) @ np.asarray(profiles.integer_weights, dtype=float)
    return dict(zip(elected, (votes / votes.sum()).tolist(), strict=True))
