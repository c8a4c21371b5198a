"""Leximax Copeland subject to Pareto against its definition, and the paper's counterexamples."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from rlchf import Rankings
from rlchf.auditing import violations
from rlchf.linear import fit_linear, lcpo
from rlchf.linear.features import Features

Order = tuple[int, ...]
DELTA, EPSILON = 0.05, 0.2

THEOREM = {
    "a": [2.0, 1.0],
    "a'": [2 - EPSILON, 1.0],
    "b": [1.0, 1.0],
    "b'": [1 - EPSILON, 1.0],
    "c": [0.0, 0.0],
    "c'": [-EPSILON, DELTA * EPSILON],
}
"""The proof of Theorem 3.1 in Ge et al. 2024; its footnote's (1, 1) should be (DELTA, 2)."""
SMALL = {"w": [3.0, 4.0], "x": [0.0, 2.0], "y": [0.0, 3.0], "z": [1.0, 0.0]}


def linear_voters(vectors: dict[str, list[float]], *thetas: list[float]) -> list[str]:
    """The ballots of voters with linear rewards."""
    ballots = []
    for theta in thetas:
        rewards = {name: float(np.dot(x, theta)) for name, x in vectors.items()}
        assert len(set(rewards.values())) == len(rewards)
        ballots.append(" > ".join(sorted(rewards, key=lambda name: -rewards[name])))
    return ballots


def nine_to_one(ballots: list[str]) -> Rankings:
    return Rankings.from_ballots(
        [("p", "most", ballots[0]), ("p", "few", ballots[1])], weights=[9, 1]
    )


def test_bradley_terry_can_go_against_all_voters_and_lcpo_does_not() -> None:
    ballots = linear_voters(THEOREM, [DELTA, 2.0], [-1.0, 0.0])
    assert ballots == ["a > a' > b > b' > c' > c", "c' > c > b' > b > a' > a"]
    rankings, features = nine_to_one(ballots), {"p": THEOREM}

    theta = fit_linear(rankings, features, ridge=1e-9)
    rewards = {name: float(np.dot(x, theta)) for name, x in THEOREM.items()}
    assert rewards["c"] - rewards["c'"] == pytest.approx(0.319, abs=5e-4)
    counts = violations(rankings, {"p": rewards})
    assert (counts.unanimous, counts.unanimous_violated) == (1, 1)
    assert [(row.preferred, row.other) for row in counts.rows if row.unanimous] == [("c'", "c")]
    assert (counts.consistent, counts.consistent_kept) == (1, 0)

    fair = lcpo(rankings, features).result
    assert fair.ranking("p") == [["a"], ["a'"], ["b"], ["b'"], ["c'"], ["c"]]
    assert (violations(rankings, fair).rows, violations(rankings, fair).consistent_kept) == ([], 1)


def test_four_candidates_and_two_voters_are_enough() -> None:
    ballots = linear_voters(SMALL, [5.0, 2.0], [-1.0, -2.0])
    assert ballots == ["w > y > z > x", "z > x > y > w"]
    rankings, features = nine_to_one(ballots), {"p": SMALL}
    theta = fit_linear(rankings, features, ridge=1e-9)
    assert float(np.dot(np.subtract(SMALL["z"], SMALL["x"]), theta)) == pytest.approx(
        -0.0325, abs=1e-4
    )
    assert lcpo(rankings, features).result.ranking("p") == [["w"], ["y"], ["z"], ["x"]]


def by_definition(places: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Order | None:
    """Try every order: it must be linear and Pareto; take the leximax of the Copeland scores.

    ``places`` (V, m) with 0 for none; None if no order is feasible.
    """
    m = len(rows)
    scores = [0] * m
    pareto = []
    for i in range(m):
        for j in range(m):
            both = [
                (p[i], p[j], w)
                for p, w in zip(places.tolist(), weights, strict=True)
                if p[i] and p[j]
            ]
            if i == j or not both:
                continue
            scores[i] += sum(w * ((a < b) - (b < a)) for a, b, w in both) > 0
            if all(a < b for a, b, _ in both):
                pareto.append((i, j))
    feasible = [
        order
        for order in permutations(range(m))
        if all(order.index(i) < order.index(j) for i, j in pareto) and is_linear(order, rows)
    ]
    return max(feasible, key=lambda order: [(scores[i], -i) for i in order], default=None)


def is_linear(order: Order, rows: np.ndarray) -> bool:
    """Whether some reward within the unit cube has gaps above 0, by the largest smallest gap."""
    gaps = rows[list(order[:-1])] - rows[list(order[1:])]
    d = rows.shape[1]
    solution = linprog(
        np.append(np.zeros(d), -1.0),
        A_ub=np.hstack([-gaps, np.ones((len(gaps), 1))]),
        b_ub=np.zeros(len(gaps)),
        bounds=[(-1, 1)] * d + [(None, 1)],
    )
    return bool(np.asarray(solution.fun) < -1e-7)


def check(rankings: Rankings, features: Features, rows: np.ndarray, best: Order | None) -> None:
    if best is None:
        with pytest.raises(ValueError, match="no linear reward does that"):
            lcpo(rankings, features)
        return
    fit = lcpo(rankings, features)
    assert fit.result.ranking("p") == [[str(i)] for i in best]
    rewards = rows @ fit.theta
    assert (np.diff(rewards[list(best)]) <= -1 + 1e-6).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(2, 5), d=st.integers(1, 3))
def test_lcpo_is_the_leximax_of_all_feasible_orders(seed: int, m: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.permuted(np.arange(5 * d).reshape(d, 5).T, axis=0)[:m] + rng.normal(size=(m, d)) / 9
    thetas = rng.normal(size=(int(rng.integers(1, 6)), d))
    places = (-(thetas @ rows.T)).argsort(axis=1).argsort(axis=1) + 1
    weights = rng.integers(1, 4, size=len(thetas)).astype(float)
    run(places, weights, rows)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(2, 5), d=st.integers(1, 2))
def test_ballots_that_no_linear_reward_gives_are_ranked_or_refused(
    seed: int, m: int, d: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(m, d))
    places = rng.integers(1, m + 1, size=(int(rng.integers(1, 5)), m))
    places = np.where(rng.random(places.shape) < 0.2, 0, places)
    places[:, 0] = np.maximum(places[:, 0], 1)  # the first two are named
    places[:, 1] = np.maximum(places[:, 1], 1)
    weights = rng.integers(1, 4, size=len(places)).astype(float)
    run(places, weights, rows)


def run(places: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> None:
    named = np.flatnonzero((places > 0).any(axis=0))
    places, rows = places[:, named], rows[named]
    ballots = []
    for v, column in enumerate(places):
        levels = [
            [str(i) for i in np.flatnonzero(column == place)]
            for place in np.unique(column[column > 0])
        ]
        ballots.append(("p", f"v{v}", levels))
    rankings = Rankings.from_ballots(ballots, weights=weights.tolist())
    features = {"p": {str(i): row for i, row in enumerate(rows)}}
    check(rankings, features, rows, by_definition(places, weights, rows))


def test_a_tied_majority_is_no_win_and_equal_scores_go_to_the_first() -> None:
    # a beats b, and c ties with both: the scores are 1, 0, 0
    rankings = Rankings.from_ballots([("p", "ann", "c > a > b"), ("p", "bob", "a > b > c")])
    features = {"p": dict(zip("abc", np.eye(3), strict=True))}
    assert lcpo(rankings, features).result.ranking("p") == [["a"], ["b"], ["c"]]


def test_prompts_share_one_reward() -> None:
    rng = np.random.default_rng(3)
    thetas = rng.normal(size=(3, 4))
    features = {f"p{p}": {str(i): rng.normal(size=4) for i in range(4)} for p in range(8)}
    ballots = [
        (p, f"v{v}", sorted(xs, key=lambda r: -float(xs[r] @ theta)))
        for p, xs in features.items()
        for v, theta in enumerate(thetas)
    ]
    rankings = Rankings.from_ballots(ballots)
    fit = lcpo(rankings, features)
    for p, xs in features.items():
        scores = fit.result.scores(p)
        assert scores == pytest.approx({r: float(x @ fit.theta) for r, x in xs.items()})
        assert all(len(level) == 1 for level in fit.result.ranking(p))
    checked = violations(rankings, fit.result)
    assert checked.unanimous > 0
    assert checked.unanimous_violated == checked.unanimous_tied == 0
    assert checked.majority_violated < checked.majority / 4


def test_the_unit_of_the_features_does_not_matter() -> None:
    for unit in (1e-9, 1e9):
        scaled = {name: [unit * x for x in row] for name, row in THEOREM.items()}
        rankings = nine_to_one(["a > a' > b > b' > c' > c", "c' > c > b' > b > a' > a"])
        assert lcpo(rankings, {"p": scaled}).result.ranking("p")[-1] == ["c"]


def test_what_cannot_be_ranked_is_refused_with_its_place() -> None:
    rankings = Rankings.from_ballots([("p", "ann", "a > c > b"), ("p", "bob", "a > b > c")])
    with pytest.raises(
        ValueError, match=r"'b' of prompt 'p' and response 'c' .* the same features"
    ):
        lcpo(rankings, {"p": {"a": [1.0], "b": [2.0], "c": [2.0]}})
    with pytest.raises(ValueError, match="'a' of prompt 'p' above response 'c' of prompt 'p'"):
        lcpo(rankings, {"p": {"a": [2.0], "b": [1.0], "c": [3.0]}})
    with pytest.raises(ValueError, match="response 'c' of prompt 'p' has none"):
        lcpo(rankings, {"p": {"a": [2.0], "b": [1.0]}})
    with pytest.raises(ValueError, match="response 'b' of prompt 'p' has 2 numbers"):
        lcpo(rankings, {"p": {"a": [2.0], "b": [1.0, 1.0], "c": [3.0]}})
    with pytest.raises(ValueError, match="response 'c' of prompt 'p' has nan"):
        lcpo(rankings, {"p": {"a": [2.0], "b": [1.0], "c": [float("nan")]}})
