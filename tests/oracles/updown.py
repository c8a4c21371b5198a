"""Slow textbook definitions of the rules for votes for and against: money by the moment, all committees.

A ballot is a row of 1 (approves), 0 and -1 (disapproves); ties go to the first response.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from tests.oracles.positional import approval
from tests.oracles.proportional import approved, buy, seq_phragmen
from tests.oracles.textbook import Ballots, Blocks

Votes = Sequence[Sequence[int]]


def net_votes(votes: Votes, weights: Sequence[int]) -> list[int]:
    columns = zip(*votes, strict=True)
    return [sum(w * v for w, v in zip(weights, column, strict=True)) for column in columns]


def elected_and_vetoed(votes: Votes, weights: Sequence[int], k: int) -> tuple[list[int], list[int]]:
    """The responses elected and those vetoed, in order; every ballot earns its weight per unit of time."""
    money = [Fraction(0)] * len(votes)
    undecided = list(range(len(votes[0])))
    elected: list[int] = []
    vetoed: list[int] = []
    while len(elected) < k:
        moments = []
        for c in undecided:
            for side in (1, -1):
                buyers = [n for n, row in enumerate(votes) if row[c] == side and weights[n] > 0]
                if buyers:
                    lacking = 1 - sum(money[n] for n in buyers)
                    wait = max(Fraction(lacking) / sum(weights[n] for n in buyers), Fraction(0))
                    moments.append((wait, c, -side, buyers))
        if not moments:
            break
        wait, c, side, buyers = min(moments)
        money = [m + wait * w for m, w in zip(money, weights, strict=True)]
        for n in buyers:
            money[n] = Fraction(0)
        undecided.remove(c)
        (elected if side == -1 else vetoed).append(c)
    return elected, vetoed


def best_committees(votes: Votes, weights: Sequence[int | Fraction], k: int) -> list[set[int]]:
    """All committees of at most k members with the greatest score of proportional approval voting."""
    M = len(votes[0])

    def score(committee: set[int]) -> Fraction:
        total = Fraction(0)
        for row, weight in zip(votes, weights, strict=True):
            met = sum(v == 1 and c in committee for c, v in enumerate(row))
            met += sum(v == -1 and c not in committee for c, v in enumerate(row))
            total += weight * sum((Fraction(1, n) for n in range(1, met + 1)), Fraction(0))
        return total

    every = [set(c) for size in range(k + 1) for c in combinations(range(M), size)]
    best = max(map(score, every))
    return [committee for committee in every if score(committee) == best]


def bought_with_tax(votes: Votes, weights: Sequence[int], k: int) -> list[int]:
    """The responses bought, in order: the price of a seat is up / (up - down), each vote has k / n."""
    n, M = sum(weights), len(votes[0])
    money = [Fraction(k, n)] * len(votes)  # of one vote
    prices = {}
    for c in range(M):
        up = sum(w for row, w in zip(votes, weights, strict=True) if row[c] == 1)
        down = sum(w for row, w in zip(votes, weights, strict=True) if row[c] == -1)
        if up > down:
            prices[c] = Fraction(up, up - down)
    bought: list[int] = []
    while True:
        offers = []
        for c in prices.keys() - set(bought):
            fans = [i for i, row in enumerate(votes) if row[c] == 1 and weights[i] > 0]
            if sum(weights[i] * money[i] for i in fans) < prices[c]:
                continue
            # the payment at which the price is reached: try each number of ballots that pay all they have
            for amount in sorted({money[i] for i in fans} | {max(money[i] for i in fans)}):
                poor = sum(weights[i] * money[i] for i in fans if money[i] < amount)
                rich = sum(weights[i] for i in fans if money[i] >= amount)
                rho = (prices[c] - poor) / rich
                if rho <= amount:
                    offers.append((rho, c, fans))
                    break
        if not offers:
            return bought
        rho, c, fans = min(offers)
        for i in fans:
            money[i] -= min(money[i], rho)
        bought.append(c)


# On rankings nothing is disapproved, and the rules become those for approvals.


def net_approval(ballots: Ballots, m: int) -> list[Fraction]:
    return approval(ballots, m)


def updown_phragmen(ballots: Ballots, m: int) -> Blocks:
    return seq_phragmen(ballots, m)


def tax_equal_shares(ballots: Ballots, m: int) -> Blocks:
    blocks, _ = buy(approved(ballots), m, m, 1, m, "keep")
    rest = [c for c in range(m) if not any(c in block for block in blocks)]
    return blocks + ([rest] if rest else [])


def updown_pav(ballots: Ballots, m: int) -> list[Fraction]:
    voters = approved(ballots)
    votes = [[int(c in liked) for c in range(m)] for liked, _ in voters]
    scores = [Fraction(0)] * m
    for k in range(1, m + 1):
        best = best_committees(votes, [w for _, w in voters], k)
        for c in range(m):
            scores[c] += Fraction(sum(c in committee for committee in best), len(best))
    return scores
