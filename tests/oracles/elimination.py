"""Textbook definitions of the rules that eliminate, with places and fractions spelt out."""

from collections.abc import Callable
from fractions import Fraction

from tests.oracles.textbook import Ballots, Blocks, margin_table

Group = list[int]


def first_places(ballots: Ballots, left: Group) -> dict[int, Fraction]:
    """Among those left; a shared first place is split."""
    votes = {i: Fraction(0) for i in left}
    for places, weight in ballots:
        named = [i for i in left if i in places]
        first = [i for i in named if all(places[i] <= places[j] for j in named)]
        for i in first:
            votes[i] += weight / len(first)
    return votes


def last_places(ballots: Ballots, left: Group) -> dict[int, Fraction]:
    """Among those left; a ballot with one level has no last place."""
    votes = {i: Fraction(0) for i in left}
    for places, weight in ballots:
        named = [i for i in left if i in places]
        final = [i for i in named if all(places[i] >= places[j] for j in named)]
        if len(final) < len(named):
            for i in final:
                votes[i] += weight / len(final)
    return votes


def least(votes: dict[int, Fraction], ties: str) -> Group:
    fewest = [i for i in votes if votes[i] == min(votes.values())]
    return fewest if ties == "keep" else fewest[-1:]


def eliminate(m: int, losers: Callable[[Group], Group]) -> Blocks:
    """Who goes first ranks last."""
    left = list(range(m))
    ranking: Blocks = []
    while left:
        out = losers(left) if len(left) > 1 else left
        ranking.insert(0, out)
        left = [i for i in left if i not in out]
    return ranking


def repeat(m: int, losers: Callable[[Group], Group]) -> Blocks:
    """The winners of each turn; they are those who would go last."""
    waiting, ranking = list(range(m)), []
    while waiting:
        left = waiting
        while len(left) > 1 and (rest := [i for i in left if i not in losers(left)]):
            if rest == left:
                break
            left = rest
        ranking.append(left)
        waiting = [i for i in waiting if i not in left]
    return ranking


def instant_runoff(ballots: Ballots, m: int, ties: str = "keep") -> Blocks:
    return eliminate(m, lambda left: least(first_places(ballots, left), ties))


def coombs(ballots: Ballots, m: int, majority_stop: bool = True, ties: str = "keep") -> Blocks:
    def most_last(left: Group) -> Group:
        return least({i: -v for i, v in last_places(ballots, left).items()}, ties)

    def losers(left: Group) -> Group:
        say = [(places, w) for places, w in ballots if any(i in places for i in left)]
        for i in left:
            alone = [
                w
                for places, w in say
                if i in places
                and all(places[i] < places[j] for j in left if j in places and j != i)
            ]
            if 2 * sum(alone) > sum(w for _, w in say):
                return [j for j in left if j != i]
        return most_last(left)

    return repeat(m, losers) if majority_stop else eliminate(m, most_last)


def benham(ballots: Ballots, m: int, ties: str = "keep") -> Blocks:
    margins = margin_table(ballots, m)

    def losers(left: Group) -> Group:
        for i in left:
            if all(margins[i][j] > 0 for j in left if j != i):
                return [j for j in left if j != i]
        return least(first_places(ballots, left), ties)

    return repeat(m, losers)


def subsets(group: Group) -> list[Group]:
    """All but the empty one, the smallest first."""
    found = [
        [i for n, i in enumerate(group) if code >> n & 1] for code in range(1, 2 ** len(group))
    ]
    return sorted(found, key=len)


def smith_set(margins: list[list[Fraction]], left: Group) -> Group:
    """The smallest set whose members beat all others."""
    return next(
        group
        for group in subsets(left)
        if all(margins[i][j] > 0 for i in group for j in left if j not in group)
    )


def schwartz_set(margins: list[list[Fraction]], left: Group) -> Group:
    """The union of the minimal sets that nobody outside beats."""
    unbeaten = [
        set(group)
        for group in subsets(left)
        if all(margins[j][i] <= 0 for i in group for j in left if j not in group)
    ]
    minimal = [group for group in unbeaten if not any(other < group for other in unbeaten)]
    return sorted(set().union(*minimal))


def tideman_alternative(
    ballots: Ballots, m: int, top_set: str = "smith", ties: str = "keep"
) -> Blocks:
    margins = margin_table(ballots, m)
    top = smith_set if top_set == "smith" else schwartz_set

    def losers(left: Group) -> Group:
        outside = [i for i in left if i not in top(margins, left)]
        return outside or least(first_places(ballots, left), ties)

    return repeat(m, losers)


def bottom_two_runoff(ballots: Ballots, m: int, ties: str = "keep") -> Blocks:
    margins = margin_table(ballots, m)

    def losers(left: Group) -> Group:
        votes = first_places(ballots, left)
        order = sorted(left, key=lambda i: (votes[i], -i))
        bottom = order[:2]
        if ties == "keep":  # all who could be among the two if equal votes were ordered otherwise
            lowest = [i for i in left if votes[i] == votes[order[0]]]
            second = [i for i in left if votes[i] == votes[order[1]]]
            bottom = lowest if len(lowest) > 1 else lowest + second
        wins = {i: sum(margins[i][j] > 0 for j in bottom) for i in sorted(bottom)}
        losses = {i: sum(margins[i][j] < 0 for j in bottom) for i in bottom}
        return least({i: Fraction(wins[i] - losses[i]) for i in wins}, ties)

    return eliminate(m, losers)


def borda_points(ballots: Ballots, left: Group) -> dict[int, Fraction]:
    """A point per ballot and response below, half a point where the ballot does not tell."""
    points = {i: Fraction(0) for i in left}
    for places, weight in ballots:
        for i in left:
            for j in left:
                told = i in places and j in places and places[i] != places[j]
                if i != j and not told:
                    points[i] += weight / 2
                elif i != j and places[i] < places[j]:
                    points[i] += weight
    return points


def baldwin(ballots: Ballots, m: int, ties: str = "keep") -> Blocks:
    return eliminate(m, lambda left: least(borda_points(ballots, left), ties))


def nanson(ballots: Ballots, m: int, variant: str = "strict") -> Blocks:
    left = list(range(m))
    ranking: Blocks = []
    while left:
        points = borda_points(ballots, left)
        average = sum(points.values(), Fraction(0)) / len(left)
        out = [
            i for i in left if points[i] < average or (variant == "weak" and points[i] == average)
        ]
        out = out or left
        for level in sorted({points[i] for i in out}):
            ranking.insert(0, [i for i in out if points[i] == level])
        left = [i for i in left if i not in out]
    return ranking
