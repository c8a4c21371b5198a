"""Breaking ties by the order of the responses."""

import numpy as np
import pytest

import rlchf
from rlchf import Profiles, Rankings
from rlchf.rules import get_rule
from rlchf.ties import preference, strict_order


def test_tied_responses_keep_their_order() -> None:
    profiles = Profiles.from_ballots([["c > a = b"], ["a = b = c"]])
    assert strict_order(get_rule("borda"), profiles).tolist() == [[2, 0, 1], [0, 1, 2]]


def test_scores_that_differ_by_rounding_are_tied() -> None:
    def rule(profiles: Profiles) -> np.ndarray:
        return np.array([[0.3, 0.1 + 0.2, 1.0]])

    assert strict_order(rule, Profiles.from_ballots([["a > b > c"]])).tolist() == [[2, 0, 1]]


def test_a_rule_with_an_option_for_ties_breaks_them_itself() -> None:
    """a > b > c, the order that broken ties would give, is not optimal for this cycle."""
    profiles = Profiles.from_ballots([["c > b > a", "b > a > c", "a > c > b"]])
    kemeny = get_rule("kemeny")
    assert kemeny(profiles).tolist() == [[1, 1, 1]]
    assert strict_order(kemeny, profiles).tolist() == [[0, 2, 1]]


def test_options_reach_the_rule() -> None:
    profiles = Profiles.from_ballots([["a > b", "b > a"]])
    kemeny = get_rule("kemeny")
    assert strict_order(kemeny, profiles, ties="keep", time_limit=None).tolist() == [[0, 1]]


TIED = Rankings.from_ballots(
    [(f"p{n}", who, ballot) for n in range(200) for who, ballot in
     (("ann", "a > b > c > d"), ("bob", "b > a > d > c"), ("eve", "a = b > c = d"))]
)  # fmt: skip


def outcomes(rule: str, ties: str | None, seed: int = 0) -> list[list[list[str]]]:
    result = rlchf.aggregate(TIED, rule, ties=ties, seed=seed)
    return [result.ranking(prompt) for prompt in TIED.prompt_ids]


@pytest.mark.parametrize("rule", ["borda", "kemeny"])
def test_ties_are_kept_by_default(rule: str) -> None:
    for ties in (None, "keep"):
        assert outcomes(rule, ties) == [[["a", "b"], ["c", "d"]]] * 200


@pytest.mark.parametrize("rule", ["borda", "kemeny"])
def test_lexicographic_ties_go_to_the_first_response(rule: str) -> None:
    assert outcomes(rule, "lexicographic") == [[["a"], ["b"], ["c"], ["d"]]] * 200


@pytest.mark.parametrize("rule", ["borda", "kemeny"])
def test_random_ties_depend_on_the_seed_and_are_fair(rule: str) -> None:
    first = outcomes(rule, "random", seed=5)
    assert first == outcomes(rule, "random", seed=5)
    assert first != outcomes(rule, "random", seed=6)
    for better, worse in (("a", "b"), ("c", "d")):
        ahead = sum(ranking.index([better]) < ranking.index([worse]) for ranking in first)
        assert 70 <= ahead <= 130  # of 200: more than four standard deviations around 100
    assert all(ranking[0][0] in "ab" and ranking[3][0] in "cd" for ranking in first)


def test_a_random_tie_does_not_depend_on_the_other_prompts() -> None:
    some = np.arange(0, 200, 3)
    batch = TIED.batch(some)
    apart = preference("random", batch, seed=2)
    assert np.array_equal(apart, preference("random", TIED.batch(np.arange(200)), seed=2)[some])


def test_a_second_rule_breaks_the_ties_that_it_can() -> None:
    ballots = ["b > a > c > d", "a > b > d > c", "b > a > c = d", "a > b > c = d"]
    tied = Rankings.from_ballots([("p", str(n), ballot) for n, ballot in enumerate(ballots)])
    assert rlchf.aggregate(tied, "borda").ranking("p") == [["a", "b"], ["c", "d"]]
    more = Rankings.from_ballots(
        [
            ("p", str(n), ballot)
            for n, ballot in enumerate([*ballots, "c > a = b > d", "d > a = b > c"])
        ]
    )
    ranking = rlchf.aggregate(more, "plurality", ties="copeland").ranking("p")
    assert ranking == [
        ["a", "b"],
        ["c", "d"],
    ]  # 2, 2, 1 and 1 first places; then no majority either way
    by_borda = rlchf.aggregate(
        Rankings.from_ballots([("p", "x", "a > b > c"), ("p", "y", "b > c > a")]),
        "plurality", ties="borda",
    )  # fmt: skip
    assert by_borda.ranking("p") == [["b"], ["a"], ["c"]]


def test_ties_among_optimal_orders_stay_optimal() -> None:
    """Kemeny has three optima for this cycle; a tie broken response by response could leave them."""
    cycle = Rankings.from_ballots(
        [(f"p{n}", who, ballot) for n in range(60)
         for who, ballot in enumerate(["c > b > a", "b > a > c", "a > c > b"])]
    )  # fmt: skip
    optima = {("c", "b", "a"), ("b", "a", "c"), ("a", "c", "b")}
    result = rlchf.aggregate(cycle, "kemeny", ties="random", seed=1)
    orders = {tuple(level[0] for level in result.ranking(p)) for p in cycle.prompt_ids}
    assert orders == optima
    second = rlchf.aggregate(cycle, "kemeny", ties="borda").ranking("p0")
    assert tuple(level[0] for level in second) in optima


def test_scores_are_not_changed_by_breaking_ties() -> None:
    assert rlchf.aggregate(TIED, "borda", ties="lexicographic").scores("p0") == rlchf.aggregate(
        TIED, "borda"
    ).scores("p0")


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="ties is 'coin'; choose from keep, lexicographic, random"):
        rlchf.aggregate(TIED, "borda", ties="coin")
    with pytest.raises(ValueError, match="ties is 'perpetual_pav'"):
        rlchf.aggregate(TIED, "borda", ties="perpetual_pav")
    with pytest.raises(ValueError, match="looks across prompts and breaks ties itself"):
        rlchf.aggregate(TIED, "perpetual_pav", ties="random")


@pytest.mark.parametrize("rule", ["ranked_pairs", "perpetual_pav", "cpb"])
def test_a_rule_that_breaks_ties_by_default_says_so_in_its_result(rule: str) -> None:
    by_default = rlchf.aggregate(TIED, rule)
    assert by_default.options["ties"] == "lexicographic"
    again = rlchf.aggregate(TIED, rule, **by_default.options)
    assert (again.response_ranks == by_default.response_ranks).all()
    assert again.options == by_default.options


@pytest.mark.parametrize("rule", ["borda", "kemeny", "apportioned_dictator"])
def test_a_rule_that_keeps_ties_does_not_mention_them(rule: str) -> None:
    assert "ties" not in rlchf.aggregate(TIED, rule).options
