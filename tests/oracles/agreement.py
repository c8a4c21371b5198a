"""Agreement among annotators by the textbook: loops over every two people."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, permutations

Ballot = Mapping[str, int]
"""Ranks by response; a response that is not ranked is missing."""

Votes = Sequence[tuple[float, int]]
"""The votes on a pair: weight and side, 1 above, -1 below, 0 tied."""


def side(ballot: Ballot, a: str, b: str) -> int | None:
    """Whether a ballot puts ``a`` above ``b``; None if it does not rank both."""
    if a not in ballot or b not in ballot:
        return None
    return (ballot[b] > ballot[a]) - (ballot[b] < ballot[a])


def units(prompts: Sequence[Sequence[tuple[float, Ballot]]]) -> list[list[tuple[float, int]]]:
    """The votes on every pair of responses, in both orders."""
    found = []
    for ballots in prompts:
        names = sorted({name for _, ballot in ballots for name in ballot})
        for a, b in permutations(names, 2):
            votes = [(w, side(ballot, a, b)) for w, ballot in ballots]
            found.append([(w, s) for w, s in votes if s is not None])
    return found


def alpha(pairs: Sequence[Votes]) -> float:
    """Krippendorff's alpha of nominal values; without weights it is his, unit by unit."""
    pairs = [votes for votes in pairs if len(votes) > 1]
    observed = total = 0.0
    for votes in pairs:
        for i, (w, value) in enumerate(votes):
            others = [vote for j, vote in enumerate(votes) if j != i]
            otherwise = sum(v for v, other in others if other != value)
            observed += w * otherwise / sum(v for v, _ in others)
            total += w
    everything = [vote for votes in pairs for vote in votes]
    expected = drawn = 0.0
    for i, (w, value) in enumerate(everything):
        for j, (v, other) in enumerate(everything):
            if i != j:
                expected += w * v * (other != value)
                drawn += w * v
    return 1 - (observed / total) / (expected / drawn)


def tau_b(one: Ballot, other: Ballot) -> float | None:
    """Kendall's tau-b over the responses that both rank."""
    both = sorted(set(one) & set(other))
    sides = [(side(one, a, b), side(other, a, b)) for a, b in combinations(both, 2)]
    x, y = sum(abs(s or 0) for s, _ in sides), sum(abs(t or 0) for _, t in sides)
    if x * y == 0:
        return None
    products = sum((s or 0) * (t or 0) for s, t in sides)
    return float(products / (x * y) ** 0.5)


def mean_tau_b(prompts: Sequence[Sequence[tuple[float, Ballot]]]) -> float:
    """The mean of tau-b over every two ballots of a prompt, by the product of their weights."""
    return _mean_over_pairs(prompts, tau_b)


def _mean_over_pairs(
    prompts: Sequence[Sequence[tuple[float, Ballot]]],
    measure: Callable[[Ballot, Ballot], float | None],
) -> float:
    part = whole = 0.0
    for ballots in prompts:
        for (w, one), (v, other) in combinations(ballots, 2):
            value = measure(one, other)
            if value is not None:
                part, whole = part + w * v * value, whole + w * v
    return part / whole


def cross_reliability(pairs: Sequence[tuple[Votes, Votes]]) -> float:
    """Cross-replication reliability of two groups (Wong, Paritosh and Aroyo 2021), with weights of 1."""
    pairs = [(one, other) for one, other in pairs if one and other]
    n = sum(len(one) + len(other) for one, other in pairs)
    observed = sum(
        (len(one) + len(other))
        / (n * len(one) * len(other))
        * sum(s != t for _, s in one for _, t in other)
        for one, other in pairs
    )
    first = [s for one, _ in pairs for _, s in one]
    second = [t for _, other in pairs for _, t in other]
    expected = sum(s != t for s in first for t in second) / (len(first) * len(second))
    return 1 - observed / expected


def intransitive(wins: set[tuple[str, str]]) -> tuple[int, int]:
    """The intransitive triples, and all triples, of comparisons (winner, loser)."""
    names = sorted({name for pair in wins for name in pair})
    cyclic = complete = 0
    for a, b, c in combinations(names, 3):
        if all((x, y) in wins or (y, x) in wins for x, y in ((a, b), (b, c), (a, c))):
            complete += 1
            cyclic += {(a, b), (b, c), (c, a)} <= wins or {(b, a), (c, b), (a, c)} <= wins
    return cyclic, complete


def effective_voters(weights: Sequence[float], correlation: float) -> float:
    """Kish's number by the sum over every two voters."""
    total = sum(
        w * v * (1.0 if i == j else correlation)
        for i, w in enumerate(weights)
        for j, v in enumerate(weights)
    )
    return sum(weights) ** 2 / total
