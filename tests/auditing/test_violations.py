"""Which majorities and unanimous pairs rewards go against, counted by hand."""

import numpy as np
import pytest

import rlchf
from rlchf import Rankings
from rlchf.auditing import Violations, violations
from tests.support.profiles import Case, random_cases


def by_hand(case: Case, rewards: list[float]) -> dict[str, int]:
    """The counts by going through all pairs of ballots' places."""
    count = dict.fromkeys(Violations.__dataclass_fields__, 0)
    del count["rows"]
    majority = set()
    for i in range(case.m):
        for j in range(case.m):
            both = [(p[i], p[j], w) for p, w in case.ballots if i != j and i in p and j in p and w]
            if not both:
                continue
            if sum(w * ((a < b) - (b < a)) for a, b, w in both) > 0:
                majority.add((i, j))
            for relation, holds in (
                ("unanimous", all(a < b for a, b, _ in both)),
                ("majority", (i, j) in majority),
            ):
                count[relation] += holds
                count[f"{relation}_violated"] += holds and rewards[i] < rewards[j]
                count[f"{relation}_tied"] += holds and rewards[i] == rewards[j]
    wins = sorted(sum((i, j) in majority for j in range(case.m)) for i in range(case.m))
    if wins == list(range(case.m)):
        count["consistent"] = 1
        count["consistent_kept"] = int(all(rewards[i] > rewards[j] for i, j in majority))
    return count


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_counts_are_those_of_going_through_all_pairs(m: int) -> None:
    rng = np.random.default_rng(m)
    ballots, weights, rewards = [], [], {}
    total = dict.fromkeys(by_hand(random_cases(0, 1, 2)[0], [0.0, 0.0]), 0)
    for number, case in enumerate(random_cases(m, 120, m)):
        if not (case.ranks > 0).any(axis=1).all():
            continue
        values = rng.integers(0, 2 * m, size=m).astype(float).tolist()
        rewards[str(number)] = {str(i): values[i] for i in range(m)}
        for v, (places, weight) in enumerate(case.ballots):
            levels = [
                [str(i) for i in places if places[i] == place]
                for place in sorted(set(places.values()))
            ]
            ballots.append((str(number), f"v{v}", levels))
            weights.append(float(weight))
        for name, number_of in by_hand(case, values).items():
            total[name] += number_of
    assert all(count > 0 for name, count in total.items() if m == 2 or name != "consistent_kept")
    counted = violations(Rankings.from_ballots(ballots, weights=weights), rewards)
    assert {name: getattr(counted, name) for name in total} == total
    assert len(counted.rows) == counted.majority_violated
    assert sum(row.unanimous for row in counted.rows) == counted.unanimous_violated
    assert all(row.gap < 0 and row.weight_for > row.weight_against for row in counted.rows)


def test_the_table_has_the_weights_for_and_against_each_violated_pair() -> None:
    rankings = Rankings.from_ballots(
        [("q", "ann", "d > e"), ("p", "ann", "a > b > c"), ("p", "bob", "a > c > b")],
        weights=[1, 2.5, 0.5],
    )
    rewards = {"p": {"a": 0.0, "b": 1.0, "c": 1.5}, "q": {"d": 2.0, "e": 2.5}}
    table = violations(rankings, rewards).to_frame()
    assert table.to_dict("split")["data"] == [
        ["q", "d", "e", 1.0, 0.0, True, -0.5],
        ["p", "a", "b", 3.0, 0.0, True, -1.0],
        ["p", "a", "c", 3.0, 0.0, True, -1.5],
        ["p", "b", "c", 2.5, 0.5, False, -0.5],
    ]
    nothing = violations(rankings, rlchf.aggregate(rankings, "kemeny")).to_frame()
    assert len(nothing) == 0
    assert list(nothing.columns) == list(table.columns)


def test_a_collective_ranking_counts_by_its_places() -> None:
    rankings = Rankings.from_ballots([("p", "ann", "a > b"), ("p", "bob", "a = b")])
    result = rlchf.aggregate(rankings, lambda profiles: np.array([[1.0, 1.0]]))
    assert violations(rankings, result).majority_tied == 1
    other = Rankings.from_ballots([("p", "ann", "a > c")])
    with pytest.raises(ValueError, match="not about the same responses"):
        violations(other, result)


def test_rewards_that_are_missing_or_no_numbers_are_refused() -> None:
    rankings = Rankings.from_ballots([("p", "ann", "a > b")])
    with pytest.raises(ValueError, match="response 'b' of prompt 'p' has none"):
        violations(rankings, {"p": {"a": 1.0}})
    with pytest.raises(ValueError, match="response 'b' of prompt 'p' has nan"):
        violations(rankings, {"p": {"a": 1.0, "b": float("nan")}})
