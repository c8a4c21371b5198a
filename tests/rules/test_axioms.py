"""Every axiom that a rule claims, on random profiles: strict, with ties, gaps and weights."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from rlchf.rules import AXIOMS, list_rules
from tests.oracles.textbook import Blocks, blocks_of
from tests.support.profiles import Case, dense, is_slow, random_cases, scores_of, together

CLAIMS = [
    pytest.param(name, axiom, marks=[pytest.mark.slow] if is_slow(name) else [])
    for name, card in list_rules().items()
    for axiom in card.axioms
]


def rankings(name: str, batch: list[Case]) -> list[Blocks]:
    return [blocks_of(row.tolist()) for row in scores_of(name, batch)]


@cache
def some(seed: int, count: int = 240) -> list[list[Case]]:
    """Batches of cases of three and four responses."""
    return [random_cases(seed + m, count, m, most_voters=9) for m in (3, 4)]


@cache
def strict(seed: int, count: int, m: int, weights: int = 3) -> list[Case]:
    """Strict complete ballots with whole weights up to a number; a large one makes ties unlikely."""
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(count):
        v = int(rng.integers(1, 8))
        ranks = dense(rng.random((m, v)).argsort(axis=0) + 1)
        drawn.append(Case(ranks, rng.integers(1, weights + 1, v).astype(np.float64)))
    return drawn


def anonymity(name: str) -> int:
    rng, checked = np.random.default_rng(1), 0
    for batch in some(1):
        shuffles = [rng.permutation(len(case.weights)) for case in batch]
        shuffled = [
            Case(case.ranks[:, s], case.weights[s]) for case, s in zip(batch, shuffles, strict=True)
        ]
        for one, other in zip(scores_of(name, batch), scores_of(name, shuffled), strict=True):
            assert one.tolist() == other.tolist()
            checked += 1
    return checked


def neutrality(name: str) -> int:
    rng, checked = np.random.default_rng(2), 0
    for batch in some(2):
        renamings = [rng.permutation(case.m) for case in batch]
        renamed = [case.permuted(r) for case, r in zip(batch, renamings, strict=True)]
        compared = zip(scores_of(name, batch), scores_of(name, renamed), renamings, strict=True)
        for one, other, renaming in compared:
            assert one[renaming].tolist() == other.tolist()
            checked += 1
    return checked


def homogeneity(name: str) -> int:
    checked = 0
    for batch in some(3, 60):
        known = rankings(name, batch)
        for factor in (2.0**-40, 0.1, 3.0, 1e9):
            scaled = [Case(case.ranks, case.weights * factor) for case in batch]
            for case, one, other in zip(batch, known, rankings(name, scaled), strict=True):
                assert one == other, (case, factor)
                checked += 1
    return checked


def unanimity(name: str) -> int:
    rng = np.random.default_rng(4)
    for m in (2, 3, 6, 9, 20):
        order = rng.permutation(m)
        ranks = np.tile(np.argsort(order)[:, None] + 1, 3).astype(np.int16)
        for weights in (np.ones(3), np.array([0.0, 2.0, 0.5])):
            assert rankings(name, [Case(ranks, weights)]) == [[[i] for i in order.tolist()]]
    return 100


def pareto(name: str) -> int:
    checked = 0
    for batch in some(5, 600):
        for case, row in zip(batch, scores_of(name, batch), strict=True):
            ranks = case.ranks[:, case.weights > 0]
            both = (ranks[:, None] > 0) & (ranks > 0)
            above = ((ranks[:, None] < ranks) & both).all(axis=2) & (ranks.shape[1] > 0)
            for i, j in zip(*np.nonzero(above), strict=True):
                assert row[i] >= row[j], case
                checked += 1
    return checked


def majority(name: str) -> int:
    checked = 0
    for drawn in some(6, 900):
        batch = [case for case in drawn if (case.ranks > 0).all()]
        for case, ranking in zip(batch, rankings(name, batch), strict=True):
            first = (case.ranks == 1) & ((case.ranks == 1).sum(axis=0) == 1)
            for i in np.flatnonzero(first @ case.weights > case.weights.sum() / 2):
                assert ranking[0] == [i], case
                checked += 1
    return checked


def condorcet(name: str, loser: bool = False) -> int:
    checked = 0
    for batch in some(7, 600):
        margins = together(batch).margins * (-1 if loser else 1)
        for case, margin, ranking in zip(batch, margins, rankings(name, batch), strict=True):
            wins = (margin > 0).sum(axis=1)
            for i in np.flatnonzero(wins == case.m - 1):
                assert (ranking[0] == [i]) is not loser, case
                checked += 1
    return checked


def condorcet_loser(name: str) -> int:
    return condorcet(name, loser=True)


def smith(name: str) -> int:
    checked = 0
    for batch in some(8, 600):
        for case, margin, ranking in zip(
            batch, together(batch).margins, rankings(name, batch), strict=True
        ):
            reach = margin >= 0  # along ties too: what the Smith set is closed under
            for k in range(case.m):
                reach |= reach[:, [k]] & reach[[k], :]
            inside = set(np.flatnonzero(reach.all(axis=1)).tolist())
            assert inside
            assert set(ranking[0]) <= inside, case
            checked += len(inside) < case.m
    return checked


def reinforcement(name: str) -> int:
    checked = 0
    for m in (3, 4):
        batch = strict(9 + m, 400, m)
        by_result: dict[str, list[Case]] = {}
        for case, ranking in zip(batch, rankings(name, batch), strict=True):
            by_result.setdefault(repr(ranking), []).append(case)
        for result, cases in by_result.items():
            pairs = list(zip(cases[::2], cases[1::2], strict=False))
            united = [
                Case(
                    np.concatenate([one.ranks, other.ranks], axis=1),
                    np.concatenate([one.weights, other.weights]),
                )
                for one, other in pairs
            ]
            for pair, ranking in zip(pairs, rankings(name, united) if united else [], strict=True):
                assert repr(ranking) == result, pair
                checked += 1
    return checked


def monotonicity(name: str) -> int:
    rng, checked = np.random.default_rng(10), 0
    for m in (3, 4):
        batch = strict(10 + m, 500, m)
        raised, winners = [], []
        for case, ranking in zip(batch, rankings(name, batch), strict=True):
            if len(ranking[0]) != 1:
                continue
            winner = ranking[0][0]
            ranks = case.ranks.copy()
            ballot = int(rng.integers(ranks.shape[1]))
            new_rank = int(rng.integers(1, ranks[winner, ballot] + 1))
            passed = (ranks[:, ballot] >= new_rank) & (ranks[:, ballot] < ranks[winner, ballot])
            ranks[passed, ballot] += 1
            ranks[winner, ballot] = new_rank
            raised.append((case, Case(ranks, case.weights)))
            winners.append(winner)
        after = rankings(name, [case for _, case in raised])
        for cases, winner, ranking in zip(raised, winners, after, strict=True):
            assert ranking[0] == [winner], cases
            checked += 1
    return checked


def clones(name: str) -> int:
    rng, checked = np.random.default_rng(11), 0
    for m in (3, 4):
        batch = strict(20 + m, 300, m, weights=10**6)
        cloned = []
        for case in batch:
            one = int(rng.integers(m))
            ranks = np.vstack([case.ranks, case.ranks[one]]).astype(np.float64)
            ranks[m] += rng.choice([-0.5, 0.5], size=len(case.weights))
            cloned.append(
                (one, Case(dense(ranks.argsort(axis=0).argsort(axis=0) + 1), case.weights))
            )
        compared = zip(
            batch,
            cloned,
            rankings(name, batch),
            rankings(name, [c for _, c in cloned]),
            strict=True,
        )
        for case, (one, _), before, after in compared:
            merged = {one if i == m else i for i in after[0]}
            assert merged == set(before[0]), (case, one)
            checked += 1
    return checked


CHECKS: dict[str, Callable[[str], int]] = {
    "anonymity": anonymity,
    "neutrality": neutrality,
    "homogeneity": homogeneity,
    "unanimity": unanimity,
    "pareto": pareto,
    "majority": majority,
    "condorcet": condorcet,
    "condorcet loser": condorcet_loser,
    "smith": smith,
    "reinforcement": reinforcement,
    "monotonicity": monotonicity,
    "clones": clones,
}


def test_every_axiom_has_its_check() -> None:
    assert list(CHECKS) == list(AXIOMS)


@pytest.mark.parametrize(("name", "axiom"), CLAIMS, ids=lambda value: value.replace(" ", "-"))
def test_a_rule_keeps_what_it_claims(name: str, axiom: str) -> None:
    assert CHECKS[axiom](name) >= 50
