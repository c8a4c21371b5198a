"""Slow textbook definitions of what the audit measures: exact fractions, nothing from the package."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from itertools import chain, combinations, permutations
from math import floor
from typing import TypeVar

Round = Mapping[str, frozenset[str]]
"""What each annotator approves; one who is not in it is absent."""


T = TypeVar("T")


def subsets(people: Sequence[T]) -> list[tuple[T, ...]]:
    return list(chain.from_iterable(combinations(people, n) for n in range(1, len(people) + 1)))


def temporal_axioms(
    rounds: Sequence[Round], winners: Sequence[str], weights: Mapping[str, Fraction]
) -> dict[str, bool]:
    """JR, PJR and EJR over rounds, the same for groups that always agree, and EJR+."""
    people, everything = list(weights), sum(weights.values())
    wins = {
        i: sum(winner in ballots.get(i, frozenset()) for ballots, winner in zip(rounds, winners, strict=True))
        for i in people
    }  # fmt: skip
    names = ("JR", "PJR", "EJR", "weak JR", "weak PJR", "weak EJR", "EJR+")
    holds = dict.fromkeys(names, True)
    for group in subsets(people):
        agree = [
            bool(frozenset.intersection(*(ballots.get(i, frozenset()) for i in group)))
            for ballots in rounds
        ]
        due = floor(sum(agree) * sum(weights[i] for i in group) / everything)
        won = sum(
            any(winner in ballots.get(i, frozenset()) for i in group)
            for ballots, winner in zip(rounds, winners, strict=True)
        )
        for prefix in ("", "weak ") if all(agree) else ("",):
            holds[prefix + "JR"] &= not (due >= 1 and won == 0)
            holds[prefix + "PJR"] &= won >= due
            holds[prefix + "EJR"] &= max(wins[i] for i in group) >= due
    for level in range(1, len(rounds) + 1):
        total = Fraction(0)
        for ballots in rounds:
            options = set().union(*ballots.values()) if ballots else set()
            short = [i for i in people if wins[i] < level]
            total += max(
                (sum(weights[i] for i in short if o in ballots.get(i, ())) for o in options),
                default=Fraction(0),
            )
        holds["EJR+"] &= total < level * everything
    return holds


def committee_axioms(
    approvals: Mapping[str, frozenset[str]], committee: frozenset[str]
) -> dict[str, bool]:
    """JR, PJR, EJR of groups of voters, and the EJR+ of Brill and Peters."""
    people, k = list(approvals), len(committee)
    n = len(people)
    holds = dict.fromkeys(("JR", "PJR", "EJR", "EJR+"), True)
    for group in subsets(people):
        common = frozenset.intersection(*(approvals[i] for i in group))
        due = min(len(common), floor(Fraction(k * len(group), n)))
        covered = committee & frozenset().union(*(approvals[i] for i in group))
        holds["JR"] &= not (due >= 1 and not covered)
        holds["PJR"] &= len(covered) >= due
        holds["EJR"] &= max(len(committee & approvals[i]) for i in group) >= due
        for level in range(1, k + 1):
            if common - committee and len(group) * k >= level * n:
                holds["EJR+"] &= max(len(committee & approvals[i]) for i in group) >= level
    return holds


def committee_axioms_by_type(
    approvals: Mapping[str, Collection[str]], committee: Collection[str], seats: int
) -> dict[str, bool]:
    """The same for many voters of few types: a group can take in all voters of a type at no loss."""
    counts = Counter(frozenset(approved) for approved in approvals.values())
    types, elected = list(counts), frozenset(committee)
    seat = Fraction(len(approvals), seats)
    holds = dict.fromkeys(("JR", "PJR", "EJR", "EJR+"), True)
    for group in subsets(types):
        common = len(frozenset.intersection(*group))
        due = min(common, floor(sum(counts[t] for t in group) / seat))
        covered = len(elected & frozenset().union(*group))
        holds["JR"] &= not (due >= 1 and not covered)
        holds["PJR"] &= covered >= due
        holds["EJR"] &= max(len(elected & t) for t in group) >= due
    for candidate in frozenset().union(*types) - elected:
        for level in range(1, seats + 1):
            short = [t for t in types if candidate in t and len(elected & t) < level]
            holds["EJR+"] &= sum(counts[t] for t in short) < level * seat
    return holds


Ballot = tuple[int, str, list[list[str]], Fraction]
"""Prompt, annotator, levels best first, weight."""


def above(levels: list[list[str]], x: str, y: str) -> bool:
    level_of = {name: n for n, level in enumerate(levels) for name in level}
    return x in level_of and y in level_of and level_of[x] < level_of[y]


def approves(levels: list[list[str]]) -> set[str]:
    sizes = [len(level) for level in levels]
    better = [n == 0 or sum(sizes[:n]) < sum(sizes[n + 1 :]) for n in range(len(levels))]
    return {name for n, level in enumerate(levels) for name in level if better[n]}


def shares_of(
    ballots: Sequence[Ballot], outcomes: Sequence[list[str]], members: set[str]
) -> dict[str, Fraction | int | None]:
    """The figures of a group of annotators; the outcomes are strict, one per prompt."""
    sums = dict.fromkeys(
        ("pairs", "stated", "contested", "contested_stated", "first_place", "won", "weight"),
        Fraction(0),
    )
    behind = worst = received_all = due_all = Fraction(0)
    spell = longest = 0
    for p, outcome in enumerate(outcomes):
        cast = [ballot for ballot in ballots if ballot[0] == p and ballot[3] > 0]
        own_ballots = [ballot for ballot in cast if ballot[1] in members]
        pairs = list(combinations(outcome, 2))
        contested = {
            (x, y) for x, y in pairs
            if any(above(b[2], x, y) for b in cast) and any(above(b[2], y, x) for b in cast)
        }  # fmt: skip
        received = due = Fraction(0)
        for _, _, levels, w in own_ballots:
            agreed = {pair for pair in pairs if above(levels, *pair)}
            stated = agreed | {(x, y) for x, y in pairs if above(levels, y, x)}
            sums["pairs"] += w * len(agreed)
            sums["stated"] += w * len(stated)
            sums["contested"] += w * len(agreed & contested)
            sums["contested_stated"] += w * len(stated & contested)
            sums["first_place"] += w * (outcome[0] in levels[0])
            sums["won"] += w * (outcome[0] in approves(levels))
            sums["weight"] += w
            received += w * len(agreed & contested)
            due += w * len(stated & contested)
        if own_ballots:
            weight = sum(b[3] for b in own_ballots)
            received, due = received / weight, due / sum(b[3] for b in cast)
            received_all, due_all = received_all + received, due_all + due
            behind += due - received
            worst = max(worst, behind)
            spell = 0 if any(outcome[0] in approves(b[2]) for b in own_ballots) else spell + 1
            longest = max(longest, spell)

    def share(part: Fraction, whole: Fraction) -> Fraction | None:
        return part / whole if whole else None

    return {
        "pairs": share(sums["pairs"], sums["stated"]),
        "contested": share(sums["contested"], sums["contested_stated"]),
        "first_place": share(sums["first_place"], sums["weight"]),
        "won": share(sums["won"], sums["weight"]),
        "representation_ratio": share(received_all, due_all),
        "maximum_deficit": worst,
        "longest_losing_streak": longest,
    }


def influence_and_quota(
    ballots: Sequence[Ballot], outcomes: Sequence[list[str]], people: Sequence[str]
) -> tuple[dict[str, Fraction], dict[str, list[bool]]]:
    """With a ballot each per prompt: influence, and whether the lower quota is met after each round."""
    influence = dict.fromkeys(people, Fraction(0))
    quota, wins = dict.fromkeys(people, Fraction(0)), dict.fromkeys(people, 0)
    quota_met: dict[str, list[bool]] = {name: [] for name in people}
    for p, outcome in enumerate(outcomes):
        cast = [ballot for ballot in ballots if ballot[0] == p and ballot[3] > 0]
        total = sum((b[3] for b in cast), Fraction(0))
        support = {
            c: sum((b[3] for b in cast if c in approves(b[2])), Fraction(0)) for c in outcome
        }
        for _, name, levels, w in cast:
            approved = approves(levels)
            quota[name] += max(support[c] for c in approved) / total
            if outcome[0] in approved:
                wins[name] += 1
                influence[name] += w / support[outcome[0]]
            quota_met[name].append(wins[name] >= floor(quota[name]))
    return influence, quota_met


def gini(values: Sequence[Fraction]) -> Fraction:
    """Half the mean absolute difference, by the mean."""
    n, total = len(values), sum(values)
    return sum((abs(x - y) for x in values for y in values), Fraction(0)) / (2 * n * total)


def held_out(
    ballots: Sequence[Ballot], members: set[str], responses: Sequence[list[str]]
) -> dict[str, Fraction | None]:
    """Members' agreement on contested pairs with Kemeny's orders of the other members, and of others."""
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for prompt, name, levels, weight in ballots:
        rest = [b for b in ballots if b[0] == prompt and b[3] > 0]
        mates = [b for b in rest if b[1] in members and b[1] != name]
        if name not in members or not mates:
            continue
        outside = [b for b in rest if b[1] not in members]
        apart = [b for b in rest if b[1] != name]
        pairs = [
            (x, y) for x, y in permutations(responses[prompt], 2)
            if above(levels, x, y)
            and any(above(b[2], x, y) for b in apart) and any(above(b[2], y, x) for b in apart)
        ]  # fmt: skip
        sums["stated"] += weight * len(pairs)
        sums["best"] += weight * _mean_agreement(pairs, mates, responses[prompt])
        if any(above(b[2], x, y) for b in outside for x, y in permutations(responses[prompt], 2)):
            sums["others_stated"] += weight * len(pairs)
            sums["others"] += weight * _mean_agreement(pairs, outside, responses[prompt])
    return {
        "best": sums["best"] / sums["stated"] if sums["stated"] else None,
        "others": sums["others"] / sums["others_stated"] if sums["others_stated"] else None,
    }


def _mean_agreement(
    pairs: Sequence[tuple[str, str]], ballots: Sequence[Ballot], responses: Sequence[str]
) -> Fraction:
    """The mean number of pairs that agree, over all orders that agree most with the ballots."""
    agreed = {
        order: sum(
            (b[3] for b in ballots for x, y in combinations(order, 2) if above(b[2], x, y)),
            Fraction(0),
        )
        for order in permutations(responses)
    }  # fmt: skip
    best = [order for order, value in agreed.items() if value == max(agreed.values())]
    counts = [sum(order.index(x) < order.index(y) for x, y in pairs) for order in best]
    return Fraction(sum(counts), len(best))
