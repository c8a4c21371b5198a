"""Which of several policies answers which prompt, so that each answers its share of them."""

from fractions import Fraction
from typing import Any

import numpy as np

from rlchf.aggregation import aggregate
from rlchf.rankings import Rankings


def apportion(weights: dict[str, float], seats: int) -> dict[str, int]:
    """Divide seats in proportion to weights by the method of Sainte-Laguë (Webster).

    Each seat goes to whoever has the largest weight / (2 * seats so far + 1); of equals, to the first.

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
    # Nobody ends further below the exact share than there are names: begin there, to save rounds.
    given = {
        name: max(0, int(share * seats / total) - len(shares)) for name, share in shares.items()
    }
    for _ in range(seats - sum(given.values())):
        given[max(shares, key=lambda name: shares[name] / (2 * given[name] + 1))] += 1
    return given


def assign(weights: dict[str, float], prompts: int, seed: int = 0) -> list[str]:
    """Which policy answers each of so many prompts: as many each as `apportion` says, in random order.

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
    """Elect k policies by a committee rule, and weigh each by the votes that like it best among them.

    Parameters
    ----------
    rankings
        Orders of the policies, as the "responses" to a single "prompt".
    k
        How many policies to elect. Of policies tied for the last place the first ones are taken.
    rule, options
        What elects them; see `rlchf.aggregate`. ``k`` is passed on to rules that have such an option.

    Returns
    -------
    The weight of each elected policy, in the order of election; they add up to 1. A ballot whose best
    elected policies are tied is divided among them, and so is one that ranks none of them.

    Examples
    --------
    >>> ballots = ["a > b > c"] * 5 + ["b > a > c"] * 3 + ["c > b > a"] * 2
    >>> rankings = Rankings.from_ballots([("policies", n, b) for n, b in enumerate(ballots)])
    >>> committee_weights(rankings, 2, "seq_phragmen", top=1)
    {'a': 0.5, 'b': 0.5}
    """
    if rankings.n_prompts != 1:
        raise ValueError(
            f"the rankings are of {rankings.n_prompts} prompts; give one, whose responses are the "
            "policies"
        )
    prompt = rankings.prompt_ids[0]
    names = rankings.responses(prompt)
    if not 1 <= k <= len(names):
        raise ValueError(f"k is {k}; there are {len(names)} policies to choose from")
    order = [
        name for level in aggregate(rankings, rule, **options).ranking(prompt) for name in level
    ]
    elected = order[:k]
    at = [names.index(name) for name in elected]
    ((_, profiles),) = rankings.profiles()
    ranks = np.asarray(profiles.ranks)[at].astype(float)  # (k, K), 0 where a ballot names it not
    ranks[ranks == 0] = np.inf
    best = ranks == ranks.min(axis=0)
    votes = (best / best.sum(axis=0)) @ np.asarray(profiles.integer_weights, dtype=float)
    return dict(zip(elected, (votes / votes.sum()).tolist(), strict=True))
