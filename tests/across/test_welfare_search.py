"""The search of the welfare rules: it ends, keeps track of what it does, and can be stopped."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rlchf
from rlchf import Rankings
from rlchf.rules.across._parts.welfare import moves
from rlchf.rules.across._parts.welfare import sweep as sweeping
from rlchf.rules.across._parts.welfare.ascent import ascend
from rlchf.rules.across._parts.welfare.steps import harmonic, is_better, raised

pytestmark = pytest.mark.slow  # The ascent takes seconds to compile.

WELFARES: list[Literal["nash", "pav"]] = ["nash", "pav"]
SLACK = 1e-9
Orders = list[list[list[int]]]  # the strict orders of a prompt's annotators, prompt after prompt


def dataset(prompts: Orders) -> Rankings:
    return Rankings.from_ballots(
        [
            (t, i, [[f"r{response}"] for response in order])
            for t, orders in enumerate(prompts)
            for i, order in enumerate(orders)
        ]
    )


def shares(orders: list[list[int]]) -> Iterator[np.ndarray]:
    """The annotators' shares of the contested pairs, for all orders of a prompt that keep unanimous pairs."""
    m = len(orders[0])
    ranks = np.array([[order.index(i) for i in range(m)] for order in orders])
    for order in permutations(range(m)):
        agrees = np.array(
            [ranks[:, i] < ranks[:, j] for a, i in enumerate(order) for j in order[a + 1 :]]
        )
        if agrees.any(axis=1).all():
            contested = agrees[~agrees.all(axis=1)]
            yield contested.mean(axis=0) if len(contested) else np.zeros(len(orders))


def value(welfare: str, satisfaction: np.ndarray) -> tuple[float, float]:
    if welfare == "pav":
        return 0.0, sum(harmonic(float(s)) for s in satisfaction)
    positive = satisfaction > 1e-9
    return float(positive.sum()), float(np.log(satisfaction[positive]).sum())


def optimum(welfare: str, prompts: Orders) -> tuple[float, float]:
    values = (
        value(welfare, np.sum(gains, axis=0)) for gains in product(*map(list, map(shares, prompts)))
    )
    return max((positive, round(total, 9)) for positive, total in values)


def satisfaction_of(prompts: Orders, orders: np.ndarray) -> np.ndarray:
    """(A,) the shares of the contested pairs, counted anew."""
    total, start = np.zeros(len(prompts[0])), 0
    for ballots in prompts:
        m = len(ballots[0])
        order = orders[start : start + m].tolist()
        start += m
        pairs = [(i, j) for a, i in enumerate(order) for j in order[a + 1 :]]
        agrees = np.array([[b.index(i) < b.index(j) for b in ballots] for i, j in pairs])
        contested = agrees[agrees.any(axis=1) & ~agrees.all(axis=1)]
        total += contested.mean(axis=0) if len(contested) else 0.0
    return total


@pytest.mark.parametrize("welfare", WELFARES)
def test_two_prompts_end_at_the_optimum(welfare: Literal["nash", "pav"]) -> None:
    """Both prompts are chosen together, so that nothing is left to find."""
    rng = np.random.default_rng(0)
    for _ in range(250):
        A, m = int(rng.integers(2, 4)), rng.integers(3, 5, 2).tolist()
        prompts = [[rng.permutation(n).tolist() for _ in range(A)] for n in m]
        climbed = ascend(dataset(prompts), welfare, starts=1)
        positive, total = climbed.objective[-1]
        assert (positive, round(total, 9)) == pytest.approx(optimum(welfare, prompts), abs=2e-9)
        assert climbed.satisfaction == pytest.approx(satisfaction_of(prompts, climbed.orders))


def test_satisfaction_stays_true_after_two_prompts_have_changed() -> None:
    """Two annotators can each have one of two prompts: 1 and 1, not 1.25 and 0.75."""
    prompts = [[[2, 1, 0, 3], [0, 3, 1, 2]], [[1, 0, 2, 3], [2, 0, 3, 1]]]
    for welfare in WELFARES:
        climbed = ascend(dataset(prompts), welfare)
        assert climbed.satisfaction.tolist() == [1, 1]
        assert satisfaction_of(prompts, climbed.orders).tolist() == [1, 1]


@pytest.mark.parametrize("welfare", WELFARES)
def test_the_satisfaction_of_larger_datasets_is_that_of_the_orders(
    welfare: Literal["nash", "pav"],
) -> None:
    rng = np.random.default_rng(1)
    for _ in range(15):
        A = int(rng.integers(2, 6))
        sizes = rng.integers(2, 9, int(rng.integers(3, 12))).tolist()
        prompts = [[rng.permutation(n).tolist() for _ in range(A)] for n in sizes]
        climbed = ascend(dataset(prompts), welfare, starts=2)
        assert climbed.satisfaction == pytest.approx(satisfaction_of(prompts, climbed.orders))


levels = st.integers(0, 8).map(lambda k: k * 0.3 * SLACK)


@given(st.lists(st.tuples(st.just(1.0), levels, st.integers(0, 4)), min_size=2, max_size=12))
def test_no_walk_that_beats_its_bar_comes_back(
    welfares: list[tuple[float, float, int]],
) -> None:
    """Go round the same orders again and again: at some time none of them beats the bar."""
    bar, accepted = (1.0, -1.0, 0.0), 0
    for _ in range(200):
        moved = False
        for positive, total, agreed in welfares:
            if is_better((positive, total, float(agreed)), bar, 1.0, 1.0):
                bar = raised(bar, (positive, total, float(agreed)), 1.0)
                accepted, moved = accepted + 1, True
        if not moved:
            break
    assert not moved
    assert accepted <= 9 * 5  # levels that are more than the slack apart, times agreements


def test_the_plain_comparison_goes_round() -> None:
    """Why there is a bar: each of these beats the one before, the first beats the last."""
    cycle = [(0.0, 0.0, 1.0), (0.0, -0.6 * SLACK, 2.0), (0.0, 0.6 * SLACK, 0.0)]
    for old, new in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
        assert is_better(new, old, 1.0, 1.0)


def sparse_votes(seed: int, statements: int, people: int, seen: int) -> Rankings:
    """People who agree, pass or disagree on some statements, in two camps."""
    rng = np.random.default_rng(seed)
    lean, camps = rng.normal(size=statements), rng.normal(size=(2, statements))
    rows: list[Any] = []
    for person in range(people):
        some = rng.choice(statements, seen, replace=False)
        taste = lean[some] + 0.7 * camps[person % 2][some] + 0.7 * rng.normal(size=seen)
        votes = np.clip(np.round(taste), -1, 1)
        levels = [[f"s{i}" for i in some[votes == vote]] for vote in (1, 0, -1)]
        rows.append(("constitution", person, [level for level in levels if level]))
    return Rankings.from_ballots(rows)


def test_the_search_ends_where_a_tolerance_that_is_not_transitive_goes_round() -> None:
    """176 statements, 1,000 people: with no bar, moves that lower the welfare by less than the slack, and one
    that raises it by more, follow each other for ever (so do 4 of 20 such datasets)."""
    climbed = ascend(sparse_votes(1, 176, 1000, 12), "pav", starts=1)
    assert len(climbed.objective) < 20


@pytest.mark.parametrize("welfare", WELFARES)
def test_the_search_ends_on_many_statements_with_sparse_votes(
    welfare: Literal["nash", "pav"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every pass over the responses raises the bar, in large prompts as in compiled ones."""
    rankings = sparse_votes(0, 100, 200, 20)
    compiled = ascend(rankings, welfare, starts=1)
    bars: list[tuple[Any, Any, bool]] = []

    def watched(*arguments: Any) -> Any:
        improved, bar = move_some(*arguments)
        bars.append((arguments[5], bar, improved))
        return improved, bar

    move_some = moves.move_some
    monkeypatch.setattr(sweeping, "WORK", 1e6)
    monkeypatch.setattr(sweeping, "move_some", watched)
    climbed = ascend(rankings, welfare, starts=1)
    assert climbed.orders.tolist() == compiled.orders.tolist()
    assert len(bars) > 10
    assert all(new > old if improved else new == old for old, new, improved in bars)


@pytest.mark.parametrize("rule", ["nash_welfare", "pav_welfare"])
def test_the_search_ends_on_real_votes(rule: str) -> None:
    """176 statements and 384 people, on which a tolerance that was not transitive went round for ever."""
    path = Path(os.environ.get("RLCHF_CASES", "")) / "hostile" / "pav_welfare_does_not_end.csv"
    if not path.is_file():
        pytest.skip("RLCHF_CASES names no folder with hostile/pav_welfare_does_not_end.csv")
    result = rlchf.aggregate(rlchf.read_rankings(path), rule, starts=1)
    assert len(result.ranking("const")) == 176


def test_a_search_that_is_cut_short_says_so() -> None:
    rng = np.random.default_rng(2)
    prompts = [[rng.permutation(4).tolist() for _ in range(5)] for _ in range(30)]
    with pytest.warns(UserWarning, match="still improved after 1 sweeps through the 30 prompts"):
        ascend(dataset(prompts), "nash", starts=1, sweeps=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ascend(dataset(prompts), "nash", starts=1)


INTERRUPTED = """
import os, signal, sys, threading
from tests.across.test_welfare_search import sparse_votes
from rlchf.rules.across._parts.welfare import sweep
from rlchf.rules.across._parts.welfare.ascent import ascend
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
rankings = sparse_votes(0, 60, 100, 12)
move_some, calls = sweep.move_some, []
def endless(*arguments):
    calls.append(0)
    if len(calls) == 5:
        os.kill(os.getpid(), signal.SIGINT)
    return True, move_some(*arguments)[1]
sweep.WORK, sweep.move_some = 1e5, endless
try:
    ascend(rankings, "pav", starts=1)
except KeyboardInterrupt:
    print("interrupted after", len(calls), "calls")
"""


def test_ctrl_c_interrupts_the_search_in_a_large_prompt() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=300
    )
    assert "interrupted after 5 calls" in ran.stdout, ran.stderr
