"""Slow textbook definitions of the proportional rules: plain Python and exact fractions."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import combinations

from tests.oracles.textbook import Ballots, Blocks

Approvals = list[tuple[frozenset[int], Fraction]]
Committee = tuple[int, ...]


def approved(ballots: Ballots, top: int | None = None) -> Approvals:
    """Each ballot approves its first place, and each response with fewer above it than below it."""
    approvals = []
    for ranks, weight in ballots:
        better = set()
        for i, rank in ranks.items():
            above = sum(p < rank for p in ranks.values())
            below = sum(p > rank for p in ranks.values())
            if above < top if top is not None else (above == 0 or above < below):
                better.add(i)
        approvals.append((frozenset(better), weight))
    return approvals


def elect(
    m: int, k: int | None, ties: str, best: Callable[[list[int], list[int]], list[int]]
) -> Blocks:
    """Elect round by round; ``best`` takes the remaining and the last elected, and gives the next."""
    blocks: Blocks = []
    remaining, last = list(range(m)), list[int]()
    while remaining and m - len(remaining) < (k or m):
        chosen = best(remaining, last)
        last = sorted(chosen) if ties == "keep" else [min(chosen)]
        blocks.append(last)
        remaining = [c for c in remaining if c not in last]
    return blocks + ([remaining] if remaining else [])


def arg_best(values: dict[int, Fraction]) -> list[int]:
    return [c for c in values if values[c] == max(values.values())]


def seq_pav(
    ballots: Ballots, m: int, k: int | None = None, top: int | None = None, ties: str = "keep"
) -> Blocks:
    voters, elected = approved(ballots, top), set[int]()

    def best(remaining: list[int], last: list[int]) -> list[int]:
        elected.update(last)
        return arg_best(
            {
                c: sum((w / (1 + len(elected & a)) for a, w in voters if c in a), Fraction(0))
                for c in remaining
            }
        )

    return elect(m, k, ties, best)


def reverse_seq_pav(
    ballots: Ballots, m: int, k: int | None = None, top: int | None = None, ties: str = "keep"
) -> Blocks:
    """Drop from the full committee; with k, the blocks that begin within the first k places."""
    voters, committee = approved(ballots, top), set(range(m))
    blocks: Blocks = []
    while committee:
        worth = sum((w * harmonic(len(a & committee)) for a, w in voters), Fraction(0))
        loss = {
            c: sum((w * harmonic(len((a & committee) - {c})) for a, w in voters), Fraction(0))
            - worth
            for c in sorted(committee)
        }
        least = arg_best(loss)
        out = least if ties == "keep" else [max(least)]
        blocks.insert(0, out)
        committee -= set(out)
    before = [sum(map(len, blocks[:n])) for n in range(len(blocks))]
    elected = [b for b, n in zip(blocks, before, strict=True) if n < (k or m)]
    rest = sorted(set(range(m)).difference(*elected))
    return elected + ([rest] if rest else [])


def harmonic(n: int) -> Fraction:
    return sum((Fraction(1, j) for j in range(1, n + 1)), Fraction(0))


def time_to_pay(owed: Sequence[tuple[Fraction, Fraction]], price: Fraction) -> Fraction | None:
    """When the supporters have the price: (load, weight) each, who earn once the time is past the load."""
    owed = sorted((load, w) for load, w in owed if w > 0)
    for n in range(len(owed), 0, -1):  # the first n pay
        weight = sum(w for _, w in owed[:n])
        time = (price + sum(load * w for load, w in owed[:n])) / weight
        if time >= owed[n - 1][0]:
            return time
    return None


def phragmen_rounds(
    voters: Approvals, loads: list[Fraction], ties: str
) -> Callable[[list[int], list[int]], list[int]]:
    """Phragmén's choice, round after round, from the loads per unit of weight at its beginning."""
    now: dict[int, Fraction | None] = {}

    def best(remaining: list[int], last: list[int]) -> list[int]:
        time = now.get(last[0]) if last else None
        if time is not None:
            for n, (a, _) in enumerate(voters):
                loads[n] += len(a & set(last)) * max(time - loads[n], Fraction(0))
        now.clear()
        for c in remaining:
            owed = [(loads[n], w) for n, (a, w) in enumerate(voters) if c in a]
            now[c] = time_to_pay(owed, Fraction(1))
        payable = [t for t in now.values() if t is not None]
        return [c for c in remaining if not payable or now[c] == min(payable)]

    return best


def seq_phragmen(
    ballots: Ballots, m: int, k: int | None = None, top: int | None = None, ties: str = "keep"
) -> Blocks:
    voters = approved(ballots, top)
    return elect(m, k, ties, phragmen_rounds(voters, [Fraction(0)] * len(voters), ties))


def share_of_price(purses: Sequence[tuple[Fraction, Fraction]]) -> Fraction | None:
    """The least r so that supporters with (purse, weight) who pay up to r per weight have 1 together."""
    purses = [(max(b, Fraction(0)), w) for b, w in purses if w > 0]
    if sum(b for b, _ in purses) < 1:
        return None
    steps = sorted({b / w for b, w in purses})
    for r in steps:
        if sum(min(b, r * w) for b, w in purses) >= 1:
            poor = [b for b, w in purses if b / w < r]
            rich = [w for b, w in purses if b / w >= r]
            return (1 - sum(poor, Fraction(0))) / sum(rich)
    raise AssertionError("all pay all they have at the last step")


def buy(
    voters: Approvals, m: int, k: int, first: int, most: int, ties: str
) -> tuple[Blocks, list[Fraction]]:
    """What the budget of ``first`` seats buys, raised one by one to ``most``; and the money that remains."""
    total = sum(w for _, w in voters)
    purses = [first * w / total if total else Fraction(0) for _, w in voters]
    blocks: Blocks = []
    remaining, seats = list(range(m)), first
    while m - len(remaining) < k:
        shares = {
            c: share_of_price([(purses[n], w) for n, (a, w) in enumerate(voters) if c in a])
            for c in remaining
        }
        offers = {c: -r for c, r in shares.items() if r is not None}
        if offers:
            chosen = arg_best(offers) if ties == "keep" else arg_best(offers)[:1]
            r = -offers[chosen[0]]
            for n, (a, w) in enumerate(voters):
                purses[n] -= len(a & set(chosen)) * min(max(purses[n], Fraction(0)), r * w)
            blocks.append(chosen)
            remaining = [c for c in remaining if c not in chosen]
        elif seats < most and total:
            seats += 1
            purses = [b + w / total for b, (_, w) in zip(purses, voters, strict=True)]
        else:
            break
    return blocks, purses


def equal_shares(
    ballots: Ballots,
    m: int,
    k: int | None = None,
    top: int | None = None,
    completion: str = "seq_phragmen",
    ties: str = "keep",
) -> Blocks:
    voters = approved(ballots, top)
    seats = min(k or m, m)
    raised = 100 if completion == "add_one" else 0
    if k is None:
        blocks, purses = buy(voters, m, m, 1, m + raised, ties)
    else:
        blocks, purses = buy(voters, m, seats, seats, seats, ties)
        for more in range(1, raised + 1):
            if sum(map(len, blocks)) >= seats:
                break
            trial, trial_purses = buy(voters, m, m, seats + more, seats + more, ties)
            if sum(map(len, trial)) > seats:
                break
            blocks, purses = trial, trial_purses
    remaining = [c for c in range(m) if not any(c in b for b in blocks)]
    total = sum(w for _, w in voters)
    if remaining and completion != "none" and m - len(remaining) < seats:
        loads = [-b / w if w else Fraction(0) for b, (_, w) in zip(purses, voters, strict=True)]
        best = phragmen_rounds(voters, loads, ties)
        fill = elect(
            len(remaining),
            seats - (m - len(remaining)),
            ties,
            lambda rest, last: [
                remaining.index(c)
                for c in best([remaining[i] for i in rest], [remaining[i] for i in last])
            ],
        )
        return blocks + [[remaining[i] for i in block] for block in fill]
    assert total >= 0
    return blocks + ([remaining] if remaining else [])


def best_committees(
    ballots: Ballots, m: int, k: int, top: int | None, worth: Callable[[int], Fraction]
) -> list[Committee]:
    """All committees of k with the greatest worth, in lexicographic order."""
    voters = approved(ballots, top)

    def value(committee: Iterable[int]) -> Fraction:
        return sum((w * worth(len(a & set(committee))) for a, w in voters), Fraction(0))

    values = {c: value(c) for c in combinations(range(m), k)}
    return [c for c in values if values[c] == max(values.values())]


def committee_scores(
    ballots: Ballots,
    m: int,
    k: int | None,
    top: int | None,
    ties: str,
    worth: Callable[[int], Fraction],
) -> list[Fraction]:
    """How many of the optimal committees a response is in, as a share; summed over k if k is None.

    Where the first optimal committees are taken, the first response is preferred if sums tie.
    """
    scores = [Fraction(0)] * m
    for size in range(1, m) if k is None else [min(k, m)]:
        best = best_committees(ballots, m, size, top, worth)
        best = best if ties == "keep" else best[:1]
        for i in range(m):
            scores[i] += Fraction(sum(i in c for c in best), len(best))
    if k is None and ties == "lexicographic":
        scores = [score - Fraction(i, m + 1) for i, score in enumerate(scores)]
    return scores


def pav(
    ballots: Ballots, m: int, k: int | None = None, top: int | None = None, ties: str = "keep"
) -> list[Fraction]:
    return committee_scores(ballots, m, k, top, ties, harmonic)


def chamberlin_courant(
    ballots: Ballots, m: int, k: int | None = None, top: int | None = None, ties: str = "keep"
) -> list[Fraction]:
    return committee_scores(ballots, m, k, top, ties, lambda n: Fraction(min(n, 1)))
