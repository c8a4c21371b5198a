"""Textbook definitions of STV and the expanding approvals rule, with exact fractions."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import pairwise, permutations
from math import floor

from tests.oracles.textbook import Ballots, Blocks, blocks_of


def price(ballots: Ballots, k: int, quota: str) -> Fraction:
    total = sum((weight for _, weight in ballots), Fraction(0))
    if quota == "droop":
        return Fraction(floor(total / (k + 1)) + 1)
    return total / (k + 1 if quota == "exact" else k)


def reaches(votes: Fraction, cost: Fraction, quota: str) -> bool:
    return votes > cost if quota == "exact" else votes >= cost and votes > 0


def tops(ranks: dict[int, int], remaining: Iterable[int]) -> list[int]:
    named = [i for i in remaining if i in ranks]
    return [i for i in named if ranks[i] == min(ranks[j] for j in named)]


def stv(
    ballots: Ballots,
    m: int,
    k: int | None = None,
    variant: str = "inclusive_gregory",
    quota: str = "exact",
    ties: str = "keep",
) -> Blocks:
    seats = max(1, m - 1) if k is None else k
    if variant == "meek":
        return meek(ballots, m, seats, ties)
    if variant == "scottish":
        return scottish(ballots, m, seats, ties)
    return gregory(ballots, m, price(ballots, seats, quota), quota, ties)


def gregory(ballots: Ballots, m: int, cost: Fraction, quota: str, ties: str) -> Blocks:
    """Weighted inclusive Gregory. A paper is what a ballot gives to one response, and has a value."""
    remaining = list(range(m))
    elected: Blocks = []
    eliminated: Blocks = []
    untransferred: list[int] = []
    papers: list[tuple[int, int, Fraction]] = []  # ballot, holder, value

    def pass_on(some: list[tuple[int, int, Fraction]], ratio: Fraction) -> None:
        for b, holder, value in some:
            if holder >= 0:
                papers.remove((b, holder, value))
            top = tops(ballots[b][0], remaining)
            papers.extend((b, i, value * ratio / len(top)) for i in top)

    pass_on([(b, -1, weight) for b, (_, weight) in enumerate(ballots)], Fraction(1))
    while remaining:
        votes = [sum((v for _, i, v in papers if i == j), Fraction(0)) for j in range(m)]
        deemed = [i for i in remaining if reaches(votes[i], cost, quota)]
        remaining = [i for i in remaining if i not in deemed]
        untransferred = sorted(untransferred + [i for i in deemed if votes[i] > cost])
        for block in blocks_of([votes[i] for i in deemed]):
            together = [deemed[n] for n in block]
            elected += [together] if ties == "keep" else [[i] for i in together]
        if untransferred:
            most = max(votes[i] for i in untransferred)
            leaving = [i for i in untransferred if votes[i] == most]
            leaving = leaving if ties == "keep" else leaving[:1]
            untransferred = [i for i in untransferred if i not in leaving]
            pass_on([paper for paper in papers if paper[1] in leaving], 1 - cost / most)
        elif remaining:
            fewest = min(votes[i] for i in remaining)
            leaving = [i for i in remaining if votes[i] == fewest]
            leaving = leaving if ties == "keep" else leaving[-1:]
            eliminated.insert(0, leaving)
            remaining = [i for i in remaining if i not in leaving]
            pass_on([paper for paper in papers if paper[1] in leaving], Fraction(1))
    return elected + eliminated


def strict_orders(ballots: Ballots) -> list[tuple[list[int], float]]:
    """Each ballot as all the orders of its ties, its weight divided among them."""
    total = float(sum(weight for _, weight in ballots)) or 1.0
    strict = []
    for ranks, weight in ballots:
        orders = [
            order
            for order in permutations(ranks)
            if all(ranks[a] <= ranks[b] for a, b in pairwise(order))
        ]
        strict += [(list(order), float(weight) / total / len(orders)) for order in orders]
    return strict


def meek(ballots: Ballots, m: int, k: int, ties: str = "keep") -> Blocks:
    """In floating point, over strict orders; votes within 1e-9 are equal."""
    orders = strict_orders(ballots)
    keep = [1.0] * m
    hopeful = list(range(m))
    elected: Blocks = []
    eliminated: Blocks = []
    while hopeful:
        winners = [i for block in elected for i in block]
        while True:
            votes, excess = [0.0] * m, 0.0
            for order, weight in orders:
                for i in order:
                    votes[i] += weight * keep[i]
                    weight *= 1 - keep[i]
                excess += weight
            quota = (1 - excess) / (k + 1)
            if all(abs(votes[i] - quota) < 1e-12 for i in winners):
                break
            for i in winners:
                keep[i] *= quota / votes[i]
        over = [i for i in hopeful if votes[i] > quota + 1e-9]
        if over:
            levels = blocks_of([round(votes[i], 9) for i in over])
            blocks = [[over[n] for n in level] for level in levels]
            elected += blocks if ties == "keep" else [[i] for block in blocks for i in block]
            hopeful = [i for i in hopeful if i not in over]
            continue
        fewest = min(votes[i] for i in hopeful)
        out = [i for i in hopeful if votes[i] < fewest + 1e-9]
        out = out if ties == "keep" else out[-1:]
        eliminated.insert(0, out)
        hopeful = [i for i in hopeful if i not in out]
        for i in out:
            keep[i] = 0.0
    return elected + eliminated


def scottish(ballots: Ballots, m: int, k: int, ties: str = "keep") -> Blocks:
    """Rules 45 to 52 of the Order. A paper is what a ballot gives to one response, and has a value."""
    quota = price(ballots, k, "droop")
    continuing = list(range(m))
    elected: Blocks = []
    excluded: Blocks = []
    untransferred: list[int] = []
    stages: list[list[Fraction]] = []

    def transfer(
        papers: dict[tuple[int, int], Fraction], leaving: list[int], ratio: Fraction
    ) -> None:
        for (b, holder), value in list(papers.items()):
            if holder in leaving:
                del papers[b, holder]
                top = tops(ballots[b][0], continuing)
                for i in top:
                    cut = Fraction(floor(value * ratio / len(top) * 100_000), 100_000)
                    papers[b, i] = papers.get((b, i), Fraction(0)) + cut

    def extreme(some: list[int], choose: Callable[[Iterable[Fraction]], Fraction]) -> list[int]:
        """Of those with most or fewest votes, those who had most or fewest one stage before, ..."""
        for votes in reversed(stages):
            some = [i for i in some if votes[i] == choose(votes[j] for j in some)]
        if ties == "lexicographic":
            return some[:1] if choose is max else some[-1:]
        return some

    nobody = -1
    papers = {(b, nobody): Fraction(1) for b in range(len(ballots))}  # rule 45
    transfer(papers, [nobody], Fraction(1))
    while continuing:
        held = [[(b, value) for (b, i), value in papers.items() if i == j] for j in range(m)]
        votes = [sum((ballots[b][1] * v for b, v in h), Fraction(0)) for h in held]
        stages.append(votes)
        vacancies = k - sum(len(block) for block in elected)
        deemed = [i for i in continuing if votes[i] >= quota]  # rule 47
        if len(continuing) <= vacancies:  # rule 52
            deemed = list(continuing)
        continuing = [i for i in continuing if i not in deemed]
        untransferred = sorted(untransferred + deemed)
        while deemed:
            elected.append(extreme(deemed, max))
            deemed = [i for i in deemed if i not in elected[-1]]
        with_surplus = [i for i in untransferred if votes[i] > quota]
        if with_surplus and sum(len(block) for block in elected) < k:  # rules 48 and 49
            leaving = extreme(with_surplus, max)
            untransferred = [i for i in untransferred if i not in leaving]
            transfer(papers, leaving, 1 - quota / votes[leaving[0]])
        elif continuing:  # rules 50 and 51
            leaving = extreme(continuing, min)
            excluded.insert(0, leaving)
            continuing = [i for i in continuing if i not in leaving]
            transfer(papers, leaving, Fraction(1))
    return elected + excluded


def expanding_approvals(
    ballots: Ballots, m: int, k: int | None = None, quota: str = "exact", ties: str = "keep"
) -> Blocks:
    cost = price(ballots, max(1, m - 1) if k is None else k, quota)
    values = [weight for _, weight in ballots]
    remaining = list(range(m))
    ranking: Blocks = []
    depth = 1
    while True:
        support = {
            i: sum(
                (
                    value
                    for (ranks, _), value in zip(ballots, values, strict=True)
                    if i in ranks and sum(p < ranks[i] for p in ranks.values()) < depth
                ),
                Fraction(0),
            )
            for i in remaining
        }
        if not remaining:
            return ranking
        most = max(support.values())
        if reaches(most, cost, quota):
            chosen = [i for i in remaining if support[i] == most]
            chosen = chosen if ties == "keep" else chosen[:1]
            for b, (ranks, _) in enumerate(ballots):
                n = sum(
                    i in ranks and sum(p < ranks[i] for p in ranks.values()) < depth for i in chosen
                )
                values[b] = max(Fraction(0), values[b] * (1 - n * cost / most))
            ranking.append(chosen)
            remaining = [i for i in remaining if i not in chosen]
        elif depth < m:
            depth += 1
        else:
            blocks = [[remaining[n] for n in block] for block in blocks_of(list(support.values()))]
            if ties == "lexicographic":
                blocks = [[i] for block in blocks for i in block]
            return ranking + blocks
