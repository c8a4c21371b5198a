"""Random profiles, each as the package's arrays and as plain ballots for the oracles."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import rlchf
from rlchf import Profiles, Rankings
from rlchf.numeric.arrays import to_numpy
from rlchf.rules import get_rule, is_across
from tests.oracles.textbook import Ballot, Blocks, blocks_of


@dataclass(frozen=True)
class Case:
    """One prompt: ranks (M, V), 0 where a ballot leaves a response out, and the weights of the ballots."""

    ranks: np.ndarray
    weights: np.ndarray

    @property
    def m(self) -> int:
        return len(self.ranks)

    @property
    def ballots(self) -> list[Ballot]:
        columns = self.ranks.T.tolist()
        weights = self.weights.tolist()
        return [
            ({i: rank for i, rank in enumerate(column) if rank}, Fraction(weight))
            for column, weight in zip(columns, weights, strict=True)
        ]

    def permuted(self, responses: np.ndarray) -> "Case":
        """Response ``responses[i]`` takes the place of response ``i``."""
        return Case(self.ranks[responses], self.weights)


def together(cases: list[Case]) -> Profiles:
    """One batch of cases that have equally many responses."""
    counts = [len(case.weights) for case in cases]
    return Profiles(
        ranks=np.ascontiguousarray(np.concatenate([case.ranks for case in cases], axis=1)),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        weights=np.concatenate([case.weights for case in cases]),
        annotators=np.concatenate([np.arange(n) for n in counts]),
        prompts=np.zeros(len(cases), dtype=np.int64),  # so that seeded rules draw alike for all
    )


def rankings_of(case: Case) -> Rankings:
    """One prompt with the responses 0, 1, ...; a first ballot of weight 0 names them all."""
    ballots: list[tuple[object, object, list[list[object]]]] = [
        ("p", "nobody", [[str(i) for i in range(case.m)]])
    ]
    for annotator, (ranks, _) in enumerate(case.ballots):
        levels = [[str(i) for i in ranks if ranks[i] == k] for k in sorted(set(ranks.values()))]
        ballots.append(("p", annotator, levels))  # type: ignore[arg-type]
    return Rankings.from_ballots(ballots, [0.0, *case.weights.tolist()])


def scores_of(name: str, cases: list[Case]) -> list[np.ndarray]:
    """Scores of cases that have equally many responses, each prompt by itself."""
    rule = get_rule(name)
    if not is_across(rule):
        return list(to_numpy(rule(together(cases))))
    results = [rlchf.aggregate(rankings_of(case), name).scores("p") for case in cases]
    return [np.array([scores[str(i)] for i in range(len(scores))]) for scores in results]


QUICK_ACROSS = ("apportioned_dictator", "carry_psb", "cpb", "perpetual_pav", "phragmen_credit")
"""The rules across prompts in the fast tests; the others take seconds each to compile."""


def is_slow(rule: str) -> bool:
    return is_across(get_rule(rule)) and rule not in QUICK_ACROSS


def rule_parameters(rules: Iterable[str]) -> list[Any]:
    """The rules as parameters of a test; those that take long to compile are marked slow."""
    return [pytest.param(rule, marks=[pytest.mark.slow] if is_slow(rule) else []) for rule in rules]


def ranking(rule: str, election: Profiles | Mapping[str, float], **options: Any) -> Blocks:
    """The ranking of the first prompt; an election may be given as the weights of its ballots."""
    if isinstance(election, Mapping):
        election = Profiles.from_ballots([list(election)], weights=[list(election.values())])
    return blocks_of(to_numpy(get_rule(rule)(election, **options))[0].tolist())


def dense(values: np.ndarray) -> np.ndarray:
    """(M, V) numbers to ranks 1, 2, ... without gaps, the smallest first; 0 where the number is 0."""
    ranks = np.zeros(values.shape, dtype=np.int16)
    for v, column in enumerate(values.T):
        named = column > 0
        ranks[named, v] = np.unique(column[named], return_inverse=True)[1] + 1
    return ranks


def random_case(rng: np.random.Generator, m: int, v: int, kind: str) -> Case:
    """``kind`` names what the ballots may have: any of "ties", "gaps" and "weights"."""
    values = rng.random((m, v)).argsort(axis=0) + 1
    if "ties" in kind:
        values = rng.integers(1, m + 1, size=(m, v))
    if "gaps" in kind:
        values = np.where(rng.random((m, v)) < 0.3, 0, values)
        values[rng.integers(m), values.max(axis=0) == 0] = 1
    weights = rng.integers(0, 5, size=v) / 2 if "weights" in kind else np.ones(v)
    return Case(dense(values), weights.astype(np.float64))


KINDS = ("strict", "ties", "gaps", "ties gaps", "weights", "ties gaps weights")


def random_cases(seed: int, count: int, m: int, most_voters: int = 7) -> list[Case]:
    """Cases with ``m`` responses, going through all kinds."""
    rng = np.random.default_rng(seed)
    return [
        random_case(rng, m, int(rng.integers(1, most_voters + 1)), KINDS[n % len(KINDS)])
        for n in range(count)
    ]


@st.composite
def cases(draw: st.DrawFn, weights: st.SearchStrategy[float] | None = None) -> Case:
    """A prompt of any shape: single ballots, two responses, ties, gaps, equal and odd weights."""
    m, v = draw(st.integers(2, 5)), draw(st.integers(1, 5))
    column = st.lists(st.integers(0, m), min_size=m, max_size=m).filter(any)
    columns = draw(st.lists(column, min_size=v, max_size=v))
    weight = st.integers(0, 4).map(float) if weights is None else weights
    values = draw(st.lists(weight, min_size=v, max_size=v))
    return Case(dense(np.array(columns).T), np.array(values, dtype=np.float64))
