"""The worst distortion by definition: all combinations of the ballots' extreme utilities, in fractions."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

from tests.oracles.textbook import Ballots


def worst_distortion(ballots: Ballots, m: int, chances: Sequence[Fraction]) -> Fraction | None:
    """The largest ratio of a response's utility to that of the outcome; None if it is infinite."""
    voters = [(ranks, weight) for ranks, weight in ballots if weight > 0]
    choices = []
    for ranks, _ in voters:
        tops = [{i for i in range(m) if ranks[i] <= k} for k in sorted(set(ranks.values()))]
        choices.append([[Fraction(i in top, len(top)) for i in range(m)] for top in tops])
    largest = Fraction(1)
    for utilities in product(*choices):
        sums = [sum((w * u[i] for u, (_, w) in zip(utilities, voters, strict=True)), Fraction(0))
                for i in range(m)]  # fmt: skip
        reached = sum((c * s for c, s in zip(chances, sums, strict=True)), Fraction(0))
        if reached == 0:
            return None
        largest = max(largest, max(sums) / reached)
    return largest
