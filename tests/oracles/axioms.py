"""Axioms as their definitions say, for one election at a time: slow, plain, in exact fractions.

A profile is a list of ballots, each ``({response: place}, weight)`` with lower places better and only the
responses that it ranks. A rule is a function from a profile and the responses to blocks of tied responses,
best first. An axiom of one profile says whether it is broken; of a change, whether any change of a stated list
breaks it.
"""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, combinations, permutations, product

Ballot = tuple[dict[int, float], Fraction]
Profile = list[Ballot]
Blocks = list[set[int]]
Rule = Callable[[Profile, Sequence[int]], Blocks]
Approvals = list[set[int]]


def total(profile: Profile) -> Fraction:
    return sum((weight for _, weight in profile), Fraction(0))


def prefer(profile: Profile, i: int, j: int) -> Fraction:
    """The weight of the ballots that rank both and i above j."""
    return sum(
        (w for ranks, w in profile if i in ranks and j in ranks and ranks[i] < ranks[j]),
        Fraction(0),
    )


def is_complete(profile: Profile, names: Sequence[int]) -> bool:
    return all(set(ranks) == set(names) for ranks, weight in profile if weight)


def alone_at(ranks: dict[int, float], extreme: Callable[[Sequence[float]], float]) -> int | None:
    """Who is alone at the first or the last place of a ballot."""
    there = [i for i in ranks if ranks[i] == extreme(list(ranks.values()))]
    return there[0] if len(there) == 1 else None


def position(blocks: Blocks, i: int) -> int:
    return next(n for n, block in enumerate(blocks) if i in block)


# axioms of one profile: True if broken, None if the condition does not hold


def unanimity(profile: Profile, names: Sequence[int], blocks: Blocks) -> bool | None:
    voting = [ranks for ranks, weight in profile if weight]
    orders = {tuple(sorted(ranks, key=lambda i, r=ranks: r[i])) for ranks in voting}
    strict = all(len(set(ranks.values())) == len(names) == len(ranks) for ranks in voting)
    if not voting or len(orders) > 1 or not strict:
        return None
    return blocks != [{i} for i in orders.pop()]


def pareto(profile: Profile, names: Sequence[int], blocks: Blocks) -> bool | None:
    whole = total(profile)
    pairs = [(i, j) for i, j in permutations(names, 2) if whole and prefer(profile, i, j) == whole]
    return any(position(blocks, j) < position(blocks, i) for i, j in pairs) if pairs else None


def majority(profile: Profile, names: Sequence[int], blocks: Blocks) -> bool | None:
    for i in names:
        votes = sum((w for ranks, w in profile if alone_at(ranks, min) == i), Fraction(0))
        if votes > total(profile) / 2 and is_complete(profile, names):
            return blocks[0] != {i}
    return None


def majority_loser(profile: Profile, names: Sequence[int], blocks: Blocks) -> bool | None:
    for i in names:
        votes = sum((w for ranks, w in profile if alone_at(ranks, max) == i), Fraction(0))
        if votes > total(profile) / 2 and is_complete(profile, names):
            return blocks[0] == {i}
    return None


def condorcet(profile: Profile, names: Sequence[int], blocks: Blocks) -> bool | None:
    for i in names:
        if all(prefer(profile, i, j) > prefer(profile, j, i) for j in names if j != i):
            return blocks[0] != {i}
    return None


def condorcet_loser(profile: Profile, names: Sequence[int], blocks: Blocks) -> bool | None:
    for i in names:
        if all(prefer(profile, i, j) < prefer(profile, j, i) for j in names if j != i):
            return blocks[0] == {i}
    return None


def smith(profile: Profile, names: Sequence[int], blocks: Blocks) -> bool | None:
    for size in range(1, len(names)):
        for some in combinations(names, size):
            others = [j for j in names if j not in some]
            if all(prefer(profile, i, j) > prefer(profile, j, i) for i in some for j in others):
                return not blocks[0] <= set(some)
    return None


def first(blocks: Blocks, k: int) -> tuple[set[int], set[int], int]:
    """Those surely among the first k, those tied over the last places, and how many places these have."""
    inside: set[int] = set()
    for block in blocks:
        if len(inside) + len(block) > k:
            return inside, block, k - len(inside)
        inside = inside | block
    return inside, set(), 0


def solid_coalitions(profile: Profile, names: Sequence[int], blocks: Blocks) -> bool | None:
    if not total(profile) or not is_complete(profile, names):
        return None
    for size, k in product(range(1, len(names)), range(1, len(names) + 1)):
        for some in map(set, combinations(names, size)):
            weight = sum(
                (
                    w
                    for ranks, w in profile
                    if w
                    and max(ranks[i] for i in some) < min(ranks[i] for i in names if i not in some)
                ),
                Fraction(0),
            )
            deserved = min(int(weight * k / total(profile)), size)
            inside, tied, places = first(blocks, k)
            if len(inside & some) + min(len(tied & some), places) < deserved:
                return True
    return False


def groups(n: int) -> Iterator[tuple[int, ...]]:
    return chain.from_iterable(combinations(range(n), size) for size in range(1, n + 1))


def representation(
    axiom: str, profile: Profile, approvals: Approvals, names: Sequence[int], blocks: Blocks
) -> bool | None:
    """JR, PJR, EJR and EJR+ of every first k, over all groups of ballots."""
    sizes = [k for k in range(1, len(names)) if len(first(blocks, k)[0]) == k]
    if not sizes or not total(profile):
        return None
    weights = [weight for _, weight in profile]
    for k, group in product(sizes, groups(len(profile))):
        if not all(weights[v] for v in group):
            continue
        elected = first(blocks, k)[0]
        share = sum((weights[v] for v in group), Fraction(0)) * k / total(profile)
        common = set.intersection(*(approvals[v] for v in group))
        for seats in range(1, int(share) + 1):
            if axiom == "JR" and seats > 1:
                break
            together = len(set.union(*(approvals[v] for v in group)) & elected)
            best = max(len(approvals[v] & elected) for v in group)
            agrees = bool(common - elected) if axiom == "EJR+" else len(common) >= seats
            if agrees and (together if axiom == "PJR" else best) < seats:
                return True
    return False


# axioms of changes: True if some change breaks them


def participation(rule: Rule, profile: Profile, names: Sequence[int]) -> bool:
    before = rule(profile, names)[0]
    for v, (ranks, weight) in enumerate(profile):
        rest = profile[:v] + profile[v + 1 :]
        if not weight or not total(rest):
            continue
        after = rule(rest, names)[0]
        pairs = [(i, j) for i in after for j in before if i != j]
        known = all(i in ranks and j in ranks for i, j in pairs)
        at_least = known and all(ranks[i] <= ranks[j] for i, j in pairs)
        if at_least and any(ranks[i] < ranks[j] for i, j in pairs):
            return True
    return False


def iia(rule: Rule, profile: Profile, names: Sequence[int], *, local: bool = False) -> bool:
    before = rule(profile, names)
    for gone in names:
        at = position(before, gone)
        if local and (len(before[at]) > 1 or at not in (0, len(before) - 1)):
            continue
        rest = [({i: r for i, r in ranks.items() if i != gone}, w) for ranks, w in profile]
        rest = [(ranks, w) for ranks, w in rest if ranks]
        if len(names) < 3 or not total(rest):
            continue
        after = rule(rest, [i for i in names if i != gone])
        if [block - {gone} for block in before if block != {gone}] != after:
            return True
    return False


def splits(profile: Profile) -> Iterator[tuple[Profile, Profile]]:
    for part in product((False, True), repeat=len(profile)):
        one = [ballot for ballot, first in zip(profile, part, strict=True) if first]
        two = [ballot for ballot, first in zip(profile, part, strict=True) if not first]
        if total(one) and total(two):
            yield one, two


def reinforcement(rule: Rule, profile: Profile, names: Sequence[int]) -> bool:
    both = rule(profile, names)
    results = ((rule(one, names), rule(two, names)) for one, two in splits(profile))
    return any(one == two != both for one, two in results)


def consistency(rule: Rule, profile: Profile, names: Sequence[int]) -> bool:
    both = rule(profile, names)[0]
    results = ((rule(one, names)[0], rule(two, names)[0]) for one, two in splits(profile))
    return any(one & two and one & two != both for one, two in results)


def monotonicity(rule: Rule, profile: Profile, names: Sequence[int]) -> bool:
    """The sole winner is raised on one ballot, to a level or between two."""
    winners = rule(profile, names)[0]
    if len(winners) > 1:
        return False
    (winner,) = winners
    for v, (ranks, weight) in enumerate(profile):
        if not weight or winner not in ranks:
            continue
        for level in sorted({ranks[i] for i in ranks if i != winner}):
            for new in (level, level - 0.5):
                if new < ranks[winner]:
                    raised = [*profile[:v], ({**ranks, winner: new}, weight), *profile[v + 1 :]]
                    if rule(raised, names)[0] != winners:
                        return True
    return False


def clones(rule: Rule, profile: Profile, names: Sequence[int]) -> bool:
    """Every response gets one clone, above or below it on every ballot that has it alone in its place."""
    before = rule(profile, names)[0]
    clone = len(names)
    for i, steps in product(names, product((-0.5, 0.5), repeat=len(profile))):
        cloned = []
        for (ranks, weight), step in zip(profile, steps, strict=True):
            if i in ranks:
                alone = list(ranks.values()).count(ranks[i]) == 1
                ranks = {**ranks, clone: ranks[i] + (step / 2 if alone else 0)}
            cloned.append((ranks, weight))
        after = rule(cloned, [*names, clone])[0]
        won = (after - {clone}) | ({i} if clone in after else set())
        if won != before:
            return True
    return False
