"""Textbook definitions of the rules that eliminate, in exact fractions."""

from collections.abc import Callable
from fractions import Fraction

from tests.oracles.majority import schwartz_set, smith_set
from tests.oracles.textbook import Ballots, Blocks, margin_table, puts_above

Group = list[int]


def first_places(ballots: Ballots, remaining: Group) -> dict[int, Fraction]:
    """First places among the remaining responses; a shared first place is split."""
    votes = {i: Fraction(0) for i in remaining}
    for ranks, weight in ballots:
        named = [i for i in remaining if i in ranks]
        first = [i for i in named if all(ranks[i] <= ranks[j] for j in named)]
        for i in first:
            votes[i] += weight / len(first)
    return votes


def last_places(ballots: Ballots, remaining: Group) -> dict[int, Fraction]:
    """Last places among the remaining responses; a ballot with one level has no last place."""
    votes = {i: Fraction(0) for i in remaining}
    for ranks, weight in ballots:
        named = [i for i in remaining if i in ranks]
        final = [i for i in named if all(ranks[i] >= ranks[j] for j in named)]
        if len(final) < len(named):
            for i in final:
                votes[i] += weight / len(final)
    return votes


def least(votes: dict[int, Fraction], ties: str) -> Group:
    fewest = [i for i in votes if votes[i] == min(votes.values())]
    return fewest if ties == "keep" else fewest[-1:]


def eliminate(m: int, losers: Callable[[Group], Group]) -> Blocks:
    """The responses that are eliminated first rank last."""
    remaining = list(range(m))
    ranking: Blocks = []
    while remaining:
        out = losers(remaining) if len(remaining) > 1 else remaining
        ranking.insert(0, out)
        remaining = [i for i in remaining if i not in out]
    return ranking


def repeat(m: int, losers: Callable[[Group], Group]) -> Blocks:
    """The responses that remain to the end, then those of the same count without them, and so on."""
    waiting, ranking = list(range(m)), []
    while waiting:
        remaining = waiting
        while len(remaining) > 1 and (rest := [i for i in remaining if i not in losers(remaining)]):
            if rest == remaining:
                break
            remaining = rest
        ranking.append(remaining)
        waiting = [i for i in waiting if i not in remaining]
    return ranking


def instant_runoff(ballots: Ballots, m: int, ties: str = "keep") -> Blocks:
    return eliminate(m, lambda remaining: least(first_places(ballots, remaining), ties))


def coombs(ballots: Ballots, m: int, majority_stop: bool = True, ties: str = "keep") -> Blocks:
    def most_last(remaining: Group) -> Group:
        return least({i: -v for i, v in last_places(ballots, remaining).items()}, ties)

    def losers(remaining: Group) -> Group:
        naming = [(ranks, w) for ranks, w in ballots if any(i in ranks for i in remaining)]
        for i in remaining:
            alone = [
                w
                for ranks, w in naming
                if i in ranks
                and all(ranks[i] < ranks[j] for j in remaining if j in ranks and j != i)
            ]
            if 2 * sum(alone) > sum(w for _, w in naming):
                return [j for j in remaining if j != i]
        return most_last(remaining)

    return repeat(m, losers) if majority_stop else eliminate(m, most_last)


def benham(ballots: Ballots, m: int, ties: str = "keep") -> Blocks:
    margins = margin_table(ballots, m)

    def losers(remaining: Group) -> Group:
        for i in remaining:
            if all(margins[i][j] > 0 for j in remaining if j != i):
                return [j for j in remaining if j != i]
        return least(first_places(ballots, remaining), ties)

    return repeat(m, losers)


def tideman_alternative(
    ballots: Ballots, m: int, top_set: str = "smith", ties: str = "keep"
) -> Blocks:
    margins = margin_table(ballots, m)
    top = smith_set if top_set == "smith" else schwartz_set

    def losers(remaining: Group) -> Group:
        outside = [i for i in remaining if i not in top(margins, frozenset(remaining))]
        return outside or least(first_places(ballots, remaining), ties)

    return repeat(m, losers)


def bottom_two_runoff(ballots: Ballots, m: int, ties: str = "keep") -> Blocks:
    margins = margin_table(ballots, m)

    def losers(remaining: Group) -> Group:
        votes = first_places(ballots, remaining)
        order = sorted(remaining, key=lambda i: (votes[i], -i))
        bottom = order[:2]
        if ties == "keep":  # all who could be among the two if equal votes were ordered otherwise
            lowest = [i for i in remaining if votes[i] == votes[order[0]]]
            second = [i for i in remaining if votes[i] == votes[order[1]]]
            bottom = lowest if len(lowest) > 1 else lowest + second
        wins = {i: sum(margins[i][j] > 0 for j in bottom) for i in sorted(bottom)}
        losses = {i: sum(margins[i][j] < 0 for j in bottom) for i in bottom}
        return least({i: Fraction(wins[i] - losses[i]) for i in wins}, ties)

    return eliminate(m, losers)


def borda_points(ballots: Ballots, remaining: Group) -> dict[int, Fraction]:
    """A point per ballot and response below, half a point where the ballot does not compare them."""
    points = {i: Fraction(0) for i in remaining}
    for ranks, weight in ballots:
        for i in remaining:
            for j in remaining:
                if puts_above(ranks, i, j):
                    points[i] += weight
                elif i != j and not puts_above(ranks, j, i):
                    points[i] += weight / 2
    return points


def baldwin(ballots: Ballots, m: int, ties: str = "keep") -> Blocks:
    return eliminate(m, lambda remaining: least(borda_points(ballots, remaining), ties))


def nanson(ballots: Ballots, m: int, variant: str = "strict") -> Blocks:
    remaining = list(range(m))
    ranking: Blocks = []
    while remaining:
        points = borda_points(ballots, remaining)
        average = sum(points.values(), Fraction(0)) / len(remaining)
        out = [
            i
            for i in remaining
            if points[i] < average or (variant == "weak" and points[i] == average)
        ]
        out = out or remaining
        for level in sorted({points[i] for i in out}):
            ranking.insert(0, [i for i in out if points[i] == level])
        remaining = [i for i in remaining if i not in out]
    return ranking
