"""Slow textbook definitions of the majority rules, after the style of `tests/oracles/textbook.py`."""

from collections.abc import Callable, Collection, Iterable
from fractions import Fraction
from itertools import combinations, pairwise, permutations, product

from tests.oracles.textbook import (
    Ballots,
    Blocks,
    blocks_of,
    borda,
    cut_where_all_agree,
    margin_table,
    support,
)

Margins = list[list[Fraction]]
Choice = Callable[[Margins, frozenset[int]], set[int]]
"""From the margins and the remaining responses to the winners."""


def in_tiers(choice: Choice, ballots: Ballots, m: int) -> Blocks:
    """The winners, the winners among the other responses, and so on."""
    margins, remaining = margin_table(ballots, m), frozenset(range(m))
    blocks = []
    while remaining:
        winners = choice(margins, remaining)
        blocks.append(sorted(winners))
        remaining -= winners
    return blocks


def scores_of(blocks: Blocks, m: int) -> list[int]:
    """The number of lower tiers."""
    scores = [0] * m
    for lower, block in enumerate(reversed(blocks)):
        for i in block:
            scores[i] = lower
    return scores


def copeland_alpha(ballots: Ballots, m: int, tie: Fraction) -> list[Fraction]:
    margins, scores = margin_table(ballots, m), [Fraction(0)] * m
    for i, j in permutations(range(m), 2):
        scores[i] += 1 if margins[i][j] > 0 else -1 if margins[i][j] < 0 else tie
    return scores


def llull(ballots: Ballots, m: int) -> list[int]:
    margins = margin_table(ballots, m)
    return [sum(margins[i][j] >= 0 for j in range(m) if j != i) for i in range(m)]


def minimax(ballots: Ballots, m: int, variant: str = "margins") -> list[Fraction]:
    scores = []
    for i in range(m):
        worst = Fraction(0)
        for j in range(m):
            against, in_favour = support(ballots, j, i), support(ballots, i, j)
            if variant == "pairwise_opposition":
                worst = max(worst, against)
            elif against > in_favour:
                worst = max(worst, against - in_favour if variant == "margins" else against)
        scores.append(-worst)
    return scores


def black(ballots: Ballots, m: int) -> Blocks:
    margins, counts = margin_table(ballots, m), borda(ballots, m)
    winner = [i for i in range(m) if all(margins[i][j] > 0 for j in range(m) if j != i)]
    others = [[i for i in block if i not in winner] for block in blocks_of(counts)]
    return [block for block in (winner, *others) if block]


def subsets(group: Collection[int]) -> list[tuple[int, ...]]:
    """All but the empty one, the smallest first."""
    sizes = range(1, len(group) + 1)
    return [subset for size in sizes for subset in combinations(sorted(group), size)]


def smith_set(margins: Margins, remaining: frozenset[int]) -> set[int]:
    """The smallest set whose members beat all others."""
    return next(
        set(inside)
        for inside in subsets(remaining)
        if all(margins[i][j] > 0 for i in inside for j in remaining.difference(inside))
    )


def schwartz_set(margins: Margins, remaining: frozenset[int]) -> set[int]:
    """The union of the minimal sets that nobody outside beats."""
    unbeaten = [
        set(inside)
        for inside in subsets(remaining)
        if all(margins[j][i] <= 0 for i in inside for j in remaining.difference(inside))
    ]
    return set().union(*(s for s in unbeaten if not any(other < s for other in unbeaten)))


def smith(ballots: Ballots, m: int) -> Blocks:
    return in_tiers(smith_set, ballots, m)


def schwartz(ballots: Ballots, m: int) -> Blocks:
    return in_tiers(schwartz_set, ballots, m)


def layers(m: int, above: Iterable[tuple[int, int]]) -> Blocks:
    """Those with nobody above them, then those with only the first above them, and so on."""
    pairs, remaining, blocks = set(above), set(range(m)), []
    while remaining:
        top = {j for j in remaining if not any((i, j) in pairs for i in remaining)}
        blocks.append(sorted(top))
        remaining -= top
    return blocks


def uncovered_set(ballots: Ballots, m: int, variant: str = "gillies") -> Blocks:
    margins = margin_table(ballots, m)
    above = [{j for j in range(m) if margins[j][i] > 0} for i in range(m)]
    below = [{j for j in range(m) if margins[i][j] > 0} for i in range(m)]

    def covers(i: int, j: int) -> bool:
        return {
            "gillies": j in below[i] and above[i] <= above[j],
            "bordes": j in below[i] and below[j] <= below[i],
            "mckelvey": j in below[i] and above[i] <= above[j] and below[j] <= below[i],
            "fishburn": above[i] < above[j],
        }[variant]

    return layers(m, [(i, j) for i, j in permutations(range(m), 2) if covers(i, j)])


def strengths(ballots: Ballots, m: int, strength: str) -> Margins:
    """How strong majority wins are, 0 where there is none."""
    margins = margin_table(ballots, m)
    size = margins if strength == "margins" else [
        [support(ballots, i, j) for j in range(m)] for i in range(m)
    ]  # fmt: skip
    return [[size[i][j] if margins[i][j] > 0 else Fraction(0) for j in range(m)] for i in range(m)]


def defeats(wins: Margins, remaining: Iterable[int]) -> set[tuple[int, int]]:
    """All wins but the weakest ones of each cycle, over all simple cycles."""
    members = sorted(remaining)
    dropped = set()
    for size in range(2, len(members) + 1):
        for cycle in permutations(members, size):
            edges = [*pairwise(cycle), (cycle[-1], cycle[0])]
            weakest = min(wins[i][j] for i, j in edges)
            if weakest > 0:
                dropped |= {(i, j) for i, j in edges if wins[i][j] == weakest}
    return {(i, j) for i, j in permutations(members, 2) if wins[i][j] > 0} - dropped


def split_cycle(ballots: Ballots, m: int, strength: str = "margins") -> Blocks:
    return layers(m, defeats(strengths(ballots, m, strength), range(m)))


def stable_winners(margins: Margins, remaining: frozenset[int]) -> set[int]:
    if len(remaining) == 1:
        return set(remaining)
    wins = [[max(margin, Fraction(0)) for margin in row] for row in margins]
    candidates = remaining - {j for _, j in defeats(wins, remaining)}
    stays = {
        (i, j)
        for i, j in permutations(remaining, 2)
        if i in candidates and i in stable_winners(margins, remaining - {j})
    }
    best = max(margins[i][j] for i, j in stays)
    return {i for i, j in stays if margins[i][j] == best}


def stable_voting(ballots: Ballots, m: int) -> Blocks:
    return in_tiers(stable_winners, ballots, m)


def river_winners(margins: Margins, remaining: frozenset[int]) -> set[int]:
    """The roots of all trees that are locked in if their pairs come first among equal margins.

    Every other pair must then be skipped: its loser has lost by at least as much, or leads to its
    winner by losses at least as large.
    """
    roots = set()
    for root in remaining:
        others = sorted(remaining - {root})
        for beaten_by in product(remaining, repeat=len(others)):
            parent = dict(zip(others, beaten_by, strict=True))
            if is_river(margins, root, parent):
                roots.add(root)
                break
    return roots


def is_river(margins: Margins, root: int, parent: dict[int, int]) -> bool:
    above: dict[int, list[int]] = {root: [root]}  # from each response up to the root
    for i in parent:
        path = [i]
        while path[-1] != root and len(path) <= len(parent) + 1:
            path.append(parent[path[-1]])
        if path[-1] != root:
            return False
        above[i] = path
    if any(margins[parent[i]][i] < 0 for i in parent):
        return False
    for winner, loser in permutations(above, 2):
        margin = margins[winner][loser]
        if margin < 0 or (loser in parent and margins[parent[loser]][loser] >= margin):
            continue
        path = above[winner]
        if loser not in path:
            return False
        down = path[: path.index(loser) + 1]
        if any(margins[j][i] < margin for i, j in pairwise(down)):
            return False
    return True


def river(ballots: Ballots, m: int, ties: str = "keep") -> Blocks:
    return in_tiers(river_winners if ties == "keep" else first_river_winner, ballots, m)


def first_river_winner(margins: Margins, remaining: frozenset[int]) -> set[int]:
    """Equal margins by the winner, then the loser."""
    pairs = [(-margins[i][j], i, j) for i, j in permutations(remaining, 2) if margins[i][j] >= 0]
    parent: dict[int, int] = {}
    for _, winner, loser in sorted(pairs):
        if loser in parent:
            continue
        top = winner
        while top in parent:
            top = parent[top]
        if top != loser:
            parent[loser] = winner
    return set(remaining.difference(parent))


def ranked_pairs_outcomes(ballots: Ballots, m: int) -> list[list[int]]:
    """All orders in which paths lead down to whoever is beaten from below, as strong as that win."""
    margins = margin_table(ballots, m)

    def holds(order: tuple[int, ...]) -> bool:
        for high, low in combinations(range(m), 2):
            between = range(high + 1, low)
            paths = (
                [order[k] for k in (high, *middle, low)]
                for n in range(len(between) + 1)
                for middle in combinations(between, n)
            )
            strongest = max(min(margins[i][j] for i, j in pairwise(path)) for path in paths)
            if strongest < margins[order[low]][order[high]]:
                return False
        return True

    return [list(order) for order in permutations(range(m)) if holds(order)]


def ranked_pairs_all(ballots: Ballots, m: int) -> Blocks:
    return cut_where_all_agree(ranked_pairs_outcomes(ballots, m))
