"""What the rules with quotas share: kinds of ballots, the quota, exact values, and the election step."""

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import numpy as np

from rlchf.numeric.arrays import Array, array_namespace, device_of, to_numpy
from rlchf.profiles import Profiles

Quota = Literal["exact", "droop", "hare"]

BITS = 1024
"""Values of ballots are exact as long as their denominators have fewer bits than this."""

Levels = tuple[tuple[int, ...], ...]


class Values:
    """The current value of one vote of each kind of ballot: 1 at first, later a fraction.

    Attributes
    ----------
    kinds
        The kinds of ballots: their levels, best first.
    votes
        The number of votes of each kind.
    parts, whole
        The value of a vote of kind b is ``parts[b] / whole``.
    """

    def __init__(self, ballots: dict[Levels, int]) -> None:
        self.kinds = list(ballots)
        self.votes = list(ballots.values())
        self.parts = [1] * len(self.kinds)
        self.whole = 1

    def reduce(self, factors: list[int], whole: int) -> None:
        """Multiply the value of each kind by ``factor / whole``."""
        parts = [part * factor for part, factor in zip(self.parts, factors, strict=True)]
        self.whole *= whole
        common = math.gcd(self.whole, *parts)
        self.parts, self.whole = [part // common for part in parts], self.whole // common
        if self.whole.bit_length() > BITS:
            self.parts = [(part << BITS) // self.whole for part in self.parts]
            self.whole = 1 << BITS

    def elect(
        self, supported: list[list[int]], remaining: Iterable[int], price: Fraction,
        *, enough: bool, strictly: bool, split: bool,
    ) -> tuple[dict[int, int], list[int]]:  # fmt: skip
        """Elect the responses with the most votes if these reach the price, which their ballots pay.

        Parameters
        ----------
        supported
            The remaining responses that each kind of ballot supports.
        price
            The votes that a seat costs.
        enough
            Whether exactly the price elects, too.
        strictly
            Whether only the first of tied responses is elected.
        split
            Whether a ballot divides its value among the responses that it supports, or each gets all of it.

        Returns
        -------
        The votes for each remaining response, in the same unit, and the responses elected.
        """
        unit = math.lcm(*{len(responses) for responses in supported if responses}) if split else 1
        shares = [unit // (len(r) or 1) for r in supported] if split else [1] * len(supported)
        counts = dict.fromkeys(remaining, 0)  # in units of 1 / (unit whole)
        ballots = zip(supported, self.votes, self.parts, shares, strict=True)
        for responses, votes, part, share in ballots:
            for i in responses:
                counts[i] += votes * part * share
        most = max(counts.values())
        value = most * price.denominator
        cost = price.numerator * unit * self.whole  # like the value, times the price's denominator
        if not most or value < cost or (value == cost and not enough):
            return counts, []
        elected = [i for i in counts if counts[i] == most]
        elected = elected[:1] if strictly else elected
        n_elected = [sum(map(responses.count, elected)) for responses in supported]
        paid = (n * cost * share for n, share in zip(n_elected, shares, strict=True))
        self.reduce([max(0, unit * value - amount) for amount in paid], unit * value)
        return counts, elected


def n_seats(k: int | None, M: int) -> int:
    """The number of seats, by default M - 1; a number below 1 is an error."""
    if k is not None and k < 1:
        raise ValueError(f"k is {k}; give 1 or more seats")
    return max(1, M - 1) if k is None else k


def each_prompt(
    profiles: Profiles,
    k: int,
    quota: Quota,
    count: Callable[[dict[Levels, int], Fraction], list[int]],
) -> Array:
    """Count the ballots of one prompt after the other, with Python's whole numbers, on the CPU.

    ``count`` gets the votes of each kind of ballot, and the number of votes that a seat costs.
    """
    totals, units = to_numpy(profiles.totals), to_numpy(profiles.scale)
    scores = np.empty((profiles.n_prompts, profiles.n_responses))
    for b, ballots in enumerate(_kinds(profiles)):
        scores[b] = count(ballots, _quota(int(totals[b]), float(units[b]), k, quota))
    return array_namespace(profiles.ranks).asarray(scores, device=device_of(profiles.ranks))


def _quota(total: int, unit: float, k: int, quota: Quota) -> Fraction:
    """The number of votes that a seat costs."""
    if quota == "droop":  # in units of weight
        one = Fraction(unit).limit_denominator(10**9)
        return (math.floor(total / one / (k + 1)) + 1) * one
    return Fraction(total, k + 1 if quota == "exact" else k)


def _kinds(profiles: Profiles) -> Iterator[dict[Levels, int]]:
    """The votes of each kind of ballot, prompt by prompt."""
    known: dict[tuple[int, ...], Levels] = {}
    columns = to_numpy(profiles.ranks).T.tolist()
    votes = to_numpy(profiles.integer_weights).astype(np.int64).tolist()
    starts = profiles.starts.tolist()
    for start, end in pairwise(starts):
        ballots: dict[Levels, int] = {}
        for column, vote in zip(map(tuple, columns[start:end]), votes[start:end], strict=True):
            if vote:
                levels = known.get(column)
                if levels is None:
                    levels = known[column] = _levels(column)
                ballots[levels] = ballots.get(levels, 0) + vote
        yield ballots


def _levels(column: tuple[int, ...]) -> Levels:
    levels: list[list[int]] = [[] for _ in range(max(column))]
    for i, rank in enumerate(column):
        if rank:
            levels[rank - 1].append(i)
    return tuple(map(tuple, levels))
