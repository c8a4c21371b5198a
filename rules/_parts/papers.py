"""The ballots of an STV count by the response that holds them, with exact values."""

import math

from rlchf.rules._parts.stv import BITS, Levels


class Papers:
    """What every response holds: for each kind of ballot, the value of one such ballot to it.

    A ballot is held by the best remaining responses that it ranks; t of them, tied, hold 1/t of its value
    each.

    Attributes
    ----------
    kinds
        The kinds of ballots: their levels, best first.
    votes
        The number of ballots of each kind.
    held
        For each response, the values in units of 1 / ``whole``, by the number of the kind.
    counts
        The votes that each response holds, in the same units.
    whole
        The common denominator of all values.
    """

    def __init__(self, ballots: dict[Levels, int], M: int) -> None:
        self.kinds = list(ballots)
        self.votes = list(ballots.values())
        self.held: list[dict[int, int]] = [{} for _ in range(M)]
        self.counts = [0] * M
        self.whole = 1
        self._level = [0] * len(self.kinds)  # the first level with remaining responses
        self._give(dict.fromkeys(range(len(self.kinds)), 1), set(range(M)), 1)

    def transfer(
        self, leaving: list[int], remaining: set[int], part: int = 1, whole: int = 1
    ) -> None:
        """Pass on ``part / whole`` of all values that the leaving responses hold.

        Examples
        --------
        >>> papers = Papers({((0,), (1,)): 6, ((1,),): 2}, 2)
        >>> papers.transfer([0], {1}, 1, 3)
        >>> papers.counts[1] / papers.whole
        4.0
        """
        passed: dict[int, int] = {}
        for i in leaving:
            for b, value in self.held[i].items():
                passed[b] = passed.get(b, 0) + value * part
            self.held[i], self.counts[i] = {}, 0
        self._give(passed, remaining, whole)

    def _give(self, values: dict[int, int], remaining: set[int], whole: int) -> None:
        """Hand values in units of 1 / (``whole`` self.whole) to the best remaining response of each kind."""
        tops = {b: self._top(b, remaining) for b in values}
        unit = whole * math.lcm(*{len(top) for top in tops.values() if top})
        if unit > 1:
            self._scale(unit)
        for b, value in values.items():
            share = value * (unit // whole) // (len(tops[b]) or 1)
            for i in tops[b]:
                self.held[i][b] = self.held[i].get(b, 0) + share
                self.counts[i] += share * self.votes[b]
        if unit > 1:
            self._shorten()

    def _scale(self, factor: int) -> None:
        self.whole *= factor
        self.counts = [count * factor for count in self.counts]
        for held in self.held:
            for b in held:
                held[b] *= factor

    def _top(self, b: int, remaining: set[int]) -> list[int]:
        levels = self.kinds[b]
        for n in range(self._level[b], len(levels)):
            top = [i for i in levels[n] if i in remaining]
            if top:
                self._level[b] = n
                return top
        self._level[b] = len(levels)
        return []

    def _shorten(self) -> None:
        """Divide by common factors, and round values down to multiples of 2^-`BITS` if need be."""
        common = math.gcd(self.whole, *(value for held in self.held for value in held.values()))
        if (self.whole // common).bit_length() > BITS:
            for i, held in enumerate(self.held):
                self.held[i] = {b: (value << BITS) // self.whole for b, value in held.items()}
                self.counts[i] = sum(value * self.votes[b] for b, value in self.held[i].items())
            self.whole = 1 << BITS
        elif common > 1:
            self.held = [{b: value // common for b, value in held.items()} for held in self.held]
            self.counts = [count // common for count in self.counts]
            self.whole //= common
